"""Handing spans over."""

import subprocess
import sys
from collections.abc import Sequence

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from orchestra.core.errors import ExporterMissing
from orchestra.telemetry import names
from orchestra.telemetry.context import span_context
from orchestra.telemetry.export import Tracing, tracing_from_env
from orchestra.telemetry.exporters import span_exporter
from orchestra.telemetry.ids import Caller, span_id, trace_id
from orchestra.telemetry.sdk import BATCH, export_spans, readable
from orchestra.telemetry.spans import SpanRecord, spans
from tests.unit.telemetry.runs import ANALYST, RUN_ID, close_ticket

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


class Refusing(SpanExporter):
    """Takes batch after batch, refuses them or breaks."""

    def __init__(self, *answers: SpanExportResult | Exception) -> None:
        self.answers, self.sizes = list(answers), list[int]()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.sizes.append(len(spans))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_every_span_arrives_with_its_ids_parents_and_attributes() -> None:
    exporter = InMemorySpanExporter()
    assert Tracing(exporter).export(RUN_ID, close_ticket())
    records = {record.span_id: record for record in spans(RUN_ID, close_ticket())}
    found = exporter.get_finished_spans()
    assert len(found) == len(records)
    for span in found:
        assert span.context is not None
        record = records[span.context.span_id]
        assert span.context.trace_id == trace_id(RUN_ID)
        assert (span.parent.span_id if span.parent else None) == record.parent_id
        assert (span.name, span.start_time, span.end_time) == (record.name, record.start_ns, record.end_ns)
        assert span.attributes == record.attributes
        assert span.instrumentation_scope is not None
        assert span.instrumentation_scope.schema_url == names.SCHEMA_URL
        span.to_json()


def test_what_an_otlp_encoder_makes_of_it() -> None:
    encoder = pytest.importorskip("opentelemetry.exporter.otlp.proto.common.trace_encoder")
    message = encoder.encode_spans(readable(spans(RUN_ID, close_ticket())))
    (scope,) = message.resource_spans[0].scope_spans
    assert len(scope.spans) == 10


def test_user_code_finds_its_future_parent() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    with tracing.around(RUN_ID, ANALYST):
        inside = trace.get_current_span().get_span_context()
    assert not trace.get_current_span().get_span_context().is_valid
    tracing.export(RUN_ID, close_ticket())
    future = next(s for s in exporter.get_finished_spans() if s.name == "invoke_agent analyst")
    assert future.context is not None
    assert (inside.trace_id, inside.span_id) == (future.context.trace_id, future.context.span_id)
    assert inside.trace_flags.sampled


def test_contexts_nest() -> None:
    with span_context(Caller(1, 2)):
        with span_context(Caller(1, 3)):
            assert trace.get_current_span().get_span_context().span_id == 3
        assert trace.get_current_span().get_span_context().span_id == 2


@pytest.mark.parametrize("answer", [SpanExportResult.FAILURE, OSError("gone")])
def test_a_lost_batch_is_told_and_logged_and_the_next_is_tried(
    answer: SpanExportResult | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    one = spans(RUN_ID, close_ticket())[0]
    records: list[SpanRecord] = [one] * (BATCH + 1)
    exporter = Refusing(answer, SpanExportResult.SUCCESS)
    assert not export_spans(exporter, records)
    assert exporter.sizes == [BATCH, 1]
    assert f"{BATCH} spans" in caplog.text


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {"OTEL_SERVICE_NAME": "shop"},
        {**ENDPOINT, "OTEL_SDK_DISABLED": "True"},
        {**ENDPOINT, **{f"OTEL_{signal}_EXPORTER": "None" for signal in ("TRACES", "METRICS", "LOGS")}},
    ],
)
def test_nothing_is_exported_unasked(environ: dict[str, str]) -> None:
    assert span_exporter(environ) is None
    assert tracing_from_env(environ) is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (ENDPOINT, ("OTLPSpanExporter", "OTLPMetricExporter")),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "none"}, ("OTLPSpanExporter", "NoneType")),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, ("NoneType", "OTLPMetricExporter")),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, ("OTLPSpanExporter", "NoneType")),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1"}, ("NoneType", "OTLPMetricExporter")),
    ],
)
def test_an_endpoint_asks_for_otlp(environ: dict[str, str], expected: tuple[str, str]) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    tracing = tracing_from_env(environ)
    assert tracing is not None
    metrics = tracing.metrics and tracing.metrics.exporter
    assert (type(tracing.exporter).__name__, type(metrics).__name__) == expected
    assert not tracing.latest
    tracing.close()


