"""What is known of how nodes fare, shared by all runs of a process."""

from __future__ import annotations

from typing import Protocol


class Health(Protocol):
    """Units: ``at`` wall time in seconds, ``seconds`` the call's duration."""

    def seen(self, node: str, ok: bool, seconds: float, at: float, /) -> None: ...

    def hidden(self, node: str, at: float, /) -> str | None:
        """Why the node may not be used now, None if it may."""
        ...

    def penalty(self, node: str, at: float, /) -> float:
        """A factor >= 1 on the node's weight."""
        ...

    def latency_s(self, node: str, /) -> float | None: ...

    def enter(self, node: str, at: float, /) -> None:
        """A call of the node was decided; ``leave`` follows, whatever happens."""
        ...

    def leave(self, node: str, /) -> None: ...

    def in_flight(self, node: str, /) -> int: ...
