"""What any router must be compared with. Everything is learned from ``train`` and answers for ``test``.

Shapes: each gives shares (n, k) for the rows of ``test``, except ``coin``, which gives (k,).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.accuracy import onehot
from orchestra.evaluation.curves import hull, singles
from orchestra.evaluation.outcomes import Floats, Ints, OutcomeSet

Singles = NDArray[np.float32]
NEIGHBOURS = (5, 10, 20, 40, 80, 160, 320)
CHUNK = 256


def same_options(train: OutcomeSet, test: OutcomeSet) -> None:
    """Raises BadDefinition where the two have other options, or in another order."""
    if train.options != test.options:
        raise BadDefinition("The two parts have different options.", remedy="Use test.only(train.options).")


def mean_scores(train: OutcomeSet) -> Floats:
    """Each option's mean score where it was recorded; 0 for one that never was. Shapes: (k,)."""
    known = ~np.isnan(train.scores)
    return np.asarray(np.where(known, train.scores, 0.0).sum(axis=0) / np.maximum(1, known.sum(axis=0)))


def mean_costs(train: OutcomeSet) -> Floats:
    """Each option's mean cost, zeros where nothing is known of costs, infinity for one without. Shapes: (k,)."""
    if train.costs_usd is None:
        return np.zeros(train.k)
    known = ~np.isnan(train.costs_usd)
    sums = np.where(known, train.costs_usd, 0.0).sum(axis=0)
    return np.asarray(np.where(known.any(axis=0), sums / np.maximum(1, known.sum(axis=0)), np.inf))


def uniform(test: OutcomeSet) -> Floats:
    """Any option, all equally likely: the expected value of the random router."""
    return np.full((len(test), test.k), 1.0 / test.k)


def fixed(place: int, test: OutcomeSet) -> Floats:
    """Always the same option."""
    return onehot(np.full(len(test), place), test.k)


def cheapest(train: OutcomeSet) -> int:
    """The column of the lowest mean cost; of equals, the better one. Raises BadDefinition without costs."""
    if train.costs_usd is None:
        raise BadDefinition("This set has no costs.", remedy="Leave the cheapest out.")
    return int(np.lexsort((-mean_scores(train), mean_costs(train)))[0])


def best_single(train: OutcomeSet) -> int:
    """The column of the highest mean score; of equals, the cheaper one."""
    return int(np.lexsort((mean_costs(train), -mean_scores(train)))[0])


def per_task(train: OutcomeSet, test: OutcomeSet) -> Floats:
    """The best option of the row's task, which the router is told; the best single one for a task never seen
    and where there are no tasks.

    Source: the data-set oracle of LLMRouterBench, arXiv:2601.07206, with the choice made on ``train``.
    """
    same_options(train, test)
    task_to_best = {task: best_single(train.rows(np.array(train.tasks) == task)) for task in set(train.tasks)}
    other = best_single(train)
    return onehot([task_to_best.get(task, other) for task in test.tasks or [""] * len(test)], test.k)


def coin(train: OutcomeSet, budget_per_1k: float) -> Floats:
    """No routing: the two single options whose mixture is best at a mean cost of ``budget_per_1k`` dollars.

    Where the budget is less than the cheapest option on the hull costs, that option. Shapes: (k,), adding up to 1.
    Source: RouterBench's zero router, arXiv:2403.12031.
    """
    points = singles(train)
    h = hull(points)
    places = [int(np.flatnonzero((points == vertex).all(axis=1))[0]) for vertex in h]
    shares = np.zeros(train.k)
    above = int(np.searchsorted(h[:, 0], budget_per_1k, side="right"))
    if above in (0, len(h)):
        shares[places[max(0, above - 1)]] = 1.0
        return shares
    low, high = h[above - 1, 0], h[above, 0]
    shares[places[above]] = (budget_per_1k - low) / (high - low)
    shares[places[above - 1]] = 1.0 - shares[places[above]]
    return shares


def oracle(test: OutcomeSet) -> Floats:
    """The best option of every row, the cheapest of the best: a bound that luck is part of, not one to reach.

    Raises: BadDefinition where a row has no score at all.
    """
    scores = np.where(np.isnan(test.scores), -np.inf, test.scores)
    if len(test) and np.isinf(scores.max(axis=1)).any():
        raise BadDefinition(
            "A row has no recorded score: nobody is best there.", remedy="Leave such rows out: outcomes.rows(...)."
        )
    costs = np.zeros_like(scores) if test.costs_usd is None else np.nan_to_num(test.costs_usd, nan=np.inf)
    best = scores == scores.max(axis=1, keepdims=True)
    return onehot(np.lexsort((costs, ~best), axis=1)[:, 0], test.k)


