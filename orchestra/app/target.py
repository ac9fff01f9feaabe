"""From what a user asks for to the first call of a run: all that can be known to be wrong is said here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestra.agents.agent import Agent
from orchestra.app.binder import ANYONE
from orchestra.app.shape import Shape, is_name, shaped
from orchestra.core.call import Call, NodeName, Planned, Route
from orchestra.core.catalog import Catalog, Node, required_node
from orchestra.core.errors import BadInput, UnknownAgent, UnknownCapability
from orchestra.core.ids import canonical
from orchestra.graph.graph import layered

To = str | Sequence[str] | None
"""A capability or an agent, several capabilities in a row, or whoever the router picks."""


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
