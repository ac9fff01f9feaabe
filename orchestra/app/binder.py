"""The binder that the runtime is given: capability -> constraints, screen, decision -> node, and again on failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from orchestra.core.call import Call, ModelName, NodeName, OneOf, Plan, Route
from orchestra.core.catalog import Catalog, Contract, Node, Planning
from orchestra.core.errors import UnknownCapability
from orchestra.core.message import Message
from orchestra.graph.bind import bind
from orchestra.graph.graph import GOAL, START, layered
from orchestra.graph.route import route
from orchestra.graph.weights import Weights, node_weight, weighted
from orchestra.ports.binder import View
from orchestra.ports.health import Health
from orchestra.ports.model import Request
from orchestra.routing.constraints import Candidate, candidate_of
from orchestra.routing.decide import Decider

ANYONE = "*"
"""The capability that every agent of the team provides: who answers a task that names nobody."""


class TeamBinder:
    """Binds a capability to the team's nodes and a list of models to one of them, by the same rule."""

    def __init__(
        self,
        decider: Decider,
        health: Health,
        escalate: str | None,
        model_nano: Callable[[str], int],
        weights: Weights,
    ) -> None:
        self._decider, self._health, self._escalate = decider, health, escalate
        self._model_nano, self._weights = model_nano, weights

    def bind(self, call: Call, view: View) -> Plan:
        """Raises UnknownCapability."""
        if isinstance(call.target, OneOf):
            nodes = tuple(_model_node(name, self._model_nano(name)) for name in call.target.models)
            decide = self._decider.for_call(replace(call, input=_asked(call.input)), view, f"model/{call.target.label}")
            return bind(call, nodes, decide, self._health, view.now, None, ModelName)
        if isinstance(call.target, Route):
            return self._route(call, call.target.capabilities, view)
        nodes = providers(view.catalog, call.target)
        decide = self._decider.for_call(call, view, call.target)
        return bind(call, nodes, decide, self._health, view.now, self._escalate, NodeName)

    def _route(self, call: Call, capabilities: Sequence[str], view: View) -> Plan:
        graph, vertex_to_node = layered(view.catalog, capabilities)
        neighbours = weighted(graph, vertex_to_node, node_weight(self._weights, self._health, view.now))
        return route(call, neighbours, START, GOAL, vertex_to_node, self._health, view.now, self._escalate)


def providers(catalog: Catalog, capability: str) -> tuple[Node, ...]:
    """The nodes that provide a capability; every agent for ``*``. Raises UnknownCapability."""
    if capability == ANYONE:
        nodes = tuple(node for node in catalog.nodes.values() if node.kind == "agent")
    else:
        nodes = catalog.providers(capability)
    if not nodes:
        known = ", ".join(sorted(catalog.capability_to_names)) or "none"
        raise UnknownCapability(f"Nobody provides {capability!r}; there are: {known}.")
    return nodes


def _model_node(name: str, expected_nano: int) -> Node:
    return Node(
        name=name,
        kind="model",
        body=Planning(plan=_no_plan),
        contract=Contract(bind=lambda value: {"request": value}),
        provides=("model",),
        expected_nano=expected_nano,
        trial_limit=1_000_000,
    )


def _no_plan(value: Any) -> Plan:
    """A model is called by its name; as an option it only has to be looked at."""
    yield from ()


def _asked(request: Request) -> str:
    turns: list[Message] = [m for m in request.messages if m.role == "user"]
    return turns[-1].text if turns else ""


def expected(thing: Any) -> Candidate:
    """What a node is expected to cost: its own charge and, as declared, its models."""
    candidate = candidate_of(thing)
    extra = thing.expected_nano if isinstance(thing, Node) else 0
    return candidate._replace(cost_nano=candidate.cost_nano + extra)
