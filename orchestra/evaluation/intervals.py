"""How sure a difference is: paired bootstrap and McNemar."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.outcomes import Bools, Floats

CHUNK = 64

SAME_ROWS = "Give both for the same rows, in one order."


class Interval(NamedTuple):
    """An estimate between its bounds."""

    low: float
    estimate: float
    high: float


class McNemar(NamedTuple):
    """``only_first`` and ``only_second`` are the rows that one of the two got right; ``p`` is two-sided."""

    only_first: int
    only_second: int
    p: float


def bootstrap(values: Floats, *, seed: int, level: float = 0.95, rounds: int = 2000) -> Interval:
    """The mean and its percentile interval over rows drawn with replacement. The same seed gives the same interval.

    Shapes: values (n,). Source: Efron 1979; 2,000 rounds are our default.
    Raises: BadDefinition for no rows or NaN, BadNumber for a level outside (0, 1) or less than one round.
    """
    if not 0.0 < level < 1.0 or rounds < 1:
        raise BadNumber(f"level={level!r}, rounds={rounds!r}.", remedy="Give a level in (0, 1) and rounds from 1.")
    if values.ndim != 1 or not len(values) or np.isnan(values).any():
        raise BadDefinition(
            "An interval needs at least one value, without NaN.", remedy="Leave out the rows without a value."
        )
    rng = np.random.default_rng(seed)
    n = len(values)
    means = np.concatenate(
        [values[rng.integers(0, n, (min(CHUNK, rounds - i), n))].mean(axis=1) for i in range(0, rounds, CHUNK)]
    )
    low, high = np.quantile(means, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), float(values.mean()), float(high))


def paired_bootstrap(first: Floats, second: Floats, *, seed: int, level: float = 0.95, rounds: int = 2000) -> Interval:
    """The mean of first minus second over the same rows, and its interval. Raises as ``bootstrap``."""
    if first.shape != second.shape:
        raise BadDefinition(
            f"Paired values must be of the same rows: {first.shape} and {second.shape}.", remedy=SAME_ROWS
        )
    return bootstrap(first - second, seed=seed, level=level, rounds=rounds)


def mcnemar(first: Bools, second: Bools) -> McNemar:
    """Whether two that answered the same questions differ: an exact binomial test of the rows where one is right.

    Formula: p = min(1, 2 sum_{i <= min(b, c)} C(b + c, i) / 2^(b + c)). Source: McNemar 1947, the exact form.
    Raises: BadDefinition where they are not of the same rows.
    """
    if first.shape != second.shape:
        raise BadDefinition(f"McNemar's test is of the same rows: {first.shape} and {second.shape}.", remedy=SAME_ROWS)
    b, c = int((first & ~second).sum()), int((second & ~first).sum())
    tail = sum(math.comb(b + c, i) for i in range(min(b, c) + 1))
    return McNemar(b, c, min(1.0, float(2 * tail / 2 ** (b + c))))
