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
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Lesson
from orchestra.routing.floor import eligible_of, floor_of, matched, recorded
from orchestra.routing.sums import Tally, vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestra.routing.sums import Array, Sums

    Draws = NDArray[np.floating[Any]]

DRAWS = 512
# Above every value in the table of normal draws.
REACH = 3.2
GRID = 256
# Pulls are few where there are that many features to each of them; our default.
FEW = 4
NO_CONTEXT = (1.0,)
# A Beta so close to 0 or 1 that its density is not to be had on a grid; our default.
LEAST, MOST = 0.05, 0.95


@cache
def shuffled(columns: int) -> NDArray[np.int64]:
    """In which order the option at each place meets the values of its score. Shapes: (DRAWS, columns)."""
    import numpy as np

    orders = [list(range(DRAWS)) for _ in range(columns)]
    for place, order in enumerate(orders):
        random.Random(place).shuffle(order)
    return np.ascontiguousarray(np.array(orders).T)


@cache
def normal_draws(columns: int) -> Draws:
    """The middles of equally likely parts of the standard normal, shuffled. Shapes: (DRAWS, columns)."""
    import numpy as np

    values = np.array([NormalDist().inv_cdf((i + 0.5) / DRAWS) for i in range(DRAWS)], dtype=np.float32)
    drawn: Draws = values[shuffled(columns)]
    return drawn


def columns_for(places: Sequence[int]) -> int:
    """So many that few tables serve all questions."""
    return max(16, 1 << max(places).bit_length())


def beta_values(a: Sequence[float], b: Sequence[float]) -> Array:
    """The middles of equally likely parts of each Beta(a, b), as log odds, rising; by the trapezoid rule on a grid.

    Shapes: (K, DRAWS).
    """
    import numpy as np

    one, two = np.array(a)[:, None], np.array(b)[:, None]
    deviation = np.sqrt(1.0 / one + 1.0 / two)
    middle = np.log(one / two)
    low, high = np.maximum(8.0 * deviation, 12.0 / one), np.maximum(8.0 * deviation, 12.0 / two)
    y = middle - low + (low + high) * np.linspace(0.0, 1.0, GRID)
    # The density of the log odds y is proportional to t^a (1 - t)^b with t = 1 / (1 + e^-y).
    logs = -one * np.logaddexp(0.0, -y) - two * np.logaddexp(0.0, y)
    density = np.exp(logs - logs.max(axis=1, keepdims=True))
    below = np.cumsum(density[:, 1:] + density[:, :-1], axis=1)
    below = np.concatenate([np.zeros((len(below), 1)), below / below[:, -1:]], axis=1)
    parts = (np.arange(DRAWS) + 0.5) / DRAWS
    return np.array([np.interp(parts, under, values) for under, values in zip(below, y, strict=True)])


def shares(draws: Draws) -> list[float]:
    """In what part of the draws each option is highest. Shapes: ``draws`` (DRAWS, K)."""
    import numpy as np

    won: list[int] = np.bincount(draws.argmax(axis=1), minlength=draws.shape[1]).tolist()
    return [n / len(draws) for n in won]


class Posterior:
    """What follows from one option's sums. While it has few pulls, its contexts R stand for the inverse, as
    A^-1 = (I - R' (lam I + R R')^-1 R) / lam: so little is read for each decision.

    Shapes: ``theta`` (d,); either ``inverse`` (d, d), or ``rows`` (pulls, d) and ``core`` (pulls, pulls).
    """

    __slots__ = ("core", "inverse", "lam", "rows", "sums", "theta")

    def __init__(self, sums: Sums, lam: float) -> None:
        import numpy as np

        self.sums, self.lam = sums, lam
        self.rows: Array | None = None
        if sums.rows is not None and FEW * sums.pulls <= sums.d:
            self.rows = sums.stacked()
            self.core = np.asarray(np.linalg.inv(lam * np.eye(sums.pulls) + self.rows @ self.rows.T), dtype=np.float64)
        else:
            self.inverse = np.asarray(np.linalg.inv(sums.matrix() + lam * np.eye(sums.d)), dtype=np.float64)
        self.theta: Array = self._estimate()

    def _estimate(self) -> Array:
        b = self.sums.b
        if self.rows is None:
            return self.inverse @ b
        return (b - (self.core @ (self.rows @ b)) @ self.rows) / self.lam

    def square(self, x: Array) -> float:
        """x' A^-1 x."""
        if self.rows is None:
            return float(self.inverse.dot(x).dot(x))
        u = self.rows.dot(x)
        return (float(x.dot(x)) - float(self.core.dot(u).dot(u))) / self.lam

    def follow(self, x: Array, first: bool) -> None:
        """After the sums changed, where there is an inverse: by Sherman-Morrison."""
        if first:
            u = self.inverse @ x
            self.inverse -= u[:, None] * (u / (1.0 + float(x @ u)))
        self.theta = self._estimate()


