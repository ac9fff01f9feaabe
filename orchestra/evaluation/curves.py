"""Cost against quality: the hull of what mixing reaches, and the area under it.

Shapes: a curve is points (m, 2) of (cost, quality), in any order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.accuracy import accuracy, cost_per_1k, onehot
from orchestra.evaluation.outcomes import Floats, OutcomeSet


def hull(points: Floats | Sequence[tuple[float, float]]) -> Floats:
    """The non-decreasing concave hull: what coins between the points reach, from the cheapest to the best.

    Shapes: (m, 2) -> (h, 2), cost and quality strictly rising. Source: RouterBench, arXiv:2403.12031, section 3.
    Raises: BadDefinition for no points, NaN or infinity.
    """
    given = np.asarray(points, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != 2 or not len(given) or not np.isfinite(given).all():
        raise BadDefinition(
            "A curve needs at least one point (cost, quality), all of them finite.",
            remedy="Leave out what has no cost or no quality.",
        )
    kept: list[tuple[float, float]] = []
    for x, y in given[np.lexsort((-given[:, 1], given[:, 0]))]:
        if kept and y <= kept[-1][1]:
            continue
        while len(kept) >= 2 and _below(kept[-2], kept[-1], (x, y)):
            kept.pop()
        kept.append((float(x), float(y)))
    return np.array(kept)


def _below(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Whether b lies on or below the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])


def quality_at(points: Floats | Sequence[tuple[float, float]], cost: float) -> float | None:
    """The hull's quality at a mean cost: a mixture of its two neighbours; None below the cheapest point."""
    h = hull(points)
    return None if cost < h[0, 0] else float(np.interp(cost, h[:, 0], h[:, 1]))


def aiq(points: Floats | Sequence[tuple[float, float]], low: float | None = None, high: float | None = None) -> float:
    """Average improvement in quality: the mean height of the hull over the costs from ``low`` to ``high``.

    Formula: (1 / (high - low)) integral of hull(c) dc. Right of the last point the hull goes on flat; left of the first
    there is nothing to be had, which counts 0. Without a range it is the hull's own; a range of no width gives the
    height there. Compare routers over one range: that of the single options.

    Source: RouterBench, arXiv:2403.12031, equation 4 and its code. Raises: BadDefinition.
    """
    h = hull(points)
    low = float(h[0, 0]) if low is None else low
    high = float(h[-1, 0]) if high is None else high
    if not low <= high:
        raise BadDefinition(
            f"The range of costs is empty: {low} to {high}.", remedy="Give low <= high, or leave both out."
        )
    if low == high:
        return quality_at(points, low) or 0.0
    begin = min(max(low, float(h[0, 0])), high)
    at = np.unique([begin, *h[(h[:, 0] > begin) & (h[:, 0] < high), 0], high])
    return float(np.trapezoid(np.interp(at, h[:, 0], h[:, 1]), at)) / (high - low)


def singles(outcomes: OutcomeSet) -> Floats:
    """Every single option's (dollars for a thousand questions, accuracy). Shapes: (k, 2).

    Raises: BadDefinition where there are no costs or one is missing.
    """
    if outcomes.costs_usd is None:
        raise BadDefinition("This set has no costs.", remedy="Give it costs_usd, or compare accuracy alone.")
    n, k = outcomes.scores.shape
    always = [onehot(np.full(n, i), k) for i in range(k)]
    return np.array([(cost_per_1k(outcomes.costs_usd, a), accuracy(outcomes.scores, a)) for a in always])


def cost_range(outcomes: OutcomeSet) -> tuple[float, float]:
    """The least and the greatest cost of a single option: the range that AIQ is taken over. Units: as ``singles``."""
    costs = singles(outcomes)[:, 0]
    return float(costs.min()), float(costs.max())


def best_within(curve: Sequence[tuple[float, float]], budget: float) -> tuple[float, float] | None:
    """The most accurate point (of those, the cheapest) that costs no more than the budget; None where there is none."""
    inside = [(a, -c) for c, a in curve if c <= budget]
    if not inside:
        return None
    a, c = max(inside)
    return -c, a


def pareto_distance(
    curve: Floats | Sequence[tuple[float, float]], front: Floats | Sequence[tuple[float, float]]
) -> float:
    """How far the points lie below a front: the mean of max(0, front's hull at their cost - quality).

    Source: after ParetoDist of LLMRouterBench, arXiv:2601.07206; taking the vertical distance is ours.
    """
    h = hull(front)
    points = np.asarray(curve, dtype=np.float64)
    heights = np.where(points[:, 0] < h[0, 0], 0.0, np.interp(points[:, 0], h[:, 0], h[:, 1]))
    return float(np.maximum(0.0, heights - points[:, 1]).mean())
