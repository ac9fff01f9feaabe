"""Events to rows and back.

A row is (kind, key, at, facts, payload): ``kind`` is the event's class name, ``facts`` a JSON object of its other
fields without those at their default, ``payload`` the JSON of its content. Inputs, arguments, outputs and reasons are
content; numeric features, causes and questions are facts. Reading looks kinds up in a fixed table: it never imports
or runs anything that a row names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, cast

from orchestra.core.decision import Decision, Option, Step
from orchestra.core.errors import NotSerialisable, StateUnusable
from orchestra.core.events import (
    Answered,
    Attempt,
    CallEnded,
    CallStarted,
    Charged,
    Decided,
    Dropped,
    Event,
    Filed,
    Overrun,
    Recalled,
    Refused,
    Rewarded,
    RunEnded,
    RunStarted,
    Signalled,
    Streamed,
    Withheld,
)
from orchestra.core.outcome import Cancelled, Cause, Detour, Done, Failed, Outcome, Paused
from orchestra.core.usage import ZERO, Usage
from orchestra.ports.store import Entry
from orchestra.stores.codec import JsonCodec

FORMAT = 1
"""The version of the tables and of the rows in them."""

LATE = 1 << 40
"""Where rows without a number of their own begin: behind all that the run itself may still write."""

_KINDS: dict[str, type[Event]] = {
    cls.__name__: cls
    for cls in (
        Answered,
        Attempt,
        CallEnded,
        CallStarted,
        Charged,
        Decided,
        Filed,
        Overrun,
        Dropped,
        Recalled,
        Refused,
        Rewarded,
        RunEnded,
        RunStarted,
        Signalled,
        Streamed,
        Withheld,
    )
}
_CONTENT = {RunStarted: "arguments", CallStarted: "input", RunEnded: "output", Signalled: "payload"}
_OUTCOMES: dict[str, type[Outcome]] = {cls.__name__.lower(): cls for cls in (Done, Failed, Cancelled, Paused)}
_codec = JsonCodec()


def split(event: Event) -> tuple[Event, Any]:
    """The event without its content, and the content; None where there is none."""
    name = _CONTENT.get(type(event))
    if name is not None:
        content, bare = getattr(event, name), cast("Any", event)
        return event if content is None else bare._replace(**{name: None}), content
    if isinstance(event, CallEnded):
        outcome = event.outcome
        if isinstance(outcome, Done) and outcome.output is not None:
            return event._replace(outcome=replace(outcome, output=None)), outcome.output
    elif isinstance(event, Decided) and event.decision.reason:
        return event._replace(decision=replace(event.decision, reason="")), event.decision.reason
    return event, None


def joined(event: Event, content: Any) -> Event:
    """The inverse of split."""
    if content is None:
        return event
    name = _CONTENT.get(type(event))
    if name is not None:
        return cast("Event", cast("Any", event)._replace(**{name: content}))
    if isinstance(event, CallEnded) and isinstance(event.outcome, Done):
        return event._replace(outcome=replace(event.outcome, output=content))
    if isinstance(event, Decided):
        return event._replace(decision=replace(event.decision, reason=content))
    raise StateUnusable(f"A {type(event).__name__} row has a payload and should have none.")


def payload(event: Event, content: Any) -> str | None:
    """The content as JSON. Raises NotSerialisable.

    An input that JSON cannot hold is written as {"unrecorded": its type}: nothing is computed from it again.
    """
    if content is None:
        return None
    try:
        return dumps(_codec.plain(content))
    except NotSerialisable:
        if not isinstance(event, CallStarted):
            raise
        return dumps({"unrecorded": f"{type(content).__module__}.{type(content).__qualname__}"})


def encode(event: Event, content: bool = True) -> tuple[str, str, str | None]:
    """(kind, facts, payload); the payload is None without content. Raises NotSerialisable."""
    if isinstance(event, Decided):  # the most frequent large row: its parts are told apart without a copy of it
        facts = _facts(event)
        held = facts["decision"].pop("reason", None)
    else:
        bare, held = split(event)
        facts = _facts(bare)
    return type(event).__name__, dumps(facts), payload(event, held) if content else None


class Rows(NamedTuple):
    """What entries become in tables. ``late`` lack their number; of ``marks`` in the list of runs those of a start are
    (run, time, name), those of an end (status, run).
    """

    events: list[tuple[str, int, str, str, float, str]]
    payloads: list[tuple[str, int, str]]
    decisions: list[tuple[str, str]]
    marks: list[tuple[Any, ...]]
    late: list[tuple[str, str, str, float, str]]


def tables(entries: Sequence[Entry]) -> Rows:
    """Raises NotSerialisable."""
    rows = Rows([], [], [], [], [])
    for run_id, seq, event, content in entries:
        kind, facts, body = encode(event, content)
        if seq is None:
            rows.late.append((run_id, kind, event.key, event.at, facts))
            continue
        rows.events.append((run_id, seq, kind, event.key, event.at, facts))
        if body is not None:
            rows.payloads.append((run_id, seq, body))
        if isinstance(event, Decided):
            rows.decisions.append((event.decision.key, run_id))
        elif isinstance(event, RunStarted):
            rows.marks.append((run_id, event.at, event.name))
        elif isinstance(event, RunEnded):
            rows.marks.append((event.status, run_id))
    return rows


def decode(kind: str, key: str, at: float, facts: str, payload: str | None) -> Event:
    """The event of a row; its content is plain JSON, None without a payload. Raises StateUnusable for no such row."""
    try:
        cls: Any = _KINDS[kind]
        values = {name: _READ.get((cls, name), _same)(value) for name, value in loads(facts).items()}
        event: Event = cls(key=key, at=at, **values)
        return joined(event, None if payload is None else loads(payload))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StateUnusable(f"The row {kind!r} of {key!r} cannot be read: {type(error).__name__}: {error}.") from None


def dumps(value: Any) -> str:
    """JSON text. NaN and infinity only in facts, as the constants that Python's and SQLite's readers know."""
    core = _pydantic_core()
    try:
        text: bytes = core.to_json(value)
        return text.decode()
    except core.PydanticSerializationError:
        pass
    try:  # half a surrogate pair: only escaped text can hold it
        return json.dumps(value, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise NotSerialisable(f"A record cannot be written as JSON: {error}.") from None


def loads(text: str) -> Any:
    try:
        return _pydantic_core().from_json(text)
    except ValueError:
        return json.loads(text)


@cache
def _pydantic_core() -> Any:
    import pydantic_core

    return pydantic_core


def _facts(event: Event) -> dict[str, Any]:
    default = event._field_defaults
    return {
        name: _WRITE.get(type(value), _same)(value)
        for name, value in zip(event._fields[2:], event[2:], strict=True)
        if value is not default.get(name, _MISSING)
    }


def _same(value: Any) -> Any:
    return value


def _compact(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not at their default."""
    names, defaults, values_of = _fields(cast("Any", type(value)))
    return {
        name: _WRITE.get(type(item), _same)(item)
        for name, default, item in zip(names, defaults, values_of(value), strict=True)
        if item is not default and item != default
    }


