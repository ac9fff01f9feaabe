"""A graph as a plan: what can begin now, and where a path may be looked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from orchestra.core.errors import JoinOnPath, UnknownVertex
from orchestra.graph.graph import Edge, Graph, Relation
from orchestra.graph.pathfinder import Pathfinder


def fan_out(origin: str, branches: Sequence[str], join: str, optional: Set[str] = frozenset()) -> tuple[Edge, ...]:
    """The edges of branches that begin together after ``origin`` and are made one by ``join``.

    The join needs every branch; one that is ``optional`` may also have failed. Raises UnknownVertex for an optional
    one that is no branch.
    """
    if stray := sorted(optional - set(branches)):
        raise UnknownVertex(f"{stray[0]!r} is optional and no branch.", remedy="Name it among the branches.")
    begins = tuple(Edge(branch, origin, 0.0, Relation.NEEDS) for branch in branches)
    return (*begins, *(Edge(join, branch, 0.0, Relation.NEEDS, branch in optional) for branch in branches))


def ready(graph: Graph, done: Set[str], failed: Set[str] = frozenset()) -> tuple[str, ...]:
    """What can begin now: all that it needs is done, or is optional and has failed; it is itself neither.

    None of these needs another, so they can run together. O(V + E of needs).
    """
    ended = done | failed
    return tuple(
        vertex
        for vertex in graph.links
        if vertex not in ended
        and all(to in done or (graph.marks[vertex][to].optional and to in failed) for to in graph.needs(vertex))
    )


def antichains(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """All vertices in the order in which they can run if none fails, those together that can begin together."""
    waits = {vertex: len(graph.needs(vertex)) for vertex in graph.links}
    found, layer = [], [vertex for vertex, count in waits.items() if not count]
    while layer:
        found.append(tuple(layer))
        below: list[str] = []
        for vertex in layer:
            for origin in graph.into[vertex]:
                if vertex in graph.needs(origin):
                    waits[origin] -= 1
                    if not waits[origin]:
                        below.append(origin)
        layer = below
    return tuple(found)


def finder(graph: Graph, goal: str, starts: Iterable[str] | None = None) -> Pathfinder[str]:
    """What finds the cheapest paths to a goal over this version of the graph; make one for each version and keep it.

    With ``starts``, what cannot be reached from any of these is not looked at. A vertex that needs one thing alone may
    be passed.
    Raises: UnknownVertex; JoinOnPath where a vertex that needs several things, or has alternatives beside what it
    needs, lies between: a path takes one edge, and all are needed.
    """
    graph.known(goal, *(starts or ()))
    before = _met(graph.into, [goal])
    between = before if starts is None else before & _met({v: [to for to, _ in graph.links[v]] for v in before}, starts)
    for vertex in graph.marks:
        if vertex in between and vertex != goal and graph.needs(vertex) and len(graph.links[vertex]) > 1:
            parts = ", ".join(to for to, _ in graph.links[vertex])
            raise JoinOnPath(f"{vertex!r} needs several things together ({parts}); no path to {goal!r} can hold them.")
    return Pathfinder(graph.links, goal)


def _met(links: Mapping[str, Sequence[str]], starts: Iterable[str]) -> set[str]:
    """All that is reached, the starts included."""
    todo = list(starts)
    seen = set(todo)
    while todo:
        fresh = [to for to in links.get(todo.pop(), ()) if to not in seen]
        seen.update(fresh)
        todo += fresh
    return seen
