"""One thread writes for everybody: stores are synchronous, and what arrives together is committed together."""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

import anyio
import anyio.lowlevel

from orchestra.core.events import Event, RunStarted
from orchestra.ports.store import Entry, Store

T = TypeVar("T")
EXIT_S = 5.0
"""How long the end of the process waits for what is not written yet. Our default."""


class _Ticket:
    """Somebody waits, on some event loop, for a job to be done, or for a run's entries to be durable."""

    __slots__ = ("error", "event", "job", "loop", "run_id", "value")

    def __init__(self, job: Callable[[], Any] | None, run_id: str | None) -> None:
        self.job, self.run_id, self.event = job, run_id, anyio.Event()
        self.loop: Any = anyio.lowlevel.current_token().native_token
        self.value: Any = None
        self.error: BaseException | None = None


class Writer:
    """Group commit over a store. ``put`` never blocks; ``flush`` and ``call`` wait for the thread.

    What cannot be written is never lost in silence. Once entries of a run are lost, nothing more of that run is written
    (its journal stays whole up to there) until it is started again, and every ``flush`` of it raises what the store
    raised. Other runs go on, even if they were in the same group.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._queue: queue.SimpleQueue[Entry | _Ticket | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._lost: dict[str, BaseException] = {}

    def put(self, run_id: str, seq: int | None, event: Event, content: bool) -> None:
        self._enqueue(Entry(run_id, seq, event, content))

    async def flush(self, run_id: str) -> None:
        """Returns when all that was put before is durable. Raises what the store raised for this run."""
        await self._done(_Ticket(None, run_id))

    async def call(self, job: Callable[[], T]) -> T:
        """Runs a job on the writer's thread, after all that was put before. Raises what it raised."""
        return cast("T", await self._done(_Ticket(job, None)))

    async def aclose(self) -> None:
        """Writes what is left and closes the store."""
        await self.call(self.store.close)
        self._enqueue(None)

    async def _done(self, ticket: _Ticket) -> Any:
        self._enqueue(ticket)
        await ticket.event.wait()
        if ticket.error is not None:
            raise ticket.error
        return ticket.value

    def _enqueue(self, item: Entry | _Ticket | None) -> None:
        with self._lock:
            self._queue.put(item)
            if item is not None and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._loop, name="orchestra-writer", daemon=True)
                self._thread.start()
                atexit.register(self._exit)

    def _exit(self) -> None:
        """At the end of the process: the thread writes what is left."""
        thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join(EXIT_S)

    def _loop(self) -> None:
        while True:
            items = [self._queue.get()]
            while True:
                try:
                    items.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            self._serve(items)
            if None in items:
                with self._lock:  # what came meanwhile is served here, or by the thread that it starts
                    if self._queue.empty():
                        self._thread = None
                        atexit.unregister(self._exit)
                        return

    def _serve(self, items: list[Entry | _Ticket | None]) -> None:
        self._append([item for item in items if isinstance(item, Entry)])
        loop_to_tickets: dict[Any, list[_Ticket]] = {}
        for ticket in items:
            if isinstance(ticket, _Ticket):
                self._answer(ticket)
                loop_to_tickets.setdefault(ticket.loop, []).append(ticket)
        for loop, tickets in loop_to_tickets.items():
            soon = loop.call_soon_threadsafe if hasattr(loop, "call_soon_threadsafe") else loop.run_sync_soon
            try:
                soon(_set, tickets)
            except RuntimeError:
                continue  # that loop has ended, and with it everybody who waited on it

    def _append(self, entries: list[Entry]) -> None:
        for entry in entries:
            if isinstance(entry.event, RunStarted):
                self._lost.pop(entry.run_id, None)
        entries = [entry for entry in entries if entry.run_id not in self._lost]
        if not entries:
            return
        try:
            self.store.append(entries)
        except Exception as error:
            run_ids = dict.fromkeys(entry.run_id for entry in entries)
            if len(run_ids) == 1:
                self._lost[entries[0].run_id] = error
            else:  # all or nothing: the others must not pay for one
                for run_id in run_ids:
                    self._append([entry for entry in entries if entry.run_id == run_id])

    def _answer(self, ticket: _Ticket) -> None:
        if ticket.run_id is not None:
            ticket.error = self._lost.get(ticket.run_id)
        elif ticket.job is not None:
            try:
                ticket.value = ticket.job()
            except BaseException as error:
                ticket.error = error


def _set(tickets: list[_Ticket]) -> None:
    for ticket in tickets:
        ticket.event.set()
