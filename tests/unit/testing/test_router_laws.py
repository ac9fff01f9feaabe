"""Our routers keep the laws; routers that break one are found out."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import NoProvider
from orchestra.ports.router import Lesson, Router
from orchestra.routing.floor import decision
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.shared import SharedLinUCB
from orchestra.routing.learners.simple import Cheapest, Fixed, Random
from orchestra.testing import LawBroken, router_laws
from tests.unit.testing.broken import broken_by

OURS: list[Callable[[], Router]] = [LinUCB, SharedLinUCB, Cheapest, Fixed, Random]


@pytest.mark.parametrize("make", OURS)
def test_our_routers_keep_the_laws(make: Callable[[], Router]) -> None:
    router_laws(make)


class Filtered(Random):
    """Looks at no filter."""

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        made = super().choose(question, key, rng)
        return replace(made, chosen=(rng.choice(question.options).name,))


class Obliging(Random):
    """Always finds somebody."""

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        try:
            return super().choose(question, key, rng)
        except NoProvider:
            return decision(_open(question), key, 0, policy=("random", 1), best=0, reason=("", False))


def _open(question: Decide) -> Decide:
    return replace(question, options=tuple(o._replace(filtered=None) for o in question.options))


class Forgetful(Random):
    """Leaves the failure it came from out of the record."""

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        return replace(super().choose(question, key, rng), because=None)


class Halved(Random):
    """Probabilities that sum to one half."""

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        made = super().choose(question, key, rng)
        options = tuple(o._replace(probability=o.probability and o.probability / 2) for o in made.options)
        return replace(made, options=options, probability=(made.probability or 0.0) / 2)


class Skewed(Random):
    """Says uniform and favours the first."""

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        made = super().choose(question, key, rng)
        return replace(made, chosen=(question.eligible[0].name,)) if rng.random() < 0.5 else made


class Counting(Random):
    """Says in its reason how often it was asked."""

    asked = 0

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        self.asked += 1
        return replace(super().choose(question, key, rng), reason=f"question {self.asked}")


class GlobalDice(Random):
    """Draws from Python's own generator."""

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        return super().choose(question, key, random.Random(random.random()))


class Repeating(LinUCB):
    """Learns a repeated reward again."""

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        super().learn([one._replace(before=None) if one.before == one.reward else one for one in lessons])


class Adding(LinUCB):
    """Takes a correction for one more reward."""

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        super().learn([one if one.before == one.reward else one._replace(before=None) for one in lessons])


class Impatient(LinUCB):
    """Later rewards count less."""

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        for one in lessons:
            weight = 1 / (1 + self.version)
            before = None if one.before is None else one.before * weight
            super().learn([Lesson(one.decision, one.reward * weight, before)])


class Generous(LinUCB):
    """Hands everything out each time."""

    def delta(self) -> dict[str, Any]:
        return self.state()


class Overwriting(LinUCB):
    """Loses at ``load`` what it has not handed out."""

    def load(self, state: Mapping[str, Any], /) -> None:
        self.delta()
        super().load(state)


class Miscounting(LinUCB):
    def pulls(self, option: str, /) -> int:
        return super().pulls(option) * 2


FAULTS: list[tuple[type, str]] = [
    (Filtered, "chosen_are_eligible"),
    (Obliging, "nobody_is_an_error"),
    (Forgetful, "the_record_is_of_the_question"),
    (Halved, "probabilities_sum_to_one"),
    (Skewed, "it_draws_as_it_says"),
    (Counting, "choosing_is_pure"),
    (GlobalDice, "choosing_is_pure"),
    (Repeating, "a_repeated_reward_changes_nothing"),
    (Adding, "a_correction_replaces"),
    (Impatient, "the_order_does_not_matter"),
    (Generous, "a_lesson_counts_once_in_deltas"),
    (Overwriting, "deltas_add_up"),
    (Miscounting, "learning_is_seen"),
]


@pytest.mark.parametrize(("make", "law"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_router_is_found_out(make: Callable[[], Router], law: str) -> None:
    assert law in broken_by(lambda: router_laws(make))


def test_one_fault_breaks_one_law() -> None:
    for make in (Forgetful, Overwriting):
        assert len(broken_by(lambda make=make: router_laws(make))) == 1, make  # type: ignore[misc]


def test_a_learner_that_says_so_may_depend_on_the_order() -> None:
    class Honest(Impatient):
        order_sensitive = True

    assert "the_order_does_not_matter" not in broken_by(lambda: router_laws(Honest))


def test_the_message_names_the_laws_and_what_was_seen() -> None:
    with pytest.raises(LawBroken, match=r"breaks 1 laws:\n  the_record_is_of_the_question: because is None"):
        router_laws(Forgetful)


def test_a_set_of_options_may_be_chosen() -> None:
    class Both(Random):
        def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
            made = super().choose(question, key, rng)
            options = tuple(_sure(option) for option in made.options)
            return replace(made, chosen=tuple(o.name for o in question.eligible), options=options, probability=1.0)

    def _sure(option: Option) -> Option:
        return option if option.filtered else option._replace(probability=1.0)

    router_laws(Both)
