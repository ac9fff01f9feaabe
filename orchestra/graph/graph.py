"""The capability graph: who can do what, in which order, and what that is declared to cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from orchestra.core.catalog import Catalog, Node
from orchestra.core.errors import BadNumber, UnknownCapability
from orchestra.core.money import NANO

if TYPE_CHECKING:
    import networkx as nx

START, GOAL = "start", "goal"


class Relation(StrEnum):
    """What an edge means. ``PROVIDES`` leads from a capability to a provider, the way that binding goes."""

    MAY_CALL = "may_call"
    PROVIDES = "provides"
    NEEDS = "needs"
    ESCALATES_TO = "escalates_to"


class Edge(NamedTuple):
    """One edge. Units: ``weight`` in whatever the graph is weighed in, dollars where a Catalog was its source."""

    origin: str
    to: str
    weight: float = 0.0
    relation: Relation = Relation.MAY_CALL


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed graph over names that never changes; at most one edge leads from one vertex to another.

    ``links`` maps every vertex to its (to, weight) pairs in the order in which they were given, ``relations`` every
    pair of linked vertices to the edge's meaning.
    """

    links: Mapping[str, tuple[tuple[str, float], ...]]
    relations: Mapping[tuple[str, str], Relation]

    @classmethod
    def of(cls, edges: Iterable[Edge]) -> Graph:
        """Of two edges between the same vertices the later one counts.

        Raises: BadNumber for a weight that is negative, NaN or infinite.
        """
        links: dict[str, dict[str, float]] = {}
        relations: dict[tuple[str, str], Relation] = {}
        for edge in edges:
            if not 0.0 <= edge.weight < inf:
                raise BadNumber(f"The edge from {edge.origin!r} to {edge.to!r} weighs {edge.weight!r}.")
            links.setdefault(edge.origin, {})[edge.to] = edge.weight
            links.setdefault(edge.to, {})
            relations[edge.origin, edge.to] = edge.relation
        fixed = {vertex: tuple(to_to_weight.items()) for vertex, to_to_weight in links.items()}
        return cls(MappingProxyType(fixed), MappingProxyType(relations))

    @classmethod
    def of_weights(cls, weights: Mapping[str, Mapping[str, float]]) -> Graph:
        """From ``{from: {to: weight}}``. Raises: BadNumber."""
        return cls.of(Edge(origin, to, weight) for origin, row in weights.items() for to, weight in row.items())

    @classmethod
    def of_catalog(cls, catalog: Catalog, escalate: str | None = None) -> Graph:
        """Each capability leads to its providers, each model agent to its models, each capability to the last resort.

        Capabilities and models are the vertices ``capability:NAME`` and ``model:NAME``, as an agent may bear the same
        name. Units: edges to providers weigh their declared dollars a call.
        """
        edges = []
        for capability in catalog.capability_to_names:
            origin = f"capability:{capability}"
            edges += [
                Edge(origin, node.name, node.cost_nano / NANO, Relation.PROVIDES)
                for node in catalog.providers(capability)
            ]
            if escalate is not None:
                edges.append(Edge(origin, f"model:{escalate}", 0.0, Relation.ESCALATES_TO))
        for node in catalog.nodes.values():
            edges += [Edge(node.name, f"model:{model}", 0.0, Relation.NEEDS) for model in node.models]
        return cls.of(edges)

    def neighbours(self, vertex: str) -> tuple[tuple[str, float], ...]:
        """The edges that leave a vertex as (to, weight); none for a vertex that the graph does not hold."""
        return self.links.get(vertex, ())

    @property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(
            Edge(origin, to, weight, self.relations[origin, to])
            for origin, row in self.links.items()
            for to, weight in row
        )

    def to_networkx(self) -> nx.DiGraph[str]:
        """The same graph for networkx; edges carry ``weight`` and ``relation``."""
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.links)
        for edge in self.edges:
            graph.add_edge(edge.origin, edge.to, weight=edge.weight, relation=edge.relation.value)
        return graph

    def to_mermaid(self) -> str:
        """The graph as the text of a Mermaid flow chart."""
        vertex_to_id = {vertex: f"v{number}" for number, vertex in enumerate(self.links)}
        lines = ["flowchart LR"]
        lines += [f'    {key}["{_quoted(vertex)}"]' for vertex, key in vertex_to_id.items()]
        lines += [
            f'    {vertex_to_id[edge.origin]} -->|"{edge.relation} {edge.weight:g}"| {vertex_to_id[edge.to]}'
            for edge in self.edges
        ]
        return "\n".join(lines) + "\n"


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


def _quoted(text: str) -> str:
    """A label inside Mermaid's quotes: its own marks are written as character codes."""
    return "".join(char if char.isalnum() or char in " :_-./@" else f"#{ord(char)};" for char in text)
