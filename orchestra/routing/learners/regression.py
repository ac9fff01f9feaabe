"""One regression for each option on the task's features: ridge for the reward itself, or logistic for its chance.

Ridge: theta = (lam I + sum x x')^-1 sum (r - p) x, the score p + theta.x, p the option's prior at each decision.
Logistic: theta least in lam/2 |theta|^2 - sum (r ln s + (1 - r) ln(1 - s)) with s = 1 / (1 + e^-theta.x), by Newton's
method; the score is s. Source: the textbook's (Hoerl and Kennard 1970; Cox 1958), the linear baselines of router
benchmarks such as RouterEval, arXiv:2503.10657. That ridge starts from the prior is ours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import TYPE_CHECKING

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of
from orchestra.routing.state.examples import SAMPLE, Examples
from orchestra.routing.state.learner import Learner, M
from orchestra.routing.state.recall import Recall
from orchestra.routing.state.sums import NO_CONTEXT, Change, Tally, vector

if TYPE_CHECKING:
    from orchestra.routing.state.sums import Array, Sums

STEPS = 25
CLOSE = 1e-10


def ridge(sums: Sums, lam: float) -> Array:
    """Shapes: (d,)."""
    import numpy as np

    return np.asarray(np.linalg.solve(sums.matrix() + lam * np.eye(sums.d), sums.b), dtype=np.float64)


def chance(z: float) -> float:
    """The logistic function, for any z."""
    return 0.5 + 0.5 * math.tanh(0.5 * z)


def logistic(rows: Array, rewards: Array, lam: float) -> Array:
    """Newton's method with halved steps where a whole one goes too far. Shapes: (n, d), (n,) to (d,)."""
    import numpy as np

    def loss(theta: Array) -> float:
        z = rows @ theta
        return float((np.logaddexp(0.0, z) - rewards * z).sum() + 0.5 * lam * theta @ theta)

    theta = np.zeros(rows.shape[1])
    now = loss(theta)
    for _ in range(STEPS):
        s = 0.5 + 0.5 * np.tanh(0.5 * (rows @ theta))
        slope = rows.T @ (s - rewards) + lam * theta
        curve = (rows * (s * (1.0 - s))[:, None]).T @ rows + lam * np.eye(len(theta))
        step = np.linalg.solve(curve, slope)
        if float(slope @ step) < CLOSE:
            break
        size = 1.0
        while (after := loss(theta - size * step)) > now and size > 1e-6:
            size /= 2.0
        theta, now = theta - size * step, after
    return theta


class Linear(Learner[M]):
    """What both forms share: a score that grows with p + theta.x, the highest chosen but for the floor."""

    terms = Terms(uses=frozenset({"query", "prior"}))
    why = "highest estimate"

    def __init__(self, name: str, memory: M, *, lam: float, optimism: float, floor: float) -> None:
        if not (0.0 < lam < math.inf and math.isfinite(optimism)):
            raise BadNumber(f"lam={lam!r}, optimism={optimism!r}.", remedy="Both must be finite, lam > 0.")
        super().__init__(name, memory, floor)
        self.lam, self.optimism = float(lam), float(optimism)
        self._option_to_theta: dict[str, Array] = {}

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        x = vector(question.x or NO_CONTEXT, self._memory.d)
        scores = {}
        for place in places:
            option = question.options[place]
            theta = self._option_to_theta.get(option.name)
            untried = option.prior + self.optimism
            scores[place] = untried if theta is None else self._score(option, float(theta.dot(x)))
        return self._greedy(question, key, rng, scores, self.why)

    def _score(self, option: Option, product: float) -> float:
        return option.prior + product

    def _fit(self, options: Iterable[str]) -> None:
        raise NotImplementedError

    def _restart(self) -> None:
        self._option_to_theta = {}
        self._fit(self._memory.totals)


class Ridge(Linear[Tally]):
    """Learns for each option which tasks it serves well, and trusts its estimate: LinUCB without the bonus.

    An option never tried has its prior and ``optimism`` for a score. The highest score has probability 1 - floor +
    floor / K, every other floor / K; equal scores go to the option listed first. What is kept are sums, which merge.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,): no context.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: see above; lam 1, optimism .5 and the floor of .02 are our defaults.
    """

    why = "highest ridge estimate"

    def __init__(
        self, name: str = "regression", *, lam: float = 1.0, optimism: float = 0.5, floor: float = 0.02
    ) -> None:
        super().__init__(name, Tally(), lam=lam, optimism=optimism, floor=floor)

    def _follow(self, changes: list[Change]) -> None:
        self._fit({change.option for change in changes})

    def _fit(self, options: Iterable[str]) -> None:
        for option in options:
            sums = self._memory.totals[option]
            if sums.pulls:
                self._option_to_theta[option] = ridge(sums, self.lam)


class Logistic(Linear[Recall]):
    """The same for rewards that are a success or none, or a share of one: its estimates stay between 0 and 1.

    No sums stand for a logistic loss (its second-order expansion gives ridge back), so at most ``cap`` examples of each
    option are kept, those with the smallest hash of the decision's key: a uniform sample, whatever the order and the
    process, so that states merge. The fit is done again from them where an option has learned.

    Shapes, Raises: as the ridge form's.
    Source: see above; lam 1, cap 500, optimism .5 and the floor of .02 are our defaults.
    """

    why = "highest logistic estimate"

    def __init__(
        self,
        name: str = "regression:logistic",
        *,
        lam: float = 1.0,
        cap: int = 500,
        optimism: float = 0.5,
        floor: float = 0.02,
    ) -> None:
        super().__init__(name, Recall(cap, SAMPLE), lam=lam, optimism=optimism, floor=floor)

    def _score(self, option: Option, product: float) -> float:
        return chance(product)

    def _follow(self, changes: set[str]) -> None:
        self._fit(changes)

    def _fit(self, options: Iterable[str]) -> None:
        for option in options:
            fitted = self._fitted(self._memory.totals[option])
            if fitted is not None:
                self._option_to_theta[option] = fitted

    def _fitted(self, examples: Examples) -> Array | None:
        import numpy as np

        known = examples.known()
        if not known:
            return None
        rows = np.array([example.x for example in known], dtype=np.float64)
        rewards = np.array([example.value for example in known])
        return logistic(rows, rewards, self.lam)
