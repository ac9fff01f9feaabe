"""The ridge regressions of many options side by side: one product for all, or only for those that can still win.

Formula: A = lam I + sum x x', theta = A^-1 sum y x. A new pair (x, y) changes them by Sherman and Morrison's rank-1
formula: with u = A^-1 x and g = 1 / (1 + x'u), A^-1 loses g u u' and theta gains g (y - theta.x) u.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.routing.state.sums import Change, Sums, Tally

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestra.routing.state.sums import Array

    Floats = NDArray[np.floating[Any]]
    Rows = NDArray[np.intp]

# With more features inverses are kept as float32: half to read, and wrong by about 1e-6. Our default.
EXACT_D = 96
# Then they are made anew from the sums as often, so that rounding does not add up. Our default.
REBUILT_AFTER = 1024
# A call into numpy costs about what reading so many numbers does.
CALL = 25_000
# Of what reading all would cost, so much may be spent to find out that few can win.
PROBE = 0.1
ROUNDING = 1e-9
SPANS_KEPT = 64
# Of more options than these the inverses are read as one long row each. Our default.
FEW = 32
STRIP_BYTES = 2**16


class Step(NamedTuple):
    """What one pair did to a regression: u, g, and y - theta.x before it. Shapes: ``u`` (d,)."""

    u: Array
    gain: float
    error: float


class Span(NamedTuple):
    """Where the arms of some options lie. Shapes: ``rows`` (K,), ``within`` (K,) the same from ``low`` on."""

    rows: Rows
    within: Rows
    low: int
    high: int
    dense: bool

    def of(self, places: Sequence[int]) -> Span:
        """Some of them."""
        return span_of(self.rows[places])


def span_of(rows: Rows) -> Span:
    low, high = int(rows.min()), int(rows.max()) + 1
    return Span(rows, rows - low, low, high, high - low <= 2 * len(rows))


class Arms:
    """The inverses and estimates of the options that were tried; row 0 stands for all that were not.

    Shapes: ``inverses`` (n, d, d) and ``thetas`` (n, d), float64 up to 96 features, float32 with more.
    """

    def __init__(self, lam: float) -> None:
        self.lam = lam
        self._clear()

    def _clear(self) -> None:
        self.inverses: Floats | None = None
        self.thetas: Floats | None = None
        self._name_to_row: dict[str, int] = {}
        self._tried: dict[str, int] = {}
        self._names_to_span: dict[tuple[str, ...], Span] = {}
        self._since: dict[str, int] = {}
        self._strip: Floats | None = None
        self._faded_to = 0

    def row(self, name: str) -> int:
        """Of an option that has learned; rows never change."""
        return self._name_to_row[name]

    def inverse(self, name: str) -> Floats:
        """Of an option that has learned. Shapes: (d, d)."""
        assert self.inverses is not None
        held: Floats = self.inverses[self._name_to_row[name]]
        return held

    def theta(self, name: str) -> Floats:
        """Shapes: (d,)."""
        assert self.thetas is not None
        held: Floats = self.thetas[self._name_to_row[name]]
        return held

    def follow(self, changes: Iterable[Change], memory: Tally) -> None:
        """After the memory learned these changes."""
        if memory.fades:
            now = memory.now
            names = memory.totals if now > self._faded_to else {change.option for change in changes}
            for name in names:
                self.put(name, memory.totals[name].aged(now))
            self._faded_to = now
            return
        for option, x, by, first, _ in changes:
            if not first:
                self.correct(option, x, by)
                continue
            self.see(option, x, by)
            if self.stale(option):
                self.put(option, memory.totals[option])

    def restart(self, memory: Tally) -> None:
        """From the memory alone."""
        self._clear()
        self._faded_to = memory.now
        for name, sums in memory.totals.items():
            self.put(name, sums.aged(self._faded_to))

    def put(self, name: str, sums: Sums) -> None:
        """The option's regression as it follows from its sums."""
        inverse, row = inverted(sums, self.lam), self._place(name, sums.d)
        assert self.inverses is not None and self.thetas is not None
        self.inverses[row], self.thetas[row] = inverse, inverse @ sums.b
        self._since[name] = 0
        if sums.pulls:
            self._try(name, row)

    def stale(self, name: str) -> bool:
        """Whether rounding asks for it to be put anew."""
        return self._since.get(name, 0) >= REBUILT_AFTER

    def see(self, name: str, x: Array, y: float) -> Step:
        """Another pair. Shapes: ``x`` (d,)."""
        import numpy as np

        row = self._place(name, len(x))
        assert self.inverses is not None and self.thetas is not None and self._strip is not None
        inverse, theta = self.inverses[row], self.thetas[row]
        x = x.astype(inverse.dtype, copy=False)
        u = inverse.dot(x)
        gain, error = 1.0 / (1.0 + float(x.dot(u))), y - float(theta.dot(x))
        theta += (gain * error) * u
        column, scaled, strip = u[:, None], (u * gain)[None, :], self._strip
        for low in range(0, len(x), len(strip)):  # so that the product stays in the core's cache
            part = inverse[low : low + len(strip)]
            part -= np.dot(column[low : low + len(strip)], scaled, out=strip[: len(part)])
        self._since[name] = self._since.get(name, 0) + (inverse.dtype.itemsize < 8)
        self._try(name, row)
        return Step(u, gain, error)

    def correct(self, name: str, x: Array, change: float) -> None:
        """Another y for a pair that was seen."""
        row = self._place(name, len(x))
        assert self.inverses is not None and self.thetas is not None
        self.thetas[row] += change * self.inverses[row].dot(x.astype(self.inverses.dtype, copy=False))

    def _place(self, name: str, d: int) -> int:
        """The option's row, made as that of one never tried."""
        import numpy as np

        row = self._name_to_row.get(name)
        if row is not None:
            return row
        if self.inverses is None or self.thetas is None:
            kind = np.float64 if d <= EXACT_D else np.float32
            self.inverses, self.thetas = np.empty((4, d, d), kind), np.zeros((4, d), kind)
            self.inverses[0] = np.eye(d) / self.lam
            self._strip = np.empty((min(d, max(1, STRIP_BYTES // (d * self.thetas.itemsize))), d), kind)
        row = self._name_to_row[name] = len(self._name_to_row) + 1
        if row >= len(self.thetas):
            more = np.empty((2 * row, *self.inverses.shape[1:]), self.inverses.dtype)
            more[:row] = self.inverses  # the rest is not touched, and takes no memory until it is
            self.inverses, self.thetas = more, np.concatenate([self.thetas, np.zeros_like(self.thetas)])
        self.inverses[row], self.thetas[row] = self.inverses[0], 0.0
        return row

    def _try(self, name: str, row: int) -> None:
        if name not in self._tried:
            self._tried[name] = row
            self._names_to_span = {}

    def span(self, names: tuple[str, ...]) -> Span:
        """Where these options lie; kept for the next question about the same."""
        found = self._names_to_span.get(names)
        if found is None:
            import numpy as np

            found = span_of(np.array([self._tried.get(name, 0) for name in names], dtype=np.intp))
            if len(self._names_to_span) >= SPANS_KEPT:
                self._names_to_span = {}
            self._names_to_span[names] = found
        return found

    def cast(self, x: Array) -> Floats:
        """The context in the precision of the arms."""
        return x if self.inverses is None else x.astype(self.inverses.dtype, copy=False)

    def means(self, span: Span, x: Floats) -> Floats:
        """theta.x for each option. Shapes: (d,) to (K,)."""
        if self.thetas is None:
            return span.rows * 0.0
        held = self.thetas[span.low : span.high] if span.dense else self.thetas[span.rows]
        values: Floats = held.dot(x)
        return values[span.within] if span.dense else values

    def square(self, span: Span, place: int, x: Floats) -> float:
        """x' A^-1 x of one of them."""
        if self.inverses is None:
            return float(x.dot(x)) / self.lam
        return float(self.inverses[span.rows[place]].dot(x).dot(x))

    def squares(self, span: Span, x: Floats) -> Floats:
        """x' A^-1 x for each option. Shapes: (d,) to (K,)."""
        import numpy as np

        if self.inverses is None:
            return np.full(len(span.rows), float(x.dot(x)) / self.lam)
        if span.dense:
            n, d = span.high - span.low, len(x)
            held: Floats = self.inverses[span.low : span.high]
            values: Floats
            if d <= EXACT_D and n > FEW:
                values = held.reshape(n, d * d).dot(x[:, None].dot(x[None, :]).ravel())
            else:
                values = held.reshape(n * d, d).dot(x).reshape(n, d).dot(x)
            return values[span.within]
        return np.array([self.inverses[row].dot(x).dot(x) for row in span.rows])

    def highest(
        self, span: Span, means: Floats, x: Floats, alpha: float, extra: Floats | float = 0.0
    ) -> tuple[int, list[float]]:
        """The place of the highest score, of equals the first, and all scores: NaN for those that could not win.

        The score is means + alpha sqrt(extra + x' A^-1 x); it is bounded by x'x / lam in place of the product, so
        options are looked at in the order of their bounds, as long as looking at all at once is not cheaper.
        Shapes: ``means`` (K,), ``extra`` (K,) or one for all.
        """
        import numpy as np

        largest = extra + float(x.dot(x)) / self.lam
        bounds = means + alpha * (math.sqrt(largest) if isinstance(largest, float) else np.sqrt(largest))
        scores = self._probed(span, means, x, alpha, extra, bounds)
        if scores is None:
            scores = means + alpha * np.sqrt(np.maximum(extra + self.squares(span, x), 0.0))
        best = int(scores.argmax())
        scores[bounds < scores[best] - ROUNDING] = math.nan
        return best, scores.tolist()

    def _probed(
        self, span: Span, means: Floats, x: Floats, alpha: float, extra: Floats | float, bounds: Floats
    ) -> Floats | None:
        """The scores of those that can win, one by one; None where all at once is cheaper."""
        import numpy as np

        if self.inverses is None:
            return None
        one, every = CALL + len(x) ** 2, (span.high - span.low) * len(x) ** 2
        tries = int(PROBE * every / one) if span.dense else len(bounds)
        if not tries:
            return None
        more = np.broadcast_to(np.asarray(extra), bounds.shape)
        left, scores = bounds.astype(np.float64), np.full(len(bounds), -math.inf)
        top = -math.inf
        for looked in range(len(bounds)):
            place = int(left.argmax())
            if left[place] < top - ROUNDING:
                break
            if looked == tries and int((left >= top).sum()) * one > every:
                return None
            inside = float(more[place]) + self.square(span, place, x)
            scores[place] = float(means[place]) + alpha * math.sqrt(max(0.0, inside))
            top, left[place] = max(top, scores[place]), -math.inf
        return scores


def inverted(sums: Sums, lam: float) -> Array:
    """(lam I + sum x x')^-1, by Woodbury's formula while there are few contexts. Shapes: (d, d)."""
    import numpy as np

    if sums.gram is None and 2 * len(sums.rows) <= sums.d:
        rows = sums.stacked()
        core = np.linalg.solve(lam * np.eye(len(rows)) + rows @ rows.T, rows)
        return np.asarray((np.eye(sums.d) - rows.T @ core) / lam, dtype=np.float64)
    return np.asarray(np.linalg.inv(sums.matrix() + lam * np.eye(sums.d)), dtype=np.float64)
