"""What a team needs of OpenTelemetry: spans once a run has ended, metrics now and then.

The global providers are neither read nor set. Without an exporter nothing of OpenTelemetry is imported or called.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import time_ns
from typing import TYPE_CHECKING

from orchestra.core.events import Event, RunStarted
from orchestra.telemetry.aggregate import Aggregate
from orchestra.telemetry.context import current_span, span_context
from orchestra.telemetry.exporters import asks_for_delta, asks_for_latest, interval_s, metric_exporter, span_exporter
from orchestra.telemetry.measure import measurements
from orchestra.telemetry.sdk import export_metrics, export_spans, metrics_data
from orchestra.telemetry.spans import Link, spans

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

MOST_BEGUN = 10_000
"""Runs whose part and caller are kept until their export; a cancelled one is never exported."""


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


class Tracing:
    """The exporters and what the runtime needs of them; one of the two may be missing.

    ``content`` adds the reasons of decisions; prompts, arguments and outputs are never exported. ``latest`` follows
    the newer conventions.
    """

    def __init__(
        self,
        exporter: SpanExporter | None,
        *,
        metrics: Metrics | None = None,
        content: bool = False,
        latest: bool = False,
    ) -> None:
        self.exporter = exporter
        self.metrics = metrics
        self.content = content
        self.latest = latest
        self._begun: dict[str, tuple[int, tuple[Link, ...]]] = {}

    def began(self, run_id: str, past: Sequence[Event] = ()) -> None:
        """To be called where the run begins: keeps the caller's span for a link, and how often the run began before.

        Without it a resumed run repeats the ids of its first part.
        """
        if self.exporter is None:
            return
        part, caller = sum(isinstance(event, RunStarted) for event in past), current_span()
        if part or caller:
            self._begun[run_id] = part, (caller,) if caller else ()
            while len(self._begun) > MOST_BEGUN:
                self._begun.pop(next(iter(self._begun)), None)

    def around(self, run_id: str, key: str) -> AbstractContextManager[None]:
        """The call's future span, current while user code runs."""
        if self.exporter is None:
            return nullcontext()
        part, _ = self._begun.get(run_id, (0, ()))
        return span_context(run_id, key, part)

    def export(self, run_id: str, events: Sequence[Event]) -> bool:
        """Sends the spans and metrics of these events, those of the run's last part, and says whether all were taken.

        A refusal is logged, never raised. It blocks for as long as the exporters do: call it off the event loop.
        """
        taken = self.metrics is None or self.metrics.record(events)
        if self.exporter is None:
            return taken
        part, links = self._begun.pop(run_id, (0, ()))
        records = spans(run_id, events, content=self.content, latest=self.latest, part=part, links=links)
        return export_spans(self.exporter, records, latest=self.latest) and taken

    def close(self) -> None:
        """Sends what is left and lets the exporters end."""
        try:
            if self.metrics is not None:
                self.metrics.close()
        finally:
            if self.exporter is not None:
                self.exporter.shutdown()


def tracing_from_env(environ: Mapping[str, str] | None = None) -> Tracing | None:
    """Tracing by the usual variables, None where they do not ask for it. Raises ExporterMissing, BadDefinition."""
    env = os.environ if environ is None else environ
    latest, exporter, for_metrics = asks_for_latest(env), span_exporter(env), metric_exporter(env)
    metrics = None
    if for_metrics is not None:
        metrics = Metrics(for_metrics, every_s=interval_s(env), delta=asks_for_delta(env), latest=latest)
    if exporter is None and metrics is None:
        return None
    return Tracing(exporter, metrics=metrics, latest=latest)
