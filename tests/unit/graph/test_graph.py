"""Graphs from edges and catalogues, what may not be, and editing: every version stays what it was."""

import subprocess
import sys
from dataclasses import replace

import pytest

from orchestra.core.errors import BadNumber, CircularNeeds, DuplicateName, UnknownCapability, UnknownVertex
from orchestra.graph.exchange import to_networkx
from orchestra.graph.graph import GOAL, START, Edge, Graph, Relation, Sort, layered
from orchestra.graph.shortest import shortest
from orchestra.graph.team import team_graph
from tests.unit.graph.nodes import catalog, node

SHOP = catalog(
    node("stripe", "refund", cost_nano=2_000_000),
    node("adyen", "refund", cost_nano=4_000_000),
    node("writer", "summary", "refund", cost_nano=1_000_000, models=("local:smollm2",)),
)
NEEDS, MAY_CALL = Relation.NEEDS, Relation.MAY_CALL


def test_a_catalogue_becomes_typed_edges() -> None:
    graph = team_graph(SHOP, escalate="openai:gpt-5")
    assert Edge("capability:refund", "stripe", 0.002, Relation.PROVIDES) in graph.edges
    assert Edge("capability:summary", "writer", 0.001, Relation.PROVIDES) in graph.edges
    assert Edge("capability:refund", "model:openai:gpt-5", 0.0, Relation.ESCALATES_TO) in graph.edges
    assert Edge("writer", "model:local:smollm2", 0.0, NEEDS) in graph.edges
    assert len(graph.edges) == 7 and graph.version == SHOP.version == 3
    assert graph.sorts["capability:refund"] is Sort.CAPABILITY and graph.sorts["stripe"] is Sort.AGENT
    assert graph.sorts["model:local:smollm2"] is Sort.MODEL


def test_several_models_are_alternatives() -> None:
    graph = team_graph(catalog(node("writer", models=("a:1", "b:2"))))
    assert graph.leaving("writer") == (Edge("writer", "model:a:1"), Edge("writer", "model:b:2"))


def test_what_an_agent_may_turn_to() -> None:
    search = replace(node("search", cost_nano=500_000), kind="tool")
    other = replace(search, description="another one")
    aide = replace(node("aide", models=("a:1",)), tools=(search,))
    team = catalog(
        replace(node("one", "answer"), tools=(search, aide), skills=("pdf",), hands_to=("billing", "two", "later")),
        replace(node("two", "billing"), tools=(other,)),
        replace(node("three"), tools=(node("two"),)),
    )
    graph = team_graph(team, goals={"ticket": ("answer", "two")})
    of_one = {edge.to for edge in graph.leaving("one")}
    assert of_one == {"tool:search", "tool:aide", "skill:pdf", "capability:billing", "two", "capability:later"}
    assert graph.edge("one", "tool:search") == Edge("one", "tool:search", 0.0005)
    assert {edge.to for edge in graph.leaving("tool:aide")} == {"model:a:1", "tool:search"}
    assert graph.sorts["tool:aide"] is Sort.AGENT and graph.sorts["tool:search"] is Sort.TOOL
    assert [edge.to for edge in graph.leaving("two")] == ["tool:two/search"]
    assert [edge.to for edge in graph.leaving("three")] == ["tool:two"]
    assert [edge.to for edge in graph.leaving("goal:ticket")] == ["capability:answer", "two"]
    assert graph.sorts["skill:pdf"] is Sort.SKILL and graph.sorts["goal:ticket"] is Sort.GOAL


def test_a_tool_that_is_in_the_catalogue_is_that_vertex() -> None:
    search = replace(node("search"), kind="tool")
    graph = team_graph(catalog(search, replace(node("one"), tools=(search,))))
    assert [edge.to for edge in graph.leaving("one")] == ["search"] and graph.sorts["search"] is Sort.TOOL


def test_layers_lead_from_start_to_goal_and_may_share_a_node() -> None:
    graph, vertex_to_node = layered(SHOP, ["refund", "summary", "refund"])
    assert [to for to, _ in graph.neighbours(START)] == ["1:stripe", "1:adyen", "1:writer"]
    assert [to for to, _ in graph.neighbours("1:adyen")] == ["2:writer"]
    assert graph.neighbours("3:stripe") == ((GOAL, 0.0),)
    assert vertex_to_node["1:writer"] is vertex_to_node["3:writer"] is SHOP.nodes["writer"]
    assert graph.sorts[START] is Sort.START and graph.sorts[GOAL] is Sort.GOAL
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
    for table in (graph.links, graph.sorts, graph.into, graph.marks):
        with pytest.raises(TypeError):
            table["a"] = ()  # type: ignore[index]
    with pytest.raises(AttributeError):
        graph.links = {}  # type: ignore[misc]


