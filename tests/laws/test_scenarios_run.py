"""The published outage scenarios through the real runtime, as routes of one team."""

from collections import Counter
from typing import Any

import pytest

from orchestra.core.call import Call, Planned
from orchestra.core.catalog import Code, Contract, Node
from orchestra.core.errors import NoEffect
from orchestra.core.events import CallEnded, Filed
from orchestra.core.outcome import Done
from orchestra.graph.graph import Graph
from orchestra.graph.route import route
from orchestra.graph.shortest import finding
from orchestra.models.scripted import Scripted
from tests.support.runtime import Rig, go, on_every_loop
from tests.support.scenarios import SCENARIOS, START, Scenario


def node(name: str, down: bool) -> Node:
    async def body() -> str:
        if down:
            raise NoEffect(f"{name} is down")
        return name

    code = Code(fn=body, context=None, is_async=True)
    return Node(name=name, kind="agent", body=code, contract=Contract(bind=lambda value: {}), side_effect=name)


def run(scenario: Scenario, loop: str, native: bool) -> tuple[Rig, Any, Scripted]:
    last = Scripted(*["a person should look at this"] * scenario.escalations)
    nodes = {name: node(name, name in scenario.down) for name in scenario.nodes}
    rig = Rig(members=tuple(nodes.values()), models={"test:last": last}, native=native)
    graph = Graph.of_weights(scenario.edges)

    def plan(value: Any) -> Any:
        task = Call(target="scenario", input=value)
        return route(task, finding(graph.neighbours, scenario.goal), START, nodes, None, float, "test:last")

    outcome, _ = go(loop, rig.run, Planned(name=scenario.name, plan=plan), "the task")
    return rig, outcome, last


@on_every_loop
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_runtime_counts_what_the_row_says(scenario: Scenario, loop: str, native: bool) -> None:
    rig, outcome, last = run(scenario, loop, native)
    assert type(outcome) is Done, outcome
    last.assert_consumed()
    ended = [e for e in rig.last.events if isinstance(e, CallEnded) and e.kind == "agent"]
    filed = [e for e in rig.last.events if isinstance(e, Filed)]
    failures = [e.key for e in ended if type(e.outcome) is not Done]
    assert (len(failures), len(ended)) == (scenario.failures, scenario.attempts)
    assert [e.key for e in filed] == failures, "one record for every failure, in order"
    hows = Counter(e.how for e in filed)
    assert hows["escalated"] == scenario.escalations
    assert hows["rerouted"] == scenario.failures - scenario.escalations
