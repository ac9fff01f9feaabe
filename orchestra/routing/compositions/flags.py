"""Constraints as flags: what an option costs, and how long it takes, is taken off its score.

Formula: argmax quality s_a - sum_i lambda_i C_ia, where C_ia is the option's expected cost (latency) over the highest
among those that may be chosen. Source: Tryage, arXiv:2308.11601, which takes predicted losses and any constraints; the
division by the highest is ours, so that a flag of 1 weighs a score's whole range.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.router import Router
from orchestra.routing.compositions.composed import Composition
from orchestra.routing.compositions.scored import Chooses, Scores, scores_of
from orchestra.routing.floor import decision, drawn, eligible_of, floor_of
from orchestra.routing.terms import terms_of


def penalties(question: Decide, *, cost: float, latency: float) -> Scores:
    """What is taken off each eligible option's score, by its place."""
    places = eligible_of(question)
    options = question.options
    dearest = max(options[place].cost_nano for place in places) or 1
    slowest = max(options[place].latency_s for place in places) or 1.0
    return {
        place: cost * options[place].cost_nano / dearest + latency * options[place].latency_s / slowest
        for place in places
    }


class Rates(NamedTuple):
    """What an option's cost and latency, each as a share of the highest, weigh beside ``quality`` times its score."""

    cost: float = 0.0
    latency: float = 0.0
    quality: float = 1.0

    @property
    def said(self) -> str:
        usual = Rates()._asdict()
        return " ".join(f"{what}={weight:g}" for what, weight in self._asdict().items() if weight != usual[what])


def under(
    rates: Rates,
    router: Chooses,
    question: Decide,
    key: str,
    rng: random.Random,
    *,
    policy: tuple[str, int],
    floor: float = 0.02,
) -> Decision | None:
    """The router's choice under these rates; None where it gives no scores. Raises NoProvider."""
    off = penalties(question, cost=rates.cost, latency=rates.latency)
    least = min(off.values())

    def enough(known: Scores, bound: float) -> bool:
        return max(rates.quality * s - off[i] for i, s in known.items()) > rates.quality * bound - least

    found = scores_of(router, question, key, enough)
    if not found:
        return None
    scores = {place: rates.quality * score - off[place] for place, score in found.items()}
    best = max(sorted(scores), key=lambda place: (scores[place], -off[place]))
    place, by_floor = drawn(eligible_of(question), best, floor, rng)
    why = "drawn by the probability floor" if by_floor else f"highest score of {router.name} under {rates.said}"
    return decision(question, key, place, policy=policy, best=best, floor=floor, scores=scores, reason=(why, by_floor))


class Flags(Composition):
    """Any router that scores the options, under weights for cost and latency: the higher, the cheaper and the faster.

    Raising ``cost`` never raises the cost of what scores best; of equals the one with less to pay is taken. The best
    has probability 1 - floor + floor / K, every other floor / K, whatever the router itself would draw. ``quality``
    weighs the router's score; all three are parts of a score.

    Raises: BadNumber for weights that are negative or not finite; BadDefinition where the router gives no scores.
    """

    def __init__(
        self,
        router: str | Router,
        *,
        cost: float = 0.0,
        latency: float = 0.0,
        quality: float = 1.0,
        floor: float = 0.02,
        name: str | None = None,
    ) -> None:
        for what, weight in (("cost", cost), ("latency", latency), ("quality", quality)):
            if not 0.0 <= weight < math.inf:
                raise BadNumber(f"{what}={weight!r} is no weight.", remedy="Give a finite number, 0 or more.")
        self.rates, self.floor = Rates(float(cost), float(latency), float(quality)), floor_of(floor)
        self.cost, self.latency, self.quality = self.rates
        uses = frozenset(what for what, weight in (("cost", cost), ("latency", latency)) if weight)
        super().__init__("flags", (router,), uses=uses)
        self.router = self.parts[0]
        self.name = name or f"{self.router.name} -w {self.rates.said}".removesuffix(" -w ")
        if not terms_of(self.router).scores:
            raise self._unscored()

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        policy = (self.name, self.version)
        made = under(self.rates, self.router, question, key, rng, policy=policy, floor=self.floor)
        if made is None:
            raise self._unscored()
        return made

    def _unscored(self) -> BadDefinition:
        return BadDefinition(
            f"{self.router.name!r} gives no scores, so nothing can be taken off them.",
            remedy="Put the flags on a router that scores the options, such as 'linucb'.",
        )
