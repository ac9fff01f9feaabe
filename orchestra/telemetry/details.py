"""Events to the conventions' own events: what was asked and answered, and what a decision was worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orchestra.telemetry.names as names
from orchestra.core.events import CallEnded, CallStarted, Decided, Event, Rewarded, RunStarted
from orchestra.telemetry.content import inference_content
from orchestra.telemetry.ids import Caller, part_of, span_id
from orchestra.telemetry.log import parts_of
from orchestra.telemetry.spans import SpanRecord


class EventRecord(NamedTuple):
    """One event of a span. Units: ``at_ns`` in nanoseconds since 1970."""

    name: str
    span: Caller
    at_ns: int
    attributes: dict[str, Any]


def inference_details(records: Sequence[SpanRecord], events: Sequence[Event]) -> list[EventRecord]:
    """The model calls among the spans with their messages, as far as the events hold them."""
    asked = {e.key: e.input for e in events if isinstance(e, CallStarted) and e.kind == "model"}
    answered = {e.key: getattr(e.outcome, "output", None) for e in events if isinstance(e, CallEnded)}
    found = []
    for record in records:
        if record.attributes.get(names.OPERATION) != "chat":
            continue
        told = {k: v for k, v in record.attributes.items() if not k.startswith("orchestra.")}
        told |= inference_content(asked.get(record.key), answered.get(record.key))
        span = Caller(record.trace_id, record.span_id)
        found.append(EventRecord(names.INFERENCE_DETAILS, span, record.end_ns, told))
    return found


def evaluations(run_id: str, events: Sequence[Event], judged: Sequence[Rewarded]) -> list[EventRecord]:
    """Rewards as evaluations of the call that the decision led to, of the decision where it led to none.

    ``events`` are all of the run's. The evaluation is named after the reward's source; its score is in [0, 1].
    """
    spans, decisions = _decided(run_id, events)
    found = []
    for one in judged:
        if one.key not in spans:
            continue
        decision = decisions[one.key].decision
        told = {
            names.EVALUATION_NAME: one.source,
            names.EVALUATION_SCORE: float(one.reward),
            names.CONVERSATION: run_id,
            names.DECISION: one.key,
            names.ROUTE_CAPABILITY: decision.capability,
            names.ROUTE_CHOSEN: decision.chosen,
        }
        found.append(EventRecord(names.EVALUATION_RESULT, spans[one.key], round(one.at * 1e9), told))
    return found


def _decided(run_id: str, events: Sequence[Event]) -> tuple[Mapping[str, Caller], Mapping[str, Decided]]:
    """The span that stands for each decision, by the decision's key."""
    spans: dict[str, Caller] = {}
    decisions: dict[str, Decided] = {}
    traces: list[str] = []
    for events_of_part in parts_of(events):
        traces.append(next((e.trace for e in events_of_part if isinstance(e, RunStarted)), ""))
        part = part_of(run_id, traces)
        for event in events_of_part:
            if isinstance(event, Decided):
                decisions[event.decision.key] = event
                key = event.decision.key
            elif isinstance(event, CallEnded) and event.decision is not None:
                key = event.decision
            else:
                continue
            spans[key] = Caller(part.trace_id, span_id(run_id, event.key, part.number), part.sampled)
    return spans, decisions
