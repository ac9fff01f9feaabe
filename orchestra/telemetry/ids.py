"""Ids of spans that are known before the spans exist: functions of the run, its part and the call's key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple


class Caller(NamedTuple):
    """The span that a run was begun under."""

    trace_id: int
    span_id: int
    sampled: bool = True

    def __str__(self) -> str:
        """As a W3C traceparent."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}"


class Part(NamedTuple):
    """One of the times that a run was taken up: its ``number`` from 0, its trace, who began it, if anyone. A later
    part knows the trace of the ``first``.
    """

    number: int
    trace_id: int
    caller: Caller | None = None
    first: int | None = None
    sampled: bool = True


def trace_id(run_id: str) -> int:
    """The trace of a run that nobody's trace was around, and of its parts: 128 bits, never zero."""
    return _hashed(run_id, 16)


def span_id(run_id: str, key: str, part: int = 0) -> int:
    """The span of a call: 64 bits, never zero. ``part`` counts how often the run was taken up before."""
    return _hashed(f"{run_id}#{part}/{key}" if part else f"{run_id}/{key}", 8)


def part_of(run_id: str, traces: Sequence[str]) -> Part:
    """The last part of a run whose parts began with these traceparents, "" where nobody's trace was around.

    It is in its caller's trace if it has one, otherwise in the trace of the first part. A part is kept from the
    exporter if its caller was.
    """
    callers = [*map(caller_of, traces)] or [None]
    first, caller = callers[0], callers[-1]
    begun = first.trace_id if first else trace_id(run_id)
    above = caller or first
    trace, sampled = (above.trace_id, above.sampled) if above else (begun, True)
    return Part(len(callers) - 1, trace, caller, begun if len(callers) > 1 else None, sampled)


def caller_of(traceparent: str) -> Caller | None:
    """The span that a traceparent names, None for an empty or broken one."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    trace, span, flags = (int(part, 16) for part in found.groups())
    return Caller(trace, span, bool(flags & 1)) if trace and span else None


_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def _hashed(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()) or 1
