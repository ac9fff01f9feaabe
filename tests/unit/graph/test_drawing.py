"""Pictures: what they hold, that nothing breaks out of them, where things stand."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition
from orchestra.graph.draw import Overlay, to_mermaid
from orchestra.graph.graph import Edge, Graph, Relation, Sort
from orchestra.graph.layout import MOST_VERTICES, layout
from orchestra.graph.svg import to_svg

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '<script>alert("1")</script>&amp;\x00\n]]>'
GRAPH = Graph.of(
    [Edge("start", "a", 0.5), Edge("start", "b", 0.25), Edge("a", "goal"), Edge("b", "goal"), Edge("a", "a", 2.0)],
    {"model:m": Sort.MODEL},
)


def texts(svg: str, tag: str = "text") -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(svg).iter(f"{SVG}{tag}")]


def test_every_vertex_and_weight_stands_in_the_picture() -> None:
    found = texts(to_svg(GRAPH))
    assert {"m", "model", "start", "a", "agent", "b", "goal", "0.5", "0.25", "2", "may call"} <= set(found)
    assert "a may call goal" in texts(to_svg(GRAPH), "title")


def test_the_path_stands_out_and_the_hidden_are_dashed() -> None:
    overlay = Overlay(hidden={"a"}, path=("start", "b", "goal"), weights={("start", "a"): None, ("b", "goal"): 0.75})
    root = ElementTree.fromstring(to_svg(GRAPH, overlay))
    strong = [one.find(f"{SVG}title") for one in root.iter(f"{SVG}path") if one.get("stroke-width") == "3.0"]
    assert sorted(str(one.text) for one in strong if one is not None) == [
        "b may call goal 0.75",
        "start may call b 0.25",
    ]
    dashed = [one.find(f"{SVG}title") for one in root.iter(f"{SVG}g") if one.get("stroke-dasharray")]
    assert [one.text for one in dashed if one is not None] == ["a (hidden)"]
    assert "hidden" in texts(to_svg(GRAPH, overlay)) and "hidden" not in texts(to_svg(GRAPH))


@given(st.dictionaries(st.text(max_size=6), st.sampled_from(Sort), min_size=1, max_size=6), st.data())
@settings(max_examples=60)
def test_whatever_names_hold_it_is_well_formed_and_the_same_again(sorts: dict[str, Sort], data: st.DataObject) -> None:
    ends = st.sampled_from(sorted(sorts))
    relations = st.sampled_from([relation for relation in Relation if relation is not Relation.NEEDS])
    edges = [
        Edge(a, b, data.draw(st.floats(0, 9)), data.draw(relations), data.draw(st.booleans()))
        for a, b in data.draw(st.sets(st.tuples(ends, ends), max_size=12))
    ]
    graph = Graph.of(sorted(edges), sorts)
    overlay = Overlay(hidden=set(sorted(sorts)[:1]), path=tuple(sorts), labels={sorted(sorts)[0]: NASTY})
    svg = to_svg(graph, overlay)
    root = ElementTree.fromstring(svg)
    allowed = {"svg", "title", "defs", "marker", "path", "g", "rect", "polygon", "text"}
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= allowed
    assert not any(name.startswith("on") or "href" in name for one in root.iter() for name in one.attrib)
    assert to_svg(graph, overlay) == svg


def test_nothing_breaks_out_of_a_name() -> None:
    graph = Graph.of([Edge(NASTY, "b")], {NASTY: Sort.AGENT})
    svg = to_svg(graph)
    assert "<script>" not in svg and any("<script>" in text for text in texts(svg, "title"))
    lines = to_mermaid(graph).splitlines()
    assert lines[1].startswith('    v0("#60;script#62;alert#40;#34;1#34;') and len(lines) == 4


def test_too_much_for_one_picture_is_refused() -> None:
    many = [str(number) for number in range(MOST_VERTICES + 1)]
    with pytest.raises(BadDefinition, match="401 vertices could not be read; it holds at most 400"):
        to_svg(Graph.of([], dict.fromkeys(many, Sort.AGENT)))
    chain = [(a, b) for a, b in pairwise(many[:MOST_VERTICES])] + [("0", vertex) for vertex in many[2:300]]
    with pytest.raises(BadDefinition, match="edges could not be read"):
        layout(many[:MOST_VERTICES], chain, 10)


def test_layers_run_from_left_to_right_and_circles_are_cut() -> None:
    found = layout(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "a"), ("a", "d"), ("c", "d")], 10)
    depth = {key: number for number, layer in enumerate(found.layers) for key in layer}
    assert [depth[vertex] for vertex in "abcd"] == [0, 1, 2, 3]
    assert found.ways["c", "a"][0] == "c" and found.ways["c", "a"][-1] == "a"
    for way in found.ways.values():
        assert {abs(depth[one] - depth[other]) for one, other in pairwise(way)} == {1}


def test_crossings_are_taken_out_and_nothing_lies_on_another() -> None:
    edges = [("a", "z"), ("b", "y"), ("c", "x"), ("a", "y")]
    found = layout(["a", "b", "c", "x", "y", "z"], edges, 10)
    place = {key: at for layer in found.layers for at, key in enumerate(layer)}
    pairs = [(one, other) for one in edges for other in edges]
    assert not any(place[a] < place[c] and place[b] > place[d] for (a, b), (c, d) in pairs)
    for layer in found.layers:
        assert all(found.heights[low] - found.heights[high] >= 10 - 1e-9 for high, low in pairwise(layer))


def test_a_source_stands_right_before_what_it_leads_to() -> None:
    found = layout(["a", "b", "c", "late"], [("a", "b"), ("b", "c"), ("late", "c")], 10)
    assert found.layers == [["a"], ["b", "late"], ["c"]]


def test_mermaid_says_what_edges_mean_and_what_lies_over_them() -> None:
    graph = Graph.of(
        [Edge("start", 'say "hi"]', 0.25), Edge('say "hi"]', "tool:x", 0, Relation.NEEDS, True)], {"tool:x": Sort.TOOL}
    )
    assert to_mermaid(graph) == (
        "flowchart LR\n"
        '    v0["x"]\n    v1(("start"))\n    v2("say #34;hi#34;#93;")\n'
        '    v1 -->|"may call 0.25"| v2\n    v2 -.->|"needs optional"| v0\n'
    )
    overlay = Overlay(hidden={"tool:x"}, path=("start", 'say "hi"]'), labels={"start": "now"}, flow=True)
    lines = to_mermaid(graph, overlay).splitlines()
    assert '    v1(("start<br>now"))' in lines and '    v0 -.->|"optional"| v2' in lines
    assert lines[-2:] == ["    class v0 hidden", "    linkStyle 0 stroke:#d9480f,stroke-width:3px"]
