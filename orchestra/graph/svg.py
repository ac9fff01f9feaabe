"""A graph as an SVG picture that needs nothing else: no script, no font, no style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.sax.saxutils import escape

from orchestra.graph.draw import PLAIN, Overlay, name_of
from orchestra.graph.graph import Edge, Graph, Relation, Sort
from orchestra.graph.layout import Key, layout

HIGH, GAP, MARGIN = 40.0, 62.0, 24.0
BETWEEN, BETWEEN_WITH_LABELS = 84.0, 124.0
"""Units: pixels. The height of a vertex, from middle to middle of two, around everything; between two layers."""
WIDTH_OF_CHAR, WIDTH_OF_SMALL, LONGEST = 7.4, 5.9, 34
FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"
STRONG, INK, LINE, FAINT = "#d9480f", "#1f2328", "#7d8590", "#f6f8fa"

SORT_TO_COLOURS = {
    Sort.AGENT: ("#dbeafe", "#2563eb"),
    Sort.TOOL: ("#ffedd5", "#ea7317"),
    Sort.WORKFLOW: ("#ede9fe", "#7c3aed"),
    Sort.SKILL: ("#fef9c3", "#b08900"),
    Sort.MODEL: ("#fce7f3", "#c2317e"),
    Sort.CAPABILITY: ("#dcfce7", "#178a46"),
    Sort.GOAL: ("#d1fae5", "#047857"),
    Sort.START: ("#e5e7eb", "#4b5563"),
    Sort.JOIN: ("#e5e7eb", "#4b5563"),
}
RELATION_TO_LINE = {
    Relation.MAY_CALL: (LINE, ""),
    Relation.PROVIDES: ("#2f9e63", ""),
    Relation.NEEDS: ("#5b7fc7", ""),
    Relation.ESCALATES_TO: ("#c2317e", "7 4"),
}
OPTIONAL = "2 4"


PLACES = (0.5, 0.7, 0.3, 0.6, 0.4, 0.8, 0.2)
"""How far along its last bend the label of an edge may stand, in the order of preference."""
Point = tuple[float, float]
Span = tuple[float, float, float]
"""A label that is placed: its middle, and half its width."""


class Box(NamedTuple):
    """Where a vertex stands. Units: pixels; ``x`` and ``y`` are its middle."""

    x: float
    y: float
    wide: float


def to_svg(graph: Graph, overlay: Overlay = PLAIN) -> str:
    """The graph from left to right; sorts differ by colour and shape, relations by colour and dashes.

    Weights are written where there is room for them; every vertex and edge says all of itself under the pointer.
    The same graph gives the same text. Raises: BadDefinition for more than one picture can hold.
    """
    edges = graph.edges
    placed = layout(tuple(graph.links), list(dict.fromkeys(overlay.ends(edge) for edge in edges)), GAP)
    boxes, width, height = _boxes(graph, overlay, placed.layers, placed.heights)
    drawn, labels, taken = [], [], list[Span]()
    for edge in sorted(edges, key=overlay.on_path, reverse=True):
        way = [boxes[key] for key in placed.ways.get(overlay.ends(edge), [])]
        line, places = _line(way) if way else _loop(boxes[edge.origin])
        drawn.append(_edge(edge, line, overlay))
        if said := overlay.said(edge):
            labels += _label(said, places, overlay.on_path(edge), taken)
    vertices = [_vertex(vertex, graph.sorts[vertex], boxes[vertex], overlay) for vertex in graph.links]
    legend, wide, below = _legend(edges, height, overlay.flow)
    size = f"{max(width, wide):.0f} {below:.0f}"
    title = f"{len(graph.links)} vertices, {len(edges)} edges, version {graph.version}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{size.split()[0]}" '
            f'height="{size.split()[1]}" font-family="{FONT}" font-size="13" role="img">',
            f"<title>{title}</title>",
            *_markers(),
            *reversed(drawn),
            *labels,
            *vertices,
            *legend,
            "</svg>\n",
        ]
    )


def _boxes(
    graph: Graph, overlay: Overlay, layers: Sequence[Sequence[Key]], heights: dict[Key, float]
) -> tuple[dict[Key, Box], float, float]:
    top = min(heights.values(), default=0.0)
    boxes: dict[Key, Box] = {}
    left = MARGIN
    between = BETWEEN_WITH_LABELS if any(overlay.said(edge) for edge in graph.edges) else BETWEEN
    for layer in layers:
        own = {key: _wide(key, graph, overlay) for key in layer if isinstance(key, str)}
        wide = max(own.values(), default=0.0)
        for key in layer:
            y = heights[key] - top + MARGIN + HIGH / 2
            boxes[key] = Box(left + wide / 2, y, own.get(key, 0.0) if isinstance(key, str) else wide)
        left += wide + between
    bottom = max((box.y for box in boxes.values()), default=0.0) + HIGH / 2 + MARGIN
    return boxes, left - between + MARGIN, bottom


def _lines(vertex: str, sort: Sort, overlay: Overlay) -> tuple[str, str]:
    small = overlay.labels.get(vertex, "" if vertex == sort.value else sort.value)
    return _short(name_of(vertex, sort)), _short(small)


def _wide(vertex: str, graph: Graph, overlay: Overlay) -> float:
    name, small = _lines(vertex, graph.sorts[vertex], overlay)
    return max(64.0, len(name) * WIDTH_OF_CHAR + 34, len(small) * WIDTH_OF_SMALL + 34)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _text(text: str) -> str:
    """Text between tags; what XML may not hold at all becomes a question mark."""
    return escape("".join(c if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF else "?" for c in text))


def _line(way: Sequence[Box]) -> tuple[str, list[Point]]:
    """A curve through the boxes, and where its label may stand, the best place first.

    It leads back where the last box is left of the first.
    """
    side = 1.0 if way[-1].x > way[0].x else -1.0
    points = [(way[0].x + side * way[0].wide / 2, way[0].y)]
    for box in way[1:-1]:
        points += [(box.x - side * box.wide / 2, box.y), (box.x + side * box.wide / 2, box.y)]
    points.append((way[-1].x - side * (way[-1].wide / 2 + 2), way[-1].y))
    line = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        bend = (x1 - x0) / 2
        line += f"C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    return line, [_along(points[-2], points[-1], share) for share in PLACES]


def _along(first: Point, last: Point, share: float) -> Point:
    """A point of the curve between two, which leaves and enters level."""
    straight, bent = share, share * share * (3 - 2 * share)
    across = 1.5 * straight - 1.5 * straight * straight + straight**3
    return first[0] + (last[0] - first[0]) * across, first[1] + (last[1] - first[1]) * bent


def _loop(box: Box) -> tuple[str, list[Point]]:
    x, y = box.x + box.wide / 2, box.y
    place = (x + 14, y - HIGH / 2 - 8)
    return f"M{x - 14:.1f} {y - HIGH / 2:.1f}c0 -22 34 -22 16 {HIGH / 2 - 6:.1f}", [place]


def _markers() -> list[str]:
    colours = dict.fromkeys([colour for colour, _ in RELATION_TO_LINE.values()] + [STRONG])
    heads = [
        f'<marker id="to-{colour[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1L10 5L0 9z" fill="{colour}"/></marker>'
        for colour in colours
    ]
    return ["<defs>", *heads, "</defs>"]


def _edge(edge: Edge, line: str, overlay: Overlay) -> str:
    colour, dashes = RELATION_TO_LINE[edge.relation]
    dashes = OPTIONAL if edge.optional else dashes
    width = 1.3
    if overlay.on_path(edge):
        colour, width = STRONG, 3.0
    gone = overlay.weights.get((edge.origin, edge.to), 0.0) is None or not overlay.hidden.isdisjoint(edge[:2])
    style = (f' stroke-dasharray="{dashes}"' if dashes else "") + (' opacity="0.45"' if gone else "")
    words = filter(None, [edge.relation.value.replace("_", " "), edge.to, overlay.said(edge)])
    return (
        f'<path d="{line}" fill="none" stroke="{colour}" stroke-width="{width}"{style} '
        f'marker-end="url(#to-{colour[1:]})"><title>{_text(edge.origin)} {_text(" ".join(words))}</title></path>'
    )


def _label(said: str, places: Sequence[Point], strong: bool, taken: list[Span]) -> list[str]:
    """The label at the first place where it covers no other; none where there is no such place."""
    half = len(said) * 3.1 + 4
    free = (
        (x, y)
        for x, y in places
        if all(abs(x - other) > half + its or abs(y - above) > 16 for other, above, its in taken)
    )
    found = next(free, None)
    if found is None:
        return []
    x, y = found
    taken.append((x, y, half))
    return [
        f'<rect x="{x - half:.1f}" y="{y - 8:.1f}" width="{2 * half:.1f}" height="16" rx="8" fill="{FAINT}" '
        f'stroke="{STRONG if strong else LINE}" stroke-width="0.6"/>'
        f'<text x="{x:.1f}" y="{y + 3.7:.1f}" font-size="10.5" text-anchor="middle" fill="{INK}">{_text(said)}</text>'
    ]


def _vertex(vertex: str, sort: Sort, box: Box, overlay: Overlay) -> str:
    fill, stroke = SORT_TO_COLOURS[sort]
    name, small = _lines(vertex, sort, overlay)
    width = 1.4
    if vertex in overlay.path:
        stroke, width = STRONG, 3.0
    faint = ' opacity="0.5" stroke-dasharray="5 4"' if vertex in overlay.hidden else ""
    state = " (hidden)" if vertex in overlay.hidden else ""
    return (
        f"<g{faint}><title>{_text(vertex)}{state}</title>"
        f'<g fill="{fill}" stroke="{stroke}" stroke-width="{width}">{_shape(sort, box)}</g>'
        f'<text x="{box.x:.1f}" y="{box.y - (2 if small else -4.5):.1f}" text-anchor="middle" fill="{INK}">'
        f"{_text(name)}</text>"
        f'<text x="{box.x:.1f}" y="{box.y + 12:.1f}" font-size="10" text-anchor="middle" fill="#57606a">'
        f"{_text(small)}</text></g>"
    )


def _shape(sort: Sort, box: Box) -> str:
    left, top, right, bottom = box.x - box.wide / 2, box.y - HIGH / 2, box.x + box.wide / 2, box.y + HIGH / 2
    if sort in (Sort.MODEL, Sort.JOIN, Sort.SKILL):
        cut = 10.0
        corners = {
            Sort.MODEL: [(left + cut, top), (right - cut, top), (right, box.y), (right - cut, bottom),
                         (left + cut, bottom), (left, box.y)],
            Sort.JOIN: [(left, top), (right - cut, top), (right, box.y), (right - cut, bottom), (left, bottom),
                        (left + cut, box.y)],
            Sort.SKILL: [(left, top), (right - cut, top), (right, top + cut), (right, bottom), (left, bottom)],
        }[sort]  # fmt: skip
        return f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}"/>'
    radius = {Sort.AGENT: 8.0, Sort.TOOL: 0.0, Sort.WORKFLOW: 0.0}.get(sort, HIGH / 2)
    shape = _rect(left, top, right, bottom, radius)
    if sort is Sort.GOAL:
        shape += _rect(left + 3.5, top + 3.5, right - 3.5, bottom - 3.5, radius - 3.5)
    if sort is Sort.WORKFLOW:
        shape += f'<path d="M{left + 6:.1f} {top:.1f}V{bottom:.1f}M{right - 6:.1f} {top:.1f}V{bottom:.1f}"/>'
    return shape


def _rect(left: float, top: float, right: float, bottom: float, radius: float) -> str:
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" rx="{radius:.1f}"/>'
    )


def _legend(edges: Sequence[Edge], height: float, flow: bool) -> tuple[list[str], float, float]:
    """The relations that there are, below the picture; what it needs in width, and the bottom."""
    kinds = [(one.value, *RELATION_TO_LINE[one]) for one in Relation if any(edge.relation is one for edge in edges)]
    kinds += [("optional", LINE, OPTIONAL)] if any(edge.optional for edge in edges) else []
    parts, x, y = [], MARGIN, height + 4
    for name, colour, dashes in kinds:
        said = "is needed by" if flow and name == Relation.NEEDS else name.replace("_", " ")
        style = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(
            f'<path d="M{x:.1f} {y:.1f}h28" fill="none" stroke="{colour}" stroke-width="1.6"{style}/>'
            f'<text x="{x + 34:.1f}" y="{y + 4:.1f}" font-size="11" fill="{LINE}">{said}</text>'
        )
        x += 34 + len(said) * 6.4 + 22
    return parts, x, y + MARGIN if kinds else height
