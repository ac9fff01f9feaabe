"""What a choice for every question is worth. A choice may be a lottery: its value is then the expected one.

Shapes: ``shares`` (n, k), each row a distribution over the options; ``onehot`` makes one of choices (n,).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.outcomes import Floats, Ints


def onehot(choices: Ints | Sequence[int], k: int) -> Floats:
    """Choices (n,) as shares (n, k). Raises BadDefinition for a choice outside [0, k)."""
    places = np.asarray(choices, dtype=np.intp)
    if len(places) and not (places.min() >= 0 and places.max() < k):
        raise BadDefinition(
            f"A choice is outside the {k} options: {places.min()} to {places.max()}.", remedy="Give columns, from 0."
        )
    return np.eye(k)[places]


def row_values(values: Floats, shares: Floats) -> Floats:
    """Each row's expected value: sum_k shares[i, k] values[i, k], where a share of 0 asks for no value.

    Shapes: (n, k), (n, k) -> (n,). Raises: BadDefinition where a value that counts is missing.
    """
    if values.shape != shares.shape:
        raise BadDefinition(
            f"The values are {values.shape} and the shares {shares.shape}.", remedy="Give both as (rows, options)."
        )
    used = np.where(shares > 0.0, values, 0.0)
    if np.isnan(used).any():
        row, column = np.argwhere(np.isnan(used))[0]
        raise BadDefinition(
            f"Option {column} was chosen on row {row}, where its outcome is missing.",
            remedy="Compare on rows where it is recorded, or without that option.",
        )
    totals: Floats = (used * shares).sum(axis=1)
    return totals


def accuracy(scores: Floats, shares: Floats) -> float:
    """The mean score: (1/n) sum_i score[i, choice_i]. Raises BadDefinition."""
    return float(row_values(scores, shares).mean())


def cost_per_1k(costs_usd: Floats, shares: Floats) -> float:
    """Dollars for a thousand questions: 1000 times the mean cost. Raises BadDefinition."""
    return 1000.0 * float(row_values(costs_usd, shares).mean())


def entropy(shares: Floats) -> float:
    """How evenly the options are used, in bits: -sum_k p_k log2 p_k of the mean shares p; 0 is always the same one.

    Source: RouterEval, arXiv:2503.10657, its Ep.
    """
    p = shares.mean(axis=0)
    p = p[p > 0.0]
    return float(-(p * np.log2(p)).sum()) + 0.0


def performance_gain(accuracies: Sequence[float], best_single: float) -> float:
    """The best of a router's settings against the best single option: max_j a_j / a* - 1.

    Source: LLMRouterBench, arXiv:2601.07206, PerfGain.
    """
    return max(accuracies) / best_single - 1.0


def cost_save(curve: Sequence[tuple[float, float]], best_single: tuple[float, float]) -> float | None:
    """What a router saves where it is as good as the best single option: 1 - min {c_j : a_j >= a*} / c*.

    None where no setting is as good. Shapes: points (cost, accuracy). Source: LLMRouterBench, CostSave.
    """
    cost, accuracy_ = best_single
    enough = [c for c, a in curve if a >= accuracy_ - 1e-12]
    return 1.0 - min(enough) / cost if enough else None


def arena_score(accuracy_: float, cost_per_1k_usd: float, beta: float = 0.1) -> float:
    """(1 + b) A C / (b A + C) with C = log2(200 / cost) / log2(200 / .0044), costs held to [.0044, 200].

    Source: RouterArena, arXiv:2510.00202; b = .1.
    """
    cost = min(200.0, max(0.0044, cost_per_1k_usd))
    c = float(np.log2(200.0 / cost) / np.log2(200.0 / 0.0044))
    below = beta * accuracy_ + c
    return (1.0 + beta) * accuracy_ * c / below if below else 0.0