@cache
def _fields(cls: Any) -> tuple[tuple[str, ...], tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(f.name for f in fields(cls))
    return names, tuple(f.default for f in fields(cls)), attrgetter(*names)


def _write_decision(decision: Decision) -> dict[str, Any]:
    """As ``_compact`` in half the time: there is no larger row, and none is written more often."""
    names, defaults, values_of = _fields(Decision)
    value = {
        name: item
        for name, default, item in zip(names, defaults, values_of(decision), strict=True)
        if item is not default and item != default
    }
    value["options"] = list(map(list, decision.options))  # named tuples take the writer three times as long
    return value


def _write_outcome(outcome: Outcome) -> dict[str, Any]:
    return {"status": type(outcome).__name__.lower(), **_compact(outcome)}


def _read_usage(value: dict[str, Any]) -> Usage:
    return Usage(**value) if value else ZERO


def _read_cause(value: dict[str, Any]) -> Cause:
    return Cause(**{**value, "family": tuple(value.get("family", ()))})


def _read_detour(value: dict[str, Any]) -> Detour:
    ways = {name: tuple(value.get(name, ())) for name in ("before", "after")}
    return Detour(**{**value, **ways, "known": tuple((name, why) for name, why in value.get("known", ()))})


def _read_outcome(value: dict[str, Any]) -> Outcome:
    rest = dict(value)
    cls: Any = _OUTCOMES[rest.pop("status")]
    if "usage" in rest:
        rest["usage"] = _read_usage(rest["usage"])
    if "cause" in rest:
        rest["cause"] = _read_cause(rest["cause"])
    if "detour" in rest:
        rest["detour"] = _read_detour(rest["detour"])
    if "asks" in rest:
        rest["asks"] = tuple((key, question) for key, question in rest["asks"])
    outcome: Outcome = cls(**rest)
    return outcome


def _read_decision(value: dict[str, Any]) -> Decision:
    lists = {name: tuple(value.get(name, ())) for name in ("chosen", "x")}
    options = tuple(Option(*option) for option in value["options"])
    step = None if value.get("step") is None else Step(*value["step"])
    signals = tuple((name, confidence) for name, confidence in value.get("signals", ()))
    return Decision(**{**value, **lists, "options": options, "step": step, "signals": signals})


_MISSING = object()
_WRITE: dict[type, Callable[[Any], Any]] = {
    Usage: _compact,
    Cause: _compact,
    Detour: _compact,
    Decision: _write_decision,
    Done: _write_outcome,
    Failed: _write_outcome,
    Cancelled: _write_outcome,
    Paused: _write_outcome,
}
_READ: dict[tuple[type, str], Callable[[Any], Any]] = {
    (CallEnded, "outcome"): _read_outcome,
    (CallEnded, "usage"): _read_usage,
    (Charged, "usage"): _read_usage,
    (RunEnded, "usage"): _read_usage,
    (RunStarted, "fallback"): tuple,
    (Overrun, "by"): tuple,
    (Refused, "wanted"): tuple,
    (Streamed, "gaps_us"): tuple,
    (Signalled, "nodes"): tuple,
    (Attempt, "cause"): _read_cause,
    (Filed, "cause"): _read_cause,
    (Filed, "detour"): _read_detour,
    (RunEnded, "cause"): _read_cause,
    (Decided, "decision"): _read_decision,
}
