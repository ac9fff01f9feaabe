"""What an edge weighs, live."""

import pytest

from orchestra.core.errors import BadNumber
from orchestra.graph.graph import GOAL, START, layered
from orchestra.graph.health import Health
from orchestra.graph.shortest import shortest
from orchestra.graph.weights import Weights, node_weight, weighted
from tests.unit.graph.nodes import catalog, node

TEAM = catalog(node("cheap", "work", cost_nano=1_000_000, latency_s=9), node("quick", "work", cost_nano=3_000_000))


def chosen(weights: Weights, health: Health, at: float = 0.0) -> str | None:
    graph, vertex_to_node = layered(TEAM, ["work"])
    path = shortest(weighted(graph, vertex_to_node, node_weight(weights, health, lambda: at)), START, GOAL)
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


def test_a_measured_latency_replaces_the_declared_one() -> None:
    health = Health()
    health.seen("cheap", True, 0.0, 0.0)
    health.seen("quick", True, 5.0, 0.0)
    assert chosen(Weights(latency=1), health) == "1:cheap"


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
