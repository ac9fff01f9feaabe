"""What each user thinks quality is worth: one weight for each, learned from what the user picked.

Formula: argmax p s_a - (1 - p) C_a, where s are a router's scores, C_a is the option's expected cost over the highest
among those that may be chosen, and p in [0, 1] is the user's. From choices: P(pick a) = softmax(u e_a - v C_a), e_a
what the option was worth; u, v >= 0 are least in the cross-entropy + ((u - 1)^2 + (v - 1)^2) / 2; p = u / (u + v).
Source: the reward p effect - (1 - p) cost of PersonalizedRouter, arXiv:2511.16883, whose estimate is a graph network.
The choice model is the conditional logit (McFadden 1974); its two weights, and their start at 1, which is p = .5, are
ours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.router import Router
from orchestra.routing.compositions.composed import Composition
from orchestra.routing.compositions.flags import Rates, under
from orchestra.routing.floor import floor_of
from orchestra.routing.rules.reads import joined
from orchestra.routing.rules.signals import Sight
from orchestra.routing.terms import terms_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SIGNAL = "preference"
"""The name under which a user's p stands in the question and the record; who the user is stands in neither."""
STEPS, CLOSE, START = 100, 1e-10, 1.0
USUAL_NAME = "preferences"


class Choice(NamedTuple):
    """What a user was offered and took. ``options`` are (effect, cost), both in [0, 1]: the reward, and the cost as a
    share of the dearest on offer. ``picked`` is the place of the one taken.
    """

    options: tuple[tuple[float, float], ...]
    picked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserWeight:
    """A signal: the weight of the user whom the metadata names under ``field``, ``p`` for any other."""

    name: str
    users: Mapping[str, float]
    p: float
    field: str

    def read(self, sight: Sight, /) -> float:
        return self.users.get(str(sight.metadata.get(self.field, "")), self.p)


class Preferences(Composition):
    """Any router that scores the options, under the weight of the user who asks.

    The user is named by the input's metadata, ``{"text": ..., "metadata": {"user": "ann"}}``, under ``field``;
    ``users`` are their weights, and any other has ``p``. The highest p s - (1 - p) C has probability 1 - floor +
    floor / K, every other floor / K. The router learns every reward; the weights come from ``preference`` and stay.
    For a single run the same is ``weights={"quality": p, "cost": 1 - p}`` with the router itself. The record has the
    weight as the signal ``preference``; under another ``name``, as ``preference of NAME``.

    Raises: BadNumber for a weight outside [0, 1]; BadDefinition where the router gives no scores.
    Source: PersonalizedRouter, see above; p .5 and the floor of .02 are our defaults.
    """

    def __init__(
        self,
        router: str | Router = "linucb",
        *,
        users: Mapping[str, float] | None = None,
        p: float = 0.5,
        field: str = "user",
        floor: float = 0.02,
        name: str = USUAL_NAME,
    ) -> None:
        self.users = {user: _weight(value, f"users[{user!r}]") for user, value in (users or {}).items()}
        self.p, self.field, self.floor = _weight(p, "p"), field, floor_of(floor)
        super().__init__(name, (router,), uses=frozenset({"cost"}))
        self.router = self.parts[0]
        self.signal = SIGNAL if name == USUAL_NAME else f"{SIGNAL} of {name}"
        weight = UserWeight(name=self.signal, users=self.users, p=self.p, field=field)
        self.signals = joined(name, (weight,), self.parts)
        if not terms_of(self.router).scores:
            raise self._unscored()

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        p = dict(question.signals).get(self.signal, self.p)
        rates, policy = Rates(cost=1.0 - p, quality=p), (self.name, self.version)
        made = under(rates, self.router, question, key, rng, policy=policy, floor=self.floor)
        if made is None:
            raise self._unscored()
        return made

    def _unscored(self) -> BadDefinition:
        return BadDefinition(
            f"{self.router.name!r} gives no scores, so a user's preference has nothing to weigh.",
            remedy="Take a router that scores the options, such as 'linucb'.",
        )


def preference(choices: Sequence[Choice]) -> float:
    """The user's p; .5 without choices, and where what was picked tells nothing.

    What a user never does (to take the dearer for its quality, or the cheaper for its price) drives p to 0 or 1.
    Raises: BadDefinition for a pick that was not on offer, BadNumber for numbers outside [0, 1].
    """
    import numpy as np

    tables: list[Array] = []
    for options, picked in choices:
        if isinstance(picked, bool) or not 0 <= picked < len(options):
            raise BadDefinition(
                f"Option {picked!r} was picked of {len(options)}.", remedy="Give the place of one of them, from 0."
            )
        for effect, cost in options:
            _weight(effect, "effect")
            _weight(cost, "cost")
        offered = np.array([(effect, -cost) for effect, cost in options])
        tables.append(offered - offered[picked])
    u, v = _least(tables)
    return u / (u + v) if u + v > 0.0 else 0.5


def _least(tables: Sequence[Array]) -> tuple[float, float]:
    """The two weights, neither below 0. Where the free optimum is, the best on an edge is the best of all: the
    objective is convex.
    """
    import numpy as np

    inside = _newton(tables, [0, 1])
    if inside.min() >= 0.0:
        return float(inside[0]), float(inside[1])
    edges = [np.maximum(0.0, _newton(tables, [place])) for place in (0, 1)]
    u, v = min(edges, key=lambda w: _objective(tables, w))
    return float(u), float(v)


def _objective(tables: Sequence[Array], w: Array) -> float:
    import numpy as np

    lost = math.fsum(float(np.logaddexp.reduce(table @ w)) for table in tables)
    return lost + float(((w - START) ** 2).sum()) / 2.0


def _newton(tables: Sequence[Array], free: list[int]) -> Array:
    """The least objective where all but the ``free`` weights are 0, by Newton's method with halved steps."""
    import numpy as np

    w = np.zeros(2)
    w[free] = START
    value = _objective(tables, w)
    for _ in range(STEPS):
        gradient, hessian = w - START, np.eye(2)
        for table in tables:
            z = table @ w
            p = np.exp(z - np.logaddexp.reduce(z))
            mean = p @ table
            gradient = gradient + mean
            hessian = hessian + (table * p[:, None]).T @ table - np.outer(mean, mean)
        step = np.zeros(2)
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        while (after := _objective(tables, w - step)) > value and np.abs(step).max() > CLOSE:
            step = step / 2.0
        w, value = w - step, min(value, after)
        if np.abs(step).max() <= CLOSE:
            break
    return w


def _weight(value: float, what: str) -> float:
    if isinstance(value, bool) or not 0.0 <= value <= 1.0:
        raise BadNumber(f"{what}={value!r} lies outside [0, 1].", remedy="Scale it to [0, 1].")
    return float(value)
