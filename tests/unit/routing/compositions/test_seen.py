"""How far a context is from all that were seen."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from orchestra.core.errors import BadDefinition
from orchestra.ports.router import Lesson
from orchestra.routing.compositions.seen import Seen
from tests.unit.routing.kit import decision


def at(degrees: float, length: float = 1.0) -> tuple[float, float]:
    return length * math.cos(math.radians(degrees)), length * math.sin(math.radians(degrees))


def circle(n: int = 20, **rules: int) -> Seen:
    """Contexts ten degrees apart."""
    seen = Seen("seen", k=1, **rules)
    seen.learn([Lesson(decision("a", at(10 * i), key=f"k{i}"), 1.0) for i in range(n)])
    return seen


@pytest.mark.parametrize(("degrees", "share"), [(5, 1.0), (200, 1.0), (205, 1 / 21), (300, 1 / 21), (-5, 1.0)])
def test_a_context_is_as_far_as_the_others_are_from_each_other(degrees: float, share: float) -> None:
    assert circle().share_as_far(at(degrees)) == pytest.approx(share)
    assert circle().share_as_far(at(degrees, 7.0)) == pytest.approx(share)


def test_with_too_few_or_without_a_context_nothing_is_far() -> None:
    assert circle(19).share_as_far(at(300)) == 1.0
    assert circle().share_as_far(()) == 1.0
    assert circle(5, least=2).share_as_far(at(300)) == pytest.approx(1 / 6)


def test_a_decision_counts_once_whoever_rewards_it_and_for_whatever() -> None:
    seen = circle(20)
    again = [Lesson(decision("b", at(10 * i), key=f"k{i}"), 0.3) for i in range(20)]
    seen.learn([*again, *(lesson._replace(before=0.9) for lesson in again)])
    assert seen.share_as_far(at(300)) == pytest.approx(1 / 21) and seen.pulls("a") == 0


def test_it_keeps_a_sample() -> None:
    seen = circle(36, cap=25)
    assert len(seen.state()["all"]["ids"]) == 25
    with pytest.raises(BadDefinition, match="2 features and now meets 3"):
        seen.learn([Lesson(replace(decision("a"), x=(1.0, 0.0, 0.0)), 1.0)])
