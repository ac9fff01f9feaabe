"""Avengers: tasks are clustered, options ranked in each cluster, and the ranks of the nearest clusters added up.

Formula: e is the embedding at length 1, C the k-means centres of the examples; p = softmax(-beta (1 - cos(e, c))) over
the nearest clusters; the score of an option is sum of p_c / rank_c. Ranks go by (1 - w) quality + w (1 - cost / max
cost), with the quality of a cluster scaled to [0, 1] between its worst and its best option; options alike share a rank.
Source: Avengers and Avengers-Pro in the code of LLMRouterBench, arXiv:2601.07206: beta 9, and 16 clusters of which the
nearest counts with w = 0 is its setting for performance (25 and 3 that for a balance). There every option was tried
on every example; that an option's mean in a cluster leans on its mean over all, and that on its prior, each with the
weight ``prior_weight``, is ours (0 is the published mean).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of
from orchestra.routing.state.examples import SAMPLE, Examples
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.recall import Recall
from orchestra.routing.state.sums import NO_CONTEXT, vector

if TYPE_CHECKING:
    from orchestra.routing.state.examples import Row
    from orchestra.routing.state.sums import Array

FOUNDERS = 512
"""How many contexts the centres are made of: those with the smallest hashes. Our default."""
ROUNDS = 20
OPTIMISM = 0.5


def embedding(rows: Array) -> Array:
    """At length 1, or 0, without the constant that contexts begin with. Shapes: (n, d) to (n, d - 1), or (n, 1)."""
    import numpy as np

    own = rows[:, 1:] if rows.shape[1] > 1 else rows
    norms = np.linalg.norm(own, axis=1, keepdims=True)
    unit: Array = own / np.where(norms > 0.0, norms, 1.0)
    return unit


def centres(points: Array, k: int) -> Array:
    """k-means from a k-means++ start with a fixed seed; fewer than k where fewer points differ. Shapes: (k, d)."""
    import numpy as np

    rng = random.Random(0)
    found = points[:1]
    far = ((points - found[0]) ** 2).sum(axis=1)
    while len(found) < min(k, len(points)) and far.max() > 1e-9:
        (place,) = rng.choices(range(len(points)), far.tolist())
        found = np.concatenate([found, points[place : place + 1]])
        far = np.minimum(far, ((points - points[place]) ** 2).sum(axis=1))
    labels = nearest(points, found)
    for _ in range(ROUNDS):
        counts = np.bincount(labels, minlength=len(found))[:, None]
        sums = (labels == np.arange(len(found))[:, None]).astype(np.float64) @ points
        found = np.where(counts > 0, sums / np.maximum(counts, 1), found)
        before, labels = labels, nearest(points, found)
        if (labels == before).all():
            break
    return found


def nearest(points: Array, found: Array) -> Any:
    """The place of each point's nearest centre. Shapes: (n,)."""
    return ((found**2).sum(axis=1) - 2.0 * (points @ found.T)).argmin(axis=1)


class Record(NamedTuple):
    """One option's rewards: in each cluster, and over all. Shapes: ``counts`` and ``totals`` (k,)."""

    counts: Array
    totals: Array

    def quality(self, cluster: int, prior: float, weight: float) -> float:
        """Its mean in the cluster, which leans on that over all, which leans on the prior."""
        seen, here = float(self.counts.sum()) + weight, float(self.counts[cluster]) + weight
        overall = (float(self.totals.sum()) + weight * prior) / seen
        return (float(self.totals[cluster]) + weight * overall) / here if here else overall


