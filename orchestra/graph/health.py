"""How nodes fare: a circuit breaker, a penalty, a latency and a count of calls in flight for each."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from orchestra.core.errors import BadNumber
from orchestra.core.money import finite

LATENCY_SHARE = 0.2
HALF_OPEN_PENALTY = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """When a node is hidden and for how long. The values are our default.

    It opens at ``failures`` failures among the last ``window`` calls that are at most ``window_s`` old, and is
    half-open after ``cool_s``. Units: ``window_s``, ``cool_s`` in seconds.
    Raises: BadNumber for anything negative, NaN or infinite, and for fewer calls than failures.
    """

    failures: int = 3
    window: int = 10
    window_s: float = 60.0
    cool_s: float = 30.0

    def __post_init__(self) -> None:
        finite(self.window_s, "window_s")
        finite(self.cool_s, "cool_s")
        if not 1 <= self.failures <= self.window:
            raise BadNumber(
                f"A breaker cannot open at {self.failures!r} failures among {self.window!r} calls.",
                remedy="Give 1 <= failures <= window.",
            )


@dataclass(slots=True)
class _Record:
    """``opened_at`` is None while closed; ``earlier`` are the calls that were under way when it opened."""

    calls: deque[tuple[float, bool]]
    opened_at: float | None = None
    probing: bool = False
    earlier: int = 0
    in_flight: int = 0
    latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What all runs of a process know of their nodes: the port ports.health.Health.

    Closed: the node may be used. Open: it is hidden. Half-open: one call may probe it; while that is under way it is
    hidden from everyone else. A success of a call that began after the opening closes the breaker and forgets the
    window, a failure opens it for another ``cool_s``; results of calls that began earlier change nothing. A probe that
    ends without a result (it was cancelled) gives the place free.
    The probe is taken by ``enter``: callers that let others run between ``hidden`` and ``enter`` may both get through.

    Time comes in as an argument and is never read. There is no lock and nothing is awaited: plain operations on plain
    objects, made for one thread (that of the event loop); calls from several threads corrupt nothing but may miscount.
    Units: ``at`` and ``seconds`` in seconds; a negative duration (the wall clock was set back) counts as 0.
    Source: M. Nygard, Release It!, 2007 (circuit breaker); the constants are our default.
    """

    rule: BreakerRule = BreakerRule()
    _records: dict[str, _Record] = field(default_factory=dict, repr=False)

    def seen(self, node: str, ok: bool, seconds: float, at: float, /) -> None:
        """A call of the node ended. The latency is a moving average over successes (new value's share: 0.2)."""
        record = self._record(node)
        seconds = max(0.0, seconds)
        record.calls.append((at, ok))
        if ok:
            known = record.latency_s
            record.latency_s = seconds if known is None else known + LATENCY_SHARE * (seconds - known)
        if record.opened_at is None:
            if not ok and self._counts(record, at)[1] >= self.rule.failures:
                self._open(record, at)
        elif at >= record.opened_at + self.rule.cool_s and at - seconds >= record.opened_at:
            if ok:
                record.opened_at, record.probing, record.earlier = None, False, 0
                record.calls.clear()
            else:
                self._open(record, at)

    def hidden(self, node: str, at: float, /) -> str | None:
        """Why the node may not be used now, None if it may."""
        record = self._records.get(node)
        if record is None or record.opened_at is None:
            return None
        left_s = record.opened_at + self.rule.cool_s - at
        if left_s > 0:
            return f"its breaker is open for another {left_s:.1f} s"
        return "its breaker is half-open and a probe is under way" if record.probing else None

    def penalty(self, node: str, at: float, /) -> float:
        """(calls + 1) / (successes + 1) over the window, twice that while the breaker is not closed.

        The one imagined success makes a first failure double the weight instead of ending it. Source: our default.
        """
        record = self._records.get(node)
        if record is None:
            return 1.0
        calls, failures = self._counts(record, at)
        factor = (calls + 1) / (calls - failures + 1)
        return factor if record.opened_at is None else HALF_OPEN_PENALTY * factor

    def latency_s(self, node: str, /) -> float | None:
        record = self._records.get(node)
        return None if record is None else record.latency_s

    def enter(self, node: str, at: float, /) -> None:
        """A call of the node was decided; ``leave`` follows, whatever happens. While half-open, it is the probe."""
        record = self._record(node)
        record.in_flight += 1
        if record.opened_at is not None and at >= record.opened_at + self.rule.cool_s:
            record.probing = True

    def leave(self, node: str, /) -> None:
        record = self._record(node)
        record.in_flight = max(0, record.in_flight - 1)
        # Who leaves is not known: those from before the opening are counted out first, so a probe may be thought
        # to last longer than it does, never shorter.
        if record.earlier > 0:
            record.earlier -= 1
        else:
            record.probing = False

    def in_flight(self, node: str, /) -> int:
        record = self._records.get(node)
        return 0 if record is None else record.in_flight

    def _record(self, node: str) -> _Record:
        record = self._records.get(node)
        if record is None:
            record = self._records[node] = _Record(calls=deque(maxlen=self.rule.window))
        return record

    def _counts(self, record: _Record, at: float) -> tuple[int, int]:
        """Calls and failures that are at most ``window_s`` old."""
        recent = [ok for when, ok in record.calls if at - when <= self.rule.window_s]
        return len(recent), recent.count(False)

    def _open(self, record: _Record, at: float) -> None:
        record.opened_at, record.probing, record.earlier = at, False, record.in_flight
