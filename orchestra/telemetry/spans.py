"""Events to spans: a pure projection, made after the fact. It holds no content but, on request, decisions' reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orchestra.telemetry.names as names
from orchestra.core.decision import Decision
from orchestra.core.events import CallEnded, CallStarted, Decided, Event, Filed, RunStarted
from orchestra.core.usage import ZERO, Usage
from orchestra.telemetry.ids import span_id, trace_id
from orchestra.telemetry.log import Log, above_of, parts_of, read_log

_OPERATIONS = {"workflow": "invoke_workflow", "agent": "invoke_agent", "model": "chat", "tool": "execute_tool"}
"""The kinds of calls that have a span; plans, bindings and branches do not."""
Link = tuple[int, int]


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
    part: int = 0,
    links: Sequence[Link] = (),
) -> list[SpanRecord]:
    """The spans of a run, the run's own first, the others in order of their end.

    A call's parent is the nearest key above it that has a span. Token counts by the convention's names stand on model
    calls only; what a run, workflow, agent or tool used in all stands under ``orchestra.usage.*``. A call with no end
    (the process died) ends with the last event and is 'unfinished'. Each time a run was taken up again is a part with
    spans of its own under a root of its own, which links to the first root; the totals are the part's. ``part`` is
    the number of the first part in ``events``, ``links`` are more links of its root. With ``content`` decisions carry
    their reason. ``latest`` follows the newer conventions: a model call that did not end well has the finish reason
    'error'.
    """
    found: list[SpanRecord] = []
    for nth, events_of_part in enumerate(parts_of(events), part):
        more = tuple(links) if nth == part else ()
        found.extend(_Build(run_id, read_log(events_of_part), content, latest, nth, more).all())
    return found


@dataclass(slots=True)
class _Build:
    """The spans of one part."""

    run_id: str
    log: Log
    content: bool
    latest: bool
    part: int
    links: tuple[Link, ...]
    made: list[SpanRecord] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)
    attempts: dict[str, int] = field(default_factory=dict)
    charges_told: set[str] = field(default_factory=set)
    spanned: set[str] = field(default_factory=set)
    filed: dict[str, Filed] = field(init=False)

    def __post_init__(self) -> None:
        self.filed = {event.key: event for event in self.log.filed}

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
                trace_id(self.run_id),
                span_id(self.run_id, key if nth == 1 else f"{key}#{nth}", self.part),
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
        if self.log.run is None or key != self.log.run.key:
            return ()
        return (*self.links, (trace_id(self.run_id), span_id(self.run_id, key))) if self.part else self.links

    def parent(self, key: str) -> int | None:
        above = above_of(key, self.spanned)
        if above is None and self.log.run is not None and key != self.log.run.key:
            above = self.log.run.key
        return None if above is None else span_id(self.run_id, above, self.part)

    def root(self, run: RunStarted) -> None:
        end = self.log.end
        attributes: dict[str, Any] = {names.OUTCOME: end.status if end else "unfinished"}
        attributes |= totals(sum(self.log.charged.values(), ZERO))
        if self.part:
            attributes[names.PART] = self.part + 1
        if self.log.recalled:
            attributes[names.RECALLED] = self.log.recalled
        if end is not None and end.cause is not None:
            attributes[names.ERROR_TYPE] = end.cause.kind
        attributes |= self.reward(run.key, self.run_id)
        failed = end is not None and end.status == "failed"
        self.add(f"run {run.name}", run.key, (run.at, end.at if end else self.log.last_at), attributes, failed)

    def call(self, end: CallEnded) -> None:
        status = type(end.outcome).__name__.lower()
        attributes = {**self.about(end.key, end.kind, end.name, end.decision), names.OUTCOME: status}
        if end.kind == "model":
            attributes |= tokens(end.usage)
            attributes |= _reply(getattr(end.outcome, "output", None))
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
                attributes |= {names.FAILURE_HOW: filed.how, names.FAILURE_TO: filed.to}
        name = f"{attributes[names.OPERATION]} {attributes.get(names.REQUEST_MODEL, end.name)}"
        self.add(name, end.key, (end.began, end.at), attributes, status == "failed")

    def unfinished(self, call: CallStarted) -> None:
        attributes = {**self.about(call.key, call.kind, call.name, call.decision), names.OUTCOME: "unfinished"}
        if call.kind == "model":
            attributes |= tokens(self.log.charged.get(call.key, ZERO))
        name = f"{attributes[names.OPERATION]} {attributes.get(names.REQUEST_MODEL, call.name)}"
        self.add(name, call.key, (call.at, self.log.last_at), attributes, False)

    def about(self, key: str, kind: str, name: str, decision: str | None) -> dict[str, Any]:
        """What is the same for calls that ended and that did not."""
        attributes: dict[str, Any] = {names.OPERATION: _OPERATIONS[kind]}
        if kind == "model":
            attributes[names.PROVIDER], attributes[names.REQUEST_MODEL] = names.provider_and_model(name)
            if key in self.log.started:
                attributes |= _request(self.log.started[key].input)
        elif kind == "tool":
            attributes |= {names.TOOL_NAME: name, names.TOOL_TYPE: "function"}
        else:
            attributes[names.AGENT_NAME if kind == "agent" else names.WORKFLOW_NAME] = name
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


def tokens(usage: Usage) -> dict[str, Any]:
    """The convention's counts, for a model call."""
    counts = {names.USAGE_INPUT_TOKENS: usage.input_tokens, names.USAGE_OUTPUT_TOKENS: usage.output_tokens}
    if usage.cached_tokens:
        counts[names.USAGE_CACHE_READ_INPUT_TOKENS] = usage.cached_tokens
    return {**counts, names.ESTIMATED: True} if usage.estimated else counts


