"""A guard against needless switches between the steps of one answer.

Formula: from the option p that did the last step to a switch only if s_a - s_p >= margin + weight C_a, where s are the
router's scores and C_a is a's expected cost over the highest among those that may be chosen.
Source: the protection of vLLM Semantic Router: margin .05; its weight of a lost prefix cache, .2, stands for the cost
of a switch. What a failure changes, 2 steps and 1 rescue are our defaults: it says "repeated" and "bounded".
"""

from __future__ import annotations

import math
import random

from orchestra.core.decision import Decide, Decision, Step
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Router
from orchestra.routing.compositions.composed import Composition
from orchestra.routing.compositions.flags import penalties
from orchestra.routing.compositions.scored import Scores, scores_of
from orchestra.routing.floor import decision, eligible_of


class Guarded(Composition):
    """The router decides the first step of an answer; from then on the option at work stays, unless another is better
    by more than the switch costs.

    Between steps nothing is left to chance: the choice has probability 1, and what was never tried is not tried there.
    With every ``after``-th failed step the best of the others is taken, at most ``rescues`` times in one answer. Where
    the option at work may not be chosen any more, the best of the others takes over. A router that gives no scores
    stays as long as it can.

    Which option is at work is ``Decide.step.model``; without one, or if it is none of the options, it is a first step.
    Raises: BadNumber for numbers out of their range.
    """

    passes_on_sets = True

    def __init__(
        self,
        router: str | Router = "linucb",
        *,
        margin: float = 0.05,
        weight: float = 0.2,
        after: int = 2,
        rescues: int = 1,
        name: str = "guarded",
    ) -> None:
        if not (0.0 <= margin < math.inf and 0.0 <= weight < math.inf and after >= 1 and rescues >= 0):
            raise BadNumber(
                f"margin={margin!r}, weight={weight!r}, after={after!r}, rescues={rescues!r}.",
                remedy="margin and weight must be finite and 0 or more, after at least 1, rescues 0 or more.",
            )
        super().__init__(name, (router,), uses=frozenset({"history", "cost"}), when="during")
        self.router = self.parts[0]
        self.margin, self.weight, self.after, self.rescues = float(margin), float(weight), after, rescues

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        step = question.step or Step()
        at = [i for i, option in enumerate(question.options) if step.model and option.name == step.model]
        if not at:
            made = self.router.choose(question, key, rng)
            return self.signed(made, made.reason)
        scores = scores_of(self.router, question, key)
        place, why = self._next(question, step, places, at[0], scores)
        policy = (self.name, self.version)
        return decision(question, key, place, policy=policy, best=place, scores=scores, reason=(why, False))

    def _next(self, question: Decide, step: Step, places: list[int], at: int, scores: Scores) -> tuple[int, str]:
        others = {place: scores.get(place, 0.0) for place in places if place != at}
        best = max(others, key=others.__getitem__, default=at)
        if at not in places:
            return best, f"{step.model} may not go on: {question.options[at].filtered}"
        rescues, rest = divmod(step.failures, self.after)
        if others and step.failed and not rest and rescues <= self.rescues:
            return best, f"rescue: {step.failures} steps failed, the last one of {step.model}"
        toll = penalties(question, cost=self.weight, latency=0.0)
        gains = {
            place: score - scores[at] - self.margin - toll[place]
            for place, score in others.items()
            if at in scores and self.router.pulls(question.options[place].name)
        }
        best = max(gains, key=gains.__getitem__, default=at)
        if best != at and gains[best] >= 0.0:
            return best, f"better than {step.model} by {scores[best] - scores[at]:.3f}, more than a switch costs"
        return at, f"{step.model} goes on: no other is better by more than a switch costs"
