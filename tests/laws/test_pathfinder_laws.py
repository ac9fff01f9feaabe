"""The kept potentials against networkx, whatever is hidden, becomes dearer and is asked for in whichever order."""

import random
from itertools import pairwise
from math import inf
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core.errors import BadNumber, UnknownVertex
from orchestra.graph.flat import SMALL, Flat
from orchestra.graph.pathfinder import Pathfinder
from orchestra.graph.potentials import Potentials

Links = dict[int, list[tuple[int, float]]]
MANY = 16
floors = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 9, allow_nan=False))


@st.composite
def graphs(draw: st.DrawFn) -> Links:
    count = draw(st.integers(2, MANY))
    acyclic = draw(st.booleans())
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    links: Links = {}
    for origin, to in draw(st.lists(pairs, max_size=4 * count, unique=True)):
        if origin < to or (origin != to and not acyclic):
            links.setdefault(origin, []).append((to, draw(floors)))
    return links


def oracle(links: Links, here: int, goal: int, hidden: set[int], factor: dict[int, float]) -> float | None:
    graph: Any = nx.DiGraph()
    graph.add_nodes_from({here, goal, *links})
    for origin, edges in links.items():
        for to, floor in edges:
            if to not in hidden:
                graph.add_edge(origin, to, weight=floor * factor.get(to, 1.0))
    try:
        return float(nx.dijkstra_path_length(graph, here, goal))
    except nx.NetworkXNoPath:
        return None


def walked(links: Links, nodes: tuple[int, ...], hidden: set[int], factor: dict[int, float]) -> float:
    """What the path costs, edge by edge; raises where it goes over what is not there."""
    cost = 0.0
    for origin, to in pairwise(nodes):
        assert to not in hidden
        cost += min(floor for there, floor in links[origin] if there == to) * factor.get(to, 1.0)
    return cost


@given(graphs(), st.data())
def test_every_path_is_a_cheapest_one(links: Links, data: st.DataObject) -> None:
    vertex = st.integers(0, MANY - 1)
    finder, goal = Pathfinder(links, 1), 1
    if data.draw(st.booleans(), "prepared"):
        finder.prepare()
    for _ in range(data.draw(st.integers(1, 5), "queries")):
        here = data.draw(vertex, "here")
        hidden = data.draw(st.sets(vertex, max_size=4), "hidden") - {here}
        factor = data.draw(st.dictionaries(vertex, st.floats(1, 5), max_size=4), "dearer")
        weigh = None if not factor else lambda to, floor, factor=factor: floor * factor.get(to, 1.0)
        path = finder.path(here, hidden, weigh)
        least = oracle(links, here, goal, hidden, factor)
        if goal in hidden and here != goal:
            assert path is None
        elif path is None:
            assert least is None
        else:
            assert path.nodes[0] == here and path.nodes[-1] == goal and len(set(path.nodes)) == len(path.nodes)
            assert path.cost == pytest.approx(walked(links, path.nodes, hidden, factor))
            assert path.cost == pytest.approx(least)


@given(graphs(), st.data())
def test_potentials_are_admissible_and_consistent_however_far_they_are_grown(links: Links, data: st.DataObject) -> None:
    flat = Flat({**links, 0: links.get(0, []), 1: links.get(1, [])})
    goal = flat.number[1]
    potentials = Potentials(flat, goal)
    for asked in data.draw(st.lists(st.integers(0, len(flat.vertices) - 1), max_size=3), "asked"):
        potentials.settle(asked)
    for number, vertex in enumerate(flat.vertices):
        exact = oracle(links, vertex, 1, set(), {})
        assert potentials.of(number) <= (inf if exact is None else exact) + 1e-9
        for to, floor in flat.out.of(number):
            assert potentials.of(number) <= floor + potentials.of(to) + 1e-9


def test_what_may_not_be() -> None:
    for floor in (-1.0, inf, float("nan")):
        with pytest.raises(BadNumber, match="weighs"):
            Pathfinder({0: [(1, floor)]}, 1)
    finder = Pathfinder({0: [(1, 1.0)]}, 1)
    for weight in (0.5, inf, float("nan")):
        with pytest.raises(BadNumber, match=r"its floor is 1\.0"):
            finder.path(0, frozenset(), lambda to, floor: weight)  # noqa: B023
    assert finder.path("elsewhere") is None  # type: ignore[arg-type]
    assert finder.path(1) is not None and finder.path(0, {1}) is None
    assert finder.path(0, frozenset(), lambda to, floor: None) is None


@given(st.integers(0, 10**6), st.booleans(), st.booleans())
@settings(max_examples=40)
def test_large_graphs_whether_swept_or_grown(seed: int, wide: bool, prepared: bool) -> None:
    """Wide ones without circles are swept by numpy, others are grown from both sides; failures, and dearer ones."""
    rng = random.Random(seed)
    count = rng.randrange(SMALL, 5 * SMALL)
    reach = range(1, 1 + count // 2)
    links: Links = {}
    for origin in range(count):
        ends = [origin + step if wide else (origin * 7 + step) % count for step in rng.sample(reach, 4)]
        links[origin] = [(to, rng.choice([0.0, 0.5, rng.random()])) for to in ends if to < count]
    goal = rng.choice([count - 1, count // 2])  # one that edges leave, too
    flat = Flat(links)
    assert (flat.levels is None) == bool(flat.into.starts) and (wide or flat.levels is None)
    finder = Pathfinder(flat, goal)
    if prepared:
        finder.prepare()
    for _ in range(3):
        here = rng.randrange(count)
        first = finder.path(here)
        hidden = set(first.nodes[1:2]) - {goal} if first else set()
        factor = {vertex: rng.uniform(1, 3) for vertex in range(count) if rng.random() < 0.1}
        many = set(rng.sample(range(count), count // 3))
        cases: list[tuple[set[int], dict[int, float]]] = [(set(), {}), (hidden, {}), (set(), factor), (many, factor)]
        for shut, dear in cases:
            shut -= {here}
            weigh = (lambda to, floor, dear=dear: floor * dear.get(to, 1.0)) if dear else None
            path = finder.path(here, shut, weigh)
            least = oracle(links, here, goal, shut, dear)
            assert (None if path is None else path.cost) == (None if least is None else pytest.approx(least))
            if path is not None:
                assert path.cost == pytest.approx(walked(links, path.nodes, shut, dear))
    with pytest.raises(UnknownVertex, match="-1"):
        Pathfinder(flat, -1)


def test_wide_graphs_are_swept_and_deep_or_circular_ones_are_grown() -> None:
    rows = [range(8 * row, 8 * row + 8) for row in range(10)]
    wide: Links = {one: [(to, 1.0) for to in below] for row, below in pairwise(rows) for one in row}
    levels = Flat(wide).levels
    assert levels is not None and [row.last - row.first for row in levels.rows] == [8] * 9
    deep: Links = {one: [(one + 1, 1.0)] for one in range(80)}
    assert Flat(deep).levels is None is Flat({**wide, 79: [(0, 1.0)]}).levels
