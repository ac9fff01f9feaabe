"""Measurements added up in this process, by instrument and attributes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestra.telemetry.instruments import Instrument
from orchestra.telemetry.measure import Attributes, Measurement

SERIES = 2000
"""Most series of one instrument; what comes beyond goes into one of its own. The OpenTelemetry default."""
OVERFLOW: Attributes = (("otel.metric.overflow", True),)


@dataclass(slots=True)
class Series:
    """``counts`` has a bucket more than the instrument has boundaries, each boundary belonging to the bucket below."""

    counts: list[int]
    count: int = 0
    sum: float = 0
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, value: float, bounds: tuple[float, ...]) -> None:
        self.counts[bisect_left(bounds, value)] += 1
        self.count += 1
        self.sum += value
        self.low, self.high = min(self.low, value), max(self.high, value)


@dataclass(slots=True)
class Aggregate:
    """Sums and histograms since it was made. Not safe to use from two threads at once."""

    found: dict[Instrument, dict[Attributes, Series]] = field(default_factory=dict)

    def add(self, measured: Iterable[Measurement]) -> None:
        for instrument, value, attributes in measured:
            all_series = self.found.setdefault(instrument, {})
            series = all_series.get(attributes)
            if series is None:
                if len(all_series) >= SERIES - 1:
                    attributes = OVERFLOW
                series = all_series.setdefault(attributes, Series([0] * (len(instrument.bounds) + 1)))
            series.add(value, instrument.bounds)