class Clusters(Learner[Recall]):
    """Learns how each option ranks among tasks of a kind, the kinds found by itself.

    Of each option at most ``cap`` examples are kept, those with the smallest hash of the decision's key: a uniform
    sample, whatever the order and the process. Centres and means are rebuilt from them, never merged; the centres from
    the 512 smallest hashes of all, so they move rarely once there are many more. An option never tried ranks by its
    prior and .5. The highest score has probability 1 - floor + floor / K, every other floor / K; equal scores
    go to the option listed first. ``choose`` costs k d + nearest K log K.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; its first value is taken for the constant 1 and left out.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: Avengers, see above; prior_weight 1, cap 500, that .5 and the floor of .02 are our defaults.
    """

    terms = Terms(uses=frozenset({"query", "prior", "cost"}))

    def __init__(
        self,
        name: str = "clusters",
        *,
        k: int = 16,
        nearest: int = 1,
        beta: float = 9.0,
        cost_weight: float = 0.0,
        prior_weight: float = 1.0,
        cap: int = 500,
        floor: float = 0.02,
    ) -> None:
        fine = k >= 1 and nearest >= 1 and 0.0 <= beta < math.inf
        if not (fine and 0.0 <= cost_weight <= 1.0 and 0.0 <= prior_weight < math.inf):
            raise BadNumber(
                f"k={k!r}, nearest={nearest!r}, beta={beta!r}, {cost_weight=}, {prior_weight=}.",
                remedy="k and nearest: at least 1; beta and prior_weight: finite, not below 0; cost_weight: in [0, 1].",
            )
        super().__init__(name, Recall(cap, SAMPLE), floor)
        self.k, self.nearest, self.beta = k, nearest, float(beta)
        self.cost_weight, self.prior_weight = float(cost_weight), float(prior_weight)
        self._founders: dict[str, Row] = {}
        self._centres: Array | None = None
        self._directions: Array | None = None
        self._option_to_record: dict[str, Record] = {}

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        x = vector(question.x or NO_CONTEXT, self._memory.d)
        scores = dict.fromkeys(places, 0.0)
        options = [question.options[place] for place in places]
        for cluster, share in self._shares(x):
            for place, rank in zip(places, self._ranks(options, cluster), strict=True):
                scores[place] += share / rank
        return self._greedy(question, key, rng, scores, "best ranks in the nearest clusters")

    def _shares(self, x: Array) -> list[tuple[int, float]]:
        """The nearest clusters, each with its p; before the first lesson one cluster is all there is."""
        import numpy as np

        if self._directions is None:
            return [(0, 1.0)]
        near = self._directions @ embedding(x[None, :])[0]
        order = np.argsort(-near, kind="stable")[: self.nearest]
        weights = np.exp(self.beta * (near[order] - near[order[0]]))
        return list(zip(order.tolist(), (weights / weights.sum()).tolist(), strict=True))

    def _ranks(self, options: Sequence[Option], cluster: int) -> list[int]:
        import numpy as np

        quality = np.array([self._quality(option, cluster) for option in options])
        if self.cost_weight:
            spread = float(np.ptp(quality))
            quality = (quality - quality.min()) / spread if spread else np.zeros(len(options))
            costs = np.array([float(option.cost_nano) for option in options])
            quality = (1.0 - self.cost_weight) * quality + self.cost_weight * (1.0 - costs / max(1.0, costs.max()))
        ranks: list[int] = (1 + len(options) - np.searchsorted(np.sort(quality), quality, side="right")).tolist()
        return ranks

    def _quality(self, option: Option, cluster: int) -> float:
        record = self._option_to_record.get(option.name)
        if record is None:
            return option.prior + OPTIMISM
        return record.quality(cluster, option.prior, self.prior_weight)

    def _follow(self, options: set[str]) -> None:
        """New centres where other examples have the smallest hashes; the means of what changed."""
        import numpy as np

        totals = self._memory.totals
        if any(self._founds(totals[option]) for option in options):
            held = {name: e.x for own in totals.values() for name, e in islice(own.id_to_example.items(), FOUNDERS)}
            self._founders = {name: held[name] for name in sorted(held)[:FOUNDERS]}
            points = embedding(np.array(list(self._founders.values()), dtype=np.float64))
            self._centres = centres(points, self.k)
            options, self._option_to_record = set(totals), {}
        if self._centres is None:
            self._directions = None
            return
        norms = np.linalg.norm(self._centres, axis=1, keepdims=True)
        self._directions = self._centres / np.where(norms > 0.0, norms, 1.0)
        for option in options:
            if known := totals[option].known():
                labels = nearest(embedding(np.array([e.x for e in known], dtype=np.float64)), self._centres)
                values = np.array([e.value for e in known])
                counts, sums = np.bincount(labels, minlength=self.k), np.bincount(labels, values, minlength=self.k)
                self._option_to_record[option] = Record(counts.astype(np.float64), sums.astype(np.float64))

    def _founds(self, examples: Examples) -> bool:
        """Whether the centres have to be made anew: an example that is none of the founders belongs to them."""
        full = len(self._founders) == FOUNDERS
        last = next(reversed(self._founders)) if full else None
        names = islice(examples.id_to_example, FOUNDERS)
        return any(name not in self._founders and (last is None or name < last) for name in names)

    def _restart(self) -> None:
        self._founders, self._centres, self._option_to_record = {}, None, {}
        self._follow(set(self._memory.totals))
