"""What an edge weighs, live."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadNumber
from orchestra.graph.graph import START
from orchestra.graph.health import Health
from orchestra.graph.paths import Paths
from orchestra.graph.shortest import Path
from orchestra.graph.weights import Weights, node_weight, weights_of
from tests.unit.graph.nodes import catalog, node

TEAM = catalog(node("cheap", "work", cost_nano=1_000_000, latency_s=9), node("quick", "work", cost_nano=3_000_000))


def chosen(weights: Weights, health: Health, at: float = 0.0) -> str | None:
    find, _ = Paths(weights).through(TEAM, ("work",), node_weight(weights, health, lambda: at))
    path = find(START, set())
    return None if path is None else path.nodes[1]


def test_the_formula() -> None:
    weights = Weights(cost=2, latency=0.5, quality=4)
    assert weights.of(usd=0.5, seconds=3, reward=0.75, penalty=2) == (1 + 1.5 + 1) * 2


def test_dollars_alone_count_unless_told_otherwise() -> None:
    assert Weights().of(usd=0.5, seconds=99, reward=0) == 0.5


@pytest.mark.parametrize("bad", [{"reward": 1.1}, {"penalty": 0.9}, {"usd": float("inf")}, {"seconds": float("nan")}])
def test_numbers_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(BadNumber):
        Weights(latency=1).of(**{"usd": 1.0, **bad})


def test_an_infinite_amount_is_refused_even_if_it_does_not_count() -> None:
    with pytest.raises(BadNumber):
        Weights(cost=0).of(usd=float("inf"))


def test_weights_decide_who_is_cheapest() -> None:
    assert chosen(Weights(), Health()) == "1:cheap"
    assert chosen(Weights(latency=1), Health()) == "1:quick"


def test_a_measured_latency_counts_where_it_is_more_than_the_declared_floor() -> None:
    health = Health()
    health.seen("cheap", True, 0.0, 0.0)
    assert chosen(Weights(latency=1), health) == "1:quick", "less than was declared is not believed"
    health.seen("quick", True, 50.0, 0.0)
    assert chosen(Weights(latency=1), health) == "1:cheap"


def test_what_was_found_out_is_kept_for_the_catalogue_and_the_row() -> None:
    paths = Paths(Weights())
    weigh = node_weight(Weights(), Health(), float)
    assert paths._row(TEAM, ("work",)) is paths._row(TEAM, ("work",))
    dearer = TEAM.without("cheap")
    assert paths._row(dearer, ("work",)) is not paths._row(TEAM, ("work",))
    find, _ = paths.through(dearer, ("work",), weigh)
    assert find(START, set()) == Path(nodes=("start", "1:quick", "goal"), cost=0.003)


def test_failures_make_a_node_dearer_and_then_hide_it() -> None:
    health = Health()
    for _ in range(2):
        health.seen("cheap", False, 0.1, 0.0)
    assert node_weight(Weights(), health, float)(TEAM.nodes["cheap"]) == pytest.approx(0.003)
    health.seen("cheap", False, 0.1, 0.0)
    assert node_weight(Weights(), health, float)(TEAM.nodes["cheap"]) is None
    assert chosen(Weights(), health) == "1:quick"
    for _ in range(3):
        health.seen("quick", False, 0.1, 0.0)
    assert chosen(Weights(), health) is None
    assert chosen(Weights(cost=0), health, at=30.0) == "1:cheap"


def test_a_predicted_reward_counts() -> None:
    weigh = node_weight(Weights(quality=1), Health(), float, lambda name: {"cheap": 0.2, "quick": 0.9}[name])
    assert weigh(TEAM.nodes["cheap"]) == pytest.approx(0.801)
    assert weigh(TEAM.nodes["quick"]) == pytest.approx(0.103)


def test_weights_are_written_as_names_and_numbers() -> None:
    assert weights_of([]) is None
    assert weights_of(["cost=1 latency=.2"]) == weights_of(["cost=1", "latency=0.2"]) == Weights(cost=1, latency=0.2)
    assert weights_of(["quality=3,latency=1"]) == Weights(cost=0, latency=1, quality=3)


@pytest.mark.parametrize("bad", ["cost=-1", "cost=nan", "cost=inf", "cost", "speed=1", "cost=1 cost=1", "=1"])
def test_what_is_no_weight_is_refused(bad: str) -> None:
    with pytest.raises(BadNumber):
        weights_of([bad])


AMOUNT = st.floats(0, 1e6, allow_nan=False)
CALLS = st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.floats(0, 50)), max_size=12)


@given(st.builds(Weights, cost=AMOUNT, latency=AMOUNT, quality=AMOUNT), AMOUNT, AMOUNT, st.floats(0, 1), CALLS)
def test_a_live_weight_is_never_below_its_floor(
    weights: Weights, usd: float, seconds: float, reward: float, calls: list[tuple[bool, float, float]]
) -> None:
    one = node("n", "work", cost_nano=int(usd * 1e9), latency_s=seconds)
    health, at = Health(), 1000.0
    for ok, took_s, wait_s in calls:
        at += wait_s
        health.seen("n", ok, took_s, at)
        health.allow("n", reward, at + took_s)
        weigh = node_weight(weights, health, lambda now=at: now, lambda name: reward)  # type: ignore[misc]
        live = weigh(one)
        assert live is None or live >= weights.of(usd=one.cost_nano / 1e9, seconds=seconds)
