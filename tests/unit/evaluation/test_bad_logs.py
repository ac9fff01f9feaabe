"""Logs and outcomes that are wrong: each is a named error that says which decision, or the documented fallback."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Decision, Option
from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName, NoProvider, UnknownName
from orchestra.evaluation.load import load
from orchestra.evaluation.offpolicy import doubly_robust, ips, option_means, policy_of, snips
from orchestra.evaluation.outcomes import OutcomeSet
from orchestra.evaluation.replay import replay
from orchestra.evaluation.training import trained_policy
from orchestra.ports.router import Lesson
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Fixed, Random
from orchestra.routing.registry import NAME_TO_PLACE, router
from orchestra.routing.terms import learns

UNIFORM = (Option("a", probability=0.5), Option("b", probability=0.5))
LEARNERS = [name for name in NAME_TO_PLACE if learns(router(name))]


def made(n: int, **changes: Any) -> Decision:
    decision = Decision(
        key=f"run/{n}",
        capability="answer",
        policy="log",
        version=1,
        options=UNIFORM,
        chosen=("ab"[n % 2],),
        probability=0.5,
        x=(1.0, 0.5),
    )
    return replace(decision, **changes)


def log_of(count: int = 20) -> list[Lesson]:
    return [Lesson(made(n), float(n % 2)) for n in range(count)]


def judged(log: list[Lesson]) -> None:
    """By each estimate, all of which must say the same of a bad log."""
    for estimate in (ips, snips):
        estimate(log, lambda _: {"a": 0.5, "b": 0.5})
    doubly_robust(log, lambda _: {"a": 0.5, "b": 0.5}, lambda _decision, _name: 0.5)
    option_means(log)


WRONG: dict[str, tuple[Lesson, type[Exception], str]] = {
    "propensity missing": (Lesson(made(7, probability=None), 1.0), BadDefinition, "no probability"),
    "propensity 0": (Lesson(made(7, probability=0.0), 1.0), BadNumber, "probability 0.0"),
    "propensity NaN": (Lesson(made(7, probability=math.nan), 1.0), BadNumber, "probability nan"),
    "propensity a text": (Lesson(made(7, probability="half"), 1.0), BadNumber, "probability 'half'"),
    "propensity true": (Lesson(made(7, probability=True), 1.0), BadNumber, "probability True"),
    "reward NaN": (Lesson(made(7), math.nan), BadNumber, "reward nan"),
    "reward missing": (Lesson(made(7), None), BadNumber, "reward None"),  # type: ignore[arg-type]
    "reward a text": (Lesson(made(7), "good"), BadNumber, "reward 'good'"),  # type: ignore[arg-type]
    "reward too high": (Lesson(made(7), 1.5), BadNumber, "reward 1.5"),
    "option unknown": (Lesson(made(7, chosen=("z",)), 1.0), UnknownName, "'z'"),
    "no options": (Lesson(made(7, options=()), 1.0), UnknownName, "'b'"),
    "nobody chosen": (Lesson(made(7, chosen=()), 1.0), BadDefinition, "0 options"),
    "duplicated": (Lesson(made(3), 1.0), DuplicateName, "twice"),
}


@pytest.mark.parametrize(("lesson", "error", "says"), WRONG.values(), ids=WRONG)
def test_a_bad_row_is_named(lesson: Lesson, error: type[Exception], says: str) -> None:
    log = log_of()
    judged(log)
    log[7] = lesson
    with pytest.raises(error, match=says) as refused:
        judged(log)
    assert lesson.decision.key in str(refused.value)


def test_the_order_of_a_log_says_nothing() -> None:
    log, target = log_of(), policy_of(Fixed("b"))
    log = [lesson._replace(reward=n / 20) for n, lesson in enumerate(log)]
    for estimate in (ips, snips):
        assert estimate(log, target) == pytest.approx(estimate(log[::-1], target))


def test_options_of_the_log_that_the_judged_policy_does_not_know() -> None:
    """A router gives them what it gives any option it never met; a target that leaves them out never takes them."""
    learned = LinUCB(floor=0.0)
    other = two_options(("c", "d")).with_features(np.ones((4, 2)))
    replay(learned, other, other.scores, seed=0, feedback="full")
    assert policy_of(learned)(made(0)) == {"a": 1.0, "b": 0.0}, "equal priors: the first listed"
    assert policy_of(Fixed("z"))(made(0)) == {"a": 1.0, "b": 0.0}, "the first that may be used"
    assert snips(log_of(), lambda _: {"b": 1.0}).value == 1.0
    for name_to_probability in ({"z": 1.0}, {"a": 0.5, "z": 0.5}, {"z": 0.0, "a": 1.0}):
        with pytest.raises(UnknownName, match="'z', which was no option of decision 'run/0'"):
            ips(log_of(), partial(_always, name_to_probability))


def _always(name_to_probability: dict[str, float], _decision: Decision) -> dict[str, float]:
    return name_to_probability


@pytest.mark.parametrize("p", [None, 0.0])
def test_what_the_log_could_not_have_chosen_is_not_guessed(p: float | None) -> None:
    log = log_of()
    log[4] = Lesson(made(4, options=(Option("a", probability=1.0), Option("b", probability=p)), probability=1.0), 1.0)
    with pytest.raises(BadDefinition, match="wants 'b', which decision 'run/4' could not have chosen"):
        ips(log, lambda _: {"a": 0.5, "b": 0.5})
    assert ips(log, lambda _: {"a": 1.0}).n == 20, "whoever never wants it can be judged"


def test_a_decision_whose_options_are_all_filtered() -> None:
    filtered = tuple(option._replace(filtered="hidden") for option in UNIFORM)
    with pytest.raises(NoProvider):
        snips([Lesson(made(0, options=filtered), 1.0)], policy_of(Random()))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_log_in_any_order_and_twice_over_teaches_what_it_says(name: str) -> None:
    """Where its order counts the router says so; a repeated reward is the same reward."""
    forward, backward = router(name), router(name)
    forward.learn(log_of())
    backward.learn([*log_of()[::-1], *(lesson._replace(before=lesson.reward) for lesson in log_of())])
    assert [forward.pulls(option) for option in "ab"] == [backward.pulls(option) for option in "ab"] == [10, 10]


def two_options(options: tuple[str, ...] = ("a", "b")) -> OutcomeSet:
    return OutcomeSet(
        options=options,
        ids=tuple("1234"),
        scores=np.tile([1.0, 0.0][: len(options)], (4, 1)),
        texts=("one", "two", "three", "four"),
        x=np.ones((4, 1)),
    )


def test_replays_of_what_is_missing() -> None:
    outcomes = two_options()
    gaps = np.array([[1.0, np.nan]] * 4)
    with pytest.raises(BadDefinition, match=r"'b' was chosen on '.'; its reward is missing"):
        replay(Fixed("b"), outcomes, gaps, seed=0)
    learner = LinUCB()
    replay(learner, outcomes, gaps, seed=0, feedback="full", options=None, batch=4)
    assert (learner.pulls("a"), learner.pulls("b")) == (4, 0), "what nobody knows teaches nothing"
    for bad in (np.inf, -0.5):
        with pytest.raises(BadNumber, match="outside"):
            replay(Random(), outcomes, np.full((4, 2), bad), seed=0)
    with pytest.raises(NoProvider):
        replay(Random(), two_options(()), np.zeros((4, 0)), seed=0)
    with pytest.raises(BadDefinition, match="features and now meets"):
        replay(learner, outcomes.with_features(np.ones((4, 3))), outcomes.scores, seed=0)


class Broken:
    """An embedder that says d, and gives something else."""

    name, d = "broken", 4

    def __init__(self, give: Callable[[], Any]) -> None:
        self._give = give

    def embed(self, _text: str, /) -> Any:
        return self._give()


def failing() -> Any:
    raise RuntimeError("the encoder is gone")


@pytest.mark.parametrize(
    ("give", "error", "says"),
    [
        (lambda: [1.0, 0.0], BadDefinition, r"\(4, 2\) instead of \(4, 4\)"),
        (lambda: [], BadDefinition, "instead of"),
        (lambda: [math.nan] * 4, BadNumber, "finite"),
        (failing, RuntimeError, "the encoder is gone"),
    ],
)
def test_nothing_is_trained_on_features_that_are_none(give: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        trained_policy(two_options(), Broken(give))


def test_a_file_of_outcomes_without_options(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_text('{"models": []}')
    (tmp_path / "outcomes.jsonl").write_text('{"id": 1, "score": []}')
    with pytest.raises(BadDefinition, match="list of names"):
        load(tmp_path)
