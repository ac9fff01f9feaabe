"""What happened lately: bounded by a count of calls and by their age."""

from __future__ import annotations

from collections import deque


class Window:
    """The last ``count`` calls, of those the ones that are at most ``seconds`` old. Counting walks over none of them.

    Each call was ``by`` someone: several may share a window. Units: ``seconds`` and ``at`` in seconds.
    """

    __slots__ = ("_calls", "_count", "_seconds", "failures")

    def __init__(self, count: int, seconds: float) -> None:
        self._count, self._seconds = count, seconds
        self._calls: deque[tuple[float, bool, str]] = deque()
        self.failures = 0

    def add(self, at: float, ok: bool, by: str = "") -> None:
        if len(self._calls) == self._count:
            self._forget()
        self._calls.append((at, ok, by))
        self.failures += not ok

    def calls(self, at: float) -> int:
        """How many there are now; ``failures`` of them failed."""
        while self._calls and at - self._calls[0][0] > self._seconds:
            self._forget()
        return len(self._calls)

    def culprits(self) -> set[str]:
        """Whose calls failed, as of the last count."""
        return {by for _, ok, by in self._calls if not ok}

    def clear(self) -> None:
        self._calls.clear()
        self.failures = 0

    def _forget(self) -> None:
        self.failures -= not self._calls.popleft()[1]
