"""LinUCB with one regression that all options share: they differ through their features only.

Formula: x = [1, similarity, load, latency, prior, available], each in [0, 1], divided by |x| where that exceeds 1;
A = lam I + sum x x', theta = A^-1 sum r x; the score is theta.x + beta_t sqrt(x' A^-1 x) with
beta_t = alpha sqrt(d ln(1 + t / lam) + 2 ln(1 / delta)) + S sqrt(lam), t the number of rewards, at least 1.
Source: Symphony-Coord, arXiv:2602.00966, its second stage; lam 1, alpha 1, delta .05, S 1 as published.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of, recorded
from orchestra.routing.screen import latency_norm, load, top
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.sums import Change, Tally

if TYPE_CHECKING:
    from orchestra.routing.state.sums import Array

D = 6


def features(option: Option) -> tuple[float, ...]:
    """The six features of an option as its record holds them. Shapes: (6,), |x| <= 1."""
    raw = (
        1.0,
        option.similarity,
        load(option),
        latency_norm(option),
        option.prior,
        1.0 if option.filtered is None else 0.0,
    )
    clipped = [min(1.0, max(0.0, value)) for value in raw]
    norm = max(1.0, math.sqrt(sum(value * value for value in clipped)))
    return tuple(value / norm for value in clipped)


class SharedLinUCB(Learner[Tally]):
    """Learns which features of an option go with good answers; a newcomer is judged by its features from the start.

    The published bonus is wide against rewards in [0, 1], so it explores long; ``alpha`` narrows it. Equal scores go to
    the option listed first. With ``keep`` only so many options are scored, the best of the screen; the others keep
    their share of the floor, so that the log can judge a wider screen. Probabilities and ``version`` are those of the
    disjoint form. The sums are kept by option, though only their total is used: so states merge, and an option's pulls
    are known.

    Raises: BadNumber for rewards outside [0, 1].
    Source: Symphony-Coord, arXiv:2602.00966; the floor of .02 is our default, the paper has none.
    """

    terms = Terms(uses=frozenset({"similarity", "prior", "latency", "load"}))

    def __init__(
        self,
        name: str = "linucb:shared",
        *,
        alpha: float = 1.0,
        lam: float = 1.0,
        delta: float = 0.05,
        bound: float = 1.0,
        floor: float = 0.02,
        keep: int | None = None,
    ) -> None:
        top((), (), keep)
        if not (0.0 <= alpha < math.inf and 0.0 < lam < math.inf and 0.0 < delta < 1.0 and 0.0 <= bound < math.inf):
            raise BadNumber(
                f"alpha={alpha!r}, lam={lam!r}, delta={delta!r}, bound={bound!r}.",
                remedy="All must be finite: alpha >= 0, lam > 0, 0 < delta < 1, bound >= 0.",
            )
        super().__init__(name, Tally(_read), floor)
        self.alpha, self.lam, self.confidence, self.bound = float(alpha), float(lam), float(delta), float(bound)
        self.keep = keep
        self._inverse: Array | None = None
        self._theta: Array | None = None
        self._b: Array | None = None

    def beta(self, t: int) -> float:
        """The width's factor after t rewards, t >= 1."""
        inside = D * math.log(1.0 + t / self.lam) + 2.0 * math.log(1.0 / self.confidence)
        return self.alpha * math.sqrt(inside) + math.sqrt(self.lam) * self.bound

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        import numpy as np

        places = top(question.options, eligible_of(question), self.keep)
        x = np.array([features(question.options[place]) for place in places])
        if self._inverse is None:
            means, squares = np.zeros(len(places)), (x * x).sum(axis=1) / self.lam
        else:
            means, squares = x @ self._theta, ((x @ self._inverse) * x).sum(axis=1)
        values = means + self.beta(max(1, self.version)) * np.sqrt(np.maximum(squares, 0.0))
        known = dict(zip(places, values.tolist(), strict=True))
        return self._optimistic(question, key, rng, known, places[int(values.argmax())])

    def _follow(self, changes: list[Change]) -> None:
        import numpy as np

        for change in changes:
            if self._inverse is None or self._b is None:
                self._inverse, self._b = np.eye(D) / self.lam, np.zeros(D)
            if change.first:
                u = self._inverse @ change.x
                self._inverse = self._inverse - np.outer(u, u / (1.0 + change.x @ u))
            self._b = self._b + change.by * change.x
            self._theta = self._inverse @ self._b

    def _restart(self) -> None:
        import numpy as np

        totals = self._memory.totals.values()
        gram, b = np.zeros((D, D)), np.zeros(D)
        for sums in totals:
            gram, b = gram + sums.matrix(), b + sums.b
        inverse = np.asarray(np.linalg.inv(self.lam * np.eye(D) + gram), dtype=np.float64)
        self._inverse = inverse if totals else None
        self._b = b
        self._theta = None if self._inverse is None else self._inverse @ b


def _read(decision: Decision, name: str) -> tuple[tuple[float, ...], float]:
    return features(recorded(decision, name)), 0.0


def two_stage() -> SharedLinUCB:
    """Both stages as published: the top 3 of the screen, then the shared form."""
    return SharedLinUCB("linucb:two-stage", keep=3)
