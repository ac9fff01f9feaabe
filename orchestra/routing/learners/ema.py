"""ORCH's router: an exponential moving average of each option's rewards, less what it costs and how long it takes.

Formula: s_n = (1 - a) s_(n-1) + a r_n, from s_0, the option's prior; the score is w_q s_n - w_l latency / max latency -
w_c cost / max cost, the maxima over the eligible options.
Source: ORCH, arXiv:2602.01797, names an exponential moving average over accuracy, latency or cost. Its formula and
constants were not found: the formula is the textbook's; a = .1, the weights 1, .1, .1 and the start are our defaults.
Latency and cost are those that the question expects, which health and the declarations keep; only the reward is
averaged here. The published router picks a small subset of the models: the k with the highest scores, where the
question allows k.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from orchestra.core.decision import OOS, Decide, Decision
from orchestra.core.errors import BadNumber, NoProvider
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of
from orchestra.routing.members import members
from orchestra.routing.state.examples import LATEST
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.recall import Recall

NEGLIGIBLE = 1e-13


class Weights(NamedTuple):
    """What the score is made of. Units: in reward, for a whole point of quality or for the dearest and the slowest."""

    quality: float = 1.0
    latency: float = 0.1
    cost: float = 0.1


class EMA(Learner[Recall]):
    """Learns how good each option was of late, whatever the task.

    An average forgets, so it needs an order: that of the policy's version when each decision was made, and of arrival
    between equals, as a decision bears no time. So late feedback stands where its decision stood. It keeps as many of
    an option's last rewards as weigh more than 1e-13 together with all that came before, 285 with a = .1; several
    rewards of one decision count as their mean. Processes that exchange deltas end with the same rewards; where
    versions are equal their order is that of the exchange, hence ``order_sensitive``.
    An option never tried has its prior and ``optimism`` for s. The highest score has probability 1 - floor + floor / K,
    every other floor / K; equal scores go to the option listed first. Where ``most`` of the question is above 1 that
    many are chosen, best first; with probability ``floor`` one, all equally likely, takes the place of the last. Out of
    scope is never chosen.

    Raises: BadNumber for rewards outside [0, 1].
    Source: ORCH, see above; optimism .5 and the floor of .02 are our defaults.
    """

    terms = Terms(uses=frozenset({"prior", "cost", "latency"}))
    order_sensitive = True
    sets, refuses = True, False

    def __init__(
        self,
        name: str = "ema",
        *,
        a: float = 0.1,
        weights: Weights = Weights(),  # noqa: B008
        optimism: float = 0.5,
        floor: float = 0.02,
    ) -> None:
        if not (0.0 < a <= 1.0 and all(math.isfinite(w) for w in (*weights, optimism))):
            raise BadNumber(f"a={a!r}, {weights}, optimism={optimism!r}.", remedy="All must be finite, a in (0, 1].")
        cap = 1 if a == 1.0 else max(1, math.ceil(math.log(NEGLIGIBLE) / math.log1p(-a)))
        super().__init__(name, Recall(cap, LATEST, _nothing), floor)
        self.a, self.weights, self.optimism = float(a), weights, float(optimism)
        self._option_to_average: dict[str, tuple[float, float]] = {}

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        options = question.options
        every = eligible_of(question)
        places = [place for place in every if options[place].name != OOS]
        if not places:
            raise NoProvider(f"For {question.capability!r} nobody may be asked but out of scope, which is no agent.")
        dearest = max(1, *(options[place].cost_nano for place in places))
        slowest = max(options[place].latency_s for place in places) or 1.0
        quality, latency, cost = self.weights
        scores = {}
        for place in places:
            option = options[place]
            value = self.average(option.name, option.prior)
            scores[place] = quality * value - latency * option.latency_s / slowest - cost * option.cost_nano / dearest
        if question.most == 1 and places == every:
            return self._greedy(question, key, rng, scores, "highest moving average")
        usual = sorted(scores, key=lambda place: (-scores[place], place))[: question.most]
        policy, why = (self.name, self.version), f"the highest moving averages, {len(usual)} of {len(places)}"
        return members(question, key, rng, policy=policy, usual=usual, floor=self.floor, scores=scores, why=why)

    def average(self, option: str, prior: float) -> float:
        """s_n of the option, from this prior on; the prior and the optimism where it was never tried."""
        known = self._option_to_average.get(option)
        return prior + self.optimism if known is None else known[0] * prior + known[1]

    def _follow(self, options: set[str]) -> None:
        """s_n = (1 - a)^n s_0 + the rest: both factors, option by option."""
        for option in options:
            left, rest = 1.0, 0.0
            for example in (known := self._memory.totals[option].known()):
                left, rest = (1.0 - self.a) * left, (1.0 - self.a) * rest + self.a * example.value
            if known:
                self._option_to_average[option] = left, rest

    def _restart(self) -> None:
        self._option_to_average = {}
        self._follow(set(self._memory.totals))


def _nothing(_decision: Decision) -> tuple[float, ...]:
    return ()
