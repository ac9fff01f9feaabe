"""Disjoint LinUCB: one ridge regression for each option, and a bonus for what it has not seen.

Formula: theta_a = A_a^-1 b_a with A_a = lam I + sum x x' and b_a = sum (r - p) x; the score of an option is
p_a + theta_a.x + alpha sqrt(x' A_a^-1 x), where p is the option's prior at each decision.
Source: Li et al. 2010, arXiv:1003.0146, algorithm 1, where lam is 1 and p is 0. That the regression starts from the
prior and not from zero is ours: what a description tells is corrected by the first rewards and not forgotten.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Lesson
from orchestra.routing.floor import eligible_of, floor_of, optimistic, recorded
from orchestra.routing.sums import Sums, Tally, vector

if TYPE_CHECKING:
    from orchestra.routing.sums import Array

_by_bound = itemgetter(0, 1)
ROUNDING = 1e-9
# Arms that fit here are kept side by side; more would not stay in a core's cache. Our default.
BLOCK_BYTES = 2**21
BLOCKS_KEPT = 8
NO_CONTEXT = (1.0,)


class Arm:
    """What follows from one option's sums: the inverse, kept up to date, and the estimate.

    Shapes: ``inverse`` (d, d), ``theta`` (d,).
    """

    __slots__ = ("inverse", "sums", "theta")

    def __init__(self, sums: Sums, lam: float) -> None:
        import numpy as np

        self.sums = sums
        self.inverse = np.asarray(np.linalg.inv(sums.matrix() + lam * np.eye(sums.d)), dtype=np.float64)
        self.theta: Array = self.inverse @ sums.b

    def follow(self, x: Array, first: bool) -> None:
        """After the sums changed: Sherman-Morrison, the inverse of A + x x' from that of A."""
        if first:
            u = self.inverse @ x
            self.inverse -= u[:, None] * (u / (1.0 + float(x @ u)))
        self.theta = self.inverse @ self.sums.b


class Block:
    """The tried arms of one set of options in one piece: one product for all of them instead of one for each.

    Shapes: ``thetas`` (k, d), ``inverses`` (k, d, d); ``row`` says which is whose.
    """

    __slots__ = ("inverses", "row", "thetas")

    def __init__(self, arms: Mapping[str, Arm]) -> None:
        import numpy as np

        self.row = {name: i for i, name in enumerate(arms)}
        self.thetas: Array = np.array([arm.theta for arm in arms.values()])
        self.inverses: Array = np.array([arm.inverse for arm in arms.values()])

    def put(self, name: str, arm: Arm) -> None:
        """After the arm changed."""
        self.thetas[self.row[name]], self.inverses[self.row[name]] = arm.theta, arm.inverse

    def means(self, x: Array) -> list[float]:
        values: list[float] = self.thetas.dot(x).tolist()
        return values

    def squares(self, x: Array) -> list[float]:
        """x' A^-1 x for each arm."""
        k, d = self.thetas.shape
        values: list[float] = self.inverses.reshape(k * d, d).dot(x).reshape(k, d).dot(x).tolist()
        return values


class Loose:
    """The same arms one by one: where they are too many or too large to be copied."""

    __slots__ = ("arms", "row")

    def __init__(self, arms: Mapping[str, Arm]) -> None:
        self.arms = list(arms.values())
        self.row = {name: i for i, name in enumerate(arms)}

    def means(self, x: Array) -> list[float]:
        return [float(arm.theta.dot(x)) for arm in self.arms]


