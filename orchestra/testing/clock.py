"""Time that stands still until it is told."""

from __future__ import annotations

from math import isfinite

from orchestra.core.errors import BadNumber


class FakeClock:
    """A clock for ``Orchestra(clock=...)``: it shows ``start`` until it is advanced.

    Deadlines, timeouts and retries are the event loop's and go on in real time; what it rules are the times in events,
    the breaker's window and the age of state.
    Units: seconds since 1970. Raises: BadNumber for a step backwards.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = float(start)

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        if not (isfinite(seconds) and seconds >= 0):
            raise BadNumber(f"advance({seconds!r}): time goes forward.")
        self._now += seconds
