"""Wrong input, the same for every router of the registry: a named error, or the documented fallback."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion, NoProvider, OrchestraError
from orchestra.ports.router import Lesson, Router
from orchestra.routing.registry import NAME_TO_PLACE, router
from orchestra.routing.terms import learns
from tests.unit.routing.kit import decision, question, seeded

NAMES = sorted(NAME_TO_PLACE)
LEARNERS = [name for name in NAMES if learns(router(name))]
X = (1.0, 0.6, 0.8)
NOTHING_SEEN = (1.0, 0.0, 0.0)
"""What the features are where the embedder failed."""


def lesson(option: str, reward: Any, before: Any = None, key: str = "k") -> Lesson:
    return Lesson(decision(option, X, key, question("a", "b").options), reward, before)


def taught(name: str) -> Router:
    made = router(name)
    made.learn([lesson(option, reward, key=f"{n}") for n, (option, reward) in enumerate((("a", 1.0), ("b", 0.0)) * 3)])
    return made


def state_of(made: Router) -> dict[str, Any]:
    state: Any = getattr(made, "state", dict)
    found: dict[str, Any] = json.loads(json.dumps(state()))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_nobody_to_choose(name: str) -> None:
    for asked in (question(x=X), question(Option("a", filtered="hidden"), Option("b", filtered="hidden"), x=X)):
        for made in (router(name), taught(name)):
            with pytest.raises(NoProvider, match="answer"):
                made.choose(asked, "k", seeded())


@pytest.mark.parametrize("name", NAMES)
def test_options_that_nobody_was_taught(name: str) -> None:
    made = taught(name).choose(question("new", "newer", x=X), "k", seeded())
    assert made.chosen and set(made.chosen) <= {"new", "newer"}


@pytest.mark.parametrize("name", NAMES)
def test_a_question_of_which_nothing_is_seen(name: str) -> None:
    made = taught(name).choose(question("a", "b", x=NOTHING_SEEN), "k", seeded())
    assert made.chosen and all(option.score is None or math.isfinite(option.score) for option in made.options)


@pytest.mark.parametrize("reward", [math.nan, math.inf, -0.1, 1.1, None, "good", True])
@pytest.mark.parametrize("name", LEARNERS)
def test_a_reward_that_is_none(name: str, reward: Any) -> None:
    made = taught(name)
    before = state_of(made)
    for bad in (lesson("b", reward, key="new"), lesson("b", 0.5, before="x" if reward is None else reward)):
        with pytest.raises(BadNumber):
            made.learn([lesson("a", 0.5, key="first"), bad])
        assert state_of(made) == before, "of a batch with a bad lesson nothing is learned"


@pytest.mark.parametrize("name", LEARNERS)
def test_feedback_for_an_option_that_was_none(name: str) -> None:
    made = taught(name)
    before = state_of(made)
    with pytest.raises(BadDefinition, match="is no option"):
        made.learn([replace_chosen(lesson("a", 1.0, key="new"), "z")])
    assert state_of(made) == before


def replace_chosen(one: Lesson, option: str) -> Lesson:
    return one._replace(decision=replace(one.decision, chosen=(option,)))


@pytest.mark.parametrize("name", LEARNERS)
def test_duplicated_feedback_and_a_correction_that_comes_first(name: str) -> None:
    made = taught(name)
    before = state_of(made), [made.pulls(option) for option in "ab"]
    made.learn([lesson("a", 1.0, before=1.0, key="0")] * 3)
    assert (state_of(made), [made.pulls(option) for option in "ab"]) == before
    first, correction, between = lesson("a", 0.9), lesson("a", 0.2, before=0.9), lesson("a", 0.6, key="between")
    once = [[first, correction], [correction, first]]
    alike(name, [*once, [lesson("a", 0.2)]], pulls=1)
    if not getattr(router(name), "order_sensitive", False):
        alike(name, [[first, between, correction], [correction, between, first], [between, *once[1]]], pulls=2)


def alike(name: str, orders: list[list[Lesson]], pulls: int) -> None:
    """One router for each order of the lessons: what they decide, and how sure they are of it, is the same."""
    found = []
    for order in orders:
        made = router(name)
        for one in (lesson("b", 0.5, key="other"), *order):
            made.learn([one])
        assert made.pulls("a") == pulls
        decision = made.choose(question("a", "b", x=X), "k", seeded())
        found.append([value for o in decision.options for value in (o.score, o.probability) if value is not None])
    assert len(found[0]) >= 2, "nothing is compared"
    assert all(one == pytest.approx(found[0], abs=1e-9) for one in found[1:])


@pytest.mark.parametrize("name", LEARNERS)
def test_state_of_another_version_or_damaged(name: str) -> None:
    made = taught(name)
    before = state_of(made)
    for wrong in ({"version": 99}, {"version": None}):
        with pytest.raises((JournalVersion, BadDefinition, BadNumber)):
            made.load({option: {**entry, **wrong} for option, entry in before.items()})
    for damaged in (_emptied, _scrambled):
        with pytest.raises((JournalVersion, BadDefinition, BadNumber)):
            made.load({option: damaged(entry) for option, entry in before.items()})
    assert state_of(made) == before, "what it knew it still knows"


def _emptied(_entry: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _scrambled(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value if key in ("version", "form") else "%" for key, value in entry.items()}


@pytest.mark.parametrize("name", LEARNERS)
def test_state_of_another_dimension(name: str) -> None:
    """Whoever looks at the features refuses others; the rest takes any."""
    made = router(name)
    made.load(state_of(taught(name)))
    try:
        answer = made.choose(question("a", "b", x=(1.0, 0.5)), "k", seeded())
    except BadDefinition as error:
        assert "3 features" in str(error) or "2 features" in str(error)
    else:
        same = made.choose(question("a", "b", x=X), "k", seeded())
        assert [o.score for o in answer.options] == [o.score for o in same.options], "it looked at the features"


@pytest.mark.parametrize("name", NAMES)
def test_features_that_are_not_finite(name: str) -> None:
    made = taught(name)
    try:
        answer = made.choose(question("a", "b", x=(1.0, math.nan, 0.0)), "k", seeded())
    except OrchestraError as error:
        assert isinstance(error, BadNumber)
    else:
        assert all(option.score is None or math.isfinite(option.score) for option in answer.options)
