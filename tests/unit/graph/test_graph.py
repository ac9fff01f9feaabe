"""Graphs from catalogues and mappings, and what they look like elsewhere."""

import subprocess
import sys

import pytest

from orchestra.core.errors import BadNumber, UnknownCapability
from orchestra.graph.graph import GOAL, START, Edge, Graph, Relation, layered
from orchestra.graph.shortest import shortest
from tests.unit.graph.nodes import catalog, node

SHOP = catalog(
    node("stripe", "refund", cost_nano=2_000_000),
    node("adyen", "refund", cost_nano=4_000_000),
    node("writer", "summary", "refund", cost_nano=1_000_000, models=("local:smollm2",)),
)


def test_a_catalogue_becomes_typed_edges() -> None:
    edges = Graph.of_catalog(SHOP, escalate="openai:gpt-5").edges
    assert Edge("capability:refund", "stripe", 0.002, Relation.PROVIDES) in edges
    assert Edge("capability:summary", "writer", 0.001, Relation.PROVIDES) in edges
    assert Edge("capability:refund", "model:openai:gpt-5", 0.0, Relation.ESCALATES_TO) in edges
    assert Edge("writer", "model:local:smollm2", 0.0, Relation.NEEDS) in edges
    assert len(edges) == 7


def test_layers_lead_from_start_to_goal_and_may_share_a_node() -> None:
    graph, vertex_to_node = layered(SHOP, ["refund", "summary", "refund"])
    assert [to for to, _ in graph.neighbours(START)] == ["1:stripe", "1:adyen", "1:writer"]
    assert [to for to, _ in graph.neighbours("1:adyen")] == ["2:writer"]
    assert graph.neighbours("3:stripe") == ((GOAL, 0.0),)
    assert vertex_to_node["1:writer"] is vertex_to_node["3:writer"] is SHOP.nodes["writer"]
    path = shortest(graph.neighbours, START, GOAL)
    assert path is not None and path.nodes == (START, "1:writer", "2:writer", "3:writer", GOAL)
    assert path.cost == pytest.approx(0.003)


def test_no_layers_lead_straight_to_the_goal() -> None:
    graph, vertex_to_node = layered(SHOP, [])
    assert graph.edges == (Edge(START, GOAL),) and not vertex_to_node


def test_a_layer_that_nobody_provides_is_refused() -> None:
    with pytest.raises(UnknownCapability, match="'poetry'"):
        layered(SHOP, ["refund", "poetry"])


def test_a_graph_cannot_be_changed() -> None:
    weights = {"a": {"b": 1.0}}
    graph = Graph.of_weights(weights)
    weights["a"]["b"] = 2.0
    assert graph.neighbours("a") == (("b", 1.0),)
    with pytest.raises(TypeError):
        graph.links["a"] = ()  # type: ignore[index]
    with pytest.raises(AttributeError):
        graph.links = {}  # type: ignore[misc]


def test_the_later_of_two_edges_counts() -> None:
    graph = Graph.of([Edge("a", "b", 1.0), Edge("a", "b", 2.0, Relation.NEEDS)])
    assert graph.edges == (Edge("a", "b", 2.0, Relation.NEEDS),)


def test_an_infinite_weight_is_refused() -> None:
    with pytest.raises(BadNumber, match="from 'a' to 'b' weighs inf"):
        Graph.of([Edge("a", "b", float("inf"))])


def test_networkx_gets_the_same_graph() -> None:
    graph = Graph.of_catalog(SHOP).to_networkx()
    assert graph.edges["capability:refund", "stripe"] == {"weight": 0.002, "relation": "provides"}
    assert set(graph) == set(Graph.of_catalog(SHOP).links)


def test_mermaid_text_escapes_what_would_break_it() -> None:
    text = Graph.of([Edge("start", 'say "hi"]', 0.25, Relation.NEEDS)]).to_mermaid()
    assert text == ('flowchart LR\n    v0["start"]\n    v1["say #34;hi#34;#93;"]\n    v0 -->|"needs 0.25"| v1\n')


def test_networkx_is_loaded_only_for_the_export() -> None:
    code = (
        "import sys, orchestra.graph.graph as g, orchestra.graph.bind, orchestra.graph.route, orchestra.graph.health, "
        "orchestra.graph.weights; before = 'networkx' in sys.modules; g.Graph.of([]).to_networkx(); "
        "print(before, 'networkx' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]
