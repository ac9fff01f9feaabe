"""From what a user asks for to the first call of a run: all that can be known to be wrong is said here."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from orchestra.agents.agent import Agent
from orchestra.app.binder import ANYONE, providers
from orchestra.app.shape import Shape, is_name, shaped
from orchestra.core.budget import Budget
from orchestra.core.call import Call, NodeName, Planned, Route, hedge_of, lesser_goals
from orchestra.core.catalog import Catalog, Node, required_node
from orchestra.core.decision import Decision, Option
from orchestra.core.errors import BadInput, BadNumber, UnknownAgent, UnknownCapability, UnsafeBatch
from orchestra.core.ids import canonical
from orchestra.core.message import Message, checked_history
from orchestra.core.task import task_of
from orchestra.graph.graph import layered
from orchestra.graph.hedge import unsafe
from orchestra.graph.weights import Weights, weights_given

To = str | Sequence[str] | None
"""A capability or an agent, several capabilities in a row, or whoever the router picks."""


def row_of(text: str | None) -> To:
    """'a>b' as the capabilities in a row that it names; anything else as it is."""
    return text.split(">") if text is not None and ">" in text else text


SEED_BITS = 53
"""As many as a number in JSON holds exactly, whoever reads it."""


class Options(TypedDict, total=False):
    """How a run may be asked for, beside its task: ``Orchestra.run`` says what each means."""

    to: To
    topology: Shape | None
    deps: Any
    budget: Budget | None
    seed: int | None
    output_type: Any
    history: Sequence[Message | Mapping[str, Any]] | None
    goal: str | None
    weights: Weights | Mapping[str, float] | None
    fallback: Sequence[str] | None
    hedge_s: float | None


def seed_of(options: Options) -> int:
    """The run's seed: given, or that of ORCHESTRA_SEED for all runs, or a fresh one.

    A fresh one by default, as the recorded probabilities hold over runs only if each draws for itself.
    Raises: BadNumber for an ORCHESTRA_SEED that is no whole number.
    """
    given, fixed = options.get("seed"), os.environ.get("ORCHESTRA_SEED")
    if given is not None:
        return given
    if not fixed:
        return secrets.randbits(SEED_BITS)
    try:
        return int(fixed)
    except ValueError:
        raise BadNumber(f"ORCHESTRA_SEED={fixed!r} is no whole number.", remedy="Give one, or unset it.") from None


def first_call(task: Any, inputs: tuple[Any, ...], options: Options, catalog: Catalog) -> Call:
    """As ``target_of``, with the conversation that the task goes on with. Raises TypeError for an unknown option."""
    for name in options:
        if name not in Options.__annotations__:
            raise TypeError(f"{name!r} is no option of a run; there are {', '.join(Options.__annotations__)}.")
    weights_given(options.get("weights"))
    call = target_of(task, inputs, options.get("to"), catalog, options.get("output_type"), options.get("topology"))
    call = _healing(call, options.get("fallback"), options.get("hedge_s"), catalog)
    history = options.get("history")
    return _going_on(call, () if history is None else checked_history(history), catalog)


def _healing(call: Call, fallback: Sequence[str] | None, hedge_s: float | None, catalog: Catalog) -> Call:
    """The call with its lesser goals and its hedge. Raises BadInput, UnknownCapability, UnsafeBatch, BadNumber."""
    if fallback is None and hedge_s is None:
        return call
    call = replace(call, fallback=lesser_goals(call.target, fallback), hedge_s=hedge_of(call.target, hedge_s))
    for goal in call.fallback or ():
        providers(catalog, goal)
    if call.hedge_s is not None and (refused := unsafe(call, providers(catalog, call.target))) is not None:
        raise UnsafeBatch(refused.cause.message, remedy=refused.cause.remedy)
    return call


def _going_on(call: Call, history: tuple[Message, ...], catalog: Catalog) -> Call:
    """The call with the conversation before it. Raises BadInput where no one agent would be given it."""
    if not history:
        return call
    target = call.target
    node = catalog.named(target.name) if isinstance(target, NodeName) else target
    if isinstance(node, Planned) or (isinstance(node, Node) and node.kind != "agent"):
        raise BadInput(
            f"{getattr(node, 'name', node)!r} is no agent, so it takes no history.",
            remedy="Leave history= out, or ask one agent or capability.",
        )
    task = task_of(call.input)
    return replace(call, input=replace(task, history=(*history, *task.history)))


def target_of(
    task: Any, inputs: tuple[Any, ...], to: To, catalog: Catalog, output_type: Any, topology: Shape | None = None
) -> Call:
    """The first call of a run.

    Raises: UnknownCapability, UnknownAgent, UnknownName, BadInput, BadDefinition, NotSerialisable.
    """
    if topology is not None and to is not None:
        raise BadInput(
            f"to={to!r} and topology= both say who does the work.",
            remedy="Leave one of them out; the members of a topology name their capabilities.",
        )
    if isinstance(task, Agent) or callable(task) or isinstance(task, Node):
        if to is not None or topology is not None:
            said = f"to={to!r}" if to is not None else "topology="
            raise BadInput(
                f"{said} goes with a text, and {_name(task)!r} is called by itself.",
                remedy=f"Leave {said.partition('=')[0]}= out.",
            )
        call = _agent(task, inputs, catalog) if isinstance(task, Agent) else _node(required_node(task), inputs)
    else:
        if inputs:
            raise BadInput("A text takes no further inputs.", remedy="Put all of it into the task.")
        call = _text(task, to, catalog, topology)
    canonical(call.input)
    return call if output_type is None else _typed(call, output_type)


def source_of(call: Call, topology: Shape | None = None) -> str:
    """What a run was of, as its first row keeps it."""
    target = call.target
    if isinstance(target, Planned):
        return f"topology:{topology}" if is_name(topology) else f"given topology:{target.name}"
    if isinstance(target, Node):
        return f"source:{target.source}"
    if isinstance(target, Route):
        return f"route:{target.name}"
    return f"node:{target.name}" if isinstance(target, NodeName) else f"capability:{target}"


def _text(task: Any, to: To, catalog: Catalog, topology: Shape | None) -> Call:
    if task is None:
        raise BadInput("The task is None.", remedy="Pass a text, a value, or a function with its inputs.")
    if topology is not None:
        return shaped(topology, task, catalog)
    if to is None:
        if not any(node.kind == "agent" for node in catalog.nodes.values()):
            raise UnknownAgent("The team has no agent.")
        return Call(target=ANYONE, input=task, key="task")
    if not isinstance(to, str):
        if not to:
            raise BadInput("to=[] names no capability.", remedy="Name one or more, or leave it out.")
        route = Route(capabilities=tuple(to))
        layered(catalog, route.capabilities)
        return Call(target=route, input=task, key=route.name)
    if to in catalog.capability_to_names:
        return Call(target=to, input=task, key=to)
    node = catalog.nodes.get(to)
    if node is None:
        abilities = ", ".join(sorted(catalog.capability_to_names)) or "none"
        names = ", ".join(sorted(catalog.nodes)) or "none"
        raise UnknownCapability(f"Nobody provides {to!r} or is named so; capabilities: {abilities}; names: {names}.")
    return _named(node, task)


def _agent(agent: Agent, inputs: tuple[Any, ...], catalog: Catalog) -> Call:
    if agent.name not in catalog.nodes:
        raise UnknownAgent(f"The agent {agent.name!r} is not in the team.")
    if len(inputs) != 1 or inputs[0] is None:
        raise BadInput(f"The agent {agent.name!r} takes one input, its task.")
    return _named(catalog.nodes[agent.name], inputs[0])


def _named(node: Node, value: Any) -> Call:
    node.contract.bind(value)
    return Call(target=NodeName(name=node.name), input=value, key=node.name, output_type=node.contract.output_type)


def _node(node: Node, inputs: tuple[Any, ...]) -> Call:
    one = len(inputs) == 1 and inputs[0] is not None
    value = inputs[0] if one else node.contract.gathered(inputs, {})
    node.contract.bind(value)
    return Call(target=node, input=value, key=node.name, output_type=node.contract.output_type)


def _typed(call: Call, output_type: Any) -> Call:
    return Call(target=call.target, input=call.input, key=call.key, output_type=output_type)


def _name(task: Any) -> str:
    return str(getattr(task, "name", None) or getattr(task, "__name__", task))


def no_choice(name: str, key: str) -> Decision:
    """What is to be said where the caller named the agent himself."""
    return Decision(
        key=f"route/{key}",
        capability=name,
        policy="named",
        version=1,
        options=(Option(name, probability=1.0),),
        chosen=(name,),
        probability=1.0,
        reason="it was asked for by name",
    )
