"""The tier that is worth its price, learned from the cheapest ones that sufficed.

Formula: P(tier t suffices | v) = share_t + k(v, U) (K + lam I)^-1 (C - share), C 1 where t is at least the gold tier;
made to rise with t. The tier with the greatest P_t - price t is taken; a lower price is surer and dearer.
A price for all steps rather than a bound on P for all: of what keeps to a mean tier it promises the most that suffices.
A bound spends as much on a step that only the highest tier can do as the step needs, whatever others would give for it.
Source: kernel ridge regression of the cumulative labels (Frank and Hall 2001, for ordinal classes), with the multiplier
of a constraint as price (Everett 1963); the constants, and the choice of lam by kept-back rows, are our default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from orchestra.core.errors import BadNumber
from orchestra.evaluation.contests.features import Singles
from orchestra.evaluation.contests.learned import parted
from orchestra.evaluation.outcomes import Floats, Ints
from orchestra.routing.learners.kernel import predicted, rbf, solved

TIERS = 4
GAMMA = 0.5
LAMS = (0.1, 0.5, 2.0)
"""Little for many examples that repeat themselves, much for few that contradict each other."""
PARTS = 5
DIGITS = 3
MEAN_TIERS = np.linspace(0.0, TIERS - 1.0, 301)


class Ordinal(NamedTuple):
    """Shapes: ``rows`` (n, d), ``weights`` (n, 4), ``share`` (4,)."""

    rows: Singles
    weights: Singles
    share: Singles

    def enough(self, x: Singles) -> Floats:
        """That each tier suffices, rising to 1 for the highest. Shapes: (m, d) -> (m, 4)."""
        raw = self.share + predicted(x, self.rows, self.weights, GAMMA)[0]
        out = np.clip(np.maximum.accumulate(np.asarray(raw, dtype=np.float64), axis=1), 0.0, 1.0)
        out[:, -1] = 1.0
        return out


def ordinal(x: Singles, gold: Ints, lam: float) -> Ordinal:
    """Shapes: (n, d), (n,)."""
    return _learned(x, gold, rbf(x, x, GAMMA), lam)


def _learned(x: Singles, gold: Ints, gram: Singles, lam: float) -> Ordinal:
    reached = (gold[:, None] <= np.arange(TIERS)).astype(np.float32)
    share = reached.mean(axis=0)
    return Ordinal(x, solved(gram, reached - share, lam), share)


class Point(NamedTuple):
    """What a price comes to: the mean tier, and the share of steps for which the tier taken suffices."""

    price: float
    mean_tier: float
    sufficient: float


def worth(enough: Floats, price: float) -> Ints:
    """The tier with the greatest P less the price of it, of equals the lowest. Shapes: (m, 4) -> (m,)."""
    return np.asarray((enough - price * np.arange(TIERS)).argmax(axis=1), dtype=np.intp)


def curve(enough: Floats, gold: Ints) -> list[Point]:
    """A point for every price, to three digits, that makes a difference; from the dearest, which is the lowest tier."""
    low, high = np.triu_indices(TIERS, 1)
    prices = np.round((enough[:, high] - enough[:, low]) / (high - low), DIGITS)
    out: list[Point] = []
    for price in np.unique(np.append(prices, [0.0, 1.0]))[::-1].tolist():
        picks = worth(enough, price)
        if not out or float(picks.mean()) != out[-1].mean_tier:
            out.append(Point(price, float(picks.mean()), float((picks >= gold).mean())))
    return out


def price_at(points: Sequence[Point], mean_tier: float) -> float:
    """The lowest price whose mean tier is not above; the highest one where all are."""
    return min((one.price for one in points if one.mean_tier <= mean_tier + 1e-9), default=points[0].price)


def sufficient_at(points: Sequence[Point], mean_tier: float) -> float:
    """The sufficient share at a mean tier, interpolated: a coin between two neighbouring prices reaches it."""
    return float(np.interp(mean_tier, [one.mean_tier for one in points], [one.sufficient for one in points]))


def area(points: Sequence[Point]) -> float:
    """The mean sufficient share over all mean tiers from 0 to 3."""
    shares = np.interp(MEAN_TIERS, [one.mean_tier for one in points], [one.sufficient for one in points])
    return float(shares.mean())


class Settled(NamedTuple):
    """The ridge that was best on rows kept back, and the curve there."""

    lam: float
    points: list[Point]


def settled(x: Singles, gold: Ints, groups: Sequence[str]) -> Settled:
    """The ridge with the greatest area under the curve, of what is told of each row by what the other parts taught.

    Shapes: (n, d), (n,), (n,). Raises: BadNumber where all rows are of one group.
    """
    enough = np.zeros((len(LAMS), len(x), TIERS))
    part = parted(groups, 0, PARTS)
    for one in np.unique(part):
        mine = part == one
        if mine.all():
            raise BadNumber("The examples are all of one group.", remedy="Give examples of several tasks.")
        rows = x[~mine]
        gram = rbf(rows, rows, GAMMA)
        for at, lam in enumerate(LAMS):
            enough[at, mine] = _learned(rows, gold[~mine], gram, lam).enough(x[mine])
    tried = [Settled(lam, curve(known, gold)) for lam, known in zip(LAMS, enough, strict=True)]
    return max(reversed(tried), key=lambda one: area(one.points))


def informed(known: tuple[Singles, Ints], judged: tuple[Singles, Ints], groups: Sequence[str], lam: float) -> Floats:
    """What a learner of the same features tells that is given more, and nearer, examples.

    Each judged row is told of by one that has learned from all known rows and from four of five parts of the judged
    ones, cut by group; its own part is the fifth. Shapes: (n, d), (n,) and (m, d), (m,), groups (m,) -> (m, 4).
    """
    (x, gold), (asked, truth) = known, judged
    enough = np.zeros((len(asked), TIERS))
    part = parted(groups, 0, PARTS)
    for one in np.unique(part):
        mine = part == one
        taught = ordinal(np.vstack([x, asked[~mine]]), np.append(gold, truth[~mine]), lam)
        enough[mine] = taught.enough(asked[mine])
    return enough
