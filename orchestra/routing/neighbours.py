"""Nearest neighbours: an option is worth what it was worth for the tasks most like this one.

Formula: (sum of the rewards of the option's k nearest examples + m p) / (their number + m), nearest by the cosine of x.
Source: the kNN router of RouterBench, arXiv:2403.12031, which has the mean (m = 0) and tries k = 5, 10 and 40; there
every option was tried on every example, here each has its own. The prior's weight m = 1 is our default, and so is 40.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Lesson
from orchestra.routing.examples import SAMPLE
from orchestra.routing.floor import eligible_of, floor_of, greedy
from orchestra.routing.recall import Recall
from orchestra.routing.sums import vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

NO_CONTEXT = (1.0,)


class Neighbours:
    """Learns single examples, at most ``cap`` for each option.

    Of more, those with the smallest hash of the decision's key stay: a uniform sample of all, in whatever order and
    process they came, so that states merge. An option never tried has its prior and ``optimism`` for a score. The
    highest score has probability 1 - floor + floor / K, every other floor / K; equal scores go to the option listed
    first. Of equally near examples those of the smaller hash count. ``choose`` reads at most K cap d numbers.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,): no context.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: RouterBench, see above; cap 500, optimism .5 and the floor of .02 are our defaults.
    """

    learns = True

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
        self.name = name
        self.k, self.prior_weight, self.optimism, self.floor = k, float(prior_weight), float(optimism), floor_of(floor)
        self.version = 0
        self._recall = Recall(cap, SAMPLE, _context)
        self._option_to_known: dict[str, tuple[Rows, Rows]] = {}

    def pulls(self, option: str, /) -> int:
        return self._recall.pulls(option)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        x = vector(question.x or NO_CONTEXT, self._recall.d).astype("float32")
        return greedy(
            question,
            key,
            rng,
            policy=(self.name, self.version),
            scores={place: self._score(question.options[place], x) for place in places},
            floor=self.floor,
            pulls=self.pulls,
            why="best among the nearest examples",
        )

    def _score(self, option: Option, x: Rows) -> float:
        import numpy as np

        known = self._option_to_known.get(option.name)
        if known is None:
            return option.prior + self.optimism
        directions, values = known
        if len(values) > self.k:
            near = directions.dot(x)
            bound = np.partition(near, len(near) - self.k)[len(near) - self.k]
            above = near > bound
            equal = np.flatnonzero(near == bound)[: self.k - int(above.sum())]
            total = float(values[above].sum()) + float(values[equal].sum())
        else:
            total = float(values.sum())
        return (total + self.prior_weight * option.prior) / (min(self.k, len(values)) + self.prior_weight)

    def _follow(self, options: set[str]) -> None:
        """The examples of an option in one piece. Shapes: (n, d), each of length 1 or 0, and (n,)."""
        import numpy as np

        for option in options:
            known = self._recall.totals[option].known()
            if known:
                rows = np.array([example.x for example in known])
                norms = np.linalg.norm(rows, axis=1, keepdims=True)
                rows /= np.where(norms > 0.0, norms, 1.0)
                self._option_to_known[option] = rows, np.array([e.value for e in known], dtype=np.float32)

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """All of the lessons or, where one is bad, none."""
        self._follow(self._recall.learn(lessons))
        self.version = self._recall.version

    def state(self) -> dict[str, Any]:
        """Everything learned, option by option, as JSON values."""
        return self._recall.state()

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call; a store adds it with ``sums.add_plain``."""
        return self._recall.delta()

    def load(self, state: Mapping[str, Any], /) -> None:
        """Takes this state and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        self._recall.load(state)
        self.version = self._recall.version
        self._option_to_known = {}
        self._follow(set(self._recall.totals))


def _context(decision: Decision) -> tuple[float, ...]:
    return decision.x or NO_CONTEXT
