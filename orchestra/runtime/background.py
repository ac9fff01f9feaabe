"""Work that nobody waits for: one job after the other, in a task of its own while it is open."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
from anyio.abc import TaskGroup

from orchestra.core.errors import CallTimeout

Job = Callable[[], Awaitable[object]]
LOOK_S = 0.01
"""How often who waits for the jobs looks whether they are done; it may be on another event loop. Our default."""


class Background:
    """At most ``limit`` jobs in the order in which they were put, each begun when the one before has ended.

    ``put`` never blocks. A job's error goes to ``failed`` and stops nothing.
    """

    def __init__(self, limit: int, failed: Callable[[Exception], None]) -> None:
        self._limit, self._failed = limit, failed
        self._jobs: deque[Job] = deque()
        self._busy = False
        self._group: TaskGroup | None = None
        self._loop: object = None
        self._wake = anyio.Event()

    @property
    def here(self) -> bool:
        """Whether jobs are done in a task of this event loop."""
        return self._group is not None and self._loop is anyio.lowlevel.current_token().native_token

    def __len__(self) -> int:
        return len(self._jobs) + self._busy

    def put(self, job: Job) -> bool:
        """False where there is no room; where ``here`` does not hold, nobody but ``drain`` would do it."""
        if len(self._jobs) >= self._limit:
            return False
        self._jobs.append(job)
        self._wake.set()
        return True

    async def open(self) -> None:
        if self._group is None:
            self._loop = anyio.lowlevel.current_token().native_token
            group = anyio.create_task_group()
            await group.__aenter__()
            self._group = group
            group.start_soon(self._work)

    async def drain(self) -> None:
        """Returns when all that was put has been done."""
        while self._group is not None and len(self):
            await anyio.sleep(LOOK_S)

    async def aclose(self) -> None:
        """Does what is left, and ends the task."""
        try:
            await self.drain()
        finally:
            group, self._group = self._group, None
            if group is not None:
                group.cancel_scope.cancel()
                await group.__aexit__(None, None, None)

    async def _work(self) -> None:
        while True:
            self._wake = anyio.Event()
            while self._jobs:
                self._busy = True
                try:
                    await self._jobs.popleft()()
                except Exception as error:
                    self._failed(error)
                finally:
                    self._busy = False
            await self._wake.wait()


async def within(seconds: float, function: Callable[..., Any], *args: Any) -> Any:
    """What a user's function gives, sync (then in a thread, which is left behind when the time is over) or async.

    Raises CallTimeout.
    """
    with anyio.move_on_after(seconds):
        if inspect.iscoroutinefunction(function):
            return await function(*args)
        given = await anyio.to_thread.run_sync(function, *args, abandon_on_cancel=True)
        return await given if inspect.isawaitable(given) else given
    raise CallTimeout(f"It took longer than {seconds:g} s.")
