"""What can begin, in which order, and where no path may be looked for."""

import pytest

from orchestra.core.errors import JoinOnPath, UnknownVertex
from orchestra.graph.graph import Edge, Graph, Relation
from orchestra.graph.planned import antichains, fan_out, finder, ready

NEEDS = Relation.NEEDS
FAN = Graph.of([*fan_out("task", ["facts", "numbers", "news"], "answer", {"news"}), Edge("print", "answer", 0, NEEDS)])


def test_what_needs_nothing_begins_and_a_join_waits_for_all() -> None:
    assert ready(FAN, set()) == ("task",)
    assert ready(FAN, {"task"}) == ("facts", "numbers", "news")
    assert ready(FAN, {"task", "facts"}) == ("numbers", "news")
    assert ready(FAN, {"task", "facts", "numbers"}) == ("news",)
    assert ready(FAN, {"task", "facts", "numbers", "news"}) == ("answer",)


def test_only_an_optional_branch_may_fail() -> None:
    assert ready(FAN, {"task", "facts", "numbers"}, {"news"}) == ("answer",)
    assert ready(FAN, {"task", "facts", "news"}, {"numbers"}) == ()


def test_the_layers_of_a_plan() -> None:
    assert antichains(FAN) == (("task",), ("facts", "numbers", "news"), ("answer",), ("print",))
    assert antichains(Graph.of([Edge("a", "b")])) == (("a", "b"),)


def test_a_branch_that_is_none_cannot_be_optional() -> None:
    with pytest.raises(UnknownVertex, match="'c'"):
        fan_out("a", ["b"], "d", {"c"})


def test_no_path_goes_over_a_join() -> None:
    with pytest.raises(JoinOnPath, match=r"'answer' needs several things together \(facts, numbers, news\)"):
        finder(FAN, "task")
    with pytest.raises(JoinOnPath):
        finder(FAN, "facts", ["print"])
    assert finder(FAN, "task", ["facts"]).path("facts") is not None


def test_a_chain_of_needs_is_a_path_and_alternatives_beside_a_need_are_none() -> None:
    chain = Graph.of([Edge("capability:x", "one", 1.0, Relation.PROVIDES), Edge("one", "model:m", 2.0, NEEDS)])
    path = finder(chain, "model:m").path("capability:x")
    assert path is not None and path.cost == 3.0
    with pytest.raises(JoinOnPath, match="'one'"):
        finder(chain.with_vertex("tool").with_edge(Edge("one", "tool")), "tool")
    aside = chain.with_vertex("tool").with_edge(Edge("capability:x", "tool"))
    assert finder(aside, "tool").path("capability:x") is not None


def test_a_goal_that_is_a_join_may_be_reached_and_what_is_not_there_may_not() -> None:
    led = FAN.with_vertex("caller").with_edge(Edge("caller", "answer", 1.0))
    path = finder(led, "answer").path("caller")
    assert path is not None and path.cost == 1.0
    for goal, starts in (("nowhere", None), ("task", ["nowhere"])):
        with pytest.raises(UnknownVertex, match="'nowhere'"):
            finder(FAN, goal, starts)
