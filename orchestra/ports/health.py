"""What is known of how nodes fare, shared by all runs of a process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

LIMITED = "rate limited"
"""How the reason begins where a node is hidden only until it may be asked again."""

Glance = tuple[float | None, int, str | None]
"""(latency in seconds if known, calls in flight, why it is hidden if it is) of one node."""


class Health(Protocol):
    """Units: ``at`` wall time in seconds, ``seconds`` the call's duration."""

    def seen(self, node: str, ok: bool, seconds: float, at: float, /) -> None: ...

    def hidden(self, node: str, at: float, /) -> str | None:
        """Why the node may not be used now, None if it may."""
        ...

    def state(self, node: str, at: float, /) -> str:
        """closed, open, half-open or limited."""
        ...

    def limit(self, node: str, until: float, /) -> None:
        """It asked to be left alone until that time: hidden until then, its breaker as it was."""
        ...

    def limited_s(self, node: str, at: float, /) -> float:
        """For how much longer it asked to be left alone, 0 if it did not."""
        ...

    def allow(self, node: str, left_share: float, until: float, /) -> None:
        """What share of its rate limit is left, and until when that holds."""
        ...

    def penalty(self, node: str, at: float, /) -> float:
        """A factor >= 1 on the node's weight."""
        ...

    def latency_s(self, node: str, at: float, /) -> float | None: ...

    def enter(self, node: str, at: float, /) -> str | None:
        """A call of the node was decided: None where it may begin, and then ``leave`` follows, whatever happens; else
        the reason why not, as another call is the one that may probe it.
        """
        ...

    def leave(self, node: str, /) -> None: ...

    def in_flight(self, node: str, /) -> int: ...

    def glance(self, nodes: Sequence[str], at: float, /) -> Sequence[Glance]:
        """``latency_s``, ``in_flight`` and ``hidden`` of many at once."""
        ...
