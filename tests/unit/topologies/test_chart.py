"""Topologies as graphs: who needs whom, what is optional, what lies inside."""

from typing import Any

import pytest

from orchestra.agents.bundled import bundled_root
from orchestra.core.call import NodeName
from orchestra.core.errors import BadDefinition
from orchestra.graph.graph import Sort
from orchestra.graph.planned import antichains
from orchestra.topologies.chart import topology_graph
from orchestra.topologies.hierarchical import hierarchical
from orchestra.topologies.hybrid import hybrid
from orchestra.topologies.member import Member
from orchestra.topologies.parallel import parallel
from orchestra.topologies.registry import topology_of
from orchestra.topologies.sequential import sequential


def needed(topology: Any) -> dict[str, list[str]]:
    """What each vertex needs, with a question mark behind what is optional."""
    graph, _ = topology_graph(topology)
    return {vertex: [f"{edge.to}{'?' * edge.optional}" for edge in graph.leaving(vertex)] for vertex in graph.links}


def test_one_after_another() -> None:
    assert needed(sequential("a", "b")) == {"start": [], "a": ["start"], "b": ["a"], "goal": ["b"]}


@pytest.mark.parametrize(("given", "optional"), [({}, ""), ({"on_failure": "continue"}, "?"), ({"join": "first"}, "?")])
def test_all_at_once(given: Any, optional: str) -> None:
    found = needed(parallel("a", "b", **given))
    join = given.get("join", "all")
    assert found[join] == [f"a{optional}", f"b{optional}"] and found["goal"] == [join] and found["a"] == ["start"]


def test_a_graph_with_one_end_and_with_several() -> None:
    after = {"c": ["a", "b"]}
    found = needed(hybrid("a", "b", "c", after=after, on_failure="continue"))
    assert found["c"] == ["a?", "b?"] and found["goal"] == ["c"]
    found = needed(hybrid("a", "b", "c", "d", after=after, join="merge", by="judge"))
    assert found["join"] == ["c", "d"] and found["goal"] == ["join"] and found["c"] == ["a", "b"]


def test_a_lead_and_its_report() -> None:
    found = needed(hierarchical(lead="plan", members=["a", "b"]))
    assert found["a"] == found["b"] == ["lead"] and found["report"] == ["a", "b"] and found["goal"] == ["report"]


def test_topologies_inside_are_unfolded() -> None:
    inner = parallel("a", "b", name="both")
    found = needed(sequential("start", inner, "a"))
    assert found["start-2"] == ["start"] and found["both/a"] == ["start-2"]
    assert found["both/all"] == ["both/a", "both/b"] and found["a"] == ["both/all"] and found["goal"] == ["a"]


def test_who_does_it_is_a_label() -> None:
    graph, labels = topology_graph(sequential(Member(target="write", name="draft"), NodeName(name="bob"), "check"))
    assert dict(labels) == {"draft": "capability write"}
    assert (graph.sorts["draft"], graph.sorts["bob"], graph.sorts["check"]) == (
        Sort.CAPABILITY, Sort.AGENT, Sort.CAPABILITY
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("sequential", [{"start"}, {"research"}, {"refinement"}, {"goal"}]),
        ("parallel", [{"start"}, {"research", "analysis"}, {"join"}, {"goal"}]),
        ("hierarchical", [{"start"}, {"analysis"}, {"research", "risks"}, {"summary"}, {"goal"}]),
        ("hybrid", [{"start"}, {"facts", "numbers"}, {"draft"}, {"final"}, {"goal"}]),
    ],
)
def test_the_shipped_ones(name: str, layers: list[set[str]]) -> None:
    graph, _ = topology_graph(topology_of(name, bundled_root("topologies")))
    assert [set(layer) for layer in antichains(graph)] == layers


def test_one_without_a_shape_is_refused() -> None:
    with pytest.raises(BadDefinition, match="no shape before a task is known"):
        topology_graph(topology_of("auto", bundled_root("topologies"), ["x"]))
