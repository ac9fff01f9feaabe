"""Active probes: functions that look whether something answers, called only while its breaker is open."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from orchestra.core.errors import BadDefinition, UnknownName

EVERY_S = 5.0
"""How long it is from one look at what is open to the next. Our default, at the quick end of what Self-Healing Router
suggests."""
PROBE_S = 5.0
"""A probe that takes longer got no answer. Our default."""


class Ward(Protocol):
    """What the probes ask and tell of health."""

    def state(self, node: str, at: float, /) -> str: ...

    def probed(self, node: str, ok: bool, at: float, /) -> None: ...


class Probes:
    """One function for each name: a node, a model, or a provider as 'openai:'.

    A probe takes no arguments and may be async; it got an answer unless it raises, returns False or takes longer than
    5 s. Raises: BadDefinition for what cannot be called.
    """

    def __init__(self, probes: Mapping[str, Callable[[], Any]], health: Ward, now: Callable[[], float]) -> None:
        for name, probe in probes.items():
            if not callable(probe):
                raise BadDefinition(f"probes[{name!r}] is a {type(probe).__name__}.", remedy="Pass a function.")
        self._probes, self._health, self._now = dict(probes), health, now
        self._group: TaskGroup | None = None

    async def once(self, name: str) -> bool:
        """Probes now, whatever the state, tells health and returns whether there was an answer. Raises UnknownName."""
        if name not in self._probes:
            known = ", ".join(sorted(self._probes)) or "none"
            raise UnknownName(f"{name!r} has no probe; there are: {known}.", remedy="Name it in Orchestra(probes={}).")
        ok = False
        with anyio.move_on_after(PROBE_S):
            ok = await _answered(self._probes[name])
        self._health.probed(name, ok, self._now())
        return ok

    async def open(self) -> None:
        """Looks again and again from now on, if there is a probe."""
        if self._probes and self._group is None:
            self._group = anyio.create_task_group()
            await self._group.__aenter__()
            self._group.start_soon(self._watch)

    async def aclose(self) -> None:
        group, self._group = self._group, None
        if group is not None:
            group.cancel_scope.cancel()
            await group.__aexit__(None, None, None)

    async def _watch(self) -> None:
        while True:
            await anyio.sleep(EVERY_S)
            async with anyio.create_task_group() as group:
                for name in self._probes:
                    if self._health.state(name, self._now()) == "open":
                        group.start_soon(self.once, name)


async def _answered(probe: Callable[[], Any]) -> bool:
    try:
        if inspect.iscoroutinefunction(probe):
            return await probe() is not False
        return await anyio.to_thread.run_sync(probe, abandon_on_cancel=True) is not False
    except Exception:  # whatever it raises is its answer: no
        return False
