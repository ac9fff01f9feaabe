"""Measurements added up and handed over."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    InMemoryMetricReader,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
)

from orchestra.core.errors import BadDefinition
from orchestra.telemetry import instruments
from orchestra.telemetry.aggregate import OVERFLOW, SERIES, Aggregate
from orchestra.telemetry.export import Metrics, Tracing
from orchestra.telemetry.exporters import asks_for_delta, interval_s
from orchestra.telemetry.measure import Measurement
from tests.unit.telemetry.runs import RUN_ID, TOTAL, close_ticket

NOW = 1_700_000_000 * 10**9


class Kept(MetricExporter):
    """Keeps what it is given; refuses or breaks where told to."""

    def __init__(self, *answers: MetricExportResult | Exception) -> None:
        super().__init__()
        self.sent: list[MetricsData] = []
        self.answers, self.ended = list(answers), False

    def export(self, metrics_data: MetricsData, timeout_millis: float = 0, **rest: Any) -> MetricExportResult:
        self.sent.append(metrics_data)
        answer = self.answers.pop(0) if self.answers else MetricExportResult.SUCCESS
        if isinstance(answer, Exception):
            raise answer
        return answer

    def force_flush(self, timeout_millis: float = 0) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 0, **rest: Any) -> None:
        self.ended = True


class Clock:
    def __init__(self) -> None:
        self.ns = NOW

    def __call__(self) -> int:
        return self.ns


def metrics_of(data: MetricsData) -> dict[str, Metric]:
    (resource,) = data.resource_metrics
    (scope,) = resource.scope_metrics
    return {metric.name: metric for metric in scope.metrics}


def tokens(data: MetricsData) -> list[HistogramDataPoint]:
    points = metrics_of(data)["gen_ai.client.token.usage"].data.data_points
    return [point for point in points if isinstance(point, HistogramDataPoint)]


def test_totals_go_out_with_the_first_run_then_at_most_once_an_interval_then_at_the_end() -> None:
    exporter, clock = Kept(), Clock()
    tracing = Tracing(None, metrics=Metrics(exporter, every_s=60, now_ns=clock))
    for seconds in (0, 1, 59, 1, 1):
        clock.ns += seconds * 10**9
        assert tracing.export(RUN_ID, close_ticket())
    tracing.close()
    assert exporter.ended
    sums = [sum(point.sum for point in tokens(data)) for data in exporter.sent]
    assert sums == [TOTAL.tokens, 3 * TOTAL.tokens, 5 * TOTAL.tokens]
    assert {point.start_time_unix_nano for data in exporter.sent for point in tokens(data)} == {NOW}
    assert [tokens(data)[0].time_unix_nano - NOW for data in exporter.sent] == [0, 60 * 10**9, 62 * 10**9]


def test_deltas_go_out_once() -> None:
    exporter, clock = Kept(), Clock()
    metrics = Metrics(exporter, every_s=0, delta=True, now_ns=clock)
    for _ in range(3):
        clock.ns += 5
        assert metrics.record(close_ticket())
    metrics.close()
    assert [sum(point.sum for point in tokens(data)) for data in exporter.sent] == [TOTAL.tokens] * 3
    times = [(p.start_time_unix_nano - NOW, p.time_unix_nano - NOW) for data in exporter.sent for p in tokens(data)[:1]]
    assert times == [(0, 5), (5, 10), (10, 15)]
    kind: Any = metrics_of(exporter.sent[0])["gen_ai.client.token.usage"].data
    assert kind.aggregation_temporality is AggregationTemporality.DELTA


def test_counters_are_sums_by_the_newer_names() -> None:
    exporter = Kept()
    Metrics(exporter, latest=True).record(close_ticket())
    found = metrics_of(exporter.sent[0])
    assert set(found) == {one.name for one in instruments.LATEST}
    data: Any = found["gen_ai.client.inference.usage.input_tokens"].data
    (point,) = data.data_points
    assert isinstance(point, NumberDataPoint)
    assert (point.value, type(point.value), data.is_monotonic) == (TOTAL.input_tokens, int, True)


@pytest.mark.parametrize("answer", [MetricExportResult.FAILURE, OSError("gone")])
def test_a_refusal_is_told_and_logged_and_totals_are_sent_again(
    answer: MetricExportResult | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = Kept(answer)
    tracing = Tracing(None, metrics=Metrics(exporter, every_s=0))
    assert not tracing.export(RUN_ID, close_ticket())
    assert "metric exporter" in caplog.text
    assert tracing.export(RUN_ID, close_ticket())
    assert sum(point.sum for point in tokens(exporter.sent[1])) == 2 * TOTAL.tokens


def test_what_an_otlp_encoder_makes_of_it() -> None:
    encoder = pytest.importorskip("opentelemetry.exporter.otlp.proto.common.metrics_encoder")
    for latest, count in ((False, 4), (True, 14)):
        exporter = Kept()
        Metrics(exporter, latest=latest).record(close_ticket())
        message = encoder.encode_metrics(exporter.sent[0])
        (scope,) = message.resource_metrics[0].scope_metrics
        assert len(scope.metrics) == count


def test_nothing_measured_is_nothing_sent() -> None:
    exporter = Kept()
    metrics = Metrics(exporter, every_s=0)
    assert metrics.record([])
    metrics.close()
    assert (exporter.sent, exporter.ended) == ([], True)


def test_runs_that_end_in_several_threads_lose_nothing() -> None:
    exporter = Kept()
    metrics = Metrics(exporter, every_s=0, delta=True)
    threads = [threading.Thread(target=lambda: [metrics.record(close_ticket()) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics.close()
    assert sum(point.sum for data in exporter.sent for point in tokens(data)) == 80 * TOTAL.tokens


def test_series_are_bounded() -> None:
    found = Aggregate()
    found.add(Measurement(instruments.TOOL_DURATION, 1.0, (("n", n),)) for n in range(SERIES + 5))
    series = found.found[instruments.TOOL_DURATION]
    assert len(series) == SERIES
    assert series[OVERFLOW].count == 6


@given(st.lists(st.floats(0, 200) | st.sampled_from(instruments.TOOL_DURATION.bounds), min_size=1, max_size=30))
def test_histograms_are_those_of_the_sdk(values: list[float]) -> None:
    bounds = instruments.TOOL_DURATION.bounds
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("t")
    histogram = meter.create_histogram("h", explicit_bucket_boundaries_advisory=bounds)
    found = Aggregate()
    for value in values:
        histogram.record(value)
        found.add([Measurement(instruments.TOOL_DURATION, value, ())])
    data = reader.get_metrics_data()
    assert data is not None
    (theirs,) = metrics_of(data)["h"].data.data_points
    ours = found.found[instruments.TOOL_DURATION][()]
    assert isinstance(theirs, HistogramDataPoint)
    assert (ours.counts, ours.count, ours.low, ours.high) == (
        list(theirs.bucket_counts),
        theirs.count,
        theirs.min,
        theirs.max,
    )
    assert ours.sum == pytest.approx(theirs.sum)


def test_the_usual_variables() -> None:
    assert (interval_s({}), interval_s({"OTEL_METRIC_EXPORT_INTERVAL": " 500 "})) == (60.0, 0.5)
    with pytest.raises(BadDefinition, match="OTEL_METRIC_EXPORT_INTERVAL"):
        interval_s({"OTEL_METRIC_EXPORT_INTERVAL": "soon"})
    wanted = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
    found = [asks_for_delta({wanted: text}) for text in ("", "cumulative", "Delta", "lowmemory")]
    assert found == [False, False, True, True]
