"""Nearest neighbours: an option is worth what it was worth for the tasks most like this one.

Formula: (sum of the rewards of the option's k nearest examples + m p) / (their number + m), nearest by the cosine of x.
Source: the kNN router of RouterBench, arXiv:2403.12031, which has the mean (m = 0) and tries k = 5, 10 and 40; there
every option was tried on every example, here each has its own. The prior's weight m = 1 is our default, and so is 40.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of
from orchestra.routing.state.examples import SAMPLE
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.recall import Recall
from orchestra.routing.state.sums import NO_CONTEXT, vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]


class Neighbours(Learner[Recall]):
    """Learns single examples, at most ``cap`` for each option.

    Of more, those with the smallest hash of the decision's key stay: a uniform sample of all, in whatever order and
    process they came, so that states merge. An option never tried has its prior and ``optimism`` for a score. The
    highest score has probability 1 - floor + floor / K, every other floor / K; equal scores go to the option listed
    first. Of equally near examples those of the smaller hash count. ``choose`` reads at most K cap d numbers.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,): no context.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: RouterBench, see above; cap 500, optimism .5 and the floor of .02 are our defaults.
    """

    terms = Terms(uses=frozenset({"query", "prior"}))

    def __init__(
        self,
        name: str = "neighbours",
        *,
        k: int = 40,
        cap: int = 500,
        prior_weight: float = 1.0,
        optimism: float = 0.5,
        floor: float = 0.02,
    ) -> None:
        if k < 1 or not (0.0 <= prior_weight < math.inf and math.isfinite(optimism)):
            raise BadNumber(
                f"k={k!r}, prior_weight={prior_weight!r}, optimism={optimism!r}.",
                remedy="k must be at least 1; the others finite, prior_weight not below 0.",
            )
        super().__init__(name, Recall(cap, SAMPLE), floor)
        self.k, self.prior_weight, self.optimism = k, float(prior_weight), float(optimism)
        self._option_to_known: dict[str, tuple[Rows, Rows]] = {}

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        x = vector(question.x or NO_CONTEXT, self._memory.d).astype("float32")
        scores = {place: self._score(question.options[place], x) for place in places}
        return self._greedy(question, key, rng, scores, "best among the nearest examples")

    def _score(self, option: Option, x: Rows) -> float:
        import numpy as np

        known = self._option_to_known.get(option.name)
        if known is None:
            return option.prior + self.optimism
        directions, values = known
        if len(values) > self.k:
            near = directions.dot(x)
            bound = np.partition(near, len(near) - self.k)[len(near) - self.k]
            counted = near >= bound
            if (over := int(np.count_nonzero(counted)) - self.k) > 0:
                counted[np.flatnonzero(near == bound)[-over:]] = False
            total = float(np.add.reduce(values[counted]))
        else:
            total = float(np.add.reduce(values))
        return (total + self.prior_weight * option.prior) / (min(self.k, len(values)) + self.prior_weight)

    def _follow(self, options: set[str]) -> None:
        """The examples of an option in one piece. Shapes: (n, d), each of length 1 or 0, and (n,)."""
        import numpy as np

        for option in options:
            known = self._memory.totals[option].known()
            if known:
                rows = np.array([example.x for example in known])
                norms = np.linalg.norm(rows, axis=1, keepdims=True)
                rows /= np.where(norms > 0.0, norms, 1.0)
                self._option_to_known[option] = rows, np.array([e.value for e in known], dtype=np.float32)

    def _restart(self) -> None:
        self._option_to_known = {}
        self._follow(set(self._memory.totals))
