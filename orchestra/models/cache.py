"""Identical requests at temperature 0 need one call."""

from __future__ import annotations

from typing import Any

from orchestra.core.ids import canonical, digest
from orchestra.ports.model import Delta, Model, OnDelta, Reply, Request, streamed


class Cached:
    """Answers repeated requests of this process from memory, with the recorded usage: a hit is charged as a call.

    Only requests at temperature 0, their own or the model's default, are kept; identical ones at one time share a
    call. ``hits`` and ``misses`` count them; other requests pass through uncounted.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.name = model.name
        self.context_window = model.context_window
        self.hits = 0
        self.misses = 0
        self._replies: dict[str, Reply] = {}
        self._running: dict[str, Any] = {}

    def count(self, request: Request, /) -> int:
        return self.model.count(request)

    async def request(self, request: Request, /) -> Reply:
        return await self._answer(request, None)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """As ``request``; what comes from memory comes in one piece."""
        return await self._answer(request, on_delta)

    async def aclose(self) -> None:
        """Closes the model; what was kept stays."""
        close = getattr(self.model, "aclose", None)
        if close is not None:
            await close()

    async def _answer(self, request: Request, on_delta: OnDelta | None) -> Reply:
        default = getattr(self.model, "temperature", None)
        if (default if request.temperature is None else request.temperature) != 0:
            return await self._ask(request, on_delta)
        key = digest(canonical(request), 16)
        while key not in self._replies and key in self._running:
            await self._running[key].wait()
        if key in self._replies:
            self.hits += 1
            if on_delta is not None:
                on_delta(Delta(self._replies[key].text))
            return self._replies[key]
        return await self._call(key, request, on_delta)

    async def _ask(self, request: Request, on_delta: OnDelta | None) -> Reply:
        return await (self.model.request(request) if on_delta is None else streamed(self.model, request, on_delta))

    async def _call(self, key: str, request: Request, on_delta: OnDelta | None) -> Reply:
        from anyio import Event

        self.misses += 1
        ended = self._running[key] = Event()
        try:
            reply = self._replies[key] = await self._ask(request, on_delta)
            return reply
        finally:
            # On failure or cancellation the next one in the loop above calls for itself.
            del self._running[key]
            ended.set()
