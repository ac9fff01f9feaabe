"""The graph of a team: capabilities, who provides them, and what each of these may turn to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestra.core.catalog import Catalog, Node
from orchestra.core.money import NANO
from orchestra.graph.graph import Edge, Graph, Relation, Sort


def team_graph(
    catalog: Catalog, escalate: str | None = None, goals: Mapping[str, Iterable[str]] | None = None
) -> Graph:
    """Goals lead to the capabilities and nodes that work on them, capabilities to their providers and to the last
    resort, agents to their models, tools, skills and those they hand over to. Its version is the catalogue's.

    A node of the catalogue is the vertex of its own name. Everything else is told from it by its sort: the vertices
    ``capability:NAME``, ``model:NAME``, ``skill:NAME``, ``goal:NAME``, and ``tool:NAME`` for a tool that is only an
    agent's (``tool:AGENT/NAME`` where that is another one than the first of this name). An agent needs its only
    model; several are alternatives. A hand-off leads to the capability of that name where there is one, as in a run.
    Units: edges to providers weigh their declared dollars a call.
    """
    made = _Made(catalog)
    for capability in catalog.capability_to_names:
        origin = made.vertex(Sort.CAPABILITY, capability)
        for node in catalog.providers(capability):
            usd = (node.cost_nano + node.expected_nano) / NANO
            made.edges.append(Edge(origin, node.name, usd, Relation.PROVIDES))
        if escalate is not None:
            made.edges.append(Edge(origin, made.vertex(Sort.MODEL, escalate), 0.0, Relation.ESCALATES_TO))
    for node in catalog.nodes.values():
        made.uses(node.name, node)
    for goal, names in (goals or {}).items():
        origin = made.vertex(Sort.GOAL, goal)
        made.edges += [Edge(origin, made.named(name)) for name in names]
    return Graph.of(made.edges, made.sorts, catalog.version)


class _Made:
    """Edges and sorts as they come together."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.sorts: dict[str, Sort] = {}
        for capability in catalog.capability_to_names:
            self.vertex(Sort.CAPABILITY, capability)
        self.sorts |= {name: _sort(node) for name, node in catalog.nodes.items()}
        self.edges: list[Edge] = []
        self._vertex_to_tool: dict[str, Node] = {}

    def vertex(self, sort: Sort, name: str) -> str:
        key = f"{sort.value}:{name}"
        self.sorts.setdefault(key, sort)
        return key

    def named(self, name: str) -> str:
        """A capability goes before a node of the same name; a name that nobody bears yet is a capability to come."""
        there = name in self.catalog.capability_to_names or name not in self.catalog.nodes
        return self.vertex(Sort.CAPABILITY, name) if there else name

    def uses(self, origin: str, node: Node) -> None:
        """What a node may turn to, agents that are its tools included, and what these may turn to."""
        relation = Relation.NEEDS if len(node.models) == 1 else Relation.MAY_CALL
        self.edges += [Edge(origin, self.vertex(Sort.MODEL, model), 0.0, relation) for model in node.models]
        self.edges += [Edge(origin, self.vertex(Sort.SKILL, skill)) for skill in node.skills]
        self.edges += [Edge(origin, self.named(name)) for name in node.hands_to]
        for tool in node.tools:
            self._tool(origin, tool)

    def _tool(self, origin: str, tool: Node) -> None:
        if self.catalog.nodes.get(tool.name) == tool:
            self.edges.append(Edge(origin, tool.name))
            return
        key = f"{Sort.TOOL.value}:{tool.name}"
        if self._vertex_to_tool.get(key, tool) != tool:
            key = f"{Sort.TOOL.value}:{origin.removeprefix('tool:')}/{tool.name}"
        self.edges.append(Edge(origin, key, (tool.cost_nano + tool.expected_nano) / NANO))
        if key not in self._vertex_to_tool:
            self._vertex_to_tool[key] = tool
            self.sorts[key] = _sort(tool)
            self.uses(key, tool)


def _sort(node: Node) -> Sort:
    return Sort(node.kind)
