"""The capability graph: who can do what, in which order, and what that is declared to cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import inf
from types import MappingProxyType
from typing import NamedTuple, TypeVar, cast

from orchestra.core.catalog import Catalog, Node
from orchestra.core.errors import BadNumber, CircularNeeds, DuplicateName, UnknownCapability, UnknownVertex
from orchestra.core.money import NANO
from orchestra.graph.needs import circle

START, GOAL = "start", "goal"


class Relation(StrEnum):
    """What an edge means. ``PROVIDES`` leads from a capability to a provider, the way that binding goes.

    Edges that leave a vertex are alternatives, but for those of ``NEEDS``: all of them have to be done first.
    """

    MAY_CALL = "may_call"
    PROVIDES = "provides"
    NEEDS = "needs"
    ESCALATES_TO = "escalates_to"


class Sort(StrEnum):
    """What a vertex stands for. A join makes one answer of several."""

    AGENT = "agent"
    TOOL = "tool"
    WORKFLOW = "workflow"
    SKILL = "skill"
    MODEL = "model"
    CAPABILITY = "capability"
    GOAL = "goal"
    START = "start"
    JOIN = "join"


class Edge(NamedTuple):
    """One edge. ``optional``: what is needed may also have failed. Units: ``weight`` in whatever the graph is weighed
    in, dollars where a Catalog was its source.
    """

    origin: str
    to: str
    weight: float = 0.0
    relation: Relation = Relation.MAY_CALL
    optional: bool = False


class Mark(NamedTuple):
    """What an edge means, beside its weight."""

    relation: Relation
    optional: bool


PLAIN = Mark(Relation.MAY_CALL, False)
Row = tuple[tuple[str, float], ...]
R = TypeVar("R")


def _nothing() -> Mapping[str, Mapping[str, Mark]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed graph over names that never changes; at most one edge leads from one vertex to another.

    ``links`` maps every vertex to its (to, weight) pairs in the order in which they were given, ``sorts`` to what it
    stands for, ``into`` to those that lead to it. ``marks`` holds, by both ends, every edge that is more than "may
    call". Edits return the next version: it shares every row that is not touched, and costs a copy of the tables of
    rows, which is a pointer or four for each vertex, and the rows it touches.
    """

    links: Mapping[str, Row]
    sorts: Mapping[str, Sort]
    into: Mapping[str, tuple[str, ...]] = field(repr=False, compare=False)
    marks: Mapping[str, Mapping[str, Mark]] = field(default_factory=_nothing)
    version: int = 0

    @classmethod
    def of(cls, edges: Iterable[Edge], sorts: Mapping[str, Sort] | None = None, version: int = 0) -> Graph:
        """Of two edges between the same vertices the later one counts.

        ``sorts`` says what vertices stand for, also such without edges, which come first. What it does not name is the
        start or the goal by its name, else an agent.
        Raises: BadNumber for a weight that is negative, NaN or infinite; CircularNeeds.
        """
        links: dict[str, dict[str, float]] = {vertex: {} for vertex in sorts or ()}
        marks: dict[str, dict[str, Mark]] = {}
        into: dict[str, dict[str, None]] = {vertex: {} for vertex in links}
        for edge in edges:
            _check(edge)
            links.setdefault(edge.origin, {})[edge.to] = edge.weight
            links.setdefault(edge.to, {})
            into.setdefault(edge.origin, {})
            into.setdefault(edge.to, {})[edge.origin] = None
            mark = Mark(edge.relation, edge.optional)
            if mark != PLAIN:
                marks.setdefault(edge.origin, {})[edge.to] = mark
            elif edge.origin in marks:
                marks[edge.origin].pop(edge.to, None)
        graph = cls(
            MappingProxyType({vertex: tuple(row.items()) for vertex, row in links.items()}),
            MappingProxyType({vertex: (sorts or {}).get(vertex) or _sort(vertex) for vertex in links}),
            MappingProxyType({vertex: tuple(into[vertex]) for vertex in links}),
            MappingProxyType({vertex: MappingProxyType(row) for vertex, row in marks.items() if row}),
            version,
        )
        if found := circle({vertex: graph.needs(vertex) for vertex in marks}):
            raise _circular(found)
        return graph

    @classmethod
    def of_weights(cls, weights: Mapping[str, Mapping[str, float]]) -> Graph:
        """From ``{from: {to: weight}}``. Raises: BadNumber."""
        return cls.of(Edge(origin, to, weight) for origin, row in weights.items() for to, weight in row.items())

    def neighbours(self, vertex: str) -> Row:
        """The edges that leave a vertex as (to, weight); none for a vertex that the graph does not hold."""
        return self.links.get(vertex, ())

    def edge(self, origin: str, to: str) -> Edge | None:
        """The edge between two vertices, None if there is none."""
        return next((edge for edge in self.leaving(origin) if edge.to == to), None)

    def leaving(self, vertex: str) -> tuple[Edge, ...]:
        """The edges that leave a vertex."""
        marks = self.marks.get(vertex, {})
        return tuple(Edge(vertex, to, weight, *marks.get(to, PLAIN)) for to, weight in self.neighbours(vertex))

    @property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(edge for vertex in self.links for edge in self.leaving(vertex))

    def needs(self, vertex: str) -> tuple[str, ...]:
        """What has to be done before a vertex can begin, optional needs included."""
        return tuple(to for to, mark in self.marks.get(vertex, {}).items() if mark.relation is Relation.NEEDS)

    def with_vertex(self, vertex: str, sort: Sort = Sort.AGENT) -> Graph:
        """The next version, with a vertex more. Raises DuplicateName for one that is there."""
        if vertex in self.links:
            raise DuplicateName(f"There is a vertex {vertex!r} already.", remedy="Take another name.")
        return self._next({vertex: ()}, {vertex: ()}, {}, {vertex: sort})

    def with_edge(self, edge: Edge, *, replace: bool = False) -> Graph:
        """The next version, with an edge more, or, with ``replace``, in the place of the one that is there.

        Raises: UnknownVertex, BadNumber, CircularNeeds; DuplicateName for an edge that is there and not to be replaced.
        """
        _check(edge)
        self.known(edge.origin, edge.to)
        row, marks = dict(self.links[edge.origin]), dict(self.marks.get(edge.origin, {}))
        there = edge.to in row
        if there and not replace:
            raise DuplicateName(
                f"An edge leads from {edge.origin!r} to {edge.to!r} already.", remedy="Pass replace=True to change it."
            )
        if edge.relation is Relation.NEEDS and (way := self._needed_way(edge.to, edge.origin)):
            raise _circular([edge.origin, *way[:-1]])
        row[edge.to] = edge.weight
        marks.pop(edge.to, None)
        if (mark := Mark(edge.relation, edge.optional)) != PLAIN:
            marks[edge.to] = mark
        into = {} if there else {edge.to: (*self.into[edge.to], edge.origin)}
        return self._next({edge.origin: tuple(row.items())}, into, {edge.origin: marks}, {})

    def without(self, vertex: str, to: str | None = None) -> Graph:
        """The next version, without a vertex and its edges, or without the edge to ``to``. Raises UnknownVertex."""
        if to is not None:
            if self.edge(vertex, to) is None:
                raise UnknownVertex(f"No edge leads from {vertex!r} to {to!r}.", remedy="Check both names.")
            return self._cut([(vertex, to)])
        self.known(vertex)
        edges = [(vertex, there) for there, _ in self.links[vertex]] + [
            (origin, vertex) for origin in self.into[vertex]
        ]
        cut = self._cut(list(dict.fromkeys(edges)))
        links, sorts, into = _copy(cut.links), _copy(cut.sorts), _copy(cut.into)
        del links[vertex], sorts[vertex], into[vertex]
        tables = MappingProxyType(links), MappingProxyType(sorts), MappingProxyType(into)
        return Graph(*tables, cut.marks, self.version + 1)

    def _cut(self, edges: Sequence[tuple[str, str]]) -> Graph:
        links: dict[str, Row] = {}
        into: dict[str, tuple[str, ...]] = {}
        marks: dict[str, Mapping[str, Mark]] = {}
        for origin, to in edges:
            links[origin] = tuple(pair for pair in links.get(origin, self.links[origin]) if pair[0] != to)
            into[to] = tuple(one for one in into.get(to, self.into[to]) if one != origin)
            if to in self.marks.get(origin, {}):
                row = marks.get(origin, self.marks[origin])
                marks[origin] = {other: mark for other, mark in row.items() if other != to}
        return self._next(links, into, marks, {})

    def _next(
        self,
        links: Mapping[str, Row],
        into: Mapping[str, tuple[str, ...]],
        marks: Mapping[str, Mapping[str, Mark]],
        sorts: Mapping[str, Sort],
    ) -> Graph:
        """The next version with these rows; a row of marks that is empty goes."""
        kept = _copy(self.marks, {vertex: MappingProxyType(dict(row)) for vertex, row in marks.items()})
        for vertex in [vertex for vertex, row in marks.items() if not row]:
            del kept[vertex]
        return replace(
            self,
            links=MappingProxyType(_copy(self.links, links)),
            sorts=MappingProxyType(_copy(self.sorts, sorts)) if sorts else self.sorts,
            into=MappingProxyType(_copy(self.into, into)) if into else self.into,
            marks=MappingProxyType(kept) if marks else self.marks,
            version=self.version + 1,
        )

    def known(self, *vertices: str) -> None:
        """Raises UnknownVertex for one that the graph does not hold."""
        for vertex in vertices:
            if vertex not in self.links:
                raise UnknownVertex(f"There is no vertex {vertex!r}.")

    def _needed_way(self, start: str, end: str) -> list[str] | None:
        """A way over what is needed, both ends included."""
        came_from: dict[str, str] = {start: start}
        todo = [start]
        while todo and end not in came_from:
            here = todo.pop()
            fresh = [to for to in self.needs(here) if to not in came_from]
            came_from.update(dict.fromkeys(fresh, here))
            todo += fresh
        if end not in came_from:
            return None
        way = [end]
        while way[-1] != start:
            way.append(came_from[way[-1]])
        return way[::-1]


