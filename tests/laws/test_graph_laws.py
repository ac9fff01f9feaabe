"""What holds for every graph, every outage and every sequence of calls."""

from collections import Counter
from itertools import pairwise
from math import inf, nan

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestra.core.call import Call, ModelName
from orchestra.core.errors import BadNumber, BudgetExceeded, CallTimeout, NoEffect
from orchestra.core.outcome import Done, Outcome, failed
from orchestra.graph.bind import ModelOption, bind
from orchestra.graph.breaker import BreakerRule
from orchestra.graph.exchange import to_networkx
from orchestra.graph.graph import Edge, Graph
from orchestra.graph.health import Health
from orchestra.graph.route import route
from orchestra.graph.shortest import finding, shortest
from orchestra.graph.weights import Weights
from orchestra.ports.model import Reply
from tests.support.plans import Driver, first_standing

VERTICES = 8
# Tenths of whole numbers, so that ties are common; sums are compared with a tolerance.
weights = st.integers(0, 9).map(lambda tenths: tenths / 10)
bad_numbers = st.one_of(st.just(nan), st.just(inf), st.floats(max_value=0, exclude_max=True))


@st.composite
def graphs(draw: st.DrawFn, acyclic: bool = False) -> Graph:
    """A random graph over "0".."7", from "0" to "7"."""
    numbers = st.integers(0, VERTICES - 1)
    pairs = draw(st.lists(st.tuples(numbers, numbers).filter(lambda pair: pair[0] != pair[1]), max_size=24))
    if acyclic:
        pairs = [(min(pair), max(pair)) for pair in pairs]
    edges = [Edge(str(a), str(b), draw(weights)) for a, b in dict.fromkeys(pairs)]
    return Graph.of([*edges, Edge("0", "1", draw(weights)), Edge(str(VERTICES - 2), str(VERTICES - 1), draw(weights))])


vertex_sets = st.frozensets(st.integers(1, VERTICES - 1).map(str))


def oracle(graph: Graph, start: str, goal: str, hidden: frozenset[str]) -> float | None:
    """The cost of a cheapest path by networkx, with the hidden vertices taken out."""
    healthy = to_networkx(graph)
    healthy.remove_nodes_from(hidden - {start})
    if goal not in healthy or not nx.has_path(healthy, start, goal):
        return None
    return float(nx.dijkstra_path_length(healthy, start, goal))


@given(graphs(), vertex_sets)
def test_the_path_is_a_cheapest_among_the_healthy(graph: Graph, hidden: frozenset[str]) -> None:
    path = shortest(graph.neighbours, "0", "7", hidden)
    cost = oracle(graph, "0", "7", hidden)
    if path is None:
        assert cost is None
        return
    row = {vertex: dict(graph.neighbours(vertex)) for vertex in path.nodes}
    assert cost == pytest.approx(path.cost)
    assert sum(row[a][b] for a, b in pairwise(path.nodes)) == pytest.approx(path.cost)
    assert (path.nodes[0], path.nodes[-1]) == ("0", "7") and len(set(path.nodes)) == len(path.nodes)
    assert hidden.isdisjoint(path.nodes[1:])


@given(graphs(), vertex_sets)
def test_a_weight_of_none_hides_as_well_as_a_hidden_vertex(graph: Graph, hidden: frozenset[str]) -> None:
    def neighbours(vertex: str) -> list[tuple[str, float | None]]:
        return [(to, None if to in hidden else weight) for to, weight in graph.neighbours(vertex)]

    assert shortest(neighbours, "0", "7") == shortest(graph.neighbours, "0", "7", hidden)


@given(bad_numbers)
def test_numbers_that_no_weight_may_have_are_refused(bad: float) -> None:
    with pytest.raises(BadNumber):
        shortest(lambda vertex: [("goal", bad)], "start", "goal")
    with pytest.raises(BadNumber):
        Graph.of_weights({"start": {"goal": bad}})
    for name in ("cost", "latency", "quality"):
        with pytest.raises(BadNumber):
            Weights(**{name: bad})
    for name in ("usd", "seconds", "reward", "penalty"):
        with pytest.raises(BadNumber):
            Weights(latency=1, quality=1).of(**{"usd": 1.0, name: bad})


def outages(down: frozenset[str], error: type[NoEffect] | type[CallTimeout] | type[BudgetExceeded]) -> Driver:
    def answer(call: Call) -> Outcome:
        if isinstance(call.target, ModelName):
            return Done(output=Reply(text="asked"))
        name = call.target.name
        return failed(error(f"{name} is down")) if name in down else Done(output=name)

    return Driver(answer)


def assert_one_record_each(driver: Driver) -> None:
    records = Counter(record.origin for record in driver.records if record.origin)  # else nobody could be called
    assert records == Counter(driver.failures)


@given(graphs(), vertex_sets, st.sampled_from([None, "scripted:last"]))
def test_a_route_heals_from_the_last_done_call(graph: Graph, down: frozenset[str], escalate: str | None) -> None:
    """One record each, nothing twice, every stretch a cheapest one from where the work stood; it always ends."""
    driver = outages(down, NoEffect)
    nodes = {str(number): ModelOption(str(number)) for number in range(1, VERTICES)}
    outcome = driver.run(route(Call(target="r"), finding(graph.neighbours, "7"), "0", nodes, None, float, escalate))
    called = [call.target.name for _, call in driver.calls if not isinstance(call.target, ModelName)]
    assert len(called) == len(set(called))
    assert_one_record_each(driver)
    here, finished, dead = "0", {"0"}, set[str]()
    for name in called:
        left = oracle(graph, here, "7", frozenset(finished | dead) - {here})
        entered = dict(graph.neighbours(here))[name]
        onward = oracle(graph, name, "7", frozenset(finished | dead))
        assert left is not None and onward is not None and entered + onward == pytest.approx(left)
        if name in down:
            dead.add(name)
        else:
            here = name
            finished.add(name)
    if here == "7":
        assert outcome == Done(output="7")
    else:
        assert oracle(graph, here, "7", frozenset(finished | dead) - {here}) is None
        assert outcome == Done(output="asked") if escalate else not isinstance(outcome, Done)
    assert len(driver.calls) - len(called) == (escalate is not None and here != "7")


