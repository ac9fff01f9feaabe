"""Our records as OpenTelemetry's objects, and handing them to its exporters.

No provider is read or set, and samplers are not asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import orchestra.telemetry.names as names
from orchestra.telemetry.aggregate import Aggregate, Series
from orchestra.telemetry.details import EventRecord
from orchestra.telemetry.instruments import Instrument
from orchestra.telemetry.measure import Attributes
from orchestra.telemetry.spans import Link, SpanRecord

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import DataT, MetricExporter, MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext

BATCH = 512
_log = logging.getLogger(__name__)


def export_spans(exporter: SpanExporter, records: Sequence[SpanRecord], *, latest: bool = False) -> bool:
    """Hands the records over in batches; whether all were taken."""
    from opentelemetry.sdk.trace.export import SpanExportResult

    make, taken = _maker(latest), True
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


def export_metrics(exporter: MetricExporter, data: MetricsData) -> bool:
    """Hands the metrics over; whether they were taken."""
    from opentelemetry.sdk.metrics.export import MetricExportResult

    with _uninstrumented():
        try:
            result = exporter.export(data)
        except Exception:
            _log.exception("The metric exporter raised.")
            return False
    if result is not MetricExportResult.SUCCESS:
        _log.warning("The metric exporter refused the metrics.")
    return result is MetricExportResult.SUCCESS


def export_events(exporter: LogRecordExporter, records: Sequence[EventRecord], *, latest: bool = False) -> bool:
    """Hands the events over as log records; whether they were taken."""
    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk._logs.export import LogRecordExportResult
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    def made(record: EventRecord) -> ReadableLogRecord:
        span, flags = record.span, TraceFlags(int(record.span.sampled))
        context = set_span_in_context(NonRecordingSpan(SpanContext(span.trace_id, span.span_id, False, flags)))
        log = LogRecord(timestamp=record.at_ns, context=context, event_name=record.name, attributes=record.attributes)
        return ReadableLogRecord(log, _resource(), _scope(latest))

    with _uninstrumented():
        try:
            result = exporter.export([*map(made, records)])
        except Exception:
            _log.exception("The log exporter raised; %d events are lost.", len(records))
            return False
    if result is not LogRecordExportResult.SUCCESS:
        _log.warning("The log exporter refused %d events; they are lost.", len(records))
    return result is LogRecordExportResult.SUCCESS


def readable(records: Sequence[SpanRecord], *, latest: bool = False) -> list[ReadableSpan]:
    """The records as OpenTelemetry's spans."""
    return [*map(_maker(latest), records)]


def metrics_data(found: Aggregate, since_ns: int, until_ns: int, *, delta: bool, latest: bool) -> MetricsData:
    """What was added up, as OpenTelemetry's metrics. Units: nanoseconds since 1970."""
    from opentelemetry.sdk.metrics.export import Metric, MetricsData, ResourceMetrics, ScopeMetrics

    times = since_ns, until_ns
    metrics = [
        Metric(instrument.name, instrument.description, instrument.unit, _points(instrument, series, times, delta))
        for instrument, series in found.found.items()
    ]
    scope = ScopeMetrics(scope=_scope(latest), metrics=metrics, schema_url=_schema(latest))
    return MetricsData([ResourceMetrics(resource=_resource(), scope_metrics=[scope], schema_url="")])


def _points(instrument: Instrument, series: dict[Attributes, Series], times: tuple[int, int], delta: bool) -> DataT:
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Histogram,
        HistogramDataPoint,
        NumberDataPoint,
        Sum,
    )

    temporality = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
    if not instrument.bounds:
        sums = [NumberDataPoint(dict(told), *times, one.sum) for told, one in series.items()]
        return Sum(sums, temporality, is_monotonic=True)
    points = [
        HistogramDataPoint(
            dict(told), *times, one.count, one.sum, tuple(one.counts), instrument.bounds, one.low, one.high
        )
        for told, one in series.items()
    ]
    return Histogram(points, temporality)


@cache
def _maker(latest: bool) -> Callable[[SpanRecord], ReadableSpan]:
    """Built once: finding out about the process's resource takes longer than a span."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import ReadableSpan

    resource, scope = _resource(), _scope(latest)
    sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    kinds = {"internal": trace.SpanKind.INTERNAL, "client": trace.SpanKind.CLIENT}
    statuses = {"unset": trace.Status(), "error": trace.Status(trace.StatusCode.ERROR)}

    def context(ids: Link) -> SpanContext:
        return trace.SpanContext(*ids, is_remote=False, trace_flags=sampled)

    def make(record: SpanRecord) -> ReadableSpan:
        return ReadableSpan(
            record.name,
            context=context((record.trace_id, record.span_id)),
            parent=context((record.trace_id, record.parent_id)) if record.parent_id else None,
            resource=resource,
            attributes=record.attributes,
            links=[trace.Link(context(ids)) for ids in record.links] if record.links else (),
            kind=kinds[record.kind],
            status=statuses[record.status],
            start_time=record.start_ns,
            end_time=record.end_ns,
            instrumentation_scope=scope,
        )

    return make


@cache
def _resource() -> Resource:
    from opentelemetry.sdk.resources import Resource

    return Resource.create()


@cache
def _scope(latest: bool) -> InstrumentationScope:
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    return InstrumentationScope("orchestra", _version(), _schema(latest))


def _schema(latest: bool) -> str:
    return names.LATEST_SCHEMA_URL if latest else names.SCHEMA_URL


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
