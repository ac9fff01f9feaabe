"""Topologies in the real runtime: nested, cancelled, resumed, paused, replayed."""

from __future__ import annotations

import json
from typing import Any

import anyio

from orchestra.agents.decorator import agent
from orchestra.core.call import NodeName, Planned
from orchestra.core.errors import NoEffect
from orchestra.core.events import Filed
from orchestra.core.outcome import Done, Failed
from orchestra.topologies.auto import Auto
from orchestra.topologies.hybrid import hybrid
from orchestra.topologies.member import Member, Topology
from orchestra.topologies.parallel import parallel
from orchestra.topologies.registry import topology_of
from orchestra.topologies.sequential import sequential
from tests.support.runtime import Rig, go, on_every_loop

calls: list[str] = []


@agent(provides="upper")
async def shout(text: str) -> str:
    calls.append("shout")
    return text.upper()


@agent(provides="reverse")
def backwards(text: str) -> str:
    calls.append("backwards")
    return text[::-1]


@agent(provides="slow")
async def sleeper(text: str) -> str:
    await anyio.sleep(30)
    return text


@agent(provides="shaky")
async def shaky(text: str) -> str:
    calls.append("shaky")
    if calls.count("shaky") == 1:
        raise NoEffect("not this time")
    return text


@agent(provides="refinement")
async def refiner(task: Any, goal: Any = None, inputs: Any = None) -> str:
    calls.append("refiner")
    return f"one of {len(inputs or '')}" if inputs else "one of several"


@agent(provides="plan")
async def planner(task: str, goal: str, schema: Any, capabilities: Any = None) -> str:
    parts = [
        {"id": "a", "task": goal, "capability": "refinement"},
        {"id": "b", "task": goal, "capability": "unheard-of"},
    ]
    return json.dumps({"steps": parts})


@agent(provides="*")
async def anyone(task: str, goal: Any = None, inputs: Any = None) -> str:
    return f"{task} {sorted(inputs) if inputs else ''}".strip()


def rig(native: bool) -> Rig:
    calls.clear()
    return Rig(members=(shout, backwards, sleeper, shaky, refiner, planner, anyone), native=native)


def planned(topology: Topology) -> Planned:
    return Planned(name=topology.name, plan=topology.plan)


@on_every_loop
def test_topologies_nest_and_name_very_nodes_and_functions(loop: str, native: bool) -> None:
    async def main() -> None:
        inner = parallel("upper", sequential(NodeName(name="backwards"), shout), name="both")
        outcome, _ = await rig(native).run(planned(sequential("reverse", inner)), "abc")
        assert isinstance(outcome, Done) and outcome.output == ["CBA", "ABC"]

    go(loop, main)


@on_every_loop
def test_a_quorum_and_the_first_cancel_the_others(loop: str, native: bool) -> None:
    async def main() -> None:
        team = rig(native)
        with anyio.fail_after(5):
            first, _ = await team.run(planned(parallel("slow", "upper", join="first")), "a")
            quorum, _ = await team.run(planned(parallel("slow", "upper", "reverse", on_failure=2)), "ab")
        assert (first.output, quorum.output) == ("A", [None, "AB", "ba"])  # type: ignore[union-attr]

    go(loop, main)


@on_every_loop
def test_a_tolerated_branch_is_filed_and_the_rest_is_refined(loop: str, native: bool) -> None:
    async def main() -> None:
        team = rig(native)
        topology = parallel("shaky", "upper", "reverse", join="refine", by="refinement", on_failure="continue")
        outcome, _ = await team.run(planned(topology), "ab")
        assert isinstance(outcome, Done) and outcome.output == "one of several"
        assert [(event.how, event.to) for event in team.last.events if isinstance(event, Filed)] == [
            ("tolerated", "join")
        ]

    go(loop, main)


@on_every_loop
def test_what_was_done_is_not_done_again_on_resume_and_a_replay_calls_nobody(loop: str, native: bool) -> None:
    async def main() -> None:
        team = rig(native)
        topology = hybrid("upper", "shaky", "refinement", after={"refinement": ["upper", "shaky"]})
        outcome, _ = await team.run(planned(topology), "ab")
        assert isinstance(outcome, Failed) and sorted(calls) == ["shaky", "shout"]
        past = tuple(team.last.events)
        outcome, _ = await team.run(planned(topology), "ab", past=past, mode="resume")
        assert isinstance(outcome, Done) and outcome.output == "one of 2"
        assert sorted(calls) == ["refiner", "shaky", "shaky", "shout"]
        both = past + tuple(team.last.events)
        outcome, _ = await team.run(planned(topology), "ab", past=both, mode="replay")
        assert isinstance(outcome, Done) and outcome.output == "one of 2" and len(calls) == 4

    go(loop, main)


@on_every_loop
def test_auto_plans_selects_and_runs(loop: str, native: bool) -> None:
    async def main() -> None:
        topology = topology_of("auto", ".", ("refinement", "plan"))
        assert isinstance(topology, Auto)
        outcome, _ = await rig(native).run(planned(topology), "Sort it.")
        assert isinstance(outcome, Done) and outcome.output.endswith("['a', 'b']") and calls == ["refiner"]

    go(loop, main)


def test_an_output_without_a_json_form_fails_its_call_and_not_the_run() -> None:
    async def main() -> None:
        outcome, _ = await rig(True).run(planned(sequential(Member(target="upper", task="t"))), object())
        assert isinstance(outcome, Failed) and outcome.cause.kind == "NotSerialisable"

    go("asyncio", main)