@given(graphs(acyclic=True), vertex_sets, vertex_sets)
def test_vertices_without_a_node_are_passed_and_no_record_is_lost(
    graph: Graph, down: frozenset[str], callable_vertices: frozenset[str]
) -> None:
    driver = outages(down, NoEffect)
    nodes = {vertex: ModelOption(vertex) for vertex in callable_vertices}
    driver.run(route(Call(target="r"), finding(graph.neighbours, "7"), "0", nodes, None, float))
    assert set(driver.names) <= callable_vertices
    assert_one_record_each(driver)


candidates = st.lists(
    st.builds(
        ModelOption,
        st.sampled_from("abcdef"),
        st.sampled_from([None, "payment"]),
        st.sets(st.sampled_from(["x", "y"]), max_size=2).map(lambda names: tuple(sorted(names))),
    ),
    unique_by=lambda option: option.name,
    max_size=6,
)


@given(
    candidates,
    st.frozensets(st.sampled_from("abcdef")),
    st.sampled_from([NoEffect, CallTimeout, BudgetExceeded]),
    st.sampled_from([None, "scripted:last"]),
)
def test_a_binding_files_each_failure_once_and_acts_once(
    options: list[ModelOption],
    down: frozenset[str],
    error: type[NoEffect] | type[CallTimeout] | type[BudgetExceeded],
    escalate: str | None,
) -> None:
    driver, health = outages(down, error), Health()
    outcome = driver.run(bind(Call(target="c"), options, first_standing, health, float, escalate))
    called = [call.target.name for _, call in driver.calls if not isinstance(call.target, ModelName)]
    assert len(called) == len(set(called))
    assert_one_record_each(driver)
    acted = [o for o in options if o.name in called and o.side_effect and not (o.name in down and error is NoEffect)]
    assert len(acted) <= 1
    assert all(health.in_flight(option.name) == 0 for option in options)
    if error is NoEffect and {option.name for option in options} - down:
        assert isinstance(outcome, Done) and outcome.output not in down


class Breaker(RuleBasedStateMachine):
    """The breaker beside a reference that keeps every call it ever saw, in whole seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.health = Health()
        self.at = 1_000
        self.since_close: list[tuple[int, bool]] = []
        self.opened_at: int | None = None
        # (began, whether it is the probe) of every call under way.
        self.under_way: list[tuple[int, bool]] = []

    @property
    def half_open(self) -> bool:
        return self.opened_at is not None and self.at >= self.opened_at + 30

    @property
    def usable(self) -> bool:
        return self.opened_at is None or (self.half_open and not any(probe for _, probe in self.under_way))

    @rule(seconds=st.sampled_from([0, 1, 5, 14, 16, 29, 30, 31, 61]))
    def wait(self, seconds: int) -> None:
        self.at += seconds

    @precondition(lambda self: self.usable)
    @rule()
    def begin(self) -> None:
        self.health.enter("n", self.at)
        self.under_way.append((self.at, self.half_open))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), ok=st.sampled_from([True, False, False, False]))
    def end(self, data: st.DataObject, ok: bool) -> None:
        call = data.draw(st.sampled_from(self.under_way))
        began, _ = call
        self.under_way.remove(call)
        self.health.seen("n", ok, self.at - began, self.at)
        self.health.leave("n")
        self.since_close.append((self.at, ok))
        if self.opened_at is None:
            recent = [fine for when, fine in self.since_close[-10:] if self.at - when <= 60]
            if not ok and recent.count(False) >= 3:
                self._open()
        elif self.half_open and began >= self.opened_at:
            if ok:
                self.opened_at = None
                self.since_close = []
                self.under_way = [(begun, False) for begun, _ in self.under_way]
            else:
                self._open()

    @precondition(lambda self: self.under_way and all(probe for _, probe in self.under_way))
    @rule()
    def cancel_the_probe(self) -> None:
        self.under_way.pop()
        self.health.leave("n")

    def _open(self) -> None:
        self.opened_at = self.at
        self.under_way = [(begun, False) for begun, _ in self.under_way]

    @invariant()
    def agrees(self) -> None:
        assert (self.health.hidden("n", self.at) is None) == self.usable
        assert self.health.in_flight("n") == len(self.under_way)
        assert self.health.penalty("n", self.at) >= 1


Breaker.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestBreaker = Breaker.TestCase


@given(st.integers(1, 5), st.integers(5, 12), st.lists(st.booleans(), max_size=40))
def test_the_rule_is_what_counts(failures: int, window: int, results: list[bool]) -> None:
    """Calls that all end at once: it is open from the first moment at which a window holds that many failures."""
    health = Health(BreakerRule(failures=failures, window=window))
    opened = False
    for number, ok in enumerate(results):
        health.seen("n", ok, 0.0, 0.0)
        seen = results[: number + 1][-window:]
        opened = opened or (not ok and seen.count(False) >= failures)
        assert (health.hidden("n", 0.0) is not None) == opened
