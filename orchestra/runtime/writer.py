"""One thread writes for everybody: stores are synchronous, and what arrives together is committed together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

from orchestra.core.events import Event
from orchestra.ports.store import Entry, Store

T = TypeVar("T")


class _Ticket:
    """Somebody waits, on some event loop, for a job to be done."""

    __slots__ = ("error", "event", "job", "token", "value")

    def __init__(self, job: Callable[[], Any] | None) -> None:
        self.job, self.event, self.token = job, anyio.Event(), anyio.lowlevel.current_token()
        self.value: Any = None
        self.error: BaseException | None = None


class Writer:
    """Group commit over a store. ``put`` never blocks; ``flush`` and ``call`` wait for the thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._queue: queue.SimpleQueue[Entry | _Ticket | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._broken: BaseException | None = None

    def put(self, run_id: str, seq: int | None, event: Event, content: bool) -> None:
        self._queue.put(Entry(run_id, seq, event, content))

    async def flush(self) -> None:
        """Returns when all that was put before is durable. Raises what the store raised."""
        await self.call(None)

    async def call(self, job: Callable[[], T] | None) -> T:
        """Runs a job on the writer's thread, after all that was put before. Raises what it raised."""
        self._start()
        ticket = _Ticket(job)
        self._queue.put(ticket)
        await ticket.event.wait()
        if ticket.error is not None:
            raise ticket.error
        value: T = ticket.value
        return value

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._loop, name="orchestra-writer", daemon=True)
                self._thread.start()

    async def aclose(self) -> None:
        """Writes what is left and closes the store."""
        await self.call(self.store.close)
        self._queue.put(None)

    def _loop(self) -> None:
        while True:
            items = [self._queue.get()]
            while True:
                try:
                    items.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            if not self._serve(items):
                return

    def _serve(self, items: list[Entry | _Ticket | None]) -> bool:
        entries = [item for item in items if isinstance(item, Entry)]
        tickets = [item for item in items if isinstance(item, _Ticket)]
        if entries:
            try:
                self.store.append(entries)
            except Exception as error:
                self._broken = error
        for ticket in tickets:
            if self._broken is not None:
                ticket.error = self._broken
            elif ticket.job is not None:
                try:
                    ticket.value = ticket.job()
                except Exception as error:
                    ticket.error = error
        self._wake(tickets)
        return None not in items

    def _wake(self, tickets: list[_Ticket]) -> None:
        loops: dict[int, list[_Ticket]] = {}
        for ticket in tickets:
            loops.setdefault(id(ticket.token), []).append(ticket)
        for group in loops.values():
            try:
                anyio.from_thread.run_sync(_set, group, token=group[0].token)
            except RuntimeError:
                continue  # that loop has ended, and with it everybody who waited on it


def _set(tickets: list[_Ticket]) -> None:
    for ticket in tickets:
        ticket.event.set()
