"""A route that watches: monitors may outrank it, and where its goal is out of reach a lesser one is pursued."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from orchestra.core.call import Batch, Call, Filing, ModelName, NodeName, Plan
from orchestra.core.errors import NotApproved
from orchestra.core.message import system, user
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.evaluation.healing.scenarios import START, Alarm, Domain, State
from orchestra.graph.attempt import FINAL, Candidate, Tried, given_up
from orchestra.graph.graph import Graph
from orchestra.graph.route import route
from orchestra.graph.shortest import Path, shortest
from orchestra.ports.health import Health
from orchestra.ports.model import Request

OUTRANKS = 0.9
"""A monitor at or above this interrupts the route. Source: the paper's code gives risk .95 and progress .50."""
ASK = "A monitor interrupts a task. Name the one goal that is to be pursued now, or answer 'none'."


class Interrupted(Exception):
    """A monitor outranks; ``filings`` are those of the batch that was not sent."""

    def __init__(self, alarm: Alarm, filings: tuple[Filing, ...]) -> None:
        super().__init__(alarm)
        self.alarm, self.filings = alarm, filings


@dataclass(frozen=True, slots=True, kw_only=True)
class Pursuit:
    """A topology over a Domain: its goal by the cheapest path, and what is done where that does not go.

    The model is asked once if a monitor outranks, and once if no goal can be reached, never otherwise. A failure that
    made a declared lesser goal necessary is filed as demoted to it.
    """

    domain: Domain
    nodes: Mapping[str, Candidate]
    model: str | None
    health: Health | None = None
    now: Callable[[], float] = float
    name: str = "pursuit"
    cost: Callable[[str, float], float | None] = field(default=lambda to, weight: weight)

    def plan(self, value: Any) -> Plan:
        return _Work(self, value).plan()


class _Work:
    """One task under way."""

    def __init__(self, pursuit: Pursuit, task: Mapping[str, Any]) -> None:
        self.of, self.task = pursuit, task
        self.graph = Graph.of_weights(pursuit.domain.edges)
        self.here = START
        self.finished: dict[str, Any] = {}
        self.dead: set[str] = set()
        self.tried: list[Tried] = []
        self.heard: set[str] = set()

    def plan(self) -> Plan:
        domain = self.of.domain
        goals = [domain.goal, *domain.fallbacks]
        while True:
            goal = goals.pop(0)
            try:
                outcome = yield from self._watched(self._route(goal))
            except Interrupted as stop:
                answer = yield from self._asked(stop)
                if not isinstance(answer, Done):
                    return answer
                named = answer.output.text.strip()
                if named not in domain.goals:
                    return Done(output=answer.output.text)
                goals = [named, *(other for other in domain.fallbacks if other != named)]
                continue
            if not isinstance(outcome, Failed) or any(outcome.cause.is_a(error) for error in FINAL):
                return outcome
            goals = [other for other in goals if self._find(other)(self.here, frozenset()) is not None]
            if not goals:
                call = Call(target=domain.goal, input=self.task)
                return (yield from given_up(self.of.model, call, outcome, self.tried, list(self.finished)))
            if outcome.origin and not outcome.filed:
                yield Batch(calls=(), filings=(Filing(origin=outcome.origin, how="demoted", to=goals[0]),))

    def _find(self, goal: str) -> Callable[[str, Set[str]], Path[str] | None]:
        def neighbours(vertex: str) -> Iterator[tuple[str, float | None]]:
            return ((to, self.of.cost(to, weight)) for to, weight in self.graph.neighbours(vertex))

        return lambda here, hidden: shortest(neighbours, here, goal, {*hidden, *self.finished, *self.dead})

    def _route(self, goal: str) -> Plan:
        call = Call(target=goal, input=self.task)
        return route(call, self._find(goal), self.here, self.of.nodes, self.of.health, self.of.now)

    def _watched(self, plan: Plan) -> Generator[Batch, tuple[Outcome, ...], Any]:
        """Hands the route's batches on, but for what a monitor stops. Raises Interrupted."""
        sent: Any = None
        try:
            while True:
                try:
                    batch = plan.send(sent)
                except StopIteration as stop:
                    return stop.value
                if batch.calls and (alarm := self._alarm()) is not None:
                    raise Interrupted(alarm, batch.filings)
                sent = yield batch
                self._noted(batch.calls, sent)
        finally:
            plan.close()

    def _noted(self, calls: Sequence[Call], outcomes: tuple[Outcome, ...]) -> None:
        for call, outcome in zip(calls, outcomes, strict=True):
            if not isinstance(call.target, NodeName):
                continue
            vertex = call.target.name
            if isinstance(outcome, Done):
                self.here, self.finished[vertex] = vertex, outcome.output
            elif isinstance(outcome, Failed):
                self.dead.add(vertex)
                self.tried.append(Tried(vertex, outcome.cause))

    def _alarm(self) -> Alarm | None:
        """The loudest of the monitors that has not been heard; the task is what the model was told of it once."""
        state = State(self.task, tuple(self.finished.items()))
        found = [alarm for monitor in self.of.domain.monitors if (alarm := monitor(state)) is not None]
        loud = [alarm for alarm in found if alarm.priority >= OUTRANKS and alarm.source not in self.heard]
        return max(loud, key=lambda alarm: alarm.priority, default=None)

    def _asked(self, stop: Interrupted) -> Generator[Batch, tuple[Outcome, ...], Outcome]:
        alarm = stop.alarm
        self.heard.add(alarm.source)
        facts = [f"The task: {self.task.get('text')}", f"Done: {', '.join(self.finished) or 'nothing'}"]
        facts.append(f"{alarm.source} ({alarm.priority}): {alarm.payload}")
        request = Request(messages=(system(ASK), user("\n".join(facts))))
        filings = tuple(Filing(origin=one.origin, how="escalated", to="model") for one in stop.filings)
        if self.of.model is None:
            return failed(NotApproved(f"{alarm.source}: {alarm.payload}", remedy="Give a model or a person to ask."))
        (outcome,) = yield Batch(calls=(Call(target=ModelName(name=self.of.model), input=request),), filings=filings)
        return outcome
