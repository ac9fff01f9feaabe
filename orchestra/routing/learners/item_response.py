"""Item response theory: how hard a task is, how well it tells the able from the others, how able each option is.

Formula: p = 1 / (1 + e^(-a (theta - b))), a = ln(1 + e^(w_a.x + ln(e - 1))), b = w_b.x; w_a, w_b and every theta are
least in the cross-entropy + lam/2 (|w_a|^2 + |w_b|^2) + |theta|^2 / 2, found by L-BFGS (Nocedal 1980).
Source: RADAR, arXiv:2509.25426, whose a = w_a.x may turn negative: then the abler one fails more often. The softplus
keeps a > 0, and a = 1 where nothing is known; it and the two penalties (normal priors) are ours.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Places = NDArray[np.intp]

VERSION = 1
# softplus of it is 1.
SHIFT = math.log(math.e - 1.0)
STEPS, PAIRS, CLOSE, TINY = 300, 10, 1e-9, 1e-10
NEWTON_STEPS, NEWTON_CLOSE = 50, 1e-10


class Ability(NamedTuple):
    """One number for how able an option is, and its standard error. Units: 1 is the spread of the prior."""

    theta: float = 0.0
    error: float = 1.0


class Observed(NamedTuple):
    """Outcomes, one an entry. Shapes: ``x`` (n, d), the items; ``item``, ``option`` (m,) their places; ``outcome`` (m,)
    in [0, 1].
    """

    x: Array
    item: Places
    option: Places
    outcome: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemModel:
    """What makes an item hard and telling, and the abilities that are known. Shapes: ``w_a``, ``w_b`` (d,)."""

    w_a: Array
    w_b: Array
    abilities: Mapping[str, Ability] = field(default_factory=dict[str, Ability])

    def discrimination(self, x: Array) -> Array:
        """a > 0. Shapes: (n, d) to (n,), or (d,) to ()."""
        import numpy as np

        return np.asarray(np.logaddexp(0.0, x @ self.w_a + SHIFT))

    def difficulty(self, x: Array) -> Array:
        """b, on the scale of the abilities. Shapes: (n, d) to (n,), or (d,) to ()."""
        return x @ self.w_b

    def with_ability(self, option: str, known: Ability) -> ItemModel:
        """The same with one more option, or with what is known now of one."""
        return replace(self, abilities={**self.abilities, option: known})

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        abilities = {name: list(ability) for name, ability in self.abilities.items()}
        return {"version": VERSION, "w_a": self.w_a.tolist(), "w_b": self.w_b.tolist(), "abilities": abilities}


def from_plain(data: Mapping[str, Any]) -> ItemModel:
    """Raises JournalVersion for another format, BadNumber for damaged or non-finite values."""
    import numpy as np

    if data.get("version") != VERSION:
        raise JournalVersion(
            f"An item model of format {data.get('version')!r} was found; this is format {VERSION}.",
            remedy="Fit it again.",
        )
    try:
        w_a, w_b = (np.array(data[name], dtype=np.float64) for name in ("w_a", "w_b"))
        abilities = {str(name): Ability(float(t), float(e)) for name, (t, e) in data["abilities"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadNumber(f"The item model is damaged: {error!r}.", remedy="Fit it again.") from None
    numbers = [*w_a.ravel(), *w_b.ravel(), *(part for ability in abilities.values() for part in ability)]
    if w_a.ndim != 1 or w_a.shape != w_b.shape or not np.isfinite(numbers).all():
        raise BadNumber("The item model is damaged: not two finite rows of one length.", remedy="Fit it again.")
    if any(ability.error <= 0.0 for ability in abilities.values()):
        raise BadNumber("The item model is damaged: an ability's error is not above 0.", remedy="Fit it again.")
    return ItemModel(w_a=w_a, w_b=w_b, abilities=abilities)


def observed(x: Array, outcomes: Array) -> Observed:
    """The outcomes of a table. Shapes: (n, d) and (n, k), NaN where an outcome is missing. Raises BadDefinition,
    BadNumber.
    """
    import numpy as np

    if x.ndim != 2 or outcomes.ndim != 2 or len(x) != len(outcomes):
        raise BadDefinition(
            f"Features {x.shape} and outcomes {outcomes.shape} do not fit: (n, d) and (n, k).",
            remedy="Give one row of each for every item.",
        )
    item, option = np.nonzero(~np.isnan(outcomes))
    outcome = outcomes[item, option]
    if not np.isfinite(x).all() or ((outcome < 0.0) | (outcome > 1.0)).any():
        raise BadNumber("Features must be finite and outcomes in [0, 1].", remedy="NaN is a missing outcome.")
    return Observed(np.asarray(x, dtype=np.float64), item, option, outcome)


def fitted(seen: Observed, options: Sequence[str], lam: float = 1.0) -> ItemModel:
    """The items' weights and the options' abilities, all at once; it starts from a = 1, b = 0, theta = 0.

    The scale of the abilities is set by their prior, a standard normal.
    """
    import numpy as np

    d, k = seen.x.shape[1], len(options)

    def loss(point: Array) -> tuple[float, Array]:
        w_a, w_b, theta = point[:d], point[d : 2 * d], point[2 * d :]
        raw = seen.x @ w_a + SHIFT
        a, b = np.logaddexp(0.0, raw)[seen.item], (seen.x @ w_b)[seen.item]
        above = theta[seen.option] - b
        z = a * above
        off = _logistic(z) - seen.outcome
        by_item = np.bincount(seen.item, off * above, len(seen.x)) * _logistic(raw)
        by_b = -np.bincount(seen.item, off * a, len(seen.x))
        slope = np.concatenate([by_item @ seen.x, by_b @ seen.x, np.bincount(seen.option, off * a, k)])
        value = np.logaddexp(0.0, z).sum() - seen.outcome @ z
        weight = np.concatenate([np.full(2 * d, lam), np.ones(k)])
        return float(value + 0.5 * (weight * point) @ point), slope + weight * point

    point = least(loss, np.zeros(2 * d + k))
    model = ItemModel(w_a=point[:d], w_b=point[d : 2 * d])
    a, b = model.discrimination(seen.x)[seen.item], model.difficulty(seen.x)[seen.item]
    theta = point[2 * d :]
    p = _logistic(a * (theta[seen.option] - b))
    errors = 1.0 / np.sqrt(1.0 + np.bincount(seen.option, a * a * p * (1.0 - p), k))
    abilities = {name: Ability(float(t), float(e)) for name, t, e in zip(options, theta, errors, strict=True)}
    return replace(model, abilities=abilities)


def ability(a: Array, b: Array, outcomes: Array, prior: Ability = Ability()) -> Ability:  # noqa: B008
    """The most probable ability after these outcomes, by Newton's method, and its standard error.

    Formula: theta most probable under prior.theta, prior.error; error = (1 / prior.error^2 + sum a^2 p (1 - p))^-1/2.
    Shapes: (n,) each.
    """
    weight = 1.0 / prior.error**2
    theta, curve = prior.theta, weight
    for _ in range(NEWTON_STEPS):
        p = _logistic(a * (theta - b))
        slope = float(a @ (p - outcomes)) + weight * (theta - prior.theta)
        curve = float((a * a) @ (p * (1.0 - p))) + weight
        step = max(-1.0, min(1.0, slope / curve))
        theta -= step
        if abs(step) < NEWTON_CLOSE:
            break
    return Ability(theta, curve**-0.5)


def information(a: Array, b: Array, theta: float) -> Array:
    """How much each item would tell of an ability near this one: Fisher's a^2 p (1 - p)."""
    p = _logistic(a * (theta - b))
    return a * a * p * (1.0 - p)


