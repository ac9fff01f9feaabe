"""A hundred runs at once of one agent, one workflow and one tool: each keeps what is its own."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import defaultdict
from dataclasses import dataclass
from threading import Thread
from typing import Any

import anyio
import pytest

from orchestra import Agent, Context, Orchestra, Result, step, tool, workflow
from orchestra.core.events import CallEnded, CallStarted, Charged, Decided, Event
from orchestra.core.message import Message, ToolCall
from orchestra.core.usage import Usage
from orchestra.ports.model import Reply, Request
from orchestra.testing.function import FunctionModel
from tests.support.runtime import go, on_every_loop

RUNS = 100
MARK = re.compile(r"#(\d+)#")


@dataclass(frozen=True)
class Shop:
    n: int


@dataclass(frozen=True)
class Finding:
    mark: str
    shop: int


@tool
async def look_up(ctx: Context[Shop], mark: str) -> str:
    """Looks up in the run's own shop."""
    await wander()
    return f"{mark} is in shop {ctx.deps.n} of {ctx.run_id}"


@tool
def look_again(ctx: Context[Shop], mark: str) -> int:
    """In a thread."""
    return ctx.deps.n if mark == f"#{ctx.deps.n}#" else -1


async def wander() -> None:
    """Lets others go first, now and then."""
    for _ in range(random.randrange(4)):
        await anyio.sleep(random.choice((0, 0, 0.001)))


def said(message: Message) -> str:
    return message.text + json.dumps([dict(call.arguments) for call in message.tool_calls])


async def answer(request: Request) -> Reply:
    """Asks for the tool, then gives a broken answer to every third, then the right one."""
    await wander()
    marks = {mark for message in request.messages for mark in MARK.findall(said(message))}
    assert len(marks) == 1, f"a request speaks of {marks}"
    n = int(marks.pop())
    usage = Usage(input_tokens=n + 1, output_tokens=1, requests=1)
    found = [message.text for message in request.messages if message.role == "tool"]
    if not found:
        call = ToolCall(id=f"call{n}", name="look_up", arguments={"mark": f"#{n}#"})
        return Reply(tool_calls=(call,), finish="tool_calls", usage=usage)
    assert f"in shop {n} " in found[0]
    if n % 3 == 0 and not any("not valid" in message.text for message in request.messages):
        return Reply(text=f"#{n}# but no JSON", usage=usage)
    return Reply(text=json.dumps({"mark": f"#{n}#", "shop": n}), usage=usage)


FINDER = Agent(
    "finder",
    "Finds.",
    model=["test:a", "test:b"],
    instructions="Find {{ task.text }}.",
    tools=[look_up],
    output_type=Finding,
)


@workflow
async def find(mark: str) -> list[Any]:
    finding = await step("finder", mark, output_type=Finding)
    await wander()
    return [finding.mark, finding.shop, await step(look_again, mark)]


def team(native: bool = True) -> tuple[Orchestra, dict[str, list[Event]]]:
    models: Any = {name: FunctionModel(answer, name=name) for name in ("test:a", "test:b")}
    prices: Any = dict.fromkeys(models, (1, 2))
    made = Orchestra(agents=[FINDER], models=models, prices=prices, router="random", native_tasks=native)
    seen: dict[str, list[Event]] = defaultdict(list)
    made.watch(lambda run_id, event: seen[run_id].append(event))
    return made, seen


def check(n: int, result: Result, seen: list[Event]) -> None:
    assert result.output == [f"#{n}#", n, n]
    asked = 3 if n % 3 == 0 else 2
    usage = result.usage
    assert (usage.requests, usage.tool_calls, usage.input_tokens) == (asked, 2, asked * (n + 1))
    assert seen == list(result.events)
    assert sum(e.usage.input_tokens for e in result.events if isinstance(e, Charged)) == usage.input_tokens
    assert all(e.decision.key == f"{result.run_id}/{e.key}" for e in result.events if isinstance(e, Decided))
    decided = [decision.key for decision in result.decisions]
    assert len(decided) == len(set(decided)) == asked + 1
    tools = [e for e in result.events if isinstance(e, CallStarted) and e.kind == "tool"]
    assert [(e.name, e.input) for e in tools] == [
        ("look_up", {"mark": f"#{n}#"}),
        ("look_again", tools[1].input),
    ]
    assert tools[0].tool_call_id == f"call{n}"
    (found,) = [e.outcome for e in result.events if isinstance(e, CallEnded) and e.name == "look_up"]
    assert getattr(found, "output", None) == f"#{n}# is in shop {n} of {result.run_id}"
    said_of = {mark for e in result.events for mark in MARK.findall(repr(e))}
    assert said_of == {str(n)}


@pytest.mark.timeout(60)
@on_every_loop
def test_a_hundred_runs_at_once_mix_nothing(loop: str, native: bool) -> None:
    results: dict[int, Result] = {}

    async def main() -> dict[str, list[Event]]:
        made, seen = team(native)
        async with made, anyio.create_task_group() as group:

            async def one(n: int) -> None:
                results[n] = await made.run(find, f"#{n}#", deps=Shop(n))

            for n in range(RUNS):
                group.start_soon(one, n)
        return seen

    seen = go(loop, main)
    assert len(seen) == len({result.run_id for result in results.values()}) == RUNS
    for n, result in results.items():
        check(n, result, seen[result.run_id])


@pytest.mark.timeout(60)
def test_nor_do_runs_from_several_threads_with_loops_of_their_own() -> None:
    made, seen = team()
    results: dict[int, Result] = {}

    async def some(first: int) -> None:
        for n in range(first, RUNS // 2, 5):
            results[n] = made.run_sync(find, f"#{n}#", deps=Shop(n))

    threads = [Thread(target=asyncio.run, args=(some(first),)) for first in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.close()
    assert len(results) == len(seen) == RUNS // 2
    for n, result in results.items():
        check(n, result, seen[result.run_id])
