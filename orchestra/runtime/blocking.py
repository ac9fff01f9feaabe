"""Between event loops and blocking code: the portal behind run_sync, and a thread for what blocks."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, TypeVar

import anyio.to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

T = TypeVar("T")


async def in_thread(fn: Callable[..., T], *args: Any) -> T:
    """Runs a blocking function off the loop."""
    return await anyio.to_thread.run_sync(fn, *args)


class Door:
    """One event loop in a thread of its own, opened at the first call: works under a running loop, in notebooks too."""

    def __init__(self) -> None:
        self._exit = ExitStack()
        self._lock = threading.Lock()
        self._portal: BlockingPortal | None = None

    def call(self, fn: Callable[[], Awaitable[T]]) -> T:
        """Runs an async function and blocks until it has ended; an interrupt cancels it."""
        with self._lock:
            if self._portal is None:
                self._portal = self._exit.enter_context(start_blocking_portal())
            portal = self._portal
        future = portal.start_task_soon(fn)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        with self._lock:
            self._exit.close()
            self._portal = None
