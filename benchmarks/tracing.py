"""``python -m benchmarks.tracing``: what a span costs, beside a span of OpenTelemetry's SDK in the same process.

The floor is a batch processor with an exporter that drops all, and spans with 8 attributes given at their start. Ours
is what tracing adds to a run: the context around its calls, the projection of its events and the objects handed over.
CPU time; medians of the rounds, least and most in brackets.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from orchestra import Orchestra, agent, step, workflow
from orchestra.core.events import Event
from orchestra.telemetry.export import Tracing
from orchestra.telemetry.spans import spans

ROUNDS, STEPS, SPANS = 15, 50, 2_000
EIGHT = {f"orchestra.attribute.{n}": f"value {n}" for n in range(8)}


class Null(SpanExporter):
    """Drops everything and counts it."""

    def __init__(self) -> None:
        self.count = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.count += len(spans)
        return SpanExportResult.SUCCESS


@workflow
async def steps(n: int) -> str:
    text = "Where is the parcel?"
    for _ in range(n):
        text = await step("answer", text, output_type=str)
    return text


def expert(number: int) -> Callable[..., Any]:
    async def answer(text: str) -> str:
        return text

    answer.__name__ = answer.__qualname__ = f"expert_{number}"
    return agent(provides="answer")(answer)


def team(tracing: Tracing | None) -> Orchestra:
    with patch("orchestra.app.team.tracing_from_env", lambda: tracing):
        return Orchestra(agents=[expert(n) for n in range(10)], router="linucb")


def timed(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e6


def floor(provider: TracerProvider) -> None:
    tracer = provider.get_tracer("floor")
    for _ in range(SPANS):
        tracer.start_span("span", attributes=EIGHT).end()
    provider.force_flush()


def ran(made: Orchestra) -> list[Event]:
    result = asyncio.run(made.run(steps, STEPS))
    assert result.status == "done", result.cause
    return [*result.events]


def main() -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Null()))
    null = Null()
    without, traced = team(None), team(Tracing(null))
    events = ran(without)
    many = len(spans("run", events))
    ran(traced)
    assert null.count == many, "not every span was handed over"
    rows: dict[str, list[float]] = {"OpenTelemetry SDK": [], "ours, all that a run takes longer": []}
    rows["ours, the projection and handing over alone"] = []
    alone = Tracing(Null())
    for _ in range(ROUNDS):
        measured = (
            timed(lambda: floor(provider)) / SPANS,
            (timed(lambda: ran(traced)) - timed(lambda: ran(without))) / many,
            timed(lambda: alone.export("run", events)) / many,
        )
        for row, value in zip(rows.values(), measured, strict=True):
            row.append(value)
    print(f"A run of {STEPS} steps, each a decision among 10 agents and a call: {many} spans.\n")
    print("| a span | us | least..most |\n|---|--:|--:|")
    for name, values in rows.items():
        print(f"| {name} | {statistics.median(values):.1f} | {min(values):.1f}..{max(values):.1f} |")
    provider.shutdown()


if __name__ == "__main__":
    main()
