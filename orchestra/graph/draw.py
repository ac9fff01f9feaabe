"""A graph as a Mermaid flow chart, and what may be laid over a drawn graph."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from itertools import pairwise

from orchestra.graph.graph import Edge, Graph, Relation, Sort


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What a picture shows beside the graph.

    ``hidden`` vertices are dashed (what failed, or is kept out by its health), the ``path`` stands out, ``weights`` are
    written on edges in place of those of the graph (None where it hides the edge), ``labels`` are second lines of
    vertices in place of what they stand for. With ``flow`` an edge that says "needs" is drawn the way the work goes:
    what is needed comes first.
    """

    hidden: Set[str] = frozenset()
    path: tuple[str, ...] = ()
    weights: Mapping[tuple[str, str], float | None] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    flow: bool = False

    def ends(self, edge: Edge) -> tuple[str, str]:
        """From where to where the edge is drawn."""
        turned = self.flow and edge.relation is Relation.NEEDS
        return (edge.to, edge.origin) if turned else (edge.origin, edge.to)

    def meant(self, edge: Edge) -> str:
        """The relation in words; nothing where the arrow says it all."""
        told = "" if self.flow and edge.relation is Relation.NEEDS else edge.relation.value.replace("_", " ")
        return f"{told} optional".strip() if edge.optional else told

    def said(self, edge: Edge) -> str:
        """What is written on an edge; nothing for one that weighs nothing."""
        weight = self.weights.get((edge.origin, edge.to), edge.weight)
        return "hidden" if weight is None else f"{weight:.4g}" if weight else ""

    def on_path(self, edge: Edge) -> bool:
        return (edge.origin, edge.to) in set(pairwise(self.path))


PLAIN = Overlay()
SORT_TO_BRACKETS = {
    Sort.AGENT: ("(", ")"),
    Sort.TOOL: ("[", "]"),
    Sort.WORKFLOW: ("[[", "]]"),
    Sort.SKILL: ("[/", "/]"),
    Sort.MODEL: ("{{", "}}"),
    Sort.CAPABILITY: ("([", "])"),
    Sort.GOAL: ("(((", ")))"),
    Sort.START: ("((", "))"),
    Sort.JOIN: (">", "]"),
}


def to_mermaid(graph: Graph, overlay: Overlay = PLAIN) -> str:
    """The graph as the text of a Mermaid flow chart, from left to right."""
    vertex_to_id = {vertex: f"v{number}" for number, vertex in enumerate(graph.links)}
    lines = ["flowchart LR"]
    for vertex, key in vertex_to_id.items():
        first, last = SORT_TO_BRACKETS[graph.sorts[vertex]]
        lines.append(f'    {key}{first}"{_text(vertex, graph, overlay)}"{last}')
    strong = []
    for number, edge in enumerate(graph.edges):
        origin, to = overlay.ends(edge)
        words = f"{overlay.meant(edge)} {overlay.said(edge)}".strip()
        arrow = "-.->" if edge.optional or edge.relation is Relation.ESCALATES_TO else "-->"
        label = f'|"{words}"|' if words else ""
        lines.append(f"    {vertex_to_id[origin]} {arrow}{label} {vertex_to_id[to]}")
        if overlay.on_path(edge):
            strong.append(str(number))
    if hidden := [key for vertex, key in vertex_to_id.items() if vertex in overlay.hidden]:
        lines.append(f"    classDef hidden stroke-dasharray:4 4,opacity:0.5\n    class {','.join(hidden)} hidden")
    if strong:
        lines.append(f"    linkStyle {','.join(strong)} stroke:#d9480f,stroke-width:3px")
    return "\n".join(lines) + "\n"


def name_of(vertex: str, sort: Sort) -> str:
    """A vertex without its sort in front, which the picture says anyway."""
    return vertex.removeprefix(f"{sort.value}:")


def _text(vertex: str, graph: Graph, overlay: Overlay) -> str:
    label = overlay.labels.get(vertex, "")
    return _quoted(name_of(vertex, graph.sorts[vertex])) + (f"<br>{_quoted(label)}" if label else "")


def _quoted(text: str) -> str:
    """A label inside Mermaid's quotes: its own marks are written as character codes."""
    return "".join(char if char.isalnum() or char in " :_-./@" else f"#{ord(char)};" for char in text)
