"""The binder that the runtime is given: capability -> constraints, screen, decision -> node, and again on failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from orchestra.app.several import several
from orchestra.core.call import Call, Goal, ModelName, NodeName, OneOf, Plan, Ranked, Route, Several, Shaped
from orchestra.core.catalog import Catalog, Node
from orchestra.core.errors import UnknownCapability
from orchestra.core.message import Message
from orchestra.core.outcome import Done, Failed
from orchestra.graph.bind import bind
from orchestra.graph.colony import in_turn
from orchestra.graph.graph import START
from orchestra.graph.paths import Paths
from orchestra.graph.recovery import PERSON, Recovery
from orchestra.graph.route import route
from orchestra.graph.watch import Watch
from orchestra.graph.weights import Weights, node_weight
from orchestra.ports.binder import Place
from orchestra.ports.health import Health
from orchestra.ports.model import Reply, Request
from orchestra.routing.constraints import Candidate, candidate_of
from orchestra.routing.decide import Decider, Deciding

ANYONE = "*"
"""The capability that every agent of the team provides: who answers a task that names nobody."""
OBJECTIVES_KEPT = 8


class Resort(NamedTuple):
    """What a team declares for where nobody is left: lesser goals by capability, a model, a person."""

    fallbacks: Mapping[str, Sequence[str]] = MappingProxyType({})
    model: str | None = None
    person: bool = False

    def of(self, call: Call, name: str, place: Place) -> Recovery:
        """For one call: its own lesser goals, or those that were declared for what it asks for."""
        goals = self.fallbacks.get(name, ()) if call.fallback is None else call.fallback
        if not goals and not self.person:
            return _alone(self.model)
        return Recovery(
            goals=tuple(goal for goal in dict.fromkeys(goals) if goal != name),
            model=self.model,
            person=self.person,
            standing=place.lesser() if goals else None,
            answered=self.person and place.answered(PERSON),
        )


@cache
def _alone(model: str | None) -> Recovery:
    return Recovery(model=model)


class ModelOffer(NamedTuple):
    """A model as something to choose.

    Units: 1e-9 dollars; ``worst_nano`` is the most that the request at hand can cost, 0 where that does not matter.
    """

    name: str
    expected_nano: int = 0
    worst_nano: int = 0
    side_effect: str | None = None
    provides: tuple[str, ...] = ("model",)


class TeamBinder:
    """Binds a capability to the team's nodes and a list of models to one of them, by the same rule.

    ``shape`` makes a plan of a topology, an input and a catalogue; ``watch`` are the monitors of what it binds.
    """

    def __init__(
        self,
        decider: Decider,
        health: Health,
        resort: Resort,
        model_nano: Callable[[str, Request | None], tuple[int, int]],
        weights: Weights,
        shape: Callable[[Any, Any, Catalog], Plan],
        watch: Watch,
    ) -> None:
        self._decider, self._health, self._resort = decider, health, resort
        self._model_nano, self._weights, self._shape = model_nano, weights, shape
        self._paths, self._watch = Paths(weights), watch
        self._others: dict[Weights, TeamBinder] = {}

    def weighing(self, weights: Weights) -> TeamBinder:
        """The same for another objective. What it finds out about paths is kept for the last few."""
        other = self._others.get(weights)
        if other is None:
            other = copy(self)
            other._weights, other._paths = weights, Paths(weights)
            if len(self._others) >= OBJECTIVES_KEPT:
                self._others.clear()
            self._others[weights] = other
        return other

    def bind(self, call: Call, view: Place) -> Plan:
        """Raises UnknownCapability; for a topology also UnknownName, UnknownAgent, BadDefinition."""
        if isinstance(call.target, Shaped):
            return self._shape(call.target.topology, call.input, view.catalog)
        if isinstance(call.target, Several):
            return several(self._decider, call, view, providers(view.catalog, call.target.capability))
        if isinstance(call.target, Ranked):
            named = tuple(view.catalog.named(name) for name in call.target.names)
            found = named or providers(view.catalog, call.target.capability)
            return ranking(self._decider.for_call(call, view, call.target.capability)(found, None))
        if isinstance(call.target, OneOf):
            request = call.input if view.left_nano() is not None else None
            models = tuple(ModelOffer(name, *self._model_nano(name, request)) for name in call.target.models)
            decide = self._decider.for_call(replace(call, input=_asked(call.input)), view, f"model/{call.target.label}")
            return signed(bind(call, models, noted := Noted(decide), self._health, view.now, None, ModelName), noted)
        if isinstance(call.target, Route) and getattr(self._decider.router, "walks", False):
            after = replace(self._resort.of(call, call.target.name, view), model=None, person=False)  # each layer's own
            return in_turn(call, call.target.capabilities, after)
        if isinstance(call.target, Route):
            weigh = node_weight(self._weights, self._health, view.now, lambda name: self._watch.rewards(name)[1])
            find, vertex_to_node = self._paths.through(view.catalog, call.target.capabilities, weigh)
            after = self._resort.of(call, call.target.name, view)
            plan = route(call, find, START, vertex_to_node, self._health, view.now, after, record=True)
            return self._watched(plan, call, view, len(call.target.capabilities))
        lesser = isinstance(call.target, Goal)
        name: str = call.target.name if lesser else call.target
        nodes = providers(view.catalog, name)
        decide = self._decider.for_call(call, view, name)
        after = Recovery() if lesser else self._resort.of(call, name, view)
        plan = bind(call, nodes, decide, self._health, view.now, after, NodeName)
        return self._watched(plan, call, view, 1)

    def _watched(self, plan: Plan, call: Call, view: Place, stages: int) -> Plan:
        return self._watch.over(plan, call, view, stages) if self._watch.monitors else plan


class Noted:
    """``decide``, with the name that it gave last."""

    def __init__(self, decide: Callable[[Sequence[Any], Failed | None], Deciding]) -> None:
        self._decide, self.name = decide, ""

    def __call__(self, offers: Sequence[Any], failure: Failed | None) -> Deciding:
        answer = yield from self._decide(offers, failure)
        self.name = self.name if isinstance(answer, Failed) else answer.chosen[0]
        return answer


def signed(plan: Plan, noted: Noted) -> Plan:
    """A reply says by which model it was chosen to be: what the provider calls it may be another name."""
    outcome = yield from plan
    if type(outcome) is Done and isinstance(outcome.output, Reply):
        return replace(outcome, output=replace(outcome.output, by=noted.name))
    return outcome


def ranking(deciding: Deciding) -> Plan:
    """A decision as what it compared, of which the plan that asked calls whom it likes."""
    decided = yield from deciding
    if isinstance(decided, Failed):
        return decided
    options = [[o.name, o.score, o.cost_nano] for o in decided.options if o.filtered is None]
    return Done(output={"decision": decided.key, "chosen": decided.chosen[0], "options": options})


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


def _asked(request: Request) -> str:
    turns: list[Message] = [m for m in request.messages if m.role == "user"]
    return turns[-1].text if turns else ""


def expected(thing: Any) -> Candidate:
    """What a node is expected to cost: its own charge and, as declared, its models; a model, what it may cost too."""
    if isinstance(thing, ModelOffer):
        return Candidate(thing.name, thing.expected_nano, trial_limit=1_000_000, worst_nano=thing.worst_nano)
    candidate = candidate_of(thing)
    extra = thing.expected_nano if isinstance(thing, Node) else 0
    return candidate._replace(cost_nano=candidate.cost_nano + extra)
