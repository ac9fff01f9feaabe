"""One trace across threads, event loops, processes and HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from orchestra import Agent, Budget, Orchestra, agent, gather, step, tool, workflow
from orchestra.models.openai import OpenAIModel
from orchestra.models.scripted import Scripted
from orchestra.telemetry.export import Tracing
from tests.support.runtime import go

on_both_loops = pytest.mark.parametrize("loop", ["asyncio", "trio"])
HANDLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Kept(InMemorySpanExporter):
    """Outlives the teams that send to it."""

    def shutdown(self) -> None:
        """Nothing to end."""


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where the teams of a test send their spans."""
    exporter = Kept()
    monkeypatch.setattr("orchestra.app.team.tracing_from_env", lambda: Tracing(exporter))
    return exporter


@pytest.fixture
def service() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.support.traced_service"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        assert process.stdin is not None
        process.stdin.close()


def ids(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def named(exporter: InMemorySpanExporter, name: str) -> ReadableSpan:
    (span,) = [span for span in exporter.get_finished_spans() if span.name == name]
    return span


def here() -> tuple[int, int]:
    found = trace.get_current_span().get_span_context()
    return found.trace_id, found.span_id


def post(url: str) -> Any:
    headers = {"content-type": "application/json"}
    propagate.inject(headers)
    request = urllib.request.Request(url, b"{}", headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def requests_to(service: str) -> dict[str, tuple[int, int, str]]:
    """(trace id, parent's id, baggage) by path."""
    with urllib.request.urlopen(f"{service}/spans", timeout=5) as answer:
        return {path: (trace_id, above, shop) for path, trace_id, above, _, shop in json.load(answer)}


@pytest.mark.timeout(60)
@on_both_loops
def test_a_service_and_a_model_server_are_in_the_callers_tree(
    loop: str, service: str, kept: InMemorySpanExporter
) -> None:
    @tool
    def colour() -> dict[str, str]:
        """Asks the service."""
        found: dict[str, str] = post(f"{service}/colour")
        return found

    model = OpenAIModel("fake", base_url=f"{service}/v1", api_key="none")
    painter = Agent("painter", "Paints.", model="openai:fake")

    @workflow
    async def paint(text: str) -> str:
        await step(colour)
        return str(await step("painter", text))

    async def main() -> None:
        options: Any = {"models": {"openai:fake": model}, "prices": {"openai:fake": (1, 2)}}
        async with Orchestra(agents=[painter], **options) as team:
            result = await team.run(paint, "the sky")
            assert result.output == "Blue."

    token = context.attach(baggage.set_baggage("shop", "pottery"))
    try:
        go(loop, main)
    finally:
        context.detach(token)
    root, asked, ran = (named(kept, name) for name in ("run paint", "chat fake", "execute_tool colour"))
    assert requests_to(service) == {
        "/colour": (*ids(ran), "pottery"),
        "/v1/chat/completions": (*ids(asked), "pottery"),
    }
    assert {ids(span)[0] for span in kept.get_finished_spans()} == {ids(root)[0]}


@pytest.mark.timeout(60)
def test_without_an_exporter_nothing_goes_along(service: str) -> None:
    model = OpenAIModel("fake", base_url=f"{service}/v1", api_key="none")
    options: Any = {"models": {"openai:fake": model}, "prices": {"openai:fake": (1, 2)}}
    token = context.attach(propagate.extract({"traceparent": HANDLER}))
    try:
        with closing(Orchestra(agents=[Agent("painter", "Paints.", model="openai:fake")], **options)) as team:
            assert team.run_sync("the sky", to="painter").output == "Blue."
    finally:
        context.detach(token)
    assert requests_to(service) == {"/v1/chat/completions": (ANY, 0, "None")}


@on_both_loops
def test_user_code_finds_its_span_in_coroutines_threads_and_executors(loop: str, kept: InMemorySpanExporter) -> None:
    found: dict[str, tuple[int, int]] = {}

    @agent
    async def waits(text: str) -> str:
        found["waits"] = here()
        return text

    @agent
    def works(text: str) -> str:
        found["works"] = here()
        thread = threading.Thread(target=copy_context().run, args=(lambda: found.setdefault("thread", here()),))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            found["executor"] = pool.submit(copy_context().run, here).result()
            found["bare"] = pool.submit(here).result()
        return text

    async def branch() -> None:
        found["branch"] = here()

    @workflow
    async def both(text: str) -> str:
        await gather(step(waits, text), step(works, text), branch())
        return text

    async def main() -> None:
        async with Orchestra(agents=[waits, works]) as team:
            assert (await team.run(both, "x")).status == "done"

    go(loop, main)
    waiting, working, flow = (
        ids(named(kept, name)) for name in ("invoke_agent waits", "invoke_agent works", "invoke_workflow both")
    )
    assert found == {
        "waits": waiting,
        "works": working,
        "thread": working,
        "executor": working,
        "bare": (0, 0),
        "branch": flow,
    }


@pytest.mark.parametrize("door", ["run", "run_sync", "stream"])
def test_a_run_joins_the_trace_that_came_in_from_another_process(door: str, kept: InMemorySpanExporter) -> None:
    @agent
    async def waits(text: str) -> str:
        return text

    team = Orchestra(agents=[waits])

    async def run() -> None:
        if door == "run":
            await team.run(waits, "x")
        else:
            async with team.stream(waits, "x") as events:
                async for _ in events:
                    pass

    token = context.attach(propagate.extract({"traceparent": HANDLER}))
    try:
        if door == "run_sync":
            team.run_sync(waits, "x")
        else:
            go("asyncio", run)
    finally:
        context.detach(token)
        team.close()
    root = next(span for span in kept.get_finished_spans() if span.name.startswith("run "))
    assert root.parent is not None
    assert (ids(root)[0], root.parent.span_id) == (int(HANDLER[3:35], 16), int(HANDLER[36:52], 16))


def test_a_run_taken_up_elsewhere_stays_in_its_trace_and_links_to_its_beginning(
    kept: InMemorySpanExporter, tmp_path: Path
) -> None:
    @workflow
    async def twice(text: str) -> str:
        await step("writer", f"{text} 1")
        return str(await step("writer", f"{text} 2"))

    def team() -> Orchestra:
        writer = Agent("writer", "Writes.", model="test:m")
        models: Any = {"test:m": Scripted("one", "two", name="test:m")}
        options: Any = {"state": tmp_path / "team.db", "journal": True, "workflows": [twice]}
        return Orchestra(agents=[writer], models=models, prices={"test:m": (1, 2)}, **options)

    first, second = team(), team()
    token = context.attach(propagate.extract({"traceparent": HANDLER}))
    stopped = first.run_sync(twice, "x", budget=Budget(requests=1))
    context.detach(token)
    assert stopped.status == "stopped"
    first.close()
    done = second.resume_sync(stopped.run_id, budget=Budget(requests=9))
    assert done.status == "done"
    second.close()
    before, after = [span for span in kept.get_finished_spans() if span.name == "run twice"]
    assert {ids(span)[0] for span in kept.get_finished_spans()} == {int(HANDLER[3:35], 16)}
    (link,) = after.links
    assert (link.context.trace_id, link.context.span_id) == ids(before)
    assert after.parent is None
