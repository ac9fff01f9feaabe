"""A graph as networkx holds it, and as plain JSON: there and back without a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from orchestra.core.errors import BadDefinition
from orchestra.graph.graph import Edge, Graph, Relation, Sort

if TYPE_CHECKING:
    import networkx as nx

T = TypeVar("T", Relation, Sort)
VERTEX, EDGE = {"name", "sort"}, {"from", "to", "weight", "relation", "optional"}


def to_networkx(graph: Graph) -> nx.DiGraph[str]:
    """The same graph for networkx: vertices carry ``sort``, edges ``weight``, ``relation`` and ``optional``, the graph
    its ``version``.
    """
    import networkx as nx

    made: nx.DiGraph[str] = nx.DiGraph(version=graph.version)
    for vertex, sort in graph.sorts.items():
        made.add_node(vertex, sort=sort.value)
    for edge in graph.edges:
        relation, optional = edge.relation.value, edge.optional
        made.add_edge(edge.origin, edge.to, weight=edge.weight, relation=relation, optional=optional)
    return made


def from_networkx(graph: Any) -> Graph:
    """From a networkx.DiGraph whose vertices are texts.

    What is not said is 1 for a weight, as in networkx, "may call" for a relation, and the sort that a name has by
    itself. Raises: BadDefinition for what could not be held: an undirected graph, parallel edges, vertices that are no
    texts, other attributes; BadNumber; CircularNeeds.
    """
    import networkx as nx

    if not isinstance(graph, nx.DiGraph) or graph.is_multigraph():
        raise BadDefinition(
            f"A {type(graph).__name__} cannot be held: edges have a direction, and there is one from one to another.",
            remedy="Pass a networkx.DiGraph.",
        )
    _known(graph.graph, {"version"}, "the graph")
    vertices = []
    for vertex, said in graph.nodes(data=True):
        _known(said, {"sort"}, f"the vertex {vertex!r}")
        vertices.append({"name": vertex, **said})
    edges = []
    for origin, to, said in graph.edges(data=True):
        _known(said, EDGE - {"from", "to"}, f"the edge from {origin!r} to {to!r}")
        edges.append({"weight": 1.0, **said, "from": origin, "to": to})
    return from_json({"version": 0, **graph.graph, "vertices": vertices, "edges": edges})


def to_json(graph: Graph) -> dict[str, Any]:
    """Plain values: the version, the vertices with their sorts, the edges."""
    return {
        "version": graph.version,
        "vertices": [{"name": vertex, "sort": sort.value} for vertex, sort in graph.sorts.items()],
        "edges": [
            {"from": e.origin, "to": e.to, "weight": e.weight, "relation": e.relation.value, "optional": e.optional}
            for e in graph.edges
        ],
    }


def from_json(data: Any) -> Graph:
    """What ``to_json`` gave, or less of it: only names, and both ends of an edge, have to be there.

    Raises: BadDefinition that says where; BadNumber; CircularNeeds.
    """
    _known(data, {"version", "vertices", "edges"}, "the graph")
    version = data.get("version", 0)
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise BadDefinition(f"version={version!r} is no whole number from 0 up.")
    sorts: dict[str, Sort] = {}
    for said in _list(data, "vertices"):
        _known(said, VERTEX, "a vertex")
        name = _name(said, "name")
        if name in sorts:
            raise BadDefinition(f"Two vertices are named {name!r}.")
        default = Sort(name) if name in (Sort.START, Sort.GOAL) else Sort.AGENT
        sorts[name] = _one_of(Sort, said.get("sort", default), f"the vertex {name!r}")
    edges: dict[tuple[str, str], Edge] = {}
    for said in _list(data, "edges"):
        edge = _edge(said)
        if (edge.origin, edge.to) in edges:
            raise BadDefinition(f"Two edges lead from {edge.origin!r} to {edge.to!r}.")
        edges[edge.origin, edge.to] = edge
    return Graph.of(edges.values(), sorts, version)


def _edge(said: Any) -> Edge:
    _known(said, EDGE, "an edge")
    origin, to = _name(said, "from"), _name(said, "to")
    place = f"the edge from {origin!r} to {to!r}"
    weight, optional = said.get("weight", 0.0), said.get("optional", False)
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise BadDefinition(f"{weight!r} is no weight of {place}.")
    if not isinstance(optional, bool):
        raise BadDefinition(f"optional={optional!r} of {place} is neither true nor false.")
    relation = _one_of(Relation, said.get("relation", Relation.MAY_CALL), place)
    return Edge(origin, to, float(weight), relation, optional)


def _known(said: Any, names: set[str], place: str) -> None:
    if not isinstance(said, Mapping):
        raise BadDefinition(f"{said!r} is no mapping, as {place} has to be.")
    if more := [name for name in said if name not in names]:
        raise BadDefinition(
            f"{place[0].upper()}{place[1:]} has {more[0]!r}, which would be lost.",
            remedy=f"Take it out first; what can be said is {', '.join(sorted(names))}.",
        )


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    found = data.get(key, [])
    if not isinstance(found, list):
        raise BadDefinition(f"{key} is no list.")
    return found


def _name(said: Mapping[str, Any], key: str) -> str:
    found = said.get(key)
    if not isinstance(found, str):
        raise BadDefinition(f"{key}={found!r} is no name.", remedy="Vertices are texts.")
    return found


def _one_of(kind: type[T], value: Any, place: str) -> T:
    try:
        return kind(value)
    except ValueError:
        raise BadDefinition(f"{value!r} of {place} is none of {', '.join(kind)}.") from None
