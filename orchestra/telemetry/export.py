"""What a team needs of OpenTelemetry: spans and events once a run has ended, metrics now and then.

The global providers are neither read nor set. Without an exporter nothing of OpenTelemetry is imported or called.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

from orchestra.core.catalog import Node
from orchestra.core.events import Event, Refused, Rewarded, RunStarted
from orchestra.telemetry.aggregate import Aggregate
from orchestra.telemetry.context import current_span, span_context
from orchestra.telemetry.details import evaluations, inference_details
from orchestra.telemetry.exporters import (
    asks_for_delta,
    asks_for_latest,
    content_modes,
    interval_s,
    log_exporter,
    metric_exporter,
    span_exporter,
)
from orchestra.telemetry.ids import Caller, Part, part_of, span_id
from orchestra.telemetry.measure import measurements
from orchestra.telemetry.sdk import export_events, export_metrics, export_spans, metrics_data
from orchestra.telemetry.spans import NO_NODES, spans

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import TraceState

MOST_BEGUN = 10_000
"""Runs whose part and caller, or all that happened in them, are kept until their export."""


class Metrics:
    """A metric exporter and what was measured in this process.

    ``latest`` takes the newer names, ``delta`` sends what is new instead of totals. Nothing is sent in the
    background: what is due goes along with the next run's end. Units: ``every_s`` in seconds, at most once in that
    time; ``now_ns`` in nanoseconds since 1970.
    """

    def __init__(
        self,
        exporter: MetricExporter,
        *,
        every_s: float = 60.0,
        delta: bool = False,
        latest: bool = False,
        now_ns: Callable[[], int] = time_ns,
    ) -> None:
        self.exporter = exporter
        self.latest = latest
        self._every_ns, self._delta, self._now_ns = round(every_s * 1e9), delta, now_ns
        self._since, self._sent = now_ns(), 0
        self._found = Aggregate()
        self._adding, self._sending = threading.Lock(), threading.Lock()

    def record(self, events: Sequence[Event]) -> bool:
        """Adds what the events measured, and sends everything if it is time; False if that was refused."""
        measured = measurements(events, latest=self.latest)
        with self._adding:
            self._found.add(measured)
        if self._now_ns() - self._sent < self._every_ns or not self._sending.acquire(blocking=False):
            return True
        try:
            return self._send()
        finally:
            self._sending.release()

    def close(self) -> None:
        """Sends what was not sent yet and lets the exporter end."""
        with self._sending:
            self._send()
        self.exporter.shutdown()

    def _send(self) -> bool:
        with self._adding:
            since, until, found = self._since, max(self._now_ns(), self._since), self._found
            data = metrics_data(found, since, until, delta=self._delta, latest=self.latest)
            if self._delta:
                self._found, self._since = Aggregate(), until
        self._sent = until
        return not found.found or export_metrics(self.exporter, data)


class Begun(NamedTuple):
    """What is known of a run's part before it has an event: ``earlier`` are the traceparents of those before it."""

    part: Part
    earlier: tuple[str, ...]
    state: TraceState | None


