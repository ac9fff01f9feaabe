"""Cheapest paths to one goal, found again and again: a failure costs what it changes, not what the graph costs."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Set
from math import inf
from typing import Generic, TypeVar

from orchestra.core.errors import BadNumber, UnknownVertex
from orchestra.graph.flat import Flat, Links
from orchestra.graph.potentials import Potentials
from orchestra.graph.shortest import Path

V = TypeVar("V", bound=Hashable)
Weigh = Callable[[V, float], float | None]
"""(vertex that is entered, floor of the edge) -> what the edge weighs now, at least the floor; None hides it."""
Found = tuple[list[int], float]
"""The numbers of a path's vertices and its cost; no vertices where there is no path."""
NO_WAY: Found = ([], inf)
FIRST, FURTHER = 256, 4
"""How many vertices are settled and searched in the first turn, and how many times more in each that follows."""


class Pathfinder(Generic[V]):
    """The potentials to one goal over a graph that does not change, and the paths that follow from them.

    Make one for each version of a graph and keep it: what a query has settled is there for the next. Where the best
    next step leads over nothing that is hidden or dearer than its floor, following the potentials is the answer, and
    costs the degree of where the work stands and the length of the path; else A* is run, which is exact too. While a
    start is not settled, the potentials grow from the goal and A* from the start until they meet. ``prepare`` settles
    everything at once, off the serving path.
    Finders of several goals may share one Flat; a goal that the links do not hold is added.

    Raises: BadNumber for a floor that is negative, NaN or infinite; UnknownVertex for a goal that a Flat does not hold.
    Source: P. E. Hart, N. J. Nilsson and B. Raphael, 1968 (A*); that the answer is followed first is our default.
    """

    def __init__(self, links: Links[V] | Flat[V], goal: V) -> None:
        if not isinstance(links, Flat):
            links = Flat(links if goal in links else {**links, goal: ()})
        if goal not in links.number:
            raise UnknownVertex(f"There is no vertex {goal!r}.")
        self._flat = links
        self._goal = self._flat.number[goal]
        self._potentials = Potentials(self._flat, self._goal)
        self._onward: dict[int, tuple[int, float]] = {}

    def prepare(self) -> None:
        """Settles the distance of every vertex."""
        self._potentials.settle()

    def path(self, here: V, hidden: Set[V] = frozenset(), weigh: Weigh[V] | None = None) -> Path[V] | None:
        """A cheapest path from ``here`` that enters no hidden vertex, None if there is none.

        ``here`` is where the work stands: it may itself be hidden. Without ``weigh`` the edges weigh their floors.
        Raises: BadNumber where an edge weighs less than its floor, NaN or infinity.
        """
        number, vertices = self._flat.number, self._flat.vertices
        start = number.get(here)
        if start is None:
            return None
        shut = {number[vertex] for vertex in hidden if vertex in number}
        numbers, cost = self._found(start, shut, weigh)
        return Path(nodes=tuple([vertices[number] for number in numbers]), cost=cost) if numbers else None

    def _found(self, start: int, shut: Set[int], weigh: Weigh[V] | None) -> Found:
        """Grows the potentials and searches from the start by turns, each time further, until one meets the other."""
        potentials, most = self._potentials, FIRST
        while not potentials.settled(start):
            potentials.settle(start, most)
            if not potentials.settled(start):
                if (found := self._searched(start, shut, weigh, most)) is not None:
                    return found
                most *= FURTHER
        if potentials.of(start) == inf:
            return NO_WAY
        return self._followed(start, shut, weigh) or self._searched(start, shut, weigh, inf) or NO_WAY

    def _followed(self, start: int, shut: Set[int], weigh: Weigh[V] | None) -> Found | None:
        """The best next step and from there the way of the potentials; None where that is not surely the cheapest."""
        goal, onward, circles = self._goal, self._onward, self._flat.levels is None
        numbers, cost = [start], 0.0
        step = None if start == goal else self._best(start, shut, weigh)
        while step is not None:
            here, weight = step
            if circles and not weight and here in numbers:  # a circle of edges that weigh nothing
                return None
            numbers.append(here)
            cost += weight
            if here == goal:
                return numbers, cost
            step = onward.get(here) or self._tight(here)
            if step is not None and (
                step[0] in shut or (weigh is not None and self._live(step[0], step[1], weigh) != step[1])
            ):
                return None
        return (numbers, cost) if start == goal else None

    def _best(self, here: int, shut: Set[int], weigh: Weigh[V] | None) -> tuple[int, float] | None:
        """The step that leaves the least, as (to, what it weighs now); None where it leads to what is not settled."""
        best, horizon = self._potentials.best, self._potentials.least
        least, step = inf, None
        for to, floor in self._flat.out.of(here):
            if to in shut:
                continue
            weight = floor if weigh is None else self._live(to, floor, weigh)
            if weight is not None and (left := weight + min(best[to], horizon)) < least:
                least, step = left, (to, weight)
        return None if step is None or best[step[0]] > horizon else step

    def _tight(self, here: int) -> tuple[int, float] | None:
        """The first edge on which the potentials lead on from a settled vertex."""
        best, horizon = self._potentials.best, self._potentials.least
        for to, floor in self._flat.out.of(here):
            if floor + best[to] == best[here] and best[to] <= horizon:
                self._onward[here] = step = to, floor
                return step
        return None

    def _live(self, to: int, floor: float, weigh: Weigh[V]) -> float | None:
        weight = weigh(self._flat.vertices[to], floor)
        if weight is not None and not floor <= weight < inf:
            raise BadNumber(f"The edge to {self._flat.vertices[to]!r} weighs {weight!r} and its floor is {floor!r}.")
        return weight

    def _searched(self, start: int, shut: Set[int], weigh: Weigh[V] | None, most: float) -> Found | None:
        """A* under the potentials, None if it looked at ``most`` vertices. Among equal costs the first path wins."""
        flat, left, horizon = self._flat, self._potentials.best, self._potentials.least
        best, came_from, closed = {start: 0.0}, dict[int, int](), set(shut - {start})
        heap = [(0.0, 0, start)]
        count, push = 0, heapq.heappush
        while heap:
            here = heapq.heappop(heap)[2]
            if here == self._goal:
                return _walked(came_from, start, here), best[here]
            if here in closed:
                continue
            if most <= 0:
                return None
            most -= 1
            closed.add(here)
            reached = best[here]
            for to, floor in flat.out.of(here):
                if to in closed:
                    continue
                weight = floor if weigh is None else self._live(to, floor, weigh)
                if weight is None:
                    continue
                through = reached + weight
                known = best.get(to)
                if known is None or through < known:
                    remaining = left[to]
                    if remaining > horizon:
                        remaining = horizon
                    if remaining < inf:
                        best[to], came_from[to] = through, here
                        count += 1
                        push(heap, (through + remaining, count, to))
        return NO_WAY


def _walked(came_from: dict[int, int], start: int, goal: int) -> list[int]:
    numbers = [goal]
    while numbers[-1] != start:
        numbers.append(came_from[numbers[-1]])
    return numbers[::-1]
