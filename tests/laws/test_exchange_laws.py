"""Graphs and their edits against networkx; there and back; plans that end."""

import json
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition, CircularNeeds
from orchestra.graph.exchange import from_json, from_networkx, to_json, to_networkx
from orchestra.graph.graph import Edge, Graph, Relation, Sort
from orchestra.graph.planned import antichains, ready

names = st.one_of(st.sampled_from("abcdef"), st.text(max_size=3))
weights = st.floats(0, 1e300, allow_nan=False)
ALTERNATIVES = [relation for relation in Relation if relation is not Relation.NEEDS]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    sorts = draw(st.dictionaries(names, st.sampled_from(Sort), min_size=1, max_size=8))
    vertices = sorted(sorts)
    made = []
    for origin, to in draw(st.lists(st.tuples(st.sampled_from(vertices), st.sampled_from(vertices)), max_size=16)):
        relation = draw(st.sampled_from(ALTERNATIVES if origin >= to else list(Relation)))
        made.append(Edge(origin, to, draw(weights), relation, draw(st.booleans())))
    return Graph.of(made, sorts, draw(st.integers(0, 9)))


def same(one: Graph, other: Graph) -> None:
    assert one == other and one.edges == other.edges and list(one.sorts.items()) == list(other.sorts.items())


@given(graphs())
def test_networkx_and_json_give_back_the_very_same_graph(graph: Graph) -> None:
    same(from_networkx(to_networkx(graph)), graph)
    same(from_json(json.loads(json.dumps(to_json(graph)))), graph)
    there: Any = to_networkx(graph)
    again = to_networkx(from_networkx(there))
    assert nx.utils.graphs_equal(there, again) and again.graph == there.graph


@given(graphs(), st.data())
def test_every_edit_does_what_networkx_does_and_leaves_the_old_version(graph: Graph, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 6), "edits")):
        before, frozen = to_networkx(graph), to_json(graph)
        expected: Any = before.copy()
        vertices = list(graph.links)
        what = data.draw(st.sampled_from(["vertex", "edge", "cut", "without"] if vertices else ["vertex"]), "what")
        if what == "vertex":
            name = f"new {graph.version}"
            after = graph.with_vertex(name, Sort.SKILL)
            expected.add_node(name, sort="skill")
        elif what == "edge":
            ends = st.sampled_from(vertices)
            edge = Edge(data.draw(ends), data.draw(ends), data.draw(weights))
            edge = edge._replace(relation=data.draw(st.sampled_from(Relation)), optional=data.draw(st.booleans()))
            needs = nx.DiGraph([(a, b) for a, b, d in before.edges(data=True) if d["relation"] == "needs"])
            needs.add_nodes_from(vertices)
            if edge.relation is Relation.NEEDS and nx.has_path(needs, edge.to, edge.origin):
                with pytest.raises(CircularNeeds):
                    graph.with_edge(edge, replace=True)
                return
            after = graph.with_edge(edge, replace=True)
            said = {"weight": edge.weight, "relation": edge.relation.value, "optional": edge.optional}
            expected.add_edge(edge.origin, edge.to, **said)
        elif what == "cut" and graph.edges:
            edge = data.draw(st.sampled_from(graph.edges))
            after = graph.without(edge.origin, edge.to)
            expected.remove_edge(edge.origin, edge.to)
        else:
            vertex = data.draw(st.sampled_from(vertices or ["none"]))
            after = graph.without(vertex)
            expected.remove_node(vertex)
        found: Any = to_networkx(after)
        assert nx.utils.graphs_equal(found, nx.DiGraph(expected, version=after.version))
        assert {v: set(after.into[v]) for v in after.links} == {v: set(expected.predecessors(v)) for v in expected}
        assert to_json(graph) == frozen and after.version == graph.version + 1
        same(from_networkx(found), after)
        graph = after


@given(graphs(), st.data())
def test_what_is_ready_is_an_antichain_and_all_comes_to_be_done(graph: Graph, data: st.DataObject) -> None:
    needs = nx.DiGraph([(edge.origin, edge.to) for edge in graph.edges if edge.relation is Relation.NEEDS])
    needs.add_nodes_from(graph.links)
    done: set[str] = set()
    while now := ready(graph, done):
        below = {vertex: nx.descendants(needs, vertex) for vertex in now}
        assert all(below[vertex] <= done and below[vertex].isdisjoint(now) for vertex in now)
        done |= set(data.draw(st.sets(st.sampled_from(now), min_size=1)))
    assert done == set(graph.links)
    layers = antichains(graph)
    assert sorted(vertex for layer in layers for vertex in layer) == sorted(graph.links)
    above: set[str] = set()
    for layer in layers:
        assert set(layer) == set(ready(graph, above))
        above |= set(layer)


@pytest.mark.parametrize(
    ("graph", "why"),
    [
        (nx.Graph([("a", "b")]), "A Graph cannot be held"),
        (nx.MultiDiGraph([("a", "b"), ("a", "b")]), "A MultiDiGraph"),
        (nx.DiGraph([(1, 2)]), "name=1 is no name"),
        (nx.DiGraph([("a", "b", {"length": 2})]), "from 'a' to 'b' has 'length'"),
        (nx.DiGraph([("a", "b", {"weight": "2"})]), "'2' is no weight"),
        (nx.DiGraph([("a", "b", {"relation": "loves"})]), "'loves' of the edge from 'a' to 'b' is none of may_call"),
        (nx.DiGraph(name="mine"), "The graph has 'name'"),
        ("a -> b", "A str cannot be held"),
    ],
)
def test_what_networkx_holds_and_a_graph_does_not(graph: Any, why: str) -> None:
    with pytest.raises(BadDefinition, match=why):
        from_networkx(graph)


def test_what_networkx_does_not_say() -> None:
    assert from_networkx(nx.DiGraph([("start", "b")])) == Graph.of([Edge("start", "b", 1.0)])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([], "no mapping"),
        ({"vertices": {}}, "vertices is no list"),
        ({"nodes": []}, "has 'nodes'"),
        ({"version": -1}, "version=-1"),
        ({"vertices": [{"name": "a"}, {"name": "a"}]}, "Two vertices are named 'a'"),
        ({"vertices": [{"name": "a", "sort": "hat"}]}, "'hat' of the vertex 'a'"),
        ({"edges": [{"from": "a"}]}, "to=None"),
        ({"edges": [{"from": "a", "to": "b"}] * 2}, "Two edges lead from 'a' to 'b'"),
        ({"edges": [{"from": "a", "to": "b", "weight": True}]}, "True is no weight"),
        ({"edges": [{"from": "a", "to": "b", "optional": 1}]}, "optional=1"),
    ],
)
def test_json_that_is_no_graph(data: Any, why: str) -> None:
    with pytest.raises(BadDefinition, match=why):
        from_json(data)
