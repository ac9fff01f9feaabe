"""The OTLP exporters that the usual variables ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestra.core.errors import BadDefinition, ExporterMissing

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

INTERVAL_MS = 60_000
"""The OpenTelemetry default."""


def span_exporter(env: Mapping[str, str]) -> SpanExporter | None:
    """An OTLP exporter over HTTP if an OTLP endpoint is set; it reads the other OTLP variables itself.

    None without an endpoint, with OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none.
    Raises: ExporterMissing where the extra is not installed or another protocol is asked for.
    """
    if not _asked(env, "TRACES"):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError as error:
        raise ExporterMissing("An OTLP endpoint is set, but its exporter is not installed.") from error
    return OTLPSpanExporter()


def metric_exporter(env: Mapping[str, str]) -> MetricExporter | None:
    """As ``span_exporter``, for metrics and OTEL_METRICS_EXPORTER."""
    if not _asked(env, "METRICS"):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    except ModuleNotFoundError as error:
        raise ExporterMissing("An OTLP endpoint is set, but its exporter is not installed.") from error
    return OTLPMetricExporter()


def log_exporter(env: Mapping[str, str]) -> LogRecordExporter | None:
    """As ``span_exporter``, for the conventions' events, which are log records, and OTEL_LOGS_EXPORTER."""
    if not _asked(env, "LOGS"):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    except ModuleNotFoundError as error:
        raise ExporterMissing("An OTLP endpoint is set, but its exporter is not installed.") from error
    return OTLPLogExporter()


def content_modes(env: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether content goes on spans, and whether into events, by OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT.

    Nowhere by default. Raises BadDefinition for a value that is none.
    """
    given = _set(env, CONTENT)
    mode = _MODES.get(given.upper())
    if mode is None:
        raise BadDefinition(f"{CONTENT} is {given!r}.", remedy=f"Set it to one of {', '.join(filter(None, _MODES))}.")
    return mode


CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_MODES = {
    "": (False, False),
    "NO_CONTENT": (False, False),
    "SPAN_ONLY": (True, False),
    "EVENT_ONLY": (False, True),
    "SPAN_AND_EVENT": (True, True),
    "FALSE": (False, False),
    "TRUE": (False, True),
}
"""The last two are what the variable held before it had modes; then, too, content went into events."""


def asks_for_latest(env: Mapping[str, str]) -> bool:
    """Whether OTEL_SEMCONV_STABILITY_OPT_IN holds gen_ai_latest_experimental."""
    wanted = env.get("OTEL_SEMCONV_STABILITY_OPT_IN", "").split(",")
    return "gen_ai_latest_experimental" in (name.strip() for name in wanted)


def asks_for_delta(env: Mapping[str, str]) -> bool:
    """Whether OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is delta or lowmemory: alike for our instruments."""
    wanted = env.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "").strip().lower()
    return wanted in ("delta", "lowmemory")


def interval_s(env: Mapping[str, str]) -> float:
    """OTEL_METRIC_EXPORT_INTERVAL, which is in milliseconds, as seconds. Raises BadDefinition."""
    text = env.get("OTEL_METRIC_EXPORT_INTERVAL", "").strip() or str(INTERVAL_MS)
    if not text.isdecimal():
        raise BadDefinition(
            f"OTEL_METRIC_EXPORT_INTERVAL is {text!r}, no number of milliseconds.",
            remedy="Set it to a whole number such as 60000, or unset it.",
        )
    return int(text) / 1000


def _asked(env: Mapping[str, str], signal: str) -> bool:
    """Raises ExporterMissing for a protocol that is not there."""
    if not any(_set(env, f"OTEL_EXPORTER_OTLP_{name}ENDPOINT") for name in (f"{signal}_", "")):
        return False
    if _set(env, "OTEL_SDK_DISABLED").lower() == "true" or _set(env, f"OTEL_{signal}_EXPORTER").lower() == "none":
        return False
    named = (_set(env, f"OTEL_EXPORTER_OTLP_{name}PROTOCOL") for name in (f"{signal}_", ""))
    protocol = next(filter(None, named), "http/protobuf")
    if protocol != "http/protobuf":
        raise ExporterMissing(
            f"OTLP over {protocol!r} is asked for, and only http/protobuf is there.",
            remedy="Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf; collectors listen for it on port 4318.",
        )
    return True


def _set(env: Mapping[str, str], name: str) -> str:
    return env.get(name, "").strip()
