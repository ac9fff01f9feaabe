"""Dijkstra: ties, starts, goals, and vertices that are no strings."""

import pytest

from orchestra.core.errors import BadNumber
from orchestra.graph.graph import Graph
from orchestra.graph.shortest import Path, shortest


def test_the_cheaper_detour_beats_the_direct_edge() -> None:
    graph = Graph.of_weights({"a": {"d": 5, "b": 1}, "b": {"c": 1}, "c": {"d": 1}})
    assert shortest(graph.neighbours, "a", "d") == Path(nodes=("a", "b", "c", "d"), cost=3.0)


def test_equal_costs_go_to_the_edge_given_first() -> None:
    one = Graph.of_weights({"a": {"b": 1, "c": 1}, "b": {"d": 1}, "c": {"d": 1}})
    other = Graph.of_weights({"a": {"c": 1, "b": 1}, "b": {"d": 1}, "c": {"d": 1}})
    paths = [shortest(graph.neighbours, "a", "d") for graph in (one, other)]
    assert [path and path.nodes for path in paths] == [("a", "b", "d"), ("a", "c", "d")]


def test_the_start_may_be_hidden_and_the_goal_may_not() -> None:
    graph = Graph.of_weights({"a": {"b": 1}})
    assert shortest(graph.neighbours, "a", "b", frozenset("a")) == Path(nodes=("a", "b"), cost=1.0)
    assert shortest(graph.neighbours, "a", "b", frozenset("b")) is None


def test_who_stands_at_the_goal_has_arrived() -> None:
    assert shortest(Graph.of([]).neighbours, "a", "a") == Path(nodes=("a",), cost=0.0)


def test_vertices_need_no_order() -> None:
    grid = {(x, y) for x in range(4) for y in range(4)}

    def neighbours(at: object) -> list[tuple[object, float]]:
        if not isinstance(at, tuple):
            return []
        x, y = at
        return [*((to, 1.0) for to in ((x + 1, y), (x, y + 1)) if to in grid), (None, 9.0)]

    start: object = (0, 0)
    path = shortest(neighbours, start, (3, 3))
    assert path is not None and path.cost == 6.0


def test_a_bad_weight_is_refused_even_on_the_way_to_a_hidden_vertex() -> None:
    with pytest.raises(BadNumber, match="from 'a' to 'b'"):
        shortest(lambda vertex: [("b", -1.0)], "a", "c", frozenset("b"))
