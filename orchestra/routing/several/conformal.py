"""Split conformal prediction: thresholds that keep a promise on fresh data, whatever the scores behind them are worth.

Formula: q = the ceil((n + 1)(1 - alpha))-th smallest of n nonconformities. If a fresh row is exchangeable with the n,
P(its nonconformity <= q) >= 1 - alpha; no more than that is assumed.
Source: Vovk, Gammerman and Shafer 2005; the finite-sample form as in Angelopoulos and Bates, arXiv:2107.07511. The set
is a plain threshold on one score (LAC, Sadinle et al., arXiv:1609.00451), here on the gap to the best, so that it is
never empty; an option beyond the largest size conforms with nothing, as in RAPS (arXiv:2009.14193) for a penalty
without bound. That out of scope is a second threshold, and alpha shared between both, is ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchestra.core.errors import BadNumber

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

OOS_SHARE = 0.2
"""What part of alpha may go to tasks that are turned away though somebody is there for them. Our default."""


class Thresholds(NamedTuple):
    """An option belongs to the set within ``gap`` of the best; evidence below ``level`` is out of scope."""

    gap: float
    level: float


def alpha_of(alpha: float) -> float:
    """Raises BadNumber where it is not in (0, 1)."""
    if not 0.0 < alpha < 1.0:
        raise BadNumber(f"alpha={alpha!r} is not between 0 and 1.", remedy="Give the share of misses, .1 for example.")
    return float(alpha)


def rows_needed(alpha: float) -> int:
    """The fewest calibration rows with which any finite threshold keeps the promise."""
    return math.ceil(1.0 / alpha_of(alpha) - 1e-9) - 1


def quantile(nonconformities: Sequence[float] | Array, alpha: float) -> float:
    """The conformal threshold; infinite where there are too few rows. Raises BadNumber for an alpha outside (0, 1)."""
    import numpy as np

    n = len(nonconformities)
    # Rounded first: (n + 1)(1 - alpha) that is whole on paper may be a bit above it in binary.
    place = math.ceil(round((n + 1) * (1.0 - alpha_of(alpha)), 9))
    if place > n:
        return math.inf
    return float(np.partition(np.asarray(nonconformities, dtype=np.float64), place - 1)[place - 1])


def gaps(scores: Array, truths: Mask, most: int) -> Array:
    """How far below the best the worst true option is; infinite where one is not among the first ``most``.

    Shapes: ``scores`` and ``truths`` (n, K), -inf for what is not on offer; returns (n,). Every row has a true option.
    """
    import numpy as np

    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(scores.shape[1]), order.shape), axis=1)
    out = (ranks >= most) | ~np.isfinite(scores)
    below = np.where(out, np.inf, scores.max(axis=1, keepdims=True) - scores)
    worst: Array = np.where(truths, below, 0.0).max(axis=1)
    return worst


def thresholds(scores: Array, truths: Mask, against: Array, *, alpha: float, oos_alpha: float, most: int) -> Thresholds:
    """Both thresholds, so that P(all true options are in the set, and the task is not turned away) >= 1 - alpha.

    ``against`` is what speaks for out of scope; the evidence is the best score less that. The misses of the two are
    added up (the union bound): the set's are held below alpha - oos_alpha. ``gap`` is infinite where no set of that
    size keeps the promise.

    Shapes: ``scores``, ``truths`` (n, K), ``against`` (n,). Raises: BadNumber for alphas that are none.
    """
    alpha_of(oos_alpha)
    if not oos_alpha < alpha_of(alpha):
        raise BadNumber(
            f"oos_alpha={oos_alpha!r} leaves nothing of alpha={alpha!r} for the set.",
            remedy="Give one below alpha; a fifth of it is the default.",
        )
    evidence = scores.max(axis=1) - against
    return Thresholds(quantile(gaps(scores, truths, most), alpha - oos_alpha), -quantile(-evidence, oos_alpha))
