"""Three ways to do a scenario's task, all through one executor: the healing graph, a model that picks, fixed edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestra.agents.agent import Agent
from orchestra.app.orchestra import Orchestra
from orchestra.app.result import Result
from orchestra.core.message import ToolCall
from orchestra.core.outcome import Done, Outcome
from orchestra.evaluation.healing.pursuit import ASK, OUTRANKS, Pursuit
from orchestra.evaluation.healing.scenarios import START, Domain, Scenario, State
from orchestra.evaluation.healing.world import Answering, World
from orchestra.graph.graph import Graph
from orchestra.graph.shortest import shortest
from orchestra.ports.model import Request
from orchestra.ports.scope import unwrap
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import outcome, step

MODEL = "test:model"
HELP = "This could not be done; a person should look at it."
"""What every scripted model answers where no goal can be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One scenario as it went."""

    scenario: Scenario
    world: World
    result: Result
    model_calls: int


def heal(scenario: Scenario) -> Played:
    """The route over the graph; the model is scripted to name the task's answer to an alarm, else to ask for help."""
    world = World(scenario.down)
    model = Answering(
        lambda request: scenario.task["answer"] if request.messages[0].text == ASK else HELP,
        MODEL,
    )
    nodes = world.tools(scenario.domain.tools)
    pursuit = Pursuit(domain=scenario.domain, nodes=nodes, model=MODEL)
    team = _team(list(nodes.values()), model)
    return _played(scenario, world, model, team, lambda team: team.run_sync(scenario.task, topology=pursuit))


def react(scenario: Scenario) -> Played:
    """An agent loop over the same tools. Its scripted model knows the graph, the weights and the monitors by heart and
    never errs: what is left to compare is how often a model has to be asked.
    """
    world = World(scenario.down)
    nodes = world.tools(scenario.domain.tools)
    model = Answering(lambda request: _next_tool(scenario, request), MODEL)
    agent = Agent("react", "Does the task.", model=MODEL, tools=list(nodes.values()), max_turns=len(nodes) + 2)
    return _played(scenario, world, model, _team([agent], model), lambda team: team.run_sync(agent, scenario.task))


def fixed(scenario: Scenario) -> Played:
    """A workflow of fixed primary and backup edges; it asks no model."""
    world = World(scenario.down)
    nodes = world.tools(scenario.domain.tools)
    stages = scenario.domain.reviewed if scenario.task.get("review") else scenario.domain.stages

    @workflow
    async def edges() -> str:
        for stage in stages:
            for name in stage.providers:
                ended: Outcome = await outcome(step(nodes[name]))
                if isinstance(ended, Done):
                    break
            else:
                if stage.otherwise is not None:
                    await step(nodes[stage.otherwise])
                    return "done"
                if not stage.goes_on:
                    unwrap(ended)
        return "done"

    model = Answering(lambda request: HELP, MODEL)
    return _played(scenario, world, model, _team([edges], model), lambda team: team.run_sync(edges))


METHODS: Mapping[str, Callable[[Scenario], Played]] = {"healing": heal, "react": react, "fixed": fixed}


def _team(members: list[Any], model: Answering) -> Orchestra:
    return Orchestra(agents=members, models={MODEL: model}, router="cheapest", learn=False)


def _played(
    scenario: Scenario, world: World, model: Answering, team: Orchestra, run: Callable[[Orchestra], Result]
) -> Played:
    try:
        result = run(team)
    finally:
        team.close()
    return Played(scenario=scenario, world=world, result=result, model_calls=model.calls)


def _next_tool(scenario: Scenario, request: Request) -> ToolCall | str:
    """The first step of a cheapest way to a goal by what the conversation says, or the answer."""
    domain = scenario.domain
    done, failed = _read(request)
    here = done[-1] if done else START
    path = _way(scenario, here, {*done, *failed})
    if path is None:
        return HELP
    ahead = [vertex for vertex in path[1:] if vertex in domain.tools]
    return ToolCall(id=f"{len(done) + len(failed)}", name=ahead[0]) if ahead else "done"


def _read(request: Request) -> tuple[list[str], list[str]]:
    """The tools that worked and those that did not, in order, out of the conversation."""
    id_to_name = {call.id: call.name for message in request.messages for call in message.tool_calls}
    done: list[str] = []
    failed: list[str] = []
    for message in request.messages:
        if message.role == "tool":
            name = id_to_name[message.call_id or ""]
            (failed if message.text.startswith("Error:") else done).append(name)
    return done, failed


def _way(scenario: Scenario, here: str, out: set[str]) -> tuple[str, ...] | None:
    domain = scenario.domain
    goals = (domain.goal, *domain.fallbacks)
    state = State(scenario.task, tuple((name, f"{name} ok") for name in out if name not in scenario.down))
    if any((alarm := monitor(state)) is not None and alarm.priority >= OUTRANKS for monitor in domain.monitors):
        goals = (scenario.task["answer"],)
    graph = Graph.of_weights(domain.edges)
    paths = (shortest(graph.neighbours, here, goal, out - {here}) for goal in goals)
    return next((path.nodes for path in paths if path is not None), None)


def reached(domain: Domain, acted: list[str]) -> str | None:
    """The goal that a walk of tools from the start has come to; None where it is none, or no walk at all."""
    here = START
    for name in acted:
        if name not in domain.edges.get(here, {}):
            return None
        here = name
    tools, ahead = set(domain.tools), domain.edges.get(here, {})
    return next((goal for goal in domain.goals if goal == here or (goal in ahead and goal not in tools)), None)