class LinUCB:
    """Learns for each option which contexts it serves well.

    An option never tried has its prior for a mean and the width alpha |x| / sqrt(lam), the largest there is. With
    ``centred`` false the published form is learned: the prior of an option counts until its first reward, then zero.
    The states of the two forms do not mix: give the second a name of its own.
    Only options whose upper bound (mean plus that width) can still win are evaluated; the ``score`` of the others stays
    None. Equal scores go to the option listed first. The best has probability 1 - floor + floor / K, every other
    eligible option floor / K. ``version`` is the number of rewards learned from.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,): no context.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: Li et al. 2010; alpha 1, lam 1 and the floor of .02 are our defaults.
    """

    learns = True

    def __init__(
        self, name: str = "linucb", *, alpha: float = 1.0, lam: float = 1.0, floor: float = 0.02, centred: bool = True
    ) -> None:
        if not (0.0 <= alpha < math.inf and 0.0 < lam < math.inf):
            raise BadNumber(f"alpha={alpha!r}, lam={lam!r}.", remedy="Both must be finite, alpha >= 0 and lam > 0.")
        self.name = name
        self.alpha, self.lam, self.floor = float(alpha), float(lam), floor_of(floor)
        self.centred = centred
        self.version = 0
        self._tally = Tally()
        self._arms: dict[str, Arm] = {}
        self._names_to_block: dict[tuple[str, ...], Block] = {}
        self._last: tuple[tuple[float, ...], Array | None] = (), None

    def pulls(self, option: str, /) -> int:
        return self._tally.pulls(option)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        x = self._vector(question.x or NO_CONTEXT)
        places = eligible_of(question)
        scores, best = self._scored(question.options, places, x)
        return optimistic(
            question,
            key,
            rng,
            policy=(self.name, self.version),
            scores=scores,
            best=best,
            floor=self.floor,
            pulls=self.pulls,
        )

    def _vector(self, context: tuple[float, ...]) -> Array:
        """A text that is asked about again comes with the very same context."""
        last, x = self._last
        if context is not last or x is None or self._tally.d not in (None, len(x)):
            x = vector(context, self._tally.d)
            self._last = context, x
        return x

    def _scored(self, options: Sequence[Option], places: Sequence[int], x: Array) -> tuple[dict[int, float], int]:
        """The scores of those that could win, and the place of the best."""
        names = tuple([options[place].name for place in places])
        held = self._names_to_block.get(names) or self._held(names, len(x))
        row, means = held.row, held.means(x)
        widest = self.alpha * math.sqrt(float(x.dot(x)) / self.lam)
        bounds = []
        for place, name in zip(places, names, strict=True):
            i = row.get(name)
            mean = options[place].prior if i is None or self.centred else 0.0
            bounds.append((-(mean if i is None else mean + means[i]) - widest, place, i))
        bounds.sort(key=_by_bound)
        scores: dict[int, float] = {}
        top, best, squares = -math.inf, places[0], None
        for negative, place, i in bounds:
            if -negative < top - ROUNDING:
                break
            score = -negative
            if i is not None:
                if isinstance(held, Loose):
                    square = float(held.arms[i].inverse.dot(x).dot(x))
                else:
                    squares = squares or held.squares(x)
                    square = squares[i]
                score += self.alpha * math.sqrt(max(0.0, square)) - widest
            scores[place] = score
            if score > top or (score == top and place < best):
                top, best = score, place
        return scores, best

    def _held(self, names: tuple[str, ...], d: int) -> Block | Loose:
        """The tried ones among the named arms, kept in one piece where they fit."""
        tried = {name: arm for name in names if (arm := self._arms.get(name)) is not None and arm.sums.pulls}
        if not tried or 8 * len(tried) * d * d > BLOCK_BYTES:
            return Loose(tried)
        if len(self._names_to_block) >= BLOCKS_KEPT:
            self._names_to_block.clear()
        block = self._names_to_block[names] = Block(tried)
        return block

    def _changed(self, option: str) -> None:
        for names, block in list(self._names_to_block.items()):
            if option in block.row:
                block.put(option, self._arms[option])
            elif option in names:
                del self._names_to_block[names]

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """All of the lessons or, where one is bad, none."""
        changes = self._tally.learn(lessons, self._read)
        self.version = self._tally.version
        for change in changes:
            if change.option in self._arms:
                self._arms[change.option].follow(change.x, change.first)
        # A new arm is built from sums that hold all of its lessons.
        for option in {change.option for change in changes} - self._arms.keys():
            self._arms[option] = Arm(self._tally.totals[option], self.lam)
        for option in {change.option for change in changes}:
            self._changed(option)

    def _read(self, decision: Decision, option: str) -> tuple[tuple[float, ...], float]:
        return decision.x or (1.0,), recorded(decision, option).prior if self.centred else 0.0

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
        self._arms = {option: Arm(sums, self.lam) for option, sums in self._tally.totals.items()}
        self._names_to_block = {}
