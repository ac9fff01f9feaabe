"""How well a score puts questions in order: for two options APGR and CPT, for out-of-scope AUROC, for trust ECE."""

from __future__ import annotations

import numpy as np

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.outcomes import Bools, Floats


def recovered(weak: Floats, strong: Floats, wish: Floats) -> tuple[Floats, Floats]:
    """The share of calls to the strong option, and the share of the gap that they recover (PGR).

    PGR(t) = (r(t) - r_weak) / (r_strong - r_weak), with r(t) the mean score where the rows of highest ``wish`` go to
    the strong option. Rows of equal wish come in together.

    Shapes: (n,) each -> (m + 1,) each, from (0, 0) to (1, 1). Source: RouteLLM, arXiv:2406.18665, equation 6.
    Raises: BadDefinition where the two are equally good on average: there is no gap.
    """
    if not len(wish) or weak.shape != strong.shape or weak.shape != wish.shape or np.isnan(wish).any():
        raise BadDefinition(
            "Weak, strong and wish must be columns of one length, without NaN, of at least one row.",
            remedy="Give one number of each for every row.",
        )
    gap = float(strong.mean() - weak.mean())
    if abs(gap) < 1e-12 or np.isnan(gap):
        raise BadDefinition(
            "The two options have the same mean score, or one is missing: there is no gap to recover.",
            remedy="Take two that differ, with every score recorded.",
        )
    order = np.argsort(-wish, kind="stable")
    gained = np.cumsum((strong - weak)[order]) / (len(wish) * gap)
    last = np.append(np.diff(wish[order]) != 0.0, True)
    shares = np.arange(1, len(wish) + 1)[last] / len(wish)
    return np.append(0.0, shares), np.append(0.0, gained[last])


def apgr(weak: Floats, strong: Floats, wish: Floats) -> float:
    """Average performance gap recovered: the area under PGR over the share of strong calls. Random order is .5.

    Formula: integral of PGR(s) ds over [0, 1] by trapezoids, exact for coins between neighbouring thresholds.
    Source: RouteLLM, arXiv:2406.18665, equation 7, which sums ten thresholds. Raises: BadDefinition.
    """
    shares, gains = recovered(weak, strong, wish)
    return float(np.trapezoid(gains, shares))


def cpt(weak: Floats, strong: Floats, wish: Floats, share: float) -> float:
    """Call-performance threshold: the least share of strong calls that recovers ``share`` of the gap; less is better.

    Between two thresholds it is interpolated. Source: RouteLLM, arXiv:2406.18665, section 3. Raises: BadDefinition.
    """
    shares, gains = recovered(weak, strong, wish)
    at = int(np.argmax(gains >= share - 1e-12))
    if at == 0:
        return 0.0
    low, high = gains[at - 1], gains[at]
    return float(shares[at - 1] + (share - low) / (high - low) * (shares[at] - shares[at - 1]))


def auroc(score: Floats, positive: Bools) -> float:
    """The chance that a positive has a higher score than a negative; equal scores count one half.

    Formula: (mean rank of the positives - (n_pos + 1) / 2) / n_neg, ranks with ties averaged (Mann-Whitney).
    Source: Hanley and McNeil 1982. Raises: BadDefinition where one of the classes is empty or a score is NaN.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives or score.shape != positive.shape or np.isnan(score).any():
        raise BadDefinition(
            "AUROC needs positives, negatives and a score for each, without NaN.",
            remedy="Take rows of both classes, with scores.",
        )
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return float((ranks[positive].mean() - (positives + 1) / 2.0) / negatives)


def ece(confidence: Floats, correct: Floats, bins: int = 15) -> float:
    """Expected calibration error: sum_b (n_b / n) |mean confidence - mean correct| over bins of equal width.

    Source: Guo et al. 2017, arXiv:1706.04599; 15 bins as there. Raises: BadDefinition.
    """
    fits = confidence.shape == correct.shape and len(confidence) and bins >= 1
    if not fits or not ((confidence >= 0.0) & (confidence <= 1.0)).all() or np.isnan(correct).any():
        raise BadDefinition(
            "ECE needs confidences in [0, 1] and as many results, at least one, without NaN.",
            remedy="Take the rows that have both.",
        )
    bin_of = np.minimum((confidence * bins).astype(np.intp), bins - 1)
    gaps = np.bincount(bin_of, weights=confidence - correct.astype(np.float64), minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def brier(confidence: Floats, correct: Floats) -> float:
    """The mean of (confidence - correct)^2. Source: Brier 1950."""
    return float(((confidence - correct) ** 2).mean())
