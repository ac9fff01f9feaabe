"""The call's future span as OpenTelemetry's current one, so that what user code instruments finds its parent."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from orchestra.ports.trace import headers
from orchestra.telemetry.ids import Caller

if TYPE_CHECKING:
    from opentelemetry.trace import TraceState


class span_context:  # a context manager, written by hand: it is entered at every call
    """Makes a span that records nothing, with the ids that the call's real span will have, current in this context.

    Requests made meanwhile bear what the process's propagator makes of it. For teams with an exporter only: without
    one nothing here is called, and OpenTelemetry is not even imported.
    """

    __slots__ = ("_sent", "_span", "_state", "_token")

    def __init__(self, span: Caller, state: TraceState | None = None) -> None:
        self._span, self._state = span, state

    def __enter__(self) -> None:
        context, trace, flags = _opentelemetry()
        span = self._span
        ids = trace.SpanContext(span.trace_id, span.span_id, False, flags[span.sampled], self._state)
        self._token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(ids)))
        self._sent = headers.set(_injected)

    def __exit__(self, *_: object) -> None:
        headers.reset(self._sent)
        _opentelemetry()[0].detach(self._token)


def current_span() -> tuple[Caller, TraceState] | None:
    """Whoever calls, if there is a trace around."""
    from opentelemetry import trace

    found = trace.get_current_span().get_span_context()
    if not found.is_valid:
        return None
    return Caller(found.trace_id, found.span_id, found.trace_flags.sampled), found.trace_state


@cache
def _opentelemetry() -> tuple[Any, Any, tuple[Any, Any]]:
    """Its modules and the flags of a span that is not sampled and of one that is."""
    from opentelemetry import context, trace

    return context, trace, (trace.TraceFlags(0), trace.TraceFlags(1))


def _injected() -> dict[str, str]:
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier
