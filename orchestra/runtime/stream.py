"""A run that is watched while it goes: events as they happen, without ever holding the run up."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

import anyio
from anyio.abc import TaskGroup

from orchestra.core.errors import NotInRun
from orchestra.core.events import Event, TextDelta
from orchestra.ports.sink import Sink

R = TypeVar("R")

JOINED = 4096
"""So long may waiting text become, in characters: each piece copies what it is joined to. Our default."""


class Stream(Generic[R]):
    """``async with`` starts the run, ``async for`` reads its events, leaving the block early cancels and settles it.

    A slow reader never blocks the run: pieces of text that follow one another are joined while they wait, nothing else
    is dropped. One reader at a time.
    """

    def __init__(self, start: Callable[[Sink], Awaitable[R]]) -> None:
        self._start = start
        self._waiting: deque[Event] = deque()
        self._news: anyio.Event | None = None
        self._ended = False
        self._result: list[R] = []
        self._group: TaskGroup | None = None

    @property
    def result(self) -> R:
        """How the run ended. Raises NotInRun while it goes on, or where it was left early."""
        if not self._result:
            raise NotInRun("The run has not ended.", remedy="Read the events to their end first.")
        return self._result[0]

    def put(self, run_id: str, event: Event) -> None:
        """The sink: never blocks."""
        last = self._waiting[-1] if self._waiting else None
        if (
            isinstance(event, TextDelta)
            and isinstance(last, TextDelta)
            and last.key == event.key
            and len(last.text) < JOINED
        ):
            self._waiting[-1] = last._replace(text=last.text + event.text)
        else:
            self._waiting.append(event)
        if self._news is not None:
            self._news.set()

    async def __aenter__(self) -> Self:
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._group is not None
        if not self._ended:
            self._group.cancel_scope.cancel()
        try:
            await self._group.__aexit__(None, None, None)  # what the block raised goes on as it is, in no group
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the run is the only task

    async def _run(self) -> None:
        try:
            self._result.append(await self._start(self.put))
        finally:
            self._ended = True
            if self._news is not None:
                self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._news = anyio.Event()
            await self._news.wait()
        return self._waiting.popleft()
