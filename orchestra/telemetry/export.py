"""Spans to an OpenTelemetry exporter, in batches, once a run has ended.

The global tracer provider is neither read nor set, and samplers are not asked. Without an exporter nothing of
OpenTelemetry is imported or called.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import orchestra.telemetry.names as names
from orchestra.core.errors import ExporterMissing
from orchestra.core.events import Event
from orchestra.telemetry.context import span_context
from orchestra.telemetry.spans import SpanRecord, spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

BATCH = 512
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_log = logging.getLogger(__name__)


class Tracing:
    """An exporter and what the runtime needs of it.

    ``content`` adds the reasons of decisions; prompts, arguments and outputs are never exported.
    """

    def __init__(self, exporter: SpanExporter, *, content: bool = False) -> None:
        self.exporter = exporter
        self.content = content

    def around(self, run_id: str, key: str) -> AbstractContextManager[None]:
        """The call's future span, current while user code runs."""
        return span_context(run_id, key)

    def export(self, run_id: str, events: Sequence[Event]) -> bool:
        """Sends the spans of these events and says whether all were taken; a refusal is logged, never raised.

        It blocks for as long as the exporter does: call it off the event loop.
        """
        return export(self.exporter, spans(run_id, events, content=self.content))

    def close(self) -> None:
        """Lets the exporter end."""
        self.exporter.shutdown()


def tracing_from_env(environ: Mapping[str, str] | None = None) -> Tracing | None:
    """Tracing by the usual variables, None where they do not ask for it. Raises ExporterMissing."""
    exporter = exporter_from_env(environ)
    return None if exporter is None else Tracing(exporter)


def exporter_from_env(environ: Mapping[str, str] | None = None) -> SpanExporter | None:
    """An OTLP exporter over HTTP if an OTLP endpoint is set; it reads the other OTLP variables itself.

    None without an endpoint, with OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none.
    Raises: ExporterMissing where the extra is not installed or another protocol is asked for.
    """
    env = os.environ if environ is None else environ
    if not any(env.get(name, "").strip() for name in _ENDPOINTS):
        return None
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    if env.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return None
    protocol = next((env[name].strip() for name in _PROTOCOLS if env.get(name, "").strip()), "http/protobuf")
    if protocol != "http/protobuf":
        raise ExporterMissing(
            f"OTLP over {protocol!r} is asked for, and only http/protobuf is there.",
            remedy="Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf; collectors listen for it on port 4318.",
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError as error:
        raise ExporterMissing("An OTLP endpoint is set, but its exporter is not installed.") from error
    return OTLPSpanExporter()


def export(exporter: SpanExporter, records: Sequence[SpanRecord]) -> bool:
    """Hands the records over in batches; whether all were taken."""
    from opentelemetry.sdk.trace.export import SpanExportResult

    make, taken = _maker(), True
    with _uninstrumented():
        for start in range(0, len(records), BATCH):
            batch = [make(record) for record in records[start : start + BATCH]]
            try:
                result = exporter.export(batch)
            except Exception:
                _log.exception("The span exporter raised; %d spans are lost.", len(batch))
                taken = False
                continue
            if result is not SpanExportResult.SUCCESS:
                _log.warning("The span exporter refused %d spans; they are lost.", len(batch))
                taken = False
    return taken


def readable(records: Sequence[SpanRecord]) -> list[ReadableSpan]:
    """The records as OpenTelemetry's spans."""
    return [*map(_maker(), records)]


@cache
def _maker() -> Callable[[SpanRecord], ReadableSpan]:
    """Built once: finding out about the process's resource takes longer than a span."""
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    resource = Resource.create()
    scope = InstrumentationScope("orchestra", _version(), names.SCHEMA_URL)
    sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    kinds = {"internal": trace.SpanKind.INTERNAL, "client": trace.SpanKind.CLIENT}
    statuses = {"unset": trace.Status(), "error": trace.Status(trace.StatusCode.ERROR)}

    def make(record: SpanRecord) -> ReadableSpan:
        ids = trace.SpanContext(record.trace_id, record.span_id, is_remote=False, trace_flags=sampled)
        parent = record.parent_id and trace.SpanContext(
            record.trace_id, record.parent_id, is_remote=False, trace_flags=sampled
        )
        return ReadableSpan(
            record.name,
            context=ids,
            parent=parent or None,
            resource=resource,
            attributes=record.attributes,
            kind=kinds[record.kind],
            status=statuses[record.status],
            start_time=record.start_ns,
            end_time=record.end_ns,
            instrumentation_scope=scope,
        )

    return make


@contextmanager
def _uninstrumented() -> Iterator[None]:
    """So that an instrumented HTTP library does not trace the exporter itself."""
    from opentelemetry import context

    token = context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        yield
    finally:
        context.detach(token)


def _version() -> str:
    try:
        return version("orchestra-router")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return ""
