"""Who wants to see events as they happen."""

from __future__ import annotations

from typing import Protocol

from orchestra.core.events import Event


class Sink(Protocol):
    """Never blocks, never raises."""

    def __call__(self, run_id: str, event: Event, /) -> None: ...
