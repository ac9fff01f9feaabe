"""Disjoint LinUCB: one ridge regression for each option, and a bonus for what it has not seen.

Formula: theta_a = A_a^-1 b_a with A_a = lam I + sum x x' and b_a = sum (r - p) x; the score of an option is
p_a + theta_a.x + alpha sqrt(x' A_a^-1 x), where p is the option's prior at each decision.
Source: Li et al. 2010, arXiv:1003.0146, algorithm 1, where lam is 1 and p is 0. That the regression starts from the
prior and not from zero is ours: what a description tells is corrected by the first rewards and not forgotten.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of, recorded
from orchestra.routing.learners.arms import Arms
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.sums import NO_CONTEXT, Change, Tally, context, vector, with_prior

if TYPE_CHECKING:
    from orchestra.routing.state.sums import Array

STEPS = 16


class LinUCB(Learner[Tally]):
    """Learns for each option which contexts it serves well.

    An option never tried has the width alpha |x| / sqrt(lam), the largest there is, and for a mean its prior and
    ``optimism``, but at most twice its prior. With many features widths shrink slowly, and without that a first option
    that does well would be chosen for as long; with it each that does not look unsuitable is tried early. With
    ``centred`` false the published form is learned: the prior of an option counts until its first reward, then zero.
    The states of the two forms do not mix: give the second a name of its own.

    With a ``half_life`` what was learned fades: a reward weighs half as much after so many others, in sixteen steps.
    Estimates go back to the prior and widths to their largest, so that what changed is tried again. A reward's weight
    goes by the policy's version when its decision was made, so it matters neither who learns it nor when. All
    inverses are made anew at each of those steps: learning costs more then, choosing does not.

    Only options whose upper bound (mean plus the largest width) can still win have a ``score``. Equal scores go to the
    option listed first. The best has probability 1 - floor + floor / K, every other eligible option floor / K.
    ``version`` is the number of rewards learned from. With more than 96 features inverses are kept as float32.

    A newcomer of prior p is chosen for its score while p + min(p, optimism) + alpha |x| / sqrt(lam) is the highest. The
    paper's lam=1 with alpha=1 exceeds what rewards in [0, 1] reach, so priors that are wrong cost little. alpha=.4 with
    lam=4 has less regret where priors are even and nothing changes; a low prior may then be left to the floor.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,): no context.
    Units: ``half_life`` in rewards.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: Li et al. 2010; alpha 1, lam 1, optimism .5 and the floor of .02 are our defaults. Fading weights as in
    Russac et al. 2019, arXiv:1909.09146, without its second matrix.
    """

    terms = Terms(uses=frozenset({"query", "prior"}))

    def __init__(
        self,
        name: str = "linucb",
        *,
        alpha: float = 1.0,
        lam: float = 1.0,
        floor: float = 0.02,
        centred: bool = True,
        optimism: float = 0.5,
        half_life: int | None = None,
    ) -> None:
        if not (0.0 <= alpha < math.inf and 0.0 < lam < math.inf and 0.0 <= optimism < math.inf):
            raise BadNumber(
                f"alpha={alpha!r}, lam={lam!r}, optimism={optimism!r}.",
                remedy="All must be finite, alpha and optimism not below 0, lam above 0.",
            )
        if half_life is not None and half_life < 1:
            raise BadNumber(f"half_life={half_life!r} rewards.", remedy="Give a number from 1, or None to keep all.")
        step = max(1, (half_life or 1) // STEPS)
        keep = 0.5 ** (step / half_life) if half_life else 1.0
        super().__init__(name, Tally(with_prior if centred else _without_prior, keep=keep, step=step), floor)
        self.alpha, self.lam, self.centred, self.optimism = float(alpha), float(lam), centred, float(optimism)
        self._arms = Arms(self.lam)
        self._last: tuple[tuple[float, ...], Array | None] = (), None

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        best, scores = self._scored(question, places, self._vector(question.x or NO_CONTEXT))
        known = {place: score for place, score in zip(places, scores, strict=True) if score == score}
        return self._optimistic(question, key, rng, known, places[best])

    def _vector(self, features: tuple[float, ...]) -> Array:
        """A text that is asked about again comes with the very same context."""
        last, x = self._last
        if features is not last or x is None or self._memory.d not in (None, len(x)):
            x = vector(features, self._memory.d)
            self._last = features, x
        return x

    def _scored(self, question: Decide, places: Sequence[int], x: Array) -> tuple[int, list[float]]:
        import numpy as np

        options, arms = question.options, self._arms
        span, own = arms.span(tuple([options[place].name for place in places])), arms.cast(x)
        priors = np.array([options[place].prior for place in places])
        if not self.centred:
            priors = np.where(span.rows == 0, priors, 0.0)
        if span.low == 0:
            priors += np.where(span.rows == 0, np.clip(priors, 0.0, self.optimism), 0.0)
        return arms.highest(span, priors + arms.means(span, own), own, self.alpha)

    def _follow(self, changes: list[Change]) -> None:
        self._arms.follow(changes, self._memory)

    def _restart(self) -> None:
        self._arms.restart(self._memory)


def _without_prior(decision: Decision, option: str) -> tuple[tuple[float, ...], float]:
    recorded(decision, option)
    return context(decision), 0.0