class Predicted(NamedTuple):
    """What a predictor expects. Shapes: (n, k). Units: scores in [0, 1], dollars for one question."""

    scores: Floats
    costs_usd: Floats


def thrifty(predicted: Predicted, price: float) -> Floats:
    """argmax_k score - price * cost: what is expected to be worth most. Units: price in score for a dollar.

    Of equals the cheaper one, then the first. Source: RouterBench's willingness to pay, its inverse.
    """
    value = predicted.scores - price * predicted.costs_usd
    tied = value >= value.max(axis=1, keepdims=True) - 1e-12
    return onehot(np.where(tied, predicted.costs_usd, np.inf).argmin(axis=1), value.shape[1])


def prices(train: OutcomeSet, count: int = 40) -> Floats:
    """A grid of prices from 0, where cost does not count, to where nothing else does. Shapes: (count,)."""
    costs = mean_costs(train)
    spread = float(np.ptp(costs[np.isfinite(costs)]))
    if not spread:
        return np.zeros(1)
    return np.concatenate([[0.0], np.geomspace(1e-3, 1e3, count - 1) / spread])


class Neighbours:
    """kNN: what the k most similar questions of ``train`` scored and cost on average, by cosine.

    Shapes: ``train.x`` (n, d). Missing outcomes of neighbours are left out; without any, the option's mean counts.
    Source: RouterBench, arXiv:2403.12031; that simple kNN is hard to beat: arXiv:2505.12601.
    Raises: BadDefinition where ``train`` has no features.
    """

    def __init__(self, train: OutcomeSet, k: int) -> None:
        if k < 1:
            raise BadNumber(f"k={k!r} neighbours.", remedy="Give a number from 1.")
        if train.x is None or not len(train):
            raise BadDefinition("kNN needs rows with features.", remedy="Give them with outcomes.with_features(x).")
        self.train, self.k = train, min(k, len(train))
        self._unit = _unit(train.x)

    @classmethod
    def tuned(cls, train: OutcomeSet, ks: Sequence[int] = NEIGHBOURS) -> Neighbours:
        """k by leave-one-out on ``train``: that with the highest mean score of the options it would choose."""
        most = cls(train, min(max(ks), len(train) - 1))
        near = most._near(most._unit, most.k, itself=True)
        known = np.where(np.isnan(train.scores), mean_scores(train), train.scores)
        gains = []
        for k in [min(k, most.k) for k in ks]:
            chosen = np.array([known[row[:k]].mean(axis=0).argmax() for row in near])
            gains.append((float(known[np.arange(len(known)), chosen].mean()), -k))
        return cls(train, -max(gains)[1])

    def predict(self, x: Floats) -> Predicted:
        """Shapes: x (n, d)."""
        return self._from(self._near(_unit(x), self.k))

    def left_out(self) -> Predicted:
        """What it expects of each row of ``train`` without that row."""
        return self._from(self._near(self._unit, min(self.k, len(self.train) - 1), itself=True))

    def _from(self, near: Ints) -> Predicted:
        costs = np.zeros_like(self.train.scores) if self.train.costs_usd is None else self.train.costs_usd
        scores = _means(self.train.scores, near, mean_scores(self.train))
        return Predicted(scores, _means(costs, near, mean_costs(self.train)))

    def _near(self, unit: Singles, k: int, itself: bool = False) -> Ints:
        """The k nearest of each, the nearest first. Shapes: (n, d) -> (n, k)."""
        found = []
        for begin in range(0, len(unit), CHUNK):
            alike = unit[begin : begin + CHUNK] @ self._unit.T
            if itself:
                rows = np.arange(len(alike))
                alike[rows, begin + rows] = -np.inf
            some = np.argpartition(-alike, k - 1, axis=1)[:, :k]
            order = np.argsort(-np.take_along_axis(alike, some, axis=1), axis=1, kind="stable")
            found.append(np.take_along_axis(some, order, axis=1))
        return np.concatenate(found) if found else np.zeros((0, k), dtype=np.intp)


def _unit(x: Floats) -> Singles:
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(norms, norms, 1.0), dtype=np.float32)


def _means(values: Floats, near: Ints, otherwise: Floats) -> Floats:
    """Shapes: (n, k), (m, neighbours), (k,) -> (m, k)."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    sums = np.array([filled[row].sum(axis=0) for row in near]).reshape(-1, values.shape[1])
    counts = np.array([known[row].sum(axis=0) for row in near]).reshape(-1, values.shape[1])
    return np.asarray(np.where(counts, sums / np.maximum(1, counts), otherwise))