def least(f: Callable[[Array], tuple[float, Array]], start: Array) -> Array:
    """A minimum of a function that gives its value and its slope, by L-BFGS with halved steps."""
    x, (now, slope) = start, f(start)
    pairs: deque[tuple[Array, Array, float]] = deque(maxlen=PAIRS)
    for _ in range(STEPS):
        way = _way(slope, pairs)
        fall = float(slope @ way)
        if -fall < CLOSE:
            break
        size = 1.0 if pairs else min(1.0, 1.0 / float(slope @ slope) ** 0.5)
        after, new = f(x + size * way)
        while not after <= now + 1e-4 * size * fall and size > TINY:
            size /= 2.0
            after, new = f(x + size * way)
        if not after < now:
            break
        moved, turned = size * way, new - slope
        bend = float(moved @ turned)
        if bend > TINY:
            pairs.append((moved, turned, bend))
        x, now, slope = x + moved, after, new
    return x


def _way(slope: Array, pairs: Sequence[tuple[Array, Array, float]]) -> Array:
    """The two loops: minus the slope, times the inverse curvature that the last steps have shown."""
    way, parts = -slope, []
    for moved, turned, bend in reversed(pairs):
        part = float(moved @ way) / bend
        parts.append(part)
        way = way - part * turned
    if pairs:
        _, turned, bend = pairs[-1]
        way = way * (bend / float(turned @ turned))
    for (moved, turned, bend), part in zip(pairs, reversed(parts), strict=True):
        way = way + (part - float(turned @ way) / bend) * moved
    return way


def _logistic(z: Array) -> Array:
    import numpy as np

    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * z))
