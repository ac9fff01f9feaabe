"""What holds for every graph: nothing begins before its parents, the rule is cheap, the loop ends."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.agents.decorator import agent
from orchestra.core.call import Call, Planned
from orchestra.core.errors import NoEffect
from orchestra.core.events import CallEnded, Filed
from orchestra.core.outcome import Done, Failed, Outcome
from orchestra.topologies.auto import topology_for
from orchestra.topologies.decompose import Decomposition, Need, Subtask
from orchestra.topologies.hierarchical import hierarchical
from orchestra.topologies.hybrid import Hybrid
from orchestra.topologies.layers import layers
from orchestra.topologies.member import Member, OnFailure, Topology
from orchestra.topologies.select import (
    COUPLINGS,
    Dag,
    Selection,
    Shape,
    dag_of,
    largest_antichain,
    rerouted,
    select,
    shape,
)
from tests.support.plans import Driver
from tests.support.runtime import Rig, go, on_every_loop


@st.composite
def dags(draw: st.DrawFn, most: int = 9) -> dict[str, tuple[str, ...]]:
    """Names in any order, each with its parents."""
    size = draw(st.integers(1, most))
    parents = {
        f"n{i}": tuple(f"n{j}" for j in sorted(draw(st.sets(st.integers(0, i - 1), max_size=3)))) if i else ()
        for i in range(size)
    }
    return {name: parents[name] for name in draw(st.permutations(list(parents)))}


def members(parents: dict[str, tuple[str, ...]], target: str = "work") -> tuple[Member, ...]:
    return tuple(Member(target=target, name=name, task=name, after=above) for name, above in parents.items())


def made(parents: dict[str, tuple[str, ...]], kind: str, policy: OnFailure = "fail") -> Topology:
    """The graph under each of the executors; "auto" is whatever the rule selects."""
    if kind == "hierarchical":
        return hierarchical("work", members(parents), on_failure=policy)
    if kind == "hybrid":
        return Hybrid(members=members(parents), on_failure=policy)
    needs = {name: tuple(Need(id=one, coupling="strong") for one in above) for name, above in parents.items()}
    steps = tuple(Subtask(id=name, task=name, after=above) for name, above in needs.items())
    return topology_for(Decomposition(steps=steps), (), closing="*")


kinds = st.sampled_from(["hybrid", "hierarchical", "auto"])


@given(parents=dags(), kind=kinds)
def test_every_member_is_called_once_and_given_what_all_its_parents_said(
    parents: dict[str, tuple[str, ...]], kind: str
) -> None:
    said: dict[str, Any] = {}

    def answer(call: Call) -> Outcome:
        name = call.input["task"] if isinstance(call.input, dict) else "lead"
        if name in parents:
            assert name not in said
            inputs = {k: v for k, v in call.input.get("inputs", {}).items() if k in parents}
            assert inputs == {parent: f"{parent}!" for parent in parents[name]}
            said[name] = f"{name}!"
        return Done(output=f"{name}!")

    outcome = Driver(answer).run(made(parents, kind).plan("go"))
    assert isinstance(outcome, Done) and set(said) == set(parents)


@given(parents=dags())
def test_layers_are_antichains_in_an_order_that_keeps_to_the_edges(parents: dict[str, tuple[str, ...]]) -> None:
    found = layers(parents)
    depth = {name: i for i, layer in enumerate(found) for name in layer}
    assert sorted(depth) == sorted(parents)
    for name, above in parents.items():
        assert depth[name] == max((depth[parent] + 1 for parent in above), default=0)


def dag(parents: dict[str, tuple[str, ...]], rng: random.Random) -> Dag:
    return Dag(parents={name: {one: rng.choice(COUPLINGS) for one in above} for name, above in parents.items()})


def independent(parents: dict[str, tuple[str, ...]]) -> int:
    """The largest antichain, by trying every set."""
    above: dict[str, set[str]] = {}
    for name in (name for layer in layers(parents) for name in layer):
        above[name] = set(parents[name]).union(*(above[one] for one in parents[name]))
    names = list(parents)
    sets = ([n for i, n in enumerate(names) if bits >> i & 1] for bits in range(1 << len(names)))
    return max(len(chosen) for chosen in sets if not any(above[n] & set(chosen) for n in chosen))


@given(parents=dags(most=8), seed=st.integers(0, 99))
def test_the_widest_layer_is_never_wider_than_the_widest_antichain(
    parents: dict[str, tuple[str, ...]], seed: int
) -> None:
    graph = dag(parents, random.Random(seed))
    exact = largest_antichain(graph)
    assert shape(graph).omega <= exact == independent(parents)
    found = shape(graph)
    assert 0 <= found.gamma <= 1 and 0 < found.r <= 1 and found.omega + found.delta <= found.nodes + 1


@given(gamma=st.floats(0, 1), nodes=st.integers(2, 20), omega=st.integers(1, 20))
def test_asking_again_ends_after_five_rounds_at_most(gamma: float, nodes: int, omega: int) -> None:
    found = Shape(nodes=nodes, edges=nodes, omega=min(omega, nodes), delta=2, gamma=gamma)
    rounds: list[Selection] = []
    left = rerouted(Selection(kind="hybrid", shape=found))
    while left is not None:
        rounds.append(left)
        left = rerouted(left)
    assert len(rounds) <= min(5, math.ceil((1 - gamma) / 0.2 + 1e-6))
    assert all(one.shape.gamma <= 1 for one in rounds)
    assert gamma == 1 or (rounds[-1].kind, rounds[-1].shape.gamma) == ("hierarchical", 1.0)


def chain_of_layers(nodes: int) -> Dag:
    """Ten nodes a layer, each after three of the layer before."""
    rng = random.Random(nodes)
    names = [str(i) for i in range(nodes)]
    pairs = [(names[10 * (i // 10 - 1) + rng.randrange(10)], names[i]) for i in range(10, nodes) for _ in range(3)]
    return dag_of([(above, below, "weak") for above, below in pairs], names)


def lines_run(graph: Dag) -> int:
    """Lines of Python that one selection runs: the work, whatever else the machine does."""
    count = 0

    def trace(frame: FrameType, what: str, argument: Any) -> Any:
        nonlocal count
        count += what == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        select(graph)
    finally:
        sys.settrace(before)
    return count


def test_the_rule_is_linear_in_the_graph() -> None:
    small, large = lines_run(chain_of_layers(500)), lines_run(chain_of_layers(5_000))
    assert small > 500 and large / small < 15


class Recorder:
    """Agents that note when they begin and end; those whose task is among ``broken`` fail."""

    def __init__(self, broken: tuple[str, ...] = ()) -> None:
        self.log: list[tuple[str, str]] = []

        @agent(name="worker", provides="work")
        async def worker(task: str, goal: Any = None, inputs: Any = None) -> str:
            self.log.append(("begin", task))
            if task in broken:
                raise NoEffect(f"{task} is broken")
            self.log.append(("end", task))
            return f"{task}!"

        @agent(name="anyone", provides="*")
        async def anyone(task: str, goal: Any = None, inputs: Any = None) -> str:
            return await worker(task, goal, inputs)

        self.members: tuple[Callable[..., Any], ...] = (worker, anyone)


async def run(parents: dict[str, tuple[str, ...]], kind: str, policy: OnFailure, broken: str, native: bool) -> None:
    recorder = Recorder((broken,))
    rig = Rig(members=recorder.members, native=native)
    topology = made(parents, kind, policy)
    outcome, _ = await rig.run(Planned(name=topology.name, plan=topology.plan), "go")
    order = {entry: i for i, entry in enumerate(recorder.log)}
    for name, above in parents.items():
        if ("begin", name) in order and policy == "fail":
            assert all(order["end", parent] < order["begin", name] for parent in above)
    if broken not in parents:
        assert isinstance(outcome, Done) and {name for how, name in order if how == "end"} >= set(parents)
    elif policy == "fail":
        assert isinstance(outcome, Failed) and outcome.cause.kind == "NoEffect"
    ended = [event for event in rig.last.events if isinstance(event, CallEnded) and event.kind == "agent"]
    failures = [event.key for event in ended if isinstance(event.outcome, Failed)]
    filed = [event.key for event in rig.last.events if isinstance(event, Filed)]
    assert ended and sorted(failures) == sorted(filed)


@on_every_loop
@settings(max_examples=25)
@given(parents=dags(most=7), kind=kinds, policy=st.sampled_from(["fail", "continue"]), broken=st.integers(-3, 6))
def test_the_runtime_begins_nothing_before_its_parents_and_files_every_failure_once(
    loop: str, native: bool, parents: dict[str, tuple[str, ...]], kind: str, policy: OnFailure, broken: int
) -> None:
    go(loop, run, parents, kind, "fail" if kind == "auto" else policy, f"n{broken}", native)


def planted(rng: random.Random) -> dict[str, tuple[str, ...]]:
    """A task of three to ten parts whose true dependencies are known."""
    size = rng.randint(3, 10)
    share = rng.choice([0.0, 0.2, 0.4, 1.0])
    return {f"n{i}": tuple(f"n{j}" for j in range(i) if rng.random() < share)[-3:] for i in range(size)}


def measured(topology: Topology, parents: dict[str, tuple[str, ...]]) -> tuple[float, int, int]:
    """Share of the parts that were given all they need, calls one after another, characters sent."""
    right, rounds, sent, plan = 0, 0, 0, topology.plan("go")
    driver = Driver(lambda call: Done(output=f"{call.input['task']}!" if isinstance(call.input, dict) else "lead"))
    answers: Any = None
    while True:
        try:
            batch = plan.send(answers)
        except StopIteration:
            return right / len(parents), rounds, sent
        rounds += bool(batch.calls)
        for call in batch.calls:
            given = call.input if isinstance(call.input, dict) else {}
            sent += len(str(call.input))
            right += given.get("task") in parents and set(parents[given["task"]]) <= set(given.get("inputs", {}))
        answers = driver._performed(batch)


@pytest.mark.parametrize("seed", [1, 2])
def test_on_planted_graphs_the_selected_topology_beats_both_static_ones(seed: int) -> None:
    rng = random.Random(seed)
    tasks = [planted(rng) for _ in range(60)]
    flat: list[dict[str, tuple[str, ...]]] = [dict.fromkeys(task, ()) for task in tasks]
    row = [{name: tuple(list(task)[i - 1 : i]) for i, name in enumerate(task)} for task in tasks]
    adaptive = [measured(made(task, "auto"), task) for task in tasks]
    parallel = [measured(made(bare, "hybrid"), task) for bare, task in zip(flat, tasks, strict=True)]
    sequential = [measured(made(chain, "hybrid"), task) for chain, task in zip(row, tasks, strict=True)]
    quality, rounds, sent = (sum(column) / 60 for column in zip(*adaptive, strict=True))
    static = [[sum(column) / 60 for column in zip(*rows, strict=True)] for rows in (parallel, sequential)]
    assert quality == 1.0 and quality >= max(row[0] for row in static) + 0.2
    # What it costs: more is sent than in a row, as every part sees all that it needs; fewer rounds are waited for.
    assert static[0][1] == 1 < rounds < 0.8 * static[1][1]
    assert sent < 4 * static[1][2]
