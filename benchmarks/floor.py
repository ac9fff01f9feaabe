"""The floor: the same work with nothing but a task group. ``python -m benchmarks.floor asyncio|anyio``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio

from benchmarks.worker import Gate, Job, serve

Branch = Callable[[], Coroutine[Any, Any, None]]
Fan = Callable[[int, Branch], Awaitable[None]]
gate = Gate()


async def answer(text: str) -> str:
    return text


async def one_branch() -> None:
    await answer("hello")


async def ten_ms() -> None:
    await asyncio.sleep(0.01)


async def on_asyncio(n: int, branch: Branch) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(n):
            group.create_task(branch())


async def on_anyio(n: int, branch: Branch) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(n):
            group.start_soon(branch)


def jobs(fan: Fan) -> dict[str, Job]:
    async def chain(n: int) -> None:
        async def steps() -> None:
            text = "hello"
            for _ in range(n):
                text = await answer(text)

        await fan(1, steps)

    return {
        "chain": chain,
        "fanout": lambda n: fan(n, one_branch),
        "wait": lambda n: fan(n, gate.wait),
        "runs": lambda n: fan(n, ten_ms),
    }


if __name__ == "__main__":
    kind = sys.argv.pop(1)
    serve(jobs(on_asyncio if kind == "asyncio" else on_anyio), gate)