def totals(usage: Usage) -> dict[str, Any]:
    """Sums, for whatever has calls below it. No cost while a part has no known price."""
    found: dict[str, Any] = {
        names.TOTAL_INPUT_TOKENS: usage.input_tokens,
        names.TOTAL_OUTPUT_TOKENS: usage.output_tokens,
        names.TOTAL_REQUESTS: usage.requests,
        names.TOTAL_TOOL_CALLS: usage.tool_calls,
    }
    if usage.usd is not None:
        found[names.TOTAL_COST_USD] = float(usage.usd)
    else:
        found[names.UNPRICED] = usage.unpriced
    return {**found, names.ESTIMATED: True} if usage.estimated else found


def route_attributes(decision: Decision) -> dict[str, Any]:
    """A decision as flat attributes: parallel lists over the eligible options; filtered ones as 'name: reason'."""
    eligible = [option for option in decision.options if option.filtered is None]
    scores = [option.score for option in eligible]
    chances = [option.probability for option in eligible]
    found: dict[str, Any] = {
        names.ROUTE_CAPABILITY: decision.capability,
        names.ROUTE_POLICY: decision.policy,
        names.ROUTE_POLICY_VERSION: decision.version,
        names.ROUTE_CANDIDATES: tuple(option.name for option in eligible),
        names.ROUTE_COSTS_USD: tuple(option.cost_nano / 1e9 for option in eligible),
        names.ROUTE_CHOSEN: decision.chosen,
        names.ROUTE_EXPLORED: decision.explored,
        names.DECISION: decision.key,
    }
    filtered = tuple(f"{option.name}: {option.filtered}" for option in decision.options if option.filtered is not None)
    optional = {
        names.ROUTE_SCORES: None if None in scores else tuple(scores),
        names.ROUTE_PROBABILITIES: None if None in chances else tuple(chances),
        names.ROUTE_PROPENSITY: decision.probability,
        names.ROUTE_FILTERED: filtered or None,
        names.ROUTE_FROM: decision.because,
        names.ROUTE_BUDGET_USD: None if decision.budget_left_nano is None else decision.budget_left_nano / 1e9,
    }
    return found | {name: value for name, value in optional.items() if value is not None}


def _request(request: Any) -> dict[str, Any]:
    """A request's numbers, from the live object or from its record."""
    found = {
        names.REQUEST_MAX_TOKENS: _field(request, "max_tokens"),
        names.REQUEST_TEMPERATURE: _field(request, "temperature"),
        names.REQUEST_SEED: _field(request, "seed"),
    }
    return {name: value for name, value in found.items() if isinstance(value, (int, float))}


def _reply(reply: Any) -> dict[str, Any]:
    model, finish = _field(reply, "model"), _field(reply, "finish")
    found: dict[str, Any] = {names.RESPONSE_MODEL: model} if isinstance(model, str) and model else {}
    return {**found, names.RESPONSE_FINISH_REASONS: (finish,)} if isinstance(finish, str) else found


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