class Thompson:
    """Linear, with a regression for each option. ``score`` is the mean of what is drawn.

    An option never tried has its prior for a mean and sigma |x| / sqrt(lam) for a deviation, the largest there is.
    Probabilities are those of the module's text, each 1 - floor of its share of the draws and floor / K.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,): no context.
    Units: ``sigma`` in reward, the deviation of one reward from what is expected.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: arXiv:1209.3352; sigma .25 (the paper has a bound that grows with d and ln t), lam 1 and the floor of .02
    are our defaults.
    """

    learns = True

    def __init__(self, name: str = "thompson", *, sigma: float = 0.25, lam: float = 1.0, floor: float = 0.02) -> None:
        if not (0.0 <= sigma < math.inf and 0.0 < lam < math.inf):
            raise BadNumber(f"sigma={sigma!r}, lam={lam!r}.", remedy="Both must be finite, sigma >= 0 and lam > 0.")
        self.name = name
        self.sigma, self.lam, self.floor = float(sigma), float(lam), floor_of(floor)
        self.version = 0
        self._tally = Tally()
        self._option_to_posterior: dict[str, Posterior] = {}

    def pulls(self, option: str, /) -> int:
        return self._tally.pulls(option)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        x = vector(question.x or NO_CONTEXT, self._tally.d)
        square = float(x.dot(x)) / self.lam
        means: dict[int, float] = {}
        tried: dict[int, Posterior] = {}
        for place in places:
            name, means[place] = question.options[place].name, question.options[place].prior
            posterior = self._option_to_posterior.get(name)
            if posterior is not None and posterior.sums.pulls:
                tried[place] = posterior
                means[place] += float(posterior.theta.dot(x))
        return matched(
            question,
            key,
            rng,
            policy=(self.name, self.version),
            scores=means,
            chances=self._chances(means, tried, x, square),
            floor=self.floor,
            pulls=self.pulls,
        )

    def _chances(
        self, means: Mapping[int, float], tried: Mapping[int, Posterior], x: Array, square: float
    ) -> dict[int, float]:
        """Only of those that can win a draw: the widest there is against the least of the highest mean."""
        import numpy as np

        def width(place: int) -> float:
            own = tried[place].square(x) if place in tried else square
            return self.sigma * math.sqrt(max(0.0, own))

        best = max(means, key=means.__getitem__)
        least, widest = means[best] - REACH * width(best), self.sigma * math.sqrt(square)
        able = [place for place, mean in means.items() if mean + REACH * widest >= least]
        draws = normal_draws(columns_for(able))[:, able]
        draws *= np.array([width(place) for place in able], dtype=np.float32)
        draws += np.array([means[place] for place in able], dtype=np.float32)
        return dict(zip(able, shares(draws), strict=True))

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """All of the lessons or, where one is bad, none."""
        changes = self._tally.learn(lessons, _with_prior)
        self.version = self._tally.version
        held = self._option_to_posterior
        for change in changes:
            if change.option in held and held[change.option].rows is None:
                held[change.option].follow(change.x, change.first)
            elif change.option in held:
                del held[change.option]
        for option in {change.option for change in changes} - held.keys():
            held[option] = Posterior(self._tally.totals[option], self.lam)

    def state(self) -> dict[str, Any]:
        """Everything learned, option by option, as JSON values."""
        return self._tally.state()

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call; a store adds it with ``sums.add_plain``."""
        return self._tally.delta()

    def load(self, state: Mapping[str, Any], /) -> None:
        """Takes this state and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        self._tally.load(state)
        self.version = self._tally.version
        totals = self._tally.totals
        self._option_to_posterior = {option: Posterior(sums, self.lam) for option, sums in totals.items()}


def _with_prior(decision: Decision, option: str) -> tuple[tuple[float, ...], float]:
    return decision.x or NO_CONTEXT, recorded(decision, option).prior


class BetaThompson:
    """Without the task: how often an option was right. ``score`` is the mean of its Beta.

    ``strength`` is how many rewards the prior counts as: with 2 and a prior of .5 the first Beta is uniform. A reward
    between 0 and 1 counts as so much of a success. Probabilities are those of the module's text.

    Raises: BadNumber for rewards outside [0, 1].
    Source: arXiv:1111.1797, which starts uniform; the prior, kept within [.05, .95], and the floor of .02 are our
    defaults.
    """

    learns = True

    def __init__(self, name: str = "thompson:beta", *, strength: float = 2.0, floor: float = 0.02) -> None:
        if not 0.0 < strength < math.inf:
            raise BadNumber(f"strength={strength!r}.", remedy="It must be finite and above 0.")
        self.name = name
        self.strength, self.floor = float(strength), floor_of(floor)
        self.version = 0
        self._tally = Tally()

    def pulls(self, option: str, /) -> int:
        return self._tally.pulls(option)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        import numpy as np

        places = eligible_of(question)
        pairs = [self.parameters(question.options[place].name, question.options[place].prior) for place in places]
        values = beta_values(*zip(*pairs, strict=True))
        draws = np.take_along_axis(values.T, shuffled(columns_for(places))[:, places], axis=0)
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
        mean = min(MOST, max(LEAST, prior))
        sums = self._tally.totals.get(option)
        right, seen = (float(sums.b[0]), sums.pulls) if sums else (0.0, 0)
        # A correction that came before its reward, or rounding, must not leave the Beta's domain.
        return self.strength * mean + max(0.0, right), self.strength * (1.0 - mean) + max(0.0, seen - right)

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """All of the lessons or, where one is bad, none."""
        self._tally.learn(lessons, _without_task)
        self.version = self._tally.version

    def state(self) -> dict[str, Any]:
        """Everything learned, option by option, as JSON values."""
        return self._tally.state()

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call; a store adds it with ``sums.add_plain``."""
        return self._tally.delta()

    def load(self, state: Mapping[str, Any], /) -> None:
        """As the linear form's."""
        self._tally.load(state)
        self.version = self._tally.version


def _without_task(decision: Decision, option: str) -> tuple[tuple[float, ...], float]:
    recorded(decision, option)
    return NO_CONTEXT, 0.0