def _copy(table: Mapping[str, R], rows: Mapping[str, R] = MappingProxyType({})) -> dict[str, R]:
    """A table with other rows. Its own union is a copy of pointers; ``dict(table)`` would look every key up."""
    return cast("MappingProxyType[str, R]", table) | rows


def _check(edge: Edge) -> None:
    if not 0.0 <= edge.weight < inf:
        raise BadNumber(f"The edge from {edge.origin!r} to {edge.to!r} weighs {edge.weight!r}.")


def _sort(vertex: str) -> Sort:
    return Sort(vertex) if vertex in (START, GOAL) else Sort.AGENT


def _circular(way: Sequence[str]) -> CircularNeeds:
    return CircularNeeds(f"It goes round in a circle: {' needs '.join([*way, way[0]])}.")


def layered(catalog: Catalog, capabilities: Sequence[str]) -> tuple[Graph, Mapping[str, Node]]:
    """The graph of several capabilities in a row, and which node each of its vertices stands for.

    Every provider of one capability leads to every provider of the next. A provider in layer 2 is the vertex
    ``2:NAME``, as one node may serve several layers; ``start`` and ``goal`` stand for no node.
    Units: an edge weighs the declared dollars a call of the node it leads to.
    Raises: UnknownCapability where nobody provides one.
    """
    edges: list[Edge] = []
    vertex_to_node: dict[str, Node] = {}
    before = [START]
    for number, capability in enumerate(capabilities, start=1):
        providers = {f"{number}:{node.name}": node for node in catalog.providers(capability)}
        if not providers:
            raise UnknownCapability(f"No node provides {capability!r}.")
        vertex_to_node.update(providers)
        entering = {to: (node.cost_nano + node.expected_nano) / NANO for to, node in providers.items()}
        edges += [Edge(origin, to, usd) for origin in before for to, usd in entering.items()]
        before = list(providers)
    edges += [Edge(origin, GOAL) for origin in before]
    return Graph.of(edges), MappingProxyType(vertex_to_node)