class Tracing:
    """The exporters and what the runtime needs of them; each may be missing.

    ``content`` puts messages, arguments, results and the reasons of decisions on spans, ``content_events`` messages
    into events; without them no content is exported. ``latest`` follows the newer conventions.
    """

    def __init__(
        self,
        exporter: SpanExporter | None,
        *,
        metrics: Metrics | None = None,
        logs: LogRecordExporter | None = None,
        content: bool = False,
        content_events: bool = False,
        latest: bool = False,
    ) -> None:
        self.exporter = exporter
        self.metrics = metrics
        self.logs = logs
        self.content = content
        self.content_events = content_events
        self.latest = latest
        self._begun: dict[str, Begun] = {}
        self._left: deque[tuple[str, Sequence[Event], Mapping[str, Node]]] = deque(maxlen=MOST_BEGUN)

    def began(self, run_id: str, past: Sequence[Event] = ()) -> str:
        """To be called where the run begins: the caller's span as a traceparent, "" if there is none, to be recorded.

        Without it a resumed run repeats the ids of its first part.
        """
        if self.exporter is None:
            return ""
        found = current_span()
        trace = str(found[0]) if found else ""
        earlier = tuple(event.trace for event in past if isinstance(event, RunStarted))
        self._begun[run_id] = Begun(part_of(run_id, (*earlier, trace)), earlier, found[1] if found else None)
        while len(self._begun) > MOST_BEGUN:
            self._begun.pop(next(iter(self._begun)), None)
        return trace

    def around(self, run_id: str, key: str) -> AbstractContextManager[None]:
        """The call's future span, current while user code runs or a request is sent."""
        if self.exporter is None:
            return nullcontext()
        begun = self._begun.get(run_id)
        part, state = (begun.part, begun.state) if begun else (part_of(run_id, ()), None)
        return span_context(Caller(part.trace_id, span_id(run_id, key, part.number), part.sampled), state)

    def export(self, run_id: str, events: Sequence[Event], nodes: Mapping[str, Node] = NO_NODES) -> bool:
        """Sends the spans, events and metrics of the run's last part, and says whether all were taken.

        A run that began under a span which is not sampled keeps its spans to itself, unless a budget refused something
        in it: that is never sampled away. A refusal by a collector is logged, never raised. It blocks for as long as
        the exporters do: call it off the event loop.
        """
        self._send_left()
        return self._send(run_id, events, nodes)

    def leave(self, run_id: str, events: Sequence[Event], nodes: Mapping[str, Node] = NO_NODES) -> None:
        """For a run that was cancelled from outside, where nothing can be waited for: it is sent with the next one."""
        self._left.append((run_id, events, nodes))

    def _send_left(self) -> None:
        with suppress(IndexError):
            while True:
                self._send(*self._left.popleft())

    def _send(self, run_id: str, events: Sequence[Event], nodes: Mapping[str, Node]) -> bool:
        taken = self.metrics is None or self.metrics.record(events)
        begun = self._begun.pop(run_id, None)
        sampled = begun is None or begun.part.sampled or any(isinstance(event, Refused) for event in events)
        if not sampled or (self.exporter is None and not self.content_events):
            return taken
        earlier = begun.earlier if begun else ()
        records = spans(run_id, events, content=self.content, latest=self.latest, earlier=earlier, nodes=nodes)
        if self.exporter is not None:
            taken = export_spans(self.exporter, records, latest=self.latest) and taken
        if self.logs is not None and self.content_events:
            details = inference_details(records, events)
            taken = (not details or export_events(self.logs, details, latest=self.latest)) and taken
        return taken

    def judge(self, run_id: str, events: Sequence[Event], judged: Sequence[Rewarded]) -> bool:
        """Sends rewards as evaluations; ``events`` are all of the run's. It blocks, as ``export`` does."""
        if self.logs is None:
            return True
        found = evaluations(run_id, events, judged)
        return not found or export_events(self.logs, found, latest=self.latest)

    def close(self) -> None:
        """Sends what is left and lets the exporters end."""
        try:
            self._send_left()
            if self.metrics is not None:
                self.metrics.close()
        finally:
            for exporter in (self.exporter, self.logs):
                if exporter is not None:
                    exporter.shutdown()


def tracing_from_env(environ: Mapping[str, str] | None = None) -> Tracing | None:
    """Tracing by the usual variables, None where they do not ask for it. Raises ExporterMissing, BadDefinition."""
    env = os.environ if environ is None else environ
    latest, exporter, for_metrics = asks_for_latest(env), span_exporter(env), metric_exporter(env)
    content, content_events = content_modes(env)
    logs = log_exporter(env)
    metrics = None
    if for_metrics is not None:
        metrics = Metrics(for_metrics, every_s=interval_s(env), delta=asks_for_delta(env), latest=latest)
    if exporter is None and metrics is None and logs is None:
        return None
    return Tracing(exporter, metrics=metrics, logs=logs, content=content, content_events=content_events, latest=latest)