def test_metrics_alone_make_no_span_current_and_export_no_spans() -> None:
    tracing = Tracing(None)
    tracing.began(RUN_ID)
    with tracing.around(RUN_ID, ANALYST):
        assert not trace.get_current_span().get_span_context().is_valid
    assert tracing.export(RUN_ID, close_ticket())
    tracing.close()


def test_the_newer_names_are_opted_into() -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    tracing = tracing_from_env({**ENDPOINT, "OTEL_SEMCONV_STABILITY_OPT_IN": "http, gen_ai_latest_experimental"})
    assert tracing is not None
    assert tracing.latest
    assert tracing.metrics is not None
    assert tracing.metrics.latest
    tracing.close()
    scope = readable(spans(RUN_ID, close_ticket()), latest=True)[0].instrumentation_scope
    assert scope is not None
    assert scope.schema_url == names.LATEST_SCHEMA_URL


def test_a_resumed_part_is_exported_with_ids_of_its_own_and_linked() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    tracing.began(RUN_ID, close_ticket())
    with tracing.around(RUN_ID, ANALYST):
        assert trace.get_current_span().get_span_context().span_id == span_id(RUN_ID, ANALYST, 1)
    tracing.export(RUN_ID, close_ticket())
    found = {span.name: span for span in exporter.get_finished_spans()}
    (link,) = found["run close_ticket"].links
    assert (link.context.trace_id, link.context.span_id) == (trace_id(RUN_ID), span_id(RUN_ID, "run"))
    context = found["invoke_agent analyst"].context
    assert context is not None
    assert context.span_id == span_id(RUN_ID, ANALYST, 1)
    assert not any(span.links for name, span in found.items() if name != "run close_ticket")


def test_runs_that_are_never_exported_are_not_kept_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.telemetry.export.MOST_BEGUN", 3)
    tracing = Tracing(InMemorySpanExporter())
    for n in range(9):
        tracing.began(f"run{n}", close_ticket())
    assert list(tracing._begun) == ["run6", "run7", "run8"]


def test_without_the_extra_an_endpoint_is_an_error_and_not_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ExporterMissing, match="otlp"):
        span_exporter(ENDPOINT)


def test_another_protocol_is_an_error_and_not_silence() -> None:
    with pytest.raises(ExporterMissing, match="http/protobuf"):
        span_exporter({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


IMPORTS = """
import sys
from orchestra.telemetry import aggregate, attributes, content, context, details, explain, export, exporters, ids
from orchestra.telemetry import instruments, log, measure
from orchestra.telemetry import names, sdk, spans, tree
assert export.tracing_from_env({}) is None
explain.explain([]), tree.render_tree([])
assert not [name for name in sys.modules if name.startswith("opentelemetry")], "loaded unasked"
"""
GLOBALS = """
from opentelemetry import trace
from opentelemetry.metrics import _internal as metrics
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from orchestra.telemetry.export import Metrics, Tracing
from tests.unit.telemetry.runs import RUN_ID, close_ticket
class Taking(MetricExporter):
    def export(self, metrics_data, timeout_millis=0, **rest): return MetricExportResult.SUCCESS
    def force_flush(self, timeout_millis=0): return True
    def shutdown(self, timeout_millis=0, **rest): pass
tracing = Tracing(InMemorySpanExporter(), metrics=Metrics(Taking()))
tracing.began(RUN_ID)
with tracing.around(RUN_ID, "run"):
    pass
assert tracing.export(RUN_ID, close_ticket())
tracing.close()
assert trace._TRACER_PROVIDER is None, "a global provider was set"
assert metrics._METER_PROVIDER is None, "a global provider was set"
"""


@pytest.mark.parametrize("code", [IMPORTS, GLOBALS])
def test_no_opentelemetry_without_an_exporter_and_never_the_global_provider(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
