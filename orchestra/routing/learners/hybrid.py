"""Hybrid LinUCB: a regression for each option on the task, and one that all share on what tells options apart.

Formula: with x the task's features and z those of the option, r - p is expected to be z.beta + x.theta_a. Kept are, of
each option, A = lam I + sum x x', W = A^-1 sum x z' and v = A^-1 sum (r - p) x, and of all of them A0 = lam I + the sum
over options of sum z z' - W'A W, and beta = A0^-1 b0. With e = z - W'x the score is p + e.beta + x.v +
alpha sqrt(e' A0^-1 e + x' A^-1 x). A reward changes everything by rank 1: with u = A^-1 x, g = 1 / (1 + x'u) and
f = r - p - v.x, W gains g u e', v gains g f u, A0 gains g e e' and b0 gains g f e.
Source: Li et al. 2010, arXiv:1003.0146, algorithm 2, the same sums in another order; there lam is 1, p is 0, and z are
products of a user's and an article's features. Which z, and that learning starts from the prior, are ours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of, recorded
from orchestra.routing.learners.arms import Arms
from orchestra.routing.screen import latency_norm, load
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.sums import NO_CONTEXT, Change, Sums, Tally, context, vector

if TYPE_CHECKING:
    from orchestra.routing.state.sums import Array

Z = 6


def shared_features(option: Option, dearest: int) -> tuple[float, ...]:
    """z: 1, similarity, prior, cost as a share of the dearest option's, latency, load. Shapes: (6,), in [0, 1]."""
    raw = (1.0, option.similarity, option.prior, option.cost_nano / dearest, latency_norm(option), load(option))
    return tuple([min(1.0, max(0.0, value)) for value in raw])


def dearest_of(options: Sequence[Option]) -> int:
    """The highest cost, at least 1."""
    return max(1, *[option.cost_nano for option in options])


class HybridLinUCB(Learner[Tally]):
    """Learns for each option which tasks it serves well, and from all of them what similarity, price and speed tell.

    So an option never tried is judged by what was learned of the others: p + z.beta, with the largest width. What is
    kept are sums over (z, x), option by option; what is shared is their total, so states merge as those of the other
    forms. Scores, probabilities and ``version`` are as in the disjoint form.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,): no context.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: Li et al. 2010, see above; alpha 1, lam 1 and the floor of .02 are our defaults.
    """

    terms = Terms(uses=frozenset({"query", "similarity", "prior", "cost", "latency", "load"}))
    widened = True

    def __init__(
        self, name: str = "linucb:hybrid", *, alpha: float = 1.0, lam: float = 1.0, floor: float = 0.02
    ) -> None:
        if not (0.0 <= alpha < math.inf and 0.0 < lam < math.inf):
            raise BadNumber(f"alpha={alpha!r}, lam={lam!r}.", remedy="Both must be finite, alpha >= 0 and lam > 0.")
        super().__init__(name, Tally(_read), floor)
        self.alpha, self.lam = float(alpha), float(lam)
        self._clear()

    def _clear(self) -> None:
        self._arms = Arms(self.lam)
        self._row_to_link: Array | None = None
        self._shared: tuple[Array, Array, Array] | None = None

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        best, scores = self._scored(question, places)
        known = {place: score for place, score in zip(places, scores, strict=True) if score == score}
        return self._optimistic(question, key, rng, known, places[best])

    def _scored(self, question: Decide, places: Sequence[int]) -> tuple[int, list[float]]:
        import numpy as np

        options, arms, d = [question.options[place] for place in places], self._arms, self._memory.d
        x = arms.cast(vector(question.x or NO_CONTEXT, None if d is None else d - Z))
        span, dearest = arms.span(tuple([option.name for option in options])), dearest_of(question.options)
        e = np.array([shared_features(option, dearest) for option in options])
        means = np.array([option.prior for option in options]) + arms.means(span, x)
        if self._row_to_link is None or self._shared is None:
            return arms.highest(span, means, x, self.alpha, (e * e).sum(axis=1) / self.lam)
        inverse, _, beta = self._shared
        e -= self._row_to_link[span.rows].dot(x)
        return arms.highest(span, means + e.dot(beta), x, self.alpha, (e.dot(inverse) * e).sum(axis=1))

    def _follow(self, changes: list[Change]) -> None:
        import numpy as np

        inverse, b, _ = self._shared or (np.eye(Z) / self.lam, np.zeros(Z), None)
        for option, both, by, first, _ in changes:
            z, x = both[:Z], both[Z:]
            if first:
                step = self._arms.see(option, x, by)
                link = self._link(option, len(x))
                e = z - link.dot(x)
                link += (step.gain * e)[:, None] * step.u
                s = inverse.dot(e)
                inverse = inverse - np.outer(s, s * (step.gain / (1.0 + step.gain * float(e.dot(s)))))
                b = b + step.gain * step.error * e
            else:
                self._arms.correct(option, x, by)
                b = b + by * (z - self._link(option, len(x)).dot(x))
        self._shared = inverse, b, inverse.dot(b)
        if any(self._arms.stale(change.option) for change in changes):
            self._restart()

    def _link(self, option: str, d: int) -> Array:
        """W' of an option that is among the arms. Shapes: (6, d)."""
        import numpy as np

        row = self._arms.row(option)
        if self._row_to_link is None:
            self._row_to_link = np.zeros((row + 4, Z, d))
        if row >= len(self._row_to_link):
            self._row_to_link = np.concatenate([self._row_to_link, np.zeros((row, Z, d))])
        link: Array = self._row_to_link[row]
        return link

    def _restart(self) -> None:
        import numpy as np

        self._clear()
        gram, b = self.lam * np.eye(Z), np.zeros(Z)
        for option, sums in self._memory.totals.items():
            own = Sums(pulls=sums.pulls, b=sums.b[Z:], rows=[row[Z:] for row in sums.rows], gram=_corner(sums))
            self._arms.put(option, own)
            both = sums.matrix()
            link = self._link(option, own.d)
            link[:] = (self._arms.inverse(option) @ both[Z:, :Z]).T
            gram += both[:Z, :Z] - link @ both[Z:, :Z]
            b += sums.b[:Z] - link @ own.b
        if self._memory.totals:
            inverse = np.asarray(np.linalg.inv(gram), dtype=np.float64)
            self._shared = inverse, b, inverse.dot(b)


def _corner(sums: Sums) -> Array | None:
    return None if sums.gram is None else sums.gram[Z:, Z:]


def _read(decision: Decision, name: str) -> tuple[tuple[float, ...], float]:
    option = recorded(decision, name)
    return (*shared_features(option, dearest_of(decision.options)), *context(decision)), option.prior