def test_the_later_of_two_edges_counts() -> None:
    graph = Graph.of([Edge("a", "b", 1.0), Edge("a", "b", 2.0, NEEDS)])
    assert graph.edges == (Edge("a", "b", 2.0, NEEDS),)
    graph = Graph.of([Edge("a", "b", 1.0, NEEDS), Edge("a", "b", 2.0)])
    assert graph.edges == (Edge("a", "b", 2.0),) and graph.needs("a") == () and not graph.marks


@pytest.mark.parametrize("weight", [float("inf"), float("nan"), -0.1])
def test_a_weight_that_none_may_have_is_refused(weight: float) -> None:
    with pytest.raises(BadNumber, match=f"from 'a' to 'b' weighs {weight}"):
        Graph.of([Edge("a", "b", weight)])
    with pytest.raises(BadNumber, match="from 'a' to 'b'"):
        Graph.of_weights({"a": {"b": 1}}).with_edge(Edge("a", "b", weight), replace=True)


def test_needs_that_go_round_are_refused_and_calls_that_do_are_not() -> None:
    ring = [Edge("a", "b", 0, NEEDS), Edge("b", "c", 0, NEEDS), Edge("c", "a", 0, NEEDS)]
    with pytest.raises(CircularNeeds, match="a needs b needs c needs a"):
        Graph.of([Edge("z", "a", 0, NEEDS), *ring])
    graph = Graph.of(ring[:2])
    with pytest.raises(CircularNeeds, match="c needs a needs b needs c"):
        graph.with_edge(ring[2])
    with pytest.raises(CircularNeeds, match="c needs c"):
        graph.with_edge(Edge("c", "c", 0, NEEDS))
    assert len(graph.with_edge(Edge("c", "a")).edges) == 3
    assert len(Graph.of([edge._replace(relation=MAY_CALL) for edge in ring]).edges) == 3


def test_edits_return_the_next_version_and_share_what_they_do_not_touch() -> None:
    first = Graph.of([Edge("a", "b", 1.0), Edge("b", "c", 2.0, NEEDS, True), Edge("c", "a", 3.0)])
    before = first.edges
    second = first.with_vertex("d", Sort.TOOL).with_edge(Edge("b", "d", 4.0))
    assert (first.version, second.version) == (0, 2) and first.edges == before and "d" not in first.links
    assert second.sorts["d"] is Sort.TOOL and second.into["d"] == ("b",)
    assert second.leaving("b") == (Edge("b", "c", 2.0, NEEDS, True), Edge("b", "d", 4.0))
    assert second.links["a"] is first.links["a"]
    changed = second.with_edge(Edge("b", "c", 5.0), replace=True)
    assert changed.leaving("b") == (Edge("b", "c", 5.0), Edge("b", "d", 4.0)) and not changed.marks
    assert second.edge("b", "c") == Edge("b", "c", 2.0, NEEDS, True) and changed.into["c"] == ("b",)
    cut = second.without("b", "c")
    assert cut.edge("b", "c") is None and cut.into["c"] == () and not cut.marks and cut.version == 3
    gone = second.without("b")
    assert gone == replace(Graph.of([Edge("c", "a", 3.0)], {v: gone.sorts[v] for v in "acd"}), version=3)
    assert list(gone.links) == ["a", "c", "d"] and gone.into["c"] == () == gone.into["d"]


def test_a_vertex_that_leads_to_itself_can_be_taken_out() -> None:
    graph = Graph.of([Edge("a", "a", 1.0), Edge("a", "b", 1.0), Edge("b", "a", 0.0, Relation.ESCALATES_TO)])
    assert graph.without("a") == Graph.of([], {"b": Sort.AGENT}, version=1)


def test_edits_that_cannot_be_made() -> None:
    graph = Graph.of_weights({"a": {"b": 1}})
    with pytest.raises(DuplicateName, match="'a'"):
        graph.with_vertex("a")
    with pytest.raises(DuplicateName, match="from 'a' to 'b' already"):
        graph.with_edge(Edge("a", "b", 2.0))
    with pytest.raises(UnknownVertex, match="'c'"):
        graph.with_edge(Edge("a", "c"))
    with pytest.raises(UnknownVertex, match="'c'"):
        graph.without("c")
    with pytest.raises(UnknownVertex, match="from 'b' to 'a'"):
        graph.without("b", "a")


def test_networkx_is_loaded_only_for_the_exchange() -> None:
    assert to_networkx(Graph.of([])).number_of_nodes() == 0
    code = (
        "import sys, orchestra.graph.graph as g, orchestra.graph.bind, orchestra.graph.route, orchestra.graph.health, "
        "orchestra.graph.weights, orchestra.graph.exchange as e, orchestra.graph.svg, orchestra.graph.planned; "
        "before = {'networkx', 'numpy'} & {*sys.modules}; e.to_networkx(g.Graph.of([])); "
        "print(before, 'networkx' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["set()", "True"]
