"""Whose trace a run is in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import TraceState

from orchestra.core.events import Event, Refused, RunStarted
from orchestra.ports.trace import headers, trace_headers
from orchestra.telemetry import names
from orchestra.telemetry.context import current_span, span_context
from orchestra.telemetry.export import Tracing
from orchestra.telemetry.ids import Caller, caller_of, part_of, span_id, trace_id
from orchestra.telemetry.spans import spans
from tests.unit.telemetry.runs import ANALYST, RUN_ID, T, close_ticket

HANDLER = Caller(0xABC, 0xDEF)


def under(traceparent: str) -> list[Event]:
    """The run as it is recorded under a caller."""
    return [e._replace(trace=traceparent) if isinstance(e, RunStarted) else e for e in close_ticket()]


def exported(exporter: InMemorySpanExporter) -> list[tuple[int, int, int | None]]:
    """(trace id, span id, parent's id) of each span."""

    def ids(span: ReadableSpan) -> tuple[int, int, int | None]:
        assert span.context is not None
        return span.context.trace_id, span.context.span_id, span.parent.span_id if span.parent else None

    return [ids(span) for span in exporter.get_finished_spans()]


def test_a_run_begun_under_a_span_is_its_child() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    with span_context(HANDLER, TraceState([("vendor", "x")])):
        told = tracing.began(RUN_ID)
    with tracing.around(RUN_ID, ANALYST):
        inside = trace.get_current_span().get_span_context()
    assert (inside.trace_id, inside.span_id) == (HANDLER.trace_id, span_id(RUN_ID, ANALYST))
    assert inside.trace_state.get("vendor") == "x"
    tracing.export(RUN_ID, under(told))
    found = exported(exporter)
    assert {ids[0] for ids in found} == {HANDLER.trace_id}
    assert found[0][1:] == (span_id(RUN_ID, "run"), HANDLER.span_id)
    assert all(parent in {ids[1] for ids in found} for _, _, parent in found[1:])


def test_nobody_around_is_no_caller() -> None:
    tracing = Tracing(InMemorySpanExporter())
    assert current_span() is None
    assert tracing.began(RUN_ID) == ""
    tracing.export(RUN_ID, close_ticket())
    assert not tracing._begun, "an exported run is kept"


@pytest.mark.parametrize("refused", [False, True])
def test_a_run_of_a_caller_that_is_not_sampled_is_kept_back_unless_a_budget_refused(refused: bool) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    with span_context(HANDLER._replace(sampled=False)):
        told = tracing.began(RUN_ID)
    with tracing.around(RUN_ID, ANALYST):
        assert not trace.get_current_span().get_span_context().trace_flags.sampled
        assert trace_headers()["traceparent"].endswith("-00")
    events = [*under(told), *([Refused(ANALYST, T + 1, "run", (5, 6, 1, 0))] if refused else [])]
    assert tracing.export(RUN_ID, events)
    assert bool(exporter.get_finished_spans()) == refused


def test_later_parts_stay_in_the_trace_of_the_first_or_join_their_own_caller() -> None:
    other = Caller(0x111, 0x222)
    first, second, third = (span_id(RUN_ID, "run", n) for n in range(3))
    roots = [s for s in spans(RUN_ID, [*under(str(HANDLER)), *under(""), *under(str(other))]) if s.key == "run"]
    assert [(s.trace_id, s.span_id, s.parent_id) for s in roots] == [
        (HANDLER.trace_id, first, HANDLER.span_id),
        (HANDLER.trace_id, second, None),
        (other.trace_id, third, other.span_id),
    ]
    assert [s.links for s in roots] == [(), ((HANDLER.trace_id, first),), ((HANDLER.trace_id, first),)]
    assert [s.attributes.get(names.PART) for s in roots] == [None, 2, 3]


def test_a_part_without_a_caller_is_sampled_as_the_first_was() -> None:
    kept_back = str(HANDLER._replace(sampled=False))
    assert [part_of("r", traces).sampled for traces in (("",), (kept_back, ""), (kept_back, str(HANDLER)))] == [
        True,
        False,
        True,
    ]


def test_what_was_exported_apart_is_what_the_whole_log_tells() -> None:
    both = [*under(str(HANDLER)), *under("")]
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    tracing.began(RUN_ID, both[: len(both) // 2])
    with tracing.around(RUN_ID, ANALYST):
        assert trace.get_current_span().get_span_context().span_id == span_id(RUN_ID, ANALYST, 1)
    tracing.export(RUN_ID, both[len(both) // 2 :])
    whole = [(s.trace_id, s.span_id, s.parent_id) for s in spans(RUN_ID, both)]
    assert exported(exporter) == whole[len(whole) // 2 :]


def test_headers_are_those_of_the_running_call_and_of_nobody_outside() -> None:
    tracing = Tracing(InMemorySpanExporter())
    assert trace_headers() == {}
    with tracing.around(RUN_ID, ANALYST):
        expected = f"00-{trace_id(RUN_ID):032x}-{span_id(RUN_ID, ANALYST):016x}-01"
        assert trace_headers() == {"traceparent": expected}
    assert trace_headers() == {}
    assert headers.get() is None, "OpenTelemetry would be called outside of the traced call"
    with Tracing(None).around(RUN_ID, ANALYST):
        assert trace_headers() == {}


def test_a_run_that_was_cancelled_from_outside_goes_with_the_next_or_at_the_end() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    tracing.leave("gone", close_ticket())
    tracing.export(RUN_ID, close_ticket())
    tracing.leave("last", close_ticket())
    found: Sequence[int] = [ids[0] for ids in exported(exporter)]
    assert list(dict.fromkeys(found)) == [trace_id("gone"), trace_id(RUN_ID)]
    tracing.close()
    assert trace_id("last") in {ids[0] for ids in exported(exporter)}


@pytest.mark.parametrize(
    ("text", "caller"),
    [
        (str(HANDLER), HANDLER),
        (str(HANDLER._replace(sampled=False)), HANDLER._replace(sampled=False)),
        ("", None),
        (f"00-{0:032x}-{1:016x}-01", None),
        (f"00-{1:032x}-{0:016x}-01", None),
        ("00-zz", None),
    ],
)
def test_traceparents(text: str, caller: Caller | None) -> None:
    assert caller_of(text) == caller
    assert part_of("r", (text,)).trace_id == (caller.trace_id if caller else trace_id("r"))
