"""Thompson sampling: each option is chosen as often as it is probable that it is the best.

Linear: the score of an option is normal with mean p + theta.x and deviation sigma sqrt(x' A^-1 x), where A = lam I +
sum x x', theta = A^-1 sum (r - p) x and p is the option's prior. Scores are drawn and not parameters, which is the
same for one x, as options have parameters of their own. Beta: the score is Beta(s p + sum r, s (1 - p) + sum (1 - r)),
whatever the task. Source: Agrawal and Goyal, arXiv:1209.3352 (linear; there with one theta for all) and
arXiv:1111.1797 (Beta). That theta starts from the prior, and the Beta's prior p, are ours.

A record needs the probability of the choice, and for a draw from many scores no closed form gives it. So the draws are
made the same way each time: ``DRAWS`` equally likely values of each option's score, in a fixed shuffled order of its
own (a Latin hypercube), and the share of the draws in which an option is highest is its probability. The choice is then
drawn by these: what is recorded is exact for what is done, and within about .01 of Thompson's own probability. An
option that wins no draw keeps the floor's share.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cache, lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of, matched, recorded
from orchestra.routing.learners.arms import Arms
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.sums import NO_CONTEXT, Change, Tally, vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestra.routing.learners.arms import Floats, Span
    from orchestra.routing.state.sums import Array

    Draws = NDArray[np.floating[Any]]

DRAWS = 512
# Above every value in the table of normal draws.
REACH = 3.2
GRID = 256
# Of more options those that cannot win are left out before their widths are computed; our default.
FEW = 64
# A Beta so close to 0 or 1 that its density is not to be had on a grid; our default.
LEAST, MOST = 0.05, 0.95


@cache
def shuffled(rows: int) -> NDArray[np.int64]:
    """In which order the option at each place meets the values of its score. Shapes: (rows, DRAWS)."""
    import numpy as np

    orders = [list(range(DRAWS)) for _ in range(rows)]
    for place, order in enumerate(orders):
        random.Random(place).shuffle(order)
    return np.array(orders)


@cache
def normal_draws(rows: int) -> Draws:
    """The middles of equally likely parts of the standard normal, shuffled. Shapes: (rows, DRAWS)."""
    import numpy as np

    values = np.array([NormalDist().inv_cdf((i + 0.5) / DRAWS) for i in range(DRAWS)], dtype=np.float32)
    drawn: Draws = values[shuffled(rows)]
    return drawn


def rows_for(places: Sequence[int]) -> int:
    """So many that few tables serve all questions."""
    return max(16, 1 << max(places).bit_length())


def beta_values(a: float, b: float) -> Array:
    """The middles of equally likely parts of Beta(a, b), as log odds, rising; by the trapezoid rule on a grid.

    Shapes: (DRAWS,).
    """
    import numpy as np

    deviation, middle = math.sqrt(1.0 / a + 1.0 / b), math.log(a / b)
    low, high = max(8.0 * deviation, 12.0 / a), max(8.0 * deviation, 12.0 / b)
    y = middle - low + (low + high) * np.linspace(0.0, 1.0, GRID)
    # The density of the log odds y is proportional to t^a (1 - t)^b with t = 1 / (1 + e^-y).
    logs = -a * np.logaddexp(0.0, -y) - b * np.logaddexp(0.0, y)
    density = np.exp(logs - logs.max())
    below = np.concatenate([np.zeros(1), np.cumsum(density[1:] + density[:-1])])
    values: Array = np.interp((np.arange(DRAWS) + 0.5) / DRAWS * below[-1], below, y)
    return values


@lru_cache(4096)
def beta_draws(a: float, b: float, place: int) -> Draws:
    """The same in the order of an option at that place; kept, as only the option that learns changes its Beta."""
    import numpy as np

    drawn: Draws = beta_values(a, b)[shuffled(rows_for((place,)))[place]].astype(np.float32)
    return drawn


def shares(draws: Draws) -> list[float]:
    """In what part of the draws each option is highest, of equals the first. Shapes: ``draws`` (K, DRAWS)."""
    import numpy as np

    won: list[int] = np.add.reduce(draws == np.maximum.reduce(draws), axis=1, dtype=np.int16).tolist()
    if sum(won) > DRAWS:
        won = np.bincount(draws.argmax(axis=0), minlength=len(draws)).tolist()
    return [n / DRAWS for n in won]


class Thompson(Learner[Tally]):
    """Linear, with a regression for each option. ``score`` is the mean of what is drawn.

    An option never tried has its prior for a mean and sigma |x| / sqrt(lam) for a deviation, the largest there is.
    Probabilities are those of the module's text, each 1 - floor of its share of the draws and floor / K.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,): no context.
    Units: ``sigma`` in reward, the deviation of one reward from what is expected.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: arXiv:1209.3352; sigma .25 (the paper has a bound that grows with d and ln t), lam 1 and the floor of .02
    are our defaults.
    """

    terms = Terms(uses=frozenset({"query", "prior"}))

    def __init__(self, name: str = "thompson", *, sigma: float = 0.25, lam: float = 1.0, floor: float = 0.02) -> None:
        if not (0.0 <= sigma < math.inf and 0.0 < lam < math.inf):
            raise BadNumber(f"sigma={sigma!r}, lam={lam!r}.", remedy="Both must be finite, sigma >= 0 and lam > 0.")
        super().__init__(name, Tally(), floor)
        self.sigma, self.lam = float(sigma), float(lam)
        self._arms = Arms(self.lam)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        import numpy as np

        places, arms = eligible_of(question), self._arms
        x = arms.cast(vector(question.x or NO_CONTEXT, self._memory.d))
        options = [question.options[place] for place in places]
        span = arms.span(tuple([option.name for option in options]))
        means = arms.means(span, x) + np.array([option.prior for option in options])
        return matched(
            question,
            key,
            rng,
            policy=(self.name, self.version),
            scores=dict(zip(places, means.tolist(), strict=True)),
            chances=self._chances(places, means, span, x),
            floor=self.floor,
            pulls=self.pulls,
        )

    def _chances(self, places: Sequence[int], means: Floats, span: Span, x: Floats) -> dict[int, float]:
        """Only of those that can win a draw: their highest value against the least of the highest mean."""
        import numpy as np

        arms, best, largest = self._arms, int(means.argmax()), float(x.dot(x)) / self.lam
        if len(places) > FEW:
            least = float(means[best]) - REACH * self.sigma * math.sqrt(max(0.0, arms.square(span, best, x)))
            able = (means >= least - REACH * self.sigma * math.sqrt(largest)).nonzero()[0].tolist()
            places, means, span, best = [places[i] for i in able], means[able], span.of(able), able.index(best)
        widths = np.sqrt(np.maximum(arms.squares(span, x), 0.0)) * self.sigma
        can = means + REACH * widths >= means.item(best) - REACH * widths.item(best)
        if (n := int(np.count_nonzero(can))) == 1:
            return {places[best]: 1.0}
        if n < len(places):
            places, means, widths = [places[i] for i in can.nonzero()[0].tolist()], means[can], widths[can]
        table = normal_draws(rows_for(places))
        draws = (table[:n] if places[-1] < n else table[places]) * widths.astype(np.float32)[:, None]
        draws += means.astype(np.float32)[:, None]
        return dict(zip(places, shares(draws), strict=True))

    def _follow(self, changes: list[Change]) -> None:
        self._arms.follow(changes, self._memory)

    def _restart(self) -> None:
        self._arms.restart(self._memory)


class BetaThompson(Learner[Tally]):
    """Without the task: how often an option was right. ``score`` is the mean of its Beta.

    ``strength`` is how many rewards the prior counts as: with 2 and a prior of .5 the first Beta is uniform. A reward
    between 0 and 1 counts as so much of a success. Probabilities are those of the module's text.

    Raises: BadNumber for rewards outside [0, 1].
    Source: arXiv:1111.1797, which starts uniform; the prior, in hundredths within [.05, .95], and the floor of .02 are
    our defaults.
    """

    terms = Terms(uses=frozenset({"prior"}))

    def __init__(self, name: str = "thompson:beta", *, strength: float = 2.0, floor: float = 0.02) -> None:
        if not 0.0 < strength < math.inf:
            raise BadNumber(f"strength={strength!r}.", remedy="It must be finite and above 0.")
        super().__init__(name, Tally(_without_task), floor)
        self.strength = float(strength)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        import numpy as np

        places = eligible_of(question)
        pairs = [self.parameters(question.options[place].name, question.options[place].prior) for place in places]
        draws = np.array([beta_draws(a, b, place) for place, (a, b) in zip(places, pairs, strict=True)])
        return matched(
            question,
            key,
            rng,
            policy=(self.name, self.version),
            scores={place: a / (a + b) for place, (a, b) in zip(places, pairs, strict=True)},
            chances=dict(zip(places, shares(draws), strict=True)),
            floor=self.floor,
            pulls=self.pulls,
        )

    def parameters(self, option: str, prior: float) -> tuple[float, float]:
        """a and b of the option's Beta."""
        mean = round(min(MOST, max(LEAST, prior)), 2)
        sums = self._memory.totals.get(option)
        right, seen = (float(sums.b[0]), sums.pulls) if sums else (0.0, 0)
        # A correction that came before its reward, or rounding, must not leave the Beta's domain.
        return self.strength * mean + max(0.0, right), self.strength * (1.0 - mean) + max(0.0, seen - right)


def _without_task(decision: Decision, option: str) -> tuple[tuple[float, ...], float]:
    recorded(decision, option)
    return NO_CONTEXT, 0.0
