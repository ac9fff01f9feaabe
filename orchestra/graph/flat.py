"""A graph by numbers: what a search over many vertices walks on."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from math import inf
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from orchestra.core.errors import BadNumber

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NARROW = 4
"""Below this many vertices a level, numpy is no faster than a heap. Our default."""
SMALL = 64
"""Below this many vertices there is nothing to gain by numpy. Our default."""

V = TypeVar("V", bound=Hashable)
Links = Mapping[V, Sequence[tuple[V, float]]]
"""The edges that leave each vertex as (to, floor): the least that the edge will ever weigh."""


class Level(NamedTuple):
    """The edges that leave the vertices at the places from ``first`` up to ``last``, ordered by where they begin.

    Shapes: ``starts`` (last - first,) where the edges of each begin in ``to`` (places) and ``floors``, both (e,).
    """

    first: int
    last: int
    starts: NDArray[np.intp]
    to: NDArray[np.intp]
    floors: NDArray[np.float64]


class Levels(NamedTuple):
    """Vertices level by level from the sinks: one leads to earlier levels only. ``places`` (V,) is where each stands.

    Vertices that no edge leaves are in no level.
    """

    places: NDArray[np.intp]
    rows: list[Level]


class Edges(NamedTuple):
    """The edges of vertex ``v`` are those from ``starts[v]`` up to ``starts[v + 1]``: other end and floor of each."""

    starts: list[int]
    ends: list[int]
    floors: list[float]

    def of(self, vertex: int) -> Iterator[tuple[int, float]]:
        """The edges of a vertex as (other end, floor)."""
        first, last = self.starts[vertex], self.starts[vertex + 1]
        return zip(self.ends[first:last], self.floors[first:last], strict=True)


class Flat(Generic[V]):
    """Vertices as numbers; never changes. Vertices that the links only mention are there too.

    ``out`` are the edges that leave each vertex, in the order in which they were given. ``levels`` is None where that
    is no help: a graph with a circle, one so deep that a level has fewer than ``NARROW`` vertices on average, and a
    small one. Such a graph has ``into`` instead, the edges that enter each vertex.
    Raises: BadNumber for a weight that is negative, NaN or infinite.
    """

    __slots__ = ("into", "levels", "number", "out", "vertices")

    def __init__(self, links: Links[V]) -> None:
        number = _Numbers(zip(links, range(len(links)), strict=True))
        ends = [number[to] for edges in links.values() for to, _ in edges]
        floors = [float(floor) for edges in links.values() for _, floor in edges]
        counts = [*map(len, links.values()), *repeat(0, len(number) - len(links))]
        self.out = Edges([0, *accumulate(counts)], ends, floors)
        self.number: Mapping[V, int] = number
        self.vertices: list[V] = list(number)
        if not all(0.0 <= floor < inf for floor in floors):
            self._complain()
        self.levels = _levels(self.out) if len(number) >= SMALL else None
        self.into = _turned(self.out) if self.levels is None else Edges([], [], [])

    def _complain(self) -> None:
        for here, origin in enumerate(self.vertices):
            for to, floor in self.out.of(here):
                if not 0.0 <= floor < inf:
                    raise BadNumber(f"The edge from {origin!r} to {self.vertices[to]!r} weighs {floor!r}.")


class _Numbers(dict[V, int]):
    """Who is asked for and not there gets the next number."""

    __slots__ = ()

    def __missing__(self, vertex: V) -> int:
        self[vertex] = made = len(self)
        return made


def _turned(out: Edges) -> Edges:
    """The same edges by where they end."""
    count = len(out.starts) - 1
    if count >= SMALL:
        return _turned_by_numpy(out, count)
    rows: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for origin in range(count):
        for to, floor in out.of(origin):
            rows[to].append((origin, floor))
    edges = [edge for row in rows for edge in row]
    return Edges([0, *accumulate(map(len, rows))], [origin for origin, _ in edges], [floor for _, floor in edges])


def _turned_by_numpy(out: Edges, count: int) -> Edges:
    import numpy as np

    ends = np.array(out.ends, dtype=np.intp)
    order = np.argsort(ends, kind="stable")
    origins = np.repeat(np.arange(count), np.diff(np.array(out.starts)))
    starts = np.concatenate(([0], np.cumsum(np.bincount(ends, minlength=count))))
    return Edges(starts.tolist(), origins[order].tolist(), np.array(out.floors)[order].tolist())


def _levels(out: Edges) -> Levels | None:
    """Vertices by the longest way down to them, the deepest first, None where there is a circle or it is too deep.

    Source: A. B. Kahn, 1962, by levels.
    """
    import numpy as np

    begins, ends, weights = np.array(out.starts), np.array(out.ends, dtype=np.intp), np.array(out.floors)
    degrees, count = np.diff(begins), len(out.starts) - 1
    waits = np.bincount(ends, minlength=count)
    fronts = [np.flatnonzero(waits == 0)]
    edges = [_leaving(fronts[0], begins, degrees)]
    while edges[-1].size and len(fronts) * NARROW <= count:
        entered, times = np.unique(ends[edges[-1]], return_counts=True)
        waits[entered] -= times
        fronts.append(entered[waits[entered] == 0])
        edges.append(_leaving(fronts[-1], begins, degrees))
    if edges[-1].size or sum(front.size for front in fronts) < count:
        return None
    fronts, edges = fronts[::-1], edges[::-1]
    places = np.empty(count, dtype=np.intp)
    inner = [front[degrees[front] > 0] for front in fronts]
    order = np.concatenate([*inner, np.flatnonzero(degrees == 0)])
    places[order] = np.arange(count)
    rows, first = [], 0
    for front, leaving in zip(inner, edges, strict=True):
        if front.size:
            offsets = np.cumsum(degrees[front]) - degrees[front]
            rows.append(Level(first, first + front.size, offsets, places[ends[leaving]], weights[leaving]))
            first += front.size
    return Levels(places, rows)


def _leaving(vertices: NDArray[np.intp], begins: NDArray[np.intp], degrees: NDArray[np.intp]) -> NDArray[np.intp]:
    """The numbers of the edges that leave these vertices, in their order."""
    import numpy as np

    counts = degrees[vertices]
    skipped = begins[vertices] - (np.cumsum(counts) - counts)
    return np.repeat(skipped, counts) + np.arange(counts.sum())
