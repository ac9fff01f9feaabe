"""Dijkstra's algorithm over anything that can name its neighbours."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable, Set
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

from orchestra.core.errors import BadNumber

V = TypeVar("V", bound=Hashable)
Neighbours = Callable[[V], Iterable[tuple[V, float | None]]]
"""The edges that leave a vertex as (to, weight). A weight of None hides the edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path(Generic[V]):
    """The vertices from start to goal, both included, and the sum of the weights between them."""

    nodes: tuple[V, ...]
    cost: float


def shortest(neighbours: Neighbours[V], start: V, goal: V, hidden: Set[V] = frozenset()) -> Path[V] | None:
    """A cheapest path that enters no hidden vertex, None if there is none. O((V + E) log V).

    The start is where the work stands: it may itself be hidden. Among equal costs the path found first wins, so the
    answer depends on the order of the edges and on nothing else.
    Raises: BadNumber for a weight that is negative, NaN or infinite (only edges that are reached are looked at).
    Source: E. W. Dijkstra, A note on two problems in connexion with graphs, 1959.
    """
    best = {start: 0.0}
    came_from: dict[V, V] = {}
    closed: set[V] = set()
    # The counter breaks ties before the vertices would be compared.
    heap: list[tuple[float, int, V]] = [(0.0, 0, start)]
    count = 0
    while heap:
        cost, _, vertex = heapq.heappop(heap)
        if vertex == goal:
            return Path(nodes=_walked(came_from, start, goal), cost=cost)
        if vertex in closed:
            continue
        closed.add(vertex)
        for to, weight in neighbours(vertex):
            if weight is None:
                continue
            if not 0.0 <= weight < inf:
                raise BadNumber(f"The edge from {vertex!r} to {to!r} weighs {weight!r}.")
            if to in closed or to in hidden:
                continue
            through = cost + weight
            known = best.get(to)
            if known is None or through < known:
                best[to] = through
                came_from[to] = vertex
                count += 1
                heapq.heappush(heap, (through, count, to))
    return None


def finding(neighbours: Neighbours[V], goal: V) -> Callable[[V, Set[V]], Path[V] | None]:
    """``shortest`` to one goal, each time from the beginning. For many vertices, see Pathfinder."""
    return lambda here, hidden: shortest(neighbours, here, goal, hidden)


def _walked(came_from: dict[V, V], start: V, goal: V) -> tuple[V, ...]:
    nodes = [goal]
    while nodes[-1] != start:
        nodes.append(came_from[nodes[-1]])
    return tuple(reversed(nodes))
