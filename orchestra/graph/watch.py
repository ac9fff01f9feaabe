"""Monitors before each call that binding or routing makes: the most urgent signal wins, and may change what happens."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestra.core.call import Approval, Batch, Call, Filing, NodeName, Plan, Planned
from orchestra.core.catalog import Code, Node
from orchestra.core.errors import BadDefinition, BadInput, BadNumber, NotApproved, Outranked
from orchestra.core.outcome import Done, Failed, Outcome, cause_of
from orchestra.core.signal import Signal
from orchestra.core.task import task_of, value_of
from orchestra.graph.attempt import Tried, ask_model, asked, avoided, written
from orchestra.ports.binder import Place
from orchestra.ports.health import Health
from orchestra.ports.monitor import Monitor, Proposed, Situation

OUTRANKS = 0.5
"""From this priority on a signal changes what happens. Our default."""
SHOWN = 240
"""Characters of an input that a question shows. Our default."""
Batches = Generator[Batch, tuple[Outcome, ...], tuple[Outcome, ...]]


class Course:
    """How far one call has come: which nodes finished, which failed, which are avoided and why."""

    def __init__(self, call: Call, view: Place, stages: int) -> None:
        self.call, self.view, self.stages = call, view, stages
        self.done: list[str] = []
        self.failed: list[Tried] = []
        self.name_to_why: dict[str, str] = {}
        self.since = 0

    def note(self, calls: Sequence[Call], outcomes: Sequence[Outcome]) -> None:
        for call, outcome in zip(calls, outcomes, strict=True):
            if isinstance(call.target, NodeName) and isinstance(outcome, Done):
                self.done.append(call.target.name)
                self.since = len(self.failed)
            elif isinstance(call.target, NodeName) and isinstance(outcome, Failed):
                self.failed.append(Tried(call.target.name, outcome.cause))


@dataclass(frozen=True, slots=True)
class Watch:
    """The monitors of a team, and what they may look at. ``escalate`` is the model that may be asked.

    Among the signals about a call the one of the highest priority wins, among equals the first monitor's. It is done
    if its priority is ``outranks`` or more; a call that the journal answers is not asked about.
    Source: Self-Healing Router (monitors side by side, the maximum wins); the acts are our default.
    """

    monitors: tuple[Monitor, ...]
    outranks: float
    health: Health
    rewards: Callable[[str], tuple[int, float]]
    escalate: str | None = None

    def over(self, plan: Plan, call: Call, view: Place, stages: int = 1, hedge: bool = False) -> Plan:
        """The plan of ``bind`` or ``route`` for the call, with the monitors asked before each node that it calls. One
        that would only be a second, should the first be late, is left out for any of them.

        Raises: what a monitor raises, BadNumber and BadDefinition for what is no Signal: then the call fails.
        """
        course = Course(call, view, stages)
        sent: Any = None
        try:
            while True:
                try:
                    batch = plan.send(sent)
                except StopIteration as stop:
                    return stop.value
                batch = replace(batch, calls=tuple(self._watched(call, course) for call in batch.calls))
                heard = self._heard(batch, course)
                top = max(heard.values(), key=lambda signal: signal.priority, default=None)
                if top is None:
                    sent = yield batch
                elif hedge or top.act == "avoid":
                    sent = yield from _without(batch, heard, course)
                elif top.act == "ask_person" and (yield from _approved(batch, top)):
                    sent = yield from _without(batch, {i: one for i, one in heard.items() if one is not top}, course)
                else:
                    return (yield from self._ended(batch, top, course))
                course.note(batch.calls, sent)
        finally:
            plan.close()

    def _watched(self, call: Call, course: Course) -> Call:
        """A nested plan, such as a hedge's, is watched as well."""
        target = call.target
        if not isinstance(target, Planned):
            return call

        def plan(value: Any) -> Plan:
            return self.over(target.plan(value), course.call, course.view, course.stages, hedge=True)

        return replace(call, target=replace(target, plan=plan))

    def _heard(self, batch: Batch, course: Course) -> dict[int, Signal]:
        """What changes something, by the place of the call that it is about."""
        heard = {}
        for place, call in enumerate(batch.calls):
            node = course.view.catalog.nodes.get(call.target.name) if isinstance(call.target, NodeName) else None
            if node is None or course.view.finished(call):
                continue
            if node.name in course.name_to_why:
                heard[place] = Signal("", 0.0, "avoid", about=node.name)
                continue
            now = self._situation(node, call, course)
            signals = [_checked(one) for monitor in self.monitors if (one := monitor(now)) is not None]
            top = max(signals, key=lambda one: one.priority, default=None)
            if top is not None and top.act != "go_on" and top.priority >= self.outranks:
                heard[place] = top._replace(about=node.name)
        return heard

    def _situation(self, node: Node, call: Call, course: Course) -> Situation:
        at = course.view.now()
        return Situation(
            task=task_of(course.call.input).text,
            wanted=asked(course.call),
            proposed=Proposed(
                node.name, node.kind, _arguments(node, call.input), node.side_effect,
                node.cost_nano + node.expected_nano, node.models,
            ),
            at=at,
            left_nano=course.view.left_nano(),
            done=tuple(course.done),
            failed=tuple(one.name for one in course.failed[course.since :]),
            stages=course.stages,
            state=lambda name: self.health.state(name, at),
            rewards=self.rewards,
        )  # fmt: skip

    def _ended(self, batch: Batch, top: Signal, course: Course) -> Plan:
        """The model is asked, or the task ends. What failed before gets its record here."""
        why = f"The monitor {top.source!r} ({top.priority:.2f}) came before {top.about!r}{_said(top)}."
        signals = () if top.act == "ask_person" else (top,)
        if top.act == "ask_model" and self.escalate is not None:
            failure = Failed(cause=cause_of(Outranked(why)), filed=True)
            yield Batch(calls=(), filings=_escalated(batch.filings, "model"), signals=signals)
            tried = [*course.failed, Tried(top.about, failure.cause)]
            return (yield from ask_model(self.escalate, course.call, failure, tried, course.done))
        to = "person" if top.act == "ask_person" else "caller"
        yield Batch(calls=(), filings=_escalated(batch.filings, to), signals=signals)
        if top.act == "ask_person":
            return Failed(cause=cause_of(NotApproved(f"A person refused. {why}")))
        remedy = "Name the model that is to be asked: Orchestra(escalate=...)." if top.act == "ask_model" else None
        return Failed(cause=cause_of(Outranked(why, remedy=remedy)))


