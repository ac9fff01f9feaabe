"""Between the steps of one answer: who goes on, who takes over, and that nothing is left to chance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestra.core.decision import Decide, Option, Step
from orchestra.routing.compositions.fallback import BestSingle
from orchestra.routing.compositions.guarded import Guarded
from orchestra.routing.learners.simple import Random
from tests.unit.routing.kit import question, seeded, taught


def guarded(a: float, b: float, **rules: float) -> Guarded:
    """``a`` and ``b`` are the scores of the two that were tried; c was not."""
    best = BestSingle(floor=0.5)
    taught(best, *[("a", (1.0,), a)] * 1000, *[("b", (1.0,), b)] * 1000)
    return Guarded(best, **rules)  # type: ignore[arg-type]


def at(model: str, *, failures: int = 0, failed: bool = False, out: str = "", c: float = 0.0) -> Decide:
    costs = (("a", 10, 0.5), ("b", 20, 0.5), ("c", 0, c))
    options = [Option(n, cost_nano=k, prior=p, filtered="failed already" if n == out else None) for n, k, p in costs]
    asked = question(*options)
    return replace(asked, step=Step(1, 8, failed, failures, model=model))


@pytest.mark.parametrize(
    ("a", "b", "chosen"),
    [(0.5, 0.5, "a"), (0.5, 0.6, "a"), (0.5, 0.74, "a"), (0.5, 0.76, "b"), (0.5, 1.0, "b")],
)
def test_a_switch_has_to_be_worth_it(a: float, b: float, chosen: str) -> None:
    """b's cost is the highest: it has to be better by .05 + .2."""
    for seed in range(20):
        made = guarded(a, b).choose(at("a"), "k", seeded(seed))
        assert made.chosen == (chosen,) and made.probability == 1.0 and not made.explored
    assert ("goes on" if chosen == "a" else "better than a by") in made.reason


def test_what_was_never_tried_is_not_tried_between_steps() -> None:
    assert guarded(0.5, 0.5).choose(at("a", c=1.0), "k", seeded()).chosen == ("a",)
    tried = guarded(0.5, 0.5)
    taught(tried, *[("c", (1.0,), 1.0)] * 50)
    assert tried.choose(at("a", c=1.0), "k", seeded()).chosen == ("c",)


def test_the_first_step_is_the_routers_own() -> None:
    router = guarded(0.5, 0.9)
    for asked in (at(""), at("someone else"), replace(at(""), step=None)):
        made = router.choose(asked, "k", seeded())
        assert made.options[1].probability == pytest.approx(0.5 + 0.5 / 3) and made.policy == "guarded"


@pytest.mark.parametrize(
    ("failures", "failed", "rescues", "chosen"),
    [(1, True, 1, "b"), (2, True, 1, "a"), (2, False, 1, "b"), (3, True, 1, "b"), (4, True, 1, "b"), (4, True, 2, "a")],
)
def test_repeated_failure_is_rescued_and_not_for_ever(failures: int, failed: bool, rescues: int, chosen: str) -> None:
    made = guarded(0.5, 0.6, rescues=rescues).choose(at("b", failures=failures, failed=failed), "k", seeded())
    assert made.chosen == (chosen,) and made.probability == 1.0
    assert made.reason.startswith("rescue") == (chosen == "a")


def test_who_may_not_go_on_is_followed_by_the_best() -> None:
    made = guarded(0.5, 0.6).choose(at("a", out="a"), "k", seeded())
    assert made.chosen == ("b",) and made.probability == 1.0 and "a may not go on: failed already" in made.reason


def test_a_router_without_scores_stays() -> None:
    router = Guarded(Random())
    assert {router.choose(at("b"), "k", seeded(n)).chosen for n in range(20)} == {("b",)}
