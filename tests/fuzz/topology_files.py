"""Topology files: loaded, drawn, their plans driven by hand and in the real runtime.

Parts: the YAML, the task, and how the members answer, a byte each in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import cycle
from typing import Any

from orchestra.agents.decorator import agent
from orchestra.app.shape import members
from orchestra.app.shelf import topology_chart, topology_facts
from orchestra.core import errors
from orchestra.core.budget import Budget
from orchestra.core.call import Call, NodeName, Planned
from orchestra.core.catalog import Node, required_node
from orchestra.core.errors import OrchestraError
from orchestra.core.outcome import Cancelled, Cause, Done, Failed, Outcome, Paused
from orchestra.topologies.files import load_topology_file
from orchestra.topologies.member import Topology
from orchestra.topologies.registry import plan_of
from tests.fuzz.loop import run
from tests.fuzz.oracle import Finding, clean, fresh, parts, text, watched
from tests.support.plans import Driver
from tests.support.runtime import Rig

MOST_CALLS = 20_000
MOST_NODES = 12
SCRIPTED = "as the script says"
ANSWERS: tuple[Any, ...] = ("yes", "", {"a": 1}, [1, "b"], None, 3, {"answer": "a"}, '{"a": "b"}', "x" * 3000)


def target(data: bytes) -> None:
    file, task, script = parts(data, 3)
    folder = fresh("topologies")
    (folder / "hostile.yaml").write_bytes(file)
    topology: Topology | None = None
    with watched():
        topology = load_topology_file("hostile.yaml", folder)
        topology_facts(str(folder / "hostile.yaml"), folder)
        clean(topology_chart(str(folder / "hostile.yaml"), folder).encode("utf-8", "replace").decode())
    if topology is None:
        return
    with watched():
        driver = Driver(_answering(script))
        _ended(driver.run(plan_of(topology, text(task))))
    with watched():
        rig = Rig(members=tuple(_nodes(topology, script)))
        whole = Planned(name=topology.name, plan=partial(plan_of, topology))
        outcome, _ = run(rig.run(whole, text(task), Budget(seconds=5, depth=16)))
        _ended(outcome)


def _ended(outcome: Outcome) -> None:
    scripted = outcome.cause is not None and SCRIPTED in outcome.cause.message
    if isinstance(outcome, Cancelled) and not scripted:
        raise Finding(f"a topology ended {outcome!r}")
    if outcome.cause is not None:
        clean(str(outcome.cause).encode("utf-8", "replace").decode())
        if not hasattr(errors, outcome.cause.kind) and SCRIPTED not in outcome.cause.message:
            raise Finding(f"a topology failed with no named error: {outcome.cause}")


def _answering(script: bytes) -> Any:
    said = cycle(script[:64] or b"\0")
    count = 0

    def answer(call: Call) -> Outcome:
        nonlocal count
        count += 1
        if count > MOST_CALLS:
            raise Finding(f"more than {MOST_CALLS} calls")
        if isinstance(call.target, Planned):
            return Driver(answer).run(call.target.plan(call.input))
        byte = next(said)
        if byte < 160:
            return Done(output=ANSWERS[byte % len(ANSWERS)])
        cause = Cause(kind="Scripted", message=SCRIPTED)
        if byte < 240:
            return Failed(cause=cause, origin="x")
        return Cancelled(cause=cause) if byte < 250 else Paused(asks=(("k", "Sure?"),), cause=cause)

    return answer


def _nodes(topology: Topology, script: bytes) -> Iterator[Node]:
    """An agent for each of the first names, as far as they can be names."""
    said = cycle(script[:64] or b"\0")
    for number, name in enumerate(sorted(_wanted(topology))[:MOST_NODES]):

        async def answer(value: Any = None) -> Any:
            byte = next(said)
            if byte >= 160:
                raise ValueError(SCRIPTED)
            return ANSWERS[byte % len(ANSWERS)]

        try:
            yield required_node(agent(name=name, provides=[name, "*"])(answer))
        except OrchestraError:
            answer.__name__ = f"agent{number}"
            yield required_node(agent(provides=[name])(answer))


def _wanted(topology: Topology) -> set[str]:
    found: set[str] = set()
    for member in members(topology):
        if isinstance(member.target, Topology):
            found |= _wanted(member.target)
        else:
            found.add(member.target.name if isinstance(member.target, NodeName) else str(member.target))
    return found
