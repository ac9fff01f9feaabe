"""A learner where it can be trusted, the best single option where it cannot.

Formula: the best single has the highest (sum of rewards + p) / (their number + 1), p its prior. Source: the best single
model as what a router must not lose to is RouterBench's (arXiv:2403.12031) and LLMRouterBench's (arXiv:2601.07206)
baseline; when to fall back on it, and the constants, are ours.
"""

from __future__ import annotations

import random

from orchestra.core.decision import Decide, Decision
from orchestra.ports.router import Router, Terms
from orchestra.routing.compositions.composed import Chain, Sure
from orchestra.routing.floor import eligible_of, recorded
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.sums import NO_CONTEXT, Tally


class BestSingle(Learner[Tally]):
    """The option with the highest mean reward so far, whatever the task. It has no optimism: what was never tried is
    worth its prior.

    The best has probability 1 - floor + floor / K, every other floor / K; equal means go to the option listed first.
    Raises: BadNumber for rewards outside [0, 1].
    """

    terms = Terms(uses=frozenset({"prior"}))

    def __init__(self, name: str = "best", *, floor: float = 0.02) -> None:
        super().__init__(name, Tally(_without_task), floor)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        scores = {}
        for place in eligible_of(question):
            option = question.options[place]
            sums = self._memory.totals.get(option.name)
            total, seen = (float(sums.b[0]), sums.pulls) if sums else (0.0, 0)
            scores[place] = (total + option.prior) / (seen + 1.0)
        return self._greedy(question, key, rng, scores, "highest mean reward over all tasks")


def _without_task(decision: Decision, option: str) -> tuple[tuple[float, ...], float]:
    recorded(decision, option)
    return NO_CONTEXT, 0.0


class Fallback(Chain):
    """``router``, and the best single option where it has seen fewer than ``rewards``, where its best two scores lie
    closer than ``margin``, or where the question is ``far`` from everything seen: see ``Sure``.

    Of questions like those that were learned from about the share ``far`` falls back too. Raises: as ``Chain``.
    """

    def __init__(
        self,
        router: str | Router = "linucb",
        *,
        rewards: int = 20,
        margin: float = 0.0,
        far: float = 0.05,
        best: Router | None = None,
        name: str = "fallback",
    ) -> None:
        self.rewards, self.margin, self.far = rewards, float(margin), float(far)
        rule = Sure(router, rewards=rewards, margin=margin, far=far)
        super().__init__(rule, BestSingle() if best is None else best, name=name)
        self.router, self.best = self.parts
