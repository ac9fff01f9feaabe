"""Teams and topologies as pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from contextlib import closing
from pathlib import Path

from orchestra.agents.bundled import bundled_root
from orchestra.app.config import team_named
from orchestra.app.orchestra import Orchestra
from orchestra.app.shelf import located
from orchestra.core.errors import BadDefinition
from orchestra.graph.draw import Overlay, to_mermaid
from orchestra.graph.exchange import to_json
from orchestra.graph.graph import GOAL, START, Edge, Graph, layered
from orchestra.graph.pathfinder import Pathfinder
from orchestra.graph.svg import to_svg
from orchestra.graph.weights import entering, floors, node_weight
from orchestra.topologies.chart import topology_graph
from orchestra.topologies.registry import topology_of

FORMS = ("mermaid", "svg", "json")


def team_chart(team: str | None, folder: Path, form: str) -> str:
    """A team by its name, or that of orchestra.toml: who is in it, and what each may turn to. Raises BadDefinition."""
    with closing(team_named(team, folder)) as found:
        return drawn(found.graph(), form)


def path_chart(team: str | None, folder: Path, form: str, through: Sequence[str], without: Set[str]) -> str:
    """The nodes of a team that a row of capabilities may lead through, and the cheapest path that enters none of those
    ``without``. Raises BadDefinition, UnknownCapability, UnknownAgent.
    """
    with closing(team_named(team, folder)) as found:
        graph, overlay = path_graph(found, through, without)
        return drawn(graph, form, overlay)


def path_graph(team: Orchestra, through: Sequence[str], without: Set[str] = frozenset()) -> tuple[Graph, Overlay]:
    """The layered graph of a row of capabilities by what was declared, and over it what holds now: the weights, whom
    health hides, the cheapest path. Raises as ``path_chart``.
    """
    for name in without:
        team.catalog.named(name)
    graph, vertex_to_node = layered(team.catalog, through)
    links = floors(graph, vertex_to_node, team.weights)
    live = entering(vertex_to_node, node_weight(team.weights, team._team.health, team.clock.now))
    edges = [Edge(origin, to, weight) for origin, row in links.items() for to, weight in row]
    weights = {(edge.origin, edge.to): live(edge.to, edge.weight) for edge in edges}
    hidden = {vertex for vertex, node in vertex_to_node.items() if node.name in without}
    path = Pathfinder(links, GOAL).path(START, hidden, live)
    labels = {vertex: f"{node.kind} for {through[_layer(vertex) - 1]}" for vertex, node in vertex_to_node.items()}
    hidden |= {to for (_, to), weight in weights.items() if weight is None}
    return Graph.of(edges, graph.sorts, graph.version), Overlay(
        hidden=hidden, path=path.nodes if path else (), weights=weights, labels=labels
    )


def topology_chart(name: str, folder: Path, form: str) -> str:
    """A topology by name, or of a file. Raises UnknownName, BadDefinition."""
    graph, labels = topology_graph(topology_of(located(name, folder), bundled_root("topologies")))
    return drawn(graph, form, Overlay(labels=labels, flow=True))


def drawn(graph: Graph, form: str, overlay: Overlay | None = None) -> str:
    """A graph as Mermaid, as SVG, or as JSON, which has nothing of the overlay. Raises BadDefinition."""
    if form == "json":
        return json.dumps(to_json(graph), indent=2, ensure_ascii=False) + "\n"
    if form not in FORMS:
        raise BadDefinition(f"{form!r} is no form of a picture.", remedy=f"Take one of {', '.join(FORMS)}.")
    return (to_svg if form == "svg" else to_mermaid)(graph, overlay or Overlay())


def _layer(vertex: str) -> int:
    return int(vertex.partition(":")[0])
