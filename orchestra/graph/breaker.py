"""A circuit breaker: closed, open, half-open, and back to full trust by degrees."""

from __future__ import annotations

from dataclasses import dataclass

from orchestra.core.errors import BadNumber
from orchestra.core.money import finite
from orchestra.graph.windows import Window

HALF_OPEN_PENALTY = 2.0
"""What a breaker that is not closed multiplies a weight by. Our default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """When a node is hidden, for how long, and how it comes back. The values are our default.

    It opens at ``failures`` failures among the last ``window`` calls that are at most ``window_s`` old, and is
    half-open after ``cool_s``. Once closed again, its weight is doubled at first, and less with each of the next
    ``restore`` successes and with the time until ``restore_s``, whichever has got further.
    Units: ``window_s``, ``cool_s``, ``restore_s`` in seconds.
    Raises: BadNumber for anything negative, NaN or infinite, and for fewer calls than failures.
    """

    failures: int = 3
    window: int = 10
    window_s: float = 60.0
    cool_s: float = 30.0
    restore: int = 5
    restore_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("window_s", "cool_s", "restore_s", "restore"):
            finite(getattr(self, name), name)
        if not 1 <= self.failures <= self.window:
            raise BadNumber(
                f"A breaker cannot open at {self.failures!r} failures among {self.window!r} calls.",
                remedy="Give 1 <= failures <= window.",
            )


class Breaker:
    """Opens on failures, lets one call through when it is half-open, and closes when that call succeeds.

    ``opened_at`` is None while it is closed. ``members`` is of how many members calls must have failed for it to open:
    1 for a node, 2 for a provider, since what one model alone cannot do says nothing of the others.
    A success of a call that began after the opening closes it and forgets its window, a failure opens it for another
    ``cool_s``; results of calls that began earlier change nothing.
    Source: M. Nygard, Release It!, 2007; the rule's values are our default.
    """

    __slots__ = ("_closed_at", "_earlier", "_in_flight", "_members", "_rule", "_to_restore", "_window", "half_at",
                 "opened_at", "probing")  # fmt: skip

    def __init__(self, rule: BreakerRule, members: int = 1) -> None:
        self._rule, self._members = rule, members
        self._window = Window(rule.window, rule.window_s)
        self.opened_at: float | None = None
        self.half_at = 0.0
        self.probing = False
        self._earlier = self._in_flight = self._to_restore = 0
        self._closed_at = 0.0

    def seen(self, by: str, ok: bool, seconds: float, at: float) -> None:
        self._window.add(at, ok, by)
        if self.opened_at is None:
            if ok:
                self._to_restore = max(0, self._to_restore - 1)
                return
            if self._to_restore:
                self._to_restore, self._closed_at = self._rule.restore, at
            self._window.calls(at)
            if self._window.failures >= self._rule.failures and len(self._window.culprits()) >= self._members:
                self._open(at)
        elif at >= self.half_at and at - seconds >= self.opened_at:
            if ok:
                self._close(at)
            else:
                self._open(at)

    def probed(self, ok: bool, at: float) -> None:
        """Somebody looked whether it answers. While open: yes ends the wait, no begins it anew."""
        if self.opened_at is None:
            return
        if not ok:
            self._open(at)
        elif at < self.half_at:
            self.half_at = at

    def state(self, at: float) -> str:
        if self.opened_at is None:
            return "closed"
        return "open" if at < self.half_at else "half-open"

    def objection(self, at: float, whose: str = "its") -> str | None:
        """Why no call may begin now, None if one may."""
        if self.opened_at is None:
            return None
        if at < self.half_at:
            return f"{whose} breaker is open for another {self.half_at - at:.1f} s"
        return f"{whose} breaker is half-open and a probe is under way" if self.probing else None

    def factor(self, at: float) -> float:
        """What it multiplies a weight by, from 2 while it is not closed down to 1."""
        if self.opened_at is not None:
            return HALF_OPEN_PENALTY
        if not self._to_restore:
            return 1.0
        left_s = self._rule.restore_s - max(0.0, at - self._closed_at)
        if left_s <= 0.0:
            return 1.0
        share = min(self._to_restore / self._rule.restore, left_s / self._rule.restore_s)
        return 1.0 + (HALF_OPEN_PENALTY - 1.0) * share

    def enter(self, at: float) -> None:
        """A call begins. While half-open, it is the probe; one that was decided before it opened is none."""
        self._in_flight += 1
        if self.opened_at is not None and at >= self.half_at:
            self.probing = True
        elif self.opened_at is not None:
            self._earlier += 1

    def leave(self) -> None:
        """A call has ended, with a result or without."""
        self._in_flight = max(0, self._in_flight - 1)
        # Who leaves is not known: those from before it was half-open are counted out first, so a probe may be thought
        # to last longer than it does, never shorter.
        if self._earlier > 0:
            self._earlier -= 1
        else:
            self.probing = False

    def _open(self, at: float) -> None:
        self.opened_at, self.half_at = at, at + self._rule.cool_s
        self.probing, self._earlier = False, self._in_flight

    def _close(self, at: float) -> None:
        self.opened_at, self.probing, self._earlier = None, False, 0
        self._window.clear()
        self._to_restore, self._closed_at = self._rule.restore, at
