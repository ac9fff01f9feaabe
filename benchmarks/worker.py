"""A contender's side of a measurement: runs a job when it is told to and prints what it cost.

The standard library only, since it also runs in the environment of the libraries compared with. A worker reads one JSON
line for each job, {"job", "n", "repeat"}, and answers with one: {"cpu_s", "wall_s"} of all repeats, {"bytes"} for a
measurement of memory, or {"error"}. Started with ``once JOB``, it runs that job a single time and ends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Job = Callable[[int], Awaitable[Any]]


class Gate:
    """Where branches wait until all of them do. The last to come reads the memory and lets everybody go."""

    def __init__(self) -> None:
        self.expected = self.waiting = self.before = self.taken = 0
        self._open = asyncio.Event()

    def expect(self, n: int) -> None:
        self.expected, self.waiting, self.taken = n, 0, 0
        self._open = asyncio.Event()
        gc.collect()
        self.before = tracemalloc.get_traced_memory()[0]

    async def wait(self) -> None:
        self.waiting += 1
        if self.waiting == self.expected:
            gc.collect()
            self.taken = tracemalloc.get_traced_memory()[0] - self.before
            self._open.set()
        await self._open.wait()


def serve(jobs: Mapping[str, Job], gate: Gate | None = None, versions: Mapping[str, str] | None = None) -> None:
    """Answers lines until the input ends. ``gate`` is where the branches of the job "wait" meet."""
    if sys.argv[1:2] == ["once"]:
        asyncio.run(_once(jobs[sys.argv[2]]))
        return
    print(json.dumps({"jobs": sorted(jobs), "versions": dict(versions or {})}), flush=True)
    asyncio.run(_served(jobs, gate))


async def _once(job: Job) -> None:
    await job(1)


async def _served(jobs: Mapping[str, Job], gate: Gate | None) -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        name, n, repeat = asked["job"], int(asked["n"]), int(asked["repeat"])
        try:
            answer = await (_memory(jobs[name], n, gate) if gate and name == "wait" else _timed(jobs[name], n, repeat))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


async def _timed(job: Job, n: int, repeat: int) -> dict[str, Any]:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeat):
        await job(n)
    return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


async def _memory(job: Job, n: int, gate: Gate) -> dict[str, Any]:
    gate.expect(1)
    await job(1)  # what is built once is not a branch's
    tracemalloc.start()
    try:
        gate.expect(n)
        await job(n)
    finally:
        tracemalloc.stop()
    return {"bytes": gate.taken}
