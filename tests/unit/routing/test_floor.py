"""Recorded probabilities are the true ones."""

from collections import Counter

import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Router
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.shared import SharedLinUCB
from orchestra.routing.learners.simple import Random
from tests.unit.routing.kit import question, seeded, taught

N = 20_000


@pytest.mark.parametrize("router", [LinUCB(floor=0.3), SharedLinUCB(floor=0.3), Random()], ids=lambda r: str(r.name))
def test_the_recorded_probability_is_the_frequency(router: Router) -> None:
    taught(router, ("a", (1.0,), 0.1), ("b", (1.0,), 0.9), ("c", (1.0,), 0.2)) if router.name == "linucb" else None
    ask = question("a", Option("b", similarity=1.0), "c", Option("down", filtered="its breaker is open"))
    rng, count = seeded(7), Counter[str]()
    for _ in range(N):
        made = router.choose(ask, "k", rng)
        count[made.chosen[0]] += 1
    expected = {option.name: option.probability for option in made.options if option.filtered is None}
    assert sum(filter(None, expected.values())) == pytest.approx(1.0)
    assert set(count) == set(expected) == {"a", "b", "c"}
    chi_square = sum((count[name] - N * p) ** 2 / (N * p) for name, p in expected.items() if p)
    assert chi_square < 13.8  # two degrees of freedom: p > .001


def test_every_option_keeps_its_share_of_the_floor() -> None:
    made = LinUCB(floor=0.02).choose(question("a", "b", "c", "d"), "k", seeded())
    assert [option.probability for option in made.options] == pytest.approx([0.985, 0.005, 0.005, 0.005])
    assert made.probability == made.options[0].probability


def test_what_the_floor_drew_is_marked() -> None:
    router = LinUCB(floor=0.5)
    taught(router, ("a", (1.0,), 1.0), ("b", (1.0,), 0.0))
    made = [router.choose(question("a", "b"), "k", seeded(seed)) for seed in range(50)]
    assert all(each.explored for each in made if each.chosen == ("b",))
    assert any(not each.explored for each in made)
    assert {each.reason for each in made} == {"drawn by the probability floor", "highest upper confidence bound"}


@pytest.mark.parametrize("bad", [-0.1, 1.5, float("nan")])
def test_a_floor_is_a_probability(bad: float) -> None:
    with pytest.raises(BadNumber, match="floor"):
        LinUCB(floor=bad)