def watch_of(
    monitors: Sequence[Monitor],
    outranks: float,
    health: Health,
    rewards: Callable[[str], tuple[int, float]],
    escalate: str | None,
) -> Watch:
    """Raises BadDefinition for a monitor that cannot be called, BadNumber for a limit outside [0, 1]."""
    for monitor in monitors:
        if not callable(monitor):
            raise BadDefinition(f"The monitor {monitor!r} cannot be called.", remedy="Pass a function, or risk().")
    if not 0.0 <= outranks <= 1.0:
        raise BadNumber(f"outranks={outranks!r} is no priority.", remedy="Give a number in [0, 1].")
    return Watch(tuple(monitors), outranks, health, rewards, escalate)


def _checked(signal: Signal) -> Signal:
    if not isinstance(signal, Signal):
        raise BadDefinition(f"A monitor returned {signal!r}.", remedy="Return a Signal, or None.")
    return signal.checked()


def _without(batch: Batch, heard: Mapping[int, Signal], course: Course) -> Batches:
    """The batch without the calls that something was said about; each of them ends as if its node had done nothing."""
    gone = {place: one._replace(act="avoid") for place, one in heard.items()}
    for one in gone.values():
        why = f"the monitor {one.source!r} wants another node{_said(one)}"
        for name in (one.about, *one.nodes):
            course.name_to_why.setdefault(name, why)
    signals = tuple(one for one in gone.values() if one.source)
    left = tuple(
        replace(call, after_s=0.0) if gone else call for place, call in enumerate(batch.calls) if place not in gone
    )
    outcomes: tuple[Outcome, ...] = ()
    if left or signals:
        outcomes = yield replace(batch, calls=left, filings=batch.filings if left else (), signals=signals)
    rest, filings = iter(outcomes), () if left else batch.filings
    return tuple(
        avoided(gone[place].about, course.name_to_why[gone[place].about], filings) if place in gone else next(rest)
        for place in range(len(batch.calls))
    )


def _approved(batch: Batch, top: Signal) -> Generator[Batch, tuple[Outcome, ...], bool]:
    """Whether a person lets the call be made. Until then the run is paused, and the plan comes no further."""
    call = next(call for call in batch.calls if isinstance(call.target, NodeName) and call.target.name == top.about)
    shown = written(call.input)[:SHOWN]
    question = f"May {top.about!r} be called with {shown!r}? The monitor {top.source!r} asks{_said(top)}."
    asking = Call(target=Approval(question=question), input=[top.about, call.input])
    (outcome,) = yield Batch(calls=(asking,), signals=(top,))
    answer = outcome.output if isinstance(outcome, Done) else False
    return bool(answer.get("approved") if isinstance(answer, Mapping) else answer in (True, "yes"))


def _escalated(filings: Sequence[Filing], to: str) -> tuple[Filing, ...]:
    return tuple(replace(filing, how="escalated", to=to) for filing in filings)


def _said(signal: Signal) -> str:
    return "" if signal.payload is None else f": {signal.payload}"


def _arguments(node: Node, value: Any) -> dict[str, Any]:
    try:
        given = node.contract.bind(value_of(value))
    except BadInput:
        return {}
    if not isinstance(node.body, Code):
        return given
    declared = inspect.signature(node.body.fn).parameters.values()
    return {**{p.name: p.default for p in declared if p.default is not p.empty}, **given}
