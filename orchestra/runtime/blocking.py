"""Between event loops and blocking code: the portal behind run_sync, and a thread for what blocks."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, TypeVar
from weakref import WeakSet

import anyio.to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

T = TypeVar("T")


async def in_thread(fn: Callable[..., T], *args: Any) -> T:
    """Runs a blocking function off the loop."""
    return await anyio.to_thread.run_sync(fn, *args)


class Door:
    """One event loop in a thread of its own, opened at the first call: works under a running loop, in notebooks too.

    A door that nobody closed is closed when the program ends: it could not be closed later, when its thread is gone.
    """

    def __init__(self) -> None:
        self._exit = ExitStack()
        self._lock = threading.Lock()
        self._portal: BlockingPortal | None = None

    def call(self, fn: Callable[[], Awaitable[T]]) -> T:
        """Runs an async function and blocks until it has ended; an interrupt cancels it."""
        with self._lock:
            if self._portal is None:
                self._portal = self._exit.enter_context(start_blocking_portal())
                _close_at_the_end(self)
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


_open: WeakSet[Door] = WeakSet()
_watching = threading.Lock()
_watcher: threading.Thread | None = None


def _close_at_the_end(door: Door) -> None:
    """Not by atexit, which is a moment too late; the interpreter waits for a thread that is no daemon."""
    global _watcher
    with _watching:
        _open.add(door)
        if _watcher is None or not _watcher.is_alive():  # a forked process has the name and not the thread
            _watcher = threading.Thread(target=_close_all, name="orchestra doors")
            _watcher.start()


def _close_all() -> None:
    threading.main_thread().join()
    for door in list(_open):
        door.close()
