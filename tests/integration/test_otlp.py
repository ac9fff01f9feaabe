"""Over HTTP to a collector on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from orchestra.core.events import Rewarded
from orchestra.telemetry.export import tracing_from_env
from tests.unit.telemetry.runs import RUN_ID, close_ticket

received: list[tuple[str, int]] = []


class Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        received.append((self.path, len(self.rfile.read(int(self.headers["content-length"])))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    received.clear()
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_spans_and_metrics_arrive(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    tracing = tracing_from_env()
    assert tracing is not None
    assert tracing.export(RUN_ID, close_ticket())
    assert tracing.export(RUN_ID, close_ticket())
    assert [path for path, _ in received] == ["/v1/metrics", "/v1/traces", "/v1/traces"]
    tracing.close()
    assert received[-1][0] == "/v1/metrics", "what the second run measured waits for the end"
    assert all(size > 200 for _, size in received)


def test_events_with_content_and_rewards_arrive_where_they_are_asked_for(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http._log_exporter")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", f"{endpoint}/v1/logs")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "EVENT_ONLY")
    tracing = tracing_from_env()
    assert tracing is not None
    events = close_ticket()
    assert tracing.export(RUN_ID, events)
    assert tracing.judge(RUN_ID, events, [event for event in events if isinstance(event, Rewarded)])
    tracing.close()
    assert [path for path, _ in received] == ["/v1/logs", "/v1/logs"]
