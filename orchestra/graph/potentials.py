"""How far every vertex is from the goal at the least: found backwards from the goal, as far as it is asked for."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from math import inf
from typing import Any, cast

from orchestra.graph.flat import Flat, Levels


class Potentials:
    """The distances to one goal over the floors of the weights; kept from query to query.

    While no edge weighs less than its floor, ``of`` is never more than what is really left (admissible) and obeys the
    triangle inequality (consistent), so that A* with it is exact whatever fails or becomes dearer.
    ``best`` holds what was found so far. Every vertex whose entry is no more than ``least`` is settled, its entry is
    exact; any other is at least that far. The search goes on from there when it is asked to, and no vertex is settled
    twice. A wide graph without circles is settled at once, level by level.

    Source: A. V. Goldberg and C. Harrelson, Computing the shortest path: A* search meets graph theory, 2005, has
    potentials from kept distances; that they are grown on demand is ours.
    """

    __slots__ = ("_flat", "_goal", "_grown", "_heap", "best", "least")

    def __init__(self, flat: Flat[Any], goal: int) -> None:
        self._flat, self._goal = flat, goal
        self._grown = [inf] * len(flat.vertices) if flat.levels is None else []
        self._heap = [(0.0, goal)]
        if self._grown:
            self._grown[goal] = 0.0
        self.best: Sequence[float] = self._grown
        self.least = -inf

    def of(self, vertex: int) -> float:
        """The least that is left from a vertex to the goal; infinite where there is no way."""
        return min(self.best[vertex], self.least) if self.best else 0.0

    def settled(self, vertex: int) -> bool:
        """Whether the entry of a vertex is its exact distance."""
        return self.least == inf or (bool(self.best) and self.best[vertex] <= self.least)

    def settle(self, until: int | None = None, most: float = inf) -> None:
        """Grows them up to a vertex (or all, without one), by ``most`` vertices; a wide graph without circles at once.

        A vertex that is settled, and unreachable, has an infinite entry.
        """
        if self._flat.levels is None:
            self._grow(until, most)
        elif self.least < inf:
            self._sweep(self._flat.levels)

    def _grow(self, until: int | None, most: float) -> None:
        heap, best, into = self._heap, self._grown, self._flat.into
        starts, ends, floors = into
        while heap:
            far, here = heapq.heappop(heap)
            if far > best[here]:
                continue
            first, last = starts[here], starts[here + 1]
            for origin, floor in zip(ends[first:last], floors[first:last]):  # noqa: B905 - strict costs a tenth here
                through = far + floor
                if through < best[origin]:
                    best[origin] = through
                    heapq.heappush(heap, (through, origin))
            most -= 1
            if here == until or most <= 0:
                self.least = far
                return
        self.least = inf

    def _sweep(self, levels: Levels) -> None:
        """Every vertex, one level after the other from the sinks. O(V + E)."""
        import numpy as np

        goal = int(levels.places[self._goal])
        best = np.full(len(levels.places), inf)
        best[goal] = 0.0
        for first, last, starts, to, floors in levels.rows:
            best[first:last] = np.minimum.reduceat(best[to] + floors, starts)
            if first <= goal < last:
                best[goal] = 0.0
        # Its items are floats, and nothing is copied.
        self.best = memoryview(cast(Any, best[levels.places]))
        self.least = inf
