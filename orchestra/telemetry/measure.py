"""Events to measurements: a pure projection. It holds names, durations and counts, never content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import orchestra.telemetry.instruments as instruments
import orchestra.telemetry.names as names
from orchestra.core.events import CallEnded, Event, Streamed
from orchestra.core.outcome import Cancelled, Done, Failed
from orchestra.telemetry.instruments import Instrument
from orchestra.telemetry.log import above_of

Attributes = tuple[tuple[str, Any], ...]


class Measurement(NamedTuple):
    """One value of one instrument, in the instrument's unit."""

    instrument: Instrument
    value: float
    attributes: Attributes


def measurements(events: Sequence[Event], *, latest: bool = False) -> list[Measurement]:
    """What the ended calls of these events took and used, by the published names, or with ``latest`` by the newer.

    Model calls alone have tokens, so sums are right. Calls that did not end (the process died) are not measured. A
    count that had to be estimated is marked as such.
    """
    calls = [event for event in events if isinstance(event, CallEnded)]
    streamed = {event.key: event for event in events if isinstance(event, Streamed)}
    found: list[Measurement] = []
    for call in calls:
        if call.kind == "model":
            found.extend(_inference(call) if latest else _operation(call))
            if call.key in streamed:
                found.extend(_pieces(streamed[call.key], _who(call), latest))
    return [*found, *_work(calls)] if latest else found


def _operation(call: CallEnded) -> list[Measurement]:
    who, usage = _who(call), call.usage
    found = [_took(instruments.OPERATION_DURATION, call, who)]
    if usage.input_tokens or usage.output_tokens:
        who = _marked(call, who)
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            found.append(Measurement(instruments.TOKEN_USAGE, count, (*who, (names.TOKEN_TYPE, kind))))
    return found


def _inference(call: CallEnded) -> list[Measurement]:
    who, usage = _who(call), call.usage
    found = [_took(instruments.INFERENCE_DURATION, call, who)]
    who = _marked(call, who)
    counted = (*who, (names.TOKEN_MODALITY, "unknown"))
    found.append(Measurement(instruments.INPUT_TOKENS, usage.input_tokens, counted))
    found.append(Measurement(instruments.OUTPUT_TOKENS, usage.output_tokens, counted))
    if usage.cached_tokens:
        found.append(Measurement(instruments.CACHE_READ_TOKENS, usage.cached_tokens, counted))
    if usage.cache_write_tokens:
        found.append(Measurement(instruments.CACHE_WRITE_TOKENS, usage.cache_write_tokens, counted))
    if isinstance(call.outcome, Done):
        found.append(Measurement(instruments.INPUT_TOKENS_EACH, usage.input_tokens, who))
        found.append(Measurement(instruments.OUTPUT_TOKENS_EACH, usage.output_tokens, who))
    return found


def _pieces(streamed: Streamed, who: Attributes, latest: bool) -> list[Measurement]:
    first = instruments.INFERENCE_FIRST_CHUNK if latest else instruments.FIRST_CHUNK
    each = instruments.INFERENCE_EACH_CHUNK if latest else instruments.EACH_CHUNK
    gaps = [Measurement(each, max(0, gap) / 1e6, who) for gap in streamed.gaps_us]
    return [Measurement(first, max(0.0, streamed.first_s), who), *gaps]


def _work(calls: Sequence[CallEnded]) -> list[Measurement]:
    """Agents, tools and workflows. A model or tool call is counted for the nearest agent above it, if any."""
    agents = {call.key: call.name for call in calls if call.kind == "agent"}
    own: Counter[tuple[str | None, str]] = Counter()
    found: list[Measurement] = []
    for call in calls:
        if call.kind not in ("model", "tool"):
            continue
        above = above_of(call.key, agents)
        own[above, call.kind] += 1
        if call.kind == "tool":
            who: Attributes = ((names.TOOL_NAME, call.name), (names.TOOL_TYPE, "function"))
            who = who if above is None else (*who, (names.AGENT_NAME, agents[above]))
            found.append(_took(instruments.TOOL_DURATION, call, who))
    for call in calls:
        if call.kind == "workflow":
            found.append(_took(instruments.WORKFLOW_DURATION, call, ((names.WORKFLOW_NAME, call.name),)))
        elif call.kind == "agent":
            who = ((names.AGENT_NAME, call.name),)
            found.append(_took(instruments.AGENT_DURATION, call, who))
            found.append(Measurement(instruments.AGENT_MODEL_CALLS, own[call.key, "model"], who))
            found.append(Measurement(instruments.AGENT_TOOL_CALLS, own[call.key, "tool"], who))
    return found


def _took(instrument: Instrument, call: CallEnded, who: Attributes) -> Measurement:
    outcome = call.outcome
    if isinstance(outcome, Failed | Cancelled):
        kind = "cancelled" if outcome.cause is None else outcome.cause.kind
        who = (*who, (names.ERROR_TYPE, kind))
    return Measurement(instrument, max(0.0, call.at - call.began), who)


def _who(call: CallEnded) -> Attributes:
    provider, model = names.provider_and_model(call.name)
    who: Attributes = ((names.OPERATION, "chat"), (names.PROVIDER, provider), (names.REQUEST_MODEL, model))
    answered = getattr(getattr(call.outcome, "output", None), "model", None)
    return (*who, (names.RESPONSE_MODEL, answered)) if isinstance(answered, str) and answered else who


def _marked(call: CallEnded, who: Attributes) -> Attributes:
    return (*who, (names.ESTIMATED, True)) if call.usage.estimated else who
