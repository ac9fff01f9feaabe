"""Events to spans: a pure projection, made after the fact. It holds content only on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import orchestra.telemetry.names as names
from orchestra.core.catalog import Node
from orchestra.core.events import CallEnded, CallStarted, Decided, Event, Filed, Refused, RunStarted, Signalled
from orchestra.core.usage import ZERO
from orchestra.telemetry.attributes import (
    failure_attributes,
    limits,
    node_attributes,
    refusal,
    reply_attributes,
    request_attributes,
    route_attributes,
    server_attributes,
    stream_attributes,
    tokens,
    totals,
)
from orchestra.telemetry.content import inference_content, tool_content, written
from orchestra.telemetry.ids import Part, part_of, span_id
from orchestra.telemetry.log import Log, above_of, parts_of, read_log
from orchestra.telemetry.transfers import transfer_attributes

_OPERATIONS = {"workflow": "invoke_workflow", "agent": "invoke_agent", "model": "chat", "tool": "execute_tool"}
"""The kinds of calls that have a span; plans, bindings and branches do not."""
Link = tuple[int, int]
NO_NODES: Mapping[str, Node] = MappingProxyType({})


class SpanRecord(NamedTuple):
    """One span as plain values.

    Units: ``start_ns`` and ``end_ns`` in nanoseconds since 1970. ``kind`` is internal or client, ``status`` unset or
    error; ``links`` are (trace id, span id) of other spans.
    """

    name: str
    kind: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    status: str
    key: str
    links: tuple[Link, ...] = ()


def spans(
    run_id: str,
    events: Sequence[Event],
    *,
    content: bool = False,
    latest: bool = False,
    earlier: Sequence[str] = (),
    nodes: Mapping[str, Node] = NO_NODES,
) -> list[SpanRecord]:
    """The spans of a run, the run's own first, the others in order of their end.

    A call's parent is the nearest key above it that has a span; the run's own is the span it was begun under, if there
    was one. Token counts by the convention's names stand on model calls only; what a run, workflow, agent or tool used
    in all stands under ``orchestra.usage.*``. A call with no end (the process died) ends with the last event and is
    'unfinished'. Each time a run was taken up again is a part with spans of its own under a root of its own, which
    links to the first root; the totals are the part's. ``earlier`` are the traceparents of the parts before those in
    ``events``, ``nodes`` the definitions that descriptions are taken from. ``content`` adds messages, arguments,
    results and the reasons of decisions, where the events hold them. ``latest`` follows the newer conventions: a model
    call that did not end well has the finish reason 'error'.
    """
    found: list[SpanRecord] = []
    traces = [*earlier]
    for events_of_part in parts_of(events):
        log = read_log(events_of_part)
        traces.append(log.run.trace if log.run else "")
        found.extend(_Build(run_id, log, content, latest, part_of(run_id, traces), nodes).all())
    return found


@dataclass(slots=True)
class _Build:
    """The spans of one part."""

    run_id: str
    log: Log
    content: bool
    latest: bool
    part: Part
    nodes: Mapping[str, Node]
    made: list[SpanRecord] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)
    attempts: dict[str, int] = field(default_factory=dict)
    charges_told: set[str] = field(default_factory=set)
    spanned: set[str] = field(default_factory=set)
    filed: dict[str, Filed] = field(init=False)
    refused: dict[str, Refused] = field(init=False)

    def __post_init__(self) -> None:
        self.filed = {event.key: event for event in self.log.filed}
        self.refused = {event.key: event for event in self.log.refused}

    def all(self) -> list[SpanRecord]:
        log, run = self.log, self.log.run
        ended = {event.key for event in log.ended}
        open_calls = [call for call in log.started.values() if call.kind in _OPERATIONS and call.key not in ended]
        self.spanned.update(event.key for event in log.ended if event.kind in _OPERATIONS)
        self.spanned.update(call.key for call in open_calls)
        self.spanned.update(event.key for event in log.decided)
        if run is not None:
            self.spanned.add(run.key)
            self.root(run)
        for end in log.ended:
            if end.kind in _OPERATIONS and not (run is not None and end.key == run.key):
                self.call(end)
        for call in open_calls:
            self.unfinished(call)
        for event in log.decided:
            self.route(event)
        for signal in log.signalled:
            self.signal(signal)
        return [*self.made[:1], *sorted(self.made[1:], key=lambda s: s.end_ns)]

    def add(self, name: str, key: str, times: tuple[float, float], attributes: dict[str, Any], failed: bool) -> None:
        self.times[key] += 1
        nth = self.times[key]
        attributes[names.KEY] = key
        attributes[names.CONVERSATION] = self.run_id
        self.made.append(
            SpanRecord(
                name,
                "client" if attributes.get(names.OPERATION) == "chat" else "internal",
                self.part.trace_id,
                span_id(self.run_id, key if nth == 1 else f"{key}#{nth}", self.part.number),
                self.parent(key),
                round(times[0] * 1e9),
                round(max(times) * 1e9),
                attributes,
                "error" if failed else "unset",
                key,
                self.links_of(key),
            )
        )

    def links_of(self, key: str) -> tuple[Link, ...]:
        first = self.part.first
        if first is None or self.log.run is None or key != self.log.run.key:
            return ()
        return ((first, span_id(self.run_id, key)),)

    def parent(self, key: str) -> int | None:
        if self.log.run is not None and key == self.log.run.key:
            return self.part.caller.span_id if self.part.caller else None
        above = above_of(key, self.spanned)
        if above is None and self.log.run is not None:
            above = self.log.run.key
        return None if above is None else span_id(self.run_id, above, self.part.number)

    def root(self, run: RunStarted) -> None:
        end = self.log.end
        attributes: dict[str, Any] = {names.OUTCOME: end.status if end else "unfinished"}
        attributes |= totals(sum(self.log.charged.values(), ZERO))
        attributes |= limits(run.limits)
        if self.part.number:
            attributes[names.PART] = self.part.number + 1
        if self.log.refused:
            attributes[names.BUDGET_REFUSALS] = len(self.log.refused)
        if self.log.recalled:
            attributes[names.RECALLED] = self.log.recalled
        if end is not None and end.cause is not None:
            attributes[names.ERROR_TYPE] = end.cause.kind
        attributes |= self.reward(run.key, self.run_id)
        failed = end is not None and end.status == "failed"
        self.add(f"run {run.name}", run.key, (run.at, end.at if end else self.log.last_at), attributes, failed)

    def call(self, end: CallEnded) -> None:
        status = type(end.outcome).__name__.lower()
        output = getattr(end.outcome, "output", None)
        attributes = {**self.about(end.key, end.kind, end.name, end.decision, output), names.OUTCOME: status}
        if end.kind == "model":
            attributes |= tokens(end.usage, self.latest)
            attributes |= reply_attributes(output)
            if self.latest and status in ("failed", "cancelled"):
                attributes[names.RESPONSE_FINISH_REASONS] = ("error",)
        elif end.usage is not ZERO:
            attributes |= totals(end.usage)
        if end.side_effect:
            attributes[names.EFFECT] = end.side_effect
        if end.key in self.log.dropped:
            attributes[names.DROPPED_BY] = self.log.dropped[end.key]
        if status == "failed" and end.outcome.cause is not None:
            attributes[names.ERROR_TYPE] = end.outcome.cause.kind
            filed = self.filed.get(end.key)
            if filed is not None:
                attributes |= failure_attributes(filed)
        self.add(_name(attributes, end.name), end.key, (end.began, end.at), attributes, status == "failed")

    def unfinished(self, call: CallStarted) -> None:
        attributes = {**self.about(call.key, call.kind, call.name, call.decision), names.OUTCOME: "unfinished"}
        if call.kind == "model":
            attributes |= tokens(self.log.charged.get(call.key, ZERO), self.latest)
        self.add(_name(attributes, call.name), call.key, (call.at, self.log.last_at), attributes, False)

    def about(self, key: str, kind: str, name: str, decision: str | None, output: Any = None) -> dict[str, Any]:
        """What is the same for calls that ended and that did not."""
        attributes: dict[str, Any] = {names.OPERATION: _OPERATIONS[kind]}
        started = self.log.started.get(key)
        given = None if started is None else started.input
        if kind == "model":
            attributes[names.PROVIDER], attributes[names.REQUEST_MODEL] = names.provider_and_model(name)
            attributes |= request_attributes(given)
            attributes |= server_attributes(started.server if started is not None else "")
            attributes |= stream_attributes(self.log.streamed.get(key))
        elif kind == "tool":
            attributes |= {names.TOOL_NAME: name, names.TOOL_TYPE: "function"}
            if started is not None and started.tool_call_id is not None:
                attributes[names.TOOL_CALL_ID] = started.tool_call_id
            attributes |= transfer_attributes(started, self.log)
        else:
            attributes[names.AGENT_NAME if kind == "agent" else names.WORKFLOW_NAME] = name
        if kind != "model":
            attributes |= node_attributes(self.nodes.get(name), kind, given, output is not None)
        if key in self.refused or key in self.log.overrun:
            attributes |= refusal(self.refused.get(key), self.log.overrun.get(key))
        if self.content and kind in ("model", "tool"):
            attributes |= written(inference_content(given, output) if kind == "model" else tool_content(given, output))
        if decision is not None:
            attributes[names.DECISION] = decision
        if self.log.retries[key]:
            attributes[names.ATTEMPTS] = self.log.retries[key] + 1
        charged = self.log.charged.get(key)
        if charged is not None and charged.usd is not None and key not in self.charges_told:
            self.charges_told.add(key)
            attributes[names.COST_USD] = float(charged.usd)
        return attributes

    def reward(self, *keys: str) -> dict[str, Any]:
        """The mean over the sources that judged, if any did."""
        given = [reward for key in keys for reward in self.log.rewarded.get(key, {}).values()]
        return {names.ROUTE_REWARD: sum(given) / len(given)} if given else {}

    def route(self, event: Decided) -> None:
        decision = event.decision
        attributes = route_attributes(decision)
        before = self.attempts.get(decision.because or "", 0)
        attributes[names.ROUTE_ATTEMPT] = before + 1 if before or decision.because is None else 2
        for key in self.log.decision_to_keys.get(decision.key, ()):
            self.attempts[key] = attributes[names.ROUTE_ATTEMPT]
        attributes |= self.reward(decision.key, event.key)
        if self.content and decision.reason:
            attributes[names.ROUTE_REASON] = decision.reason
        self.add(f"route {decision.capability}", event.key, (event.at, event.at), attributes, False)

    def signal(self, event: Signalled) -> None:
        attributes: dict[str, Any] = {
            names.SIGNAL_SOURCE: event.source,
            names.SIGNAL_PRIORITY: event.priority,
            names.SIGNAL_ACT: event.act,
            names.SIGNAL_NODE: event.name,
        }
        if self.content and event.payload is not None:
            attributes |= written({names.SIGNAL_PAYLOAD: event.payload})
        self.add(f"monitor {event.source}", f"{event.key}/monitor", (event.at, event.at), attributes, False)


def _name(attributes: Mapping[str, Any], name: str) -> str:
    operation = attributes[names.OPERATION]
    return f"{operation} {attributes[names.REQUEST_MODEL] if operation == 'chat' else name}"
