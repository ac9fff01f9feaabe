"""First the category, then its expert: which experts a total budget affords is solved exactly, offline.

Formula: p(c | x) = softmax(sharpness cos(x, m_c)), m_c the mean direction of category c's tasks; the experts are the
set S, with the general one in it and sizes that sum to at most the budget, that makes sum_c n_c max_{e in S} v_ce
greatest, n_c the tasks of category c and v_ce the mean reward of expert e on them; c goes to the expert that has this
maximum. Where the entropy of p, over its greatest possible value ln C, is above ``entropy``, the general one answers.
Source: Composition of Experts, arXiv:2412.01868, whose mapping is a mixed-integer programme and whose classifier is
trained on half-labelled data. Its classifier, constants and code were not found: nearest means, the sharpness that
makes the labels likeliest, and the threshold are our defaults: on two recorded sets .5 was at most
.001 worse than .9 and 1.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.ports.router import Terms
from orchestra.routing.floor import decision, drawn, eligible_of, floor_of
from orchestra.routing.learners.simple import Stateless
from orchestra.routing.state.sums import NO_CONTEXT, direction, vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

VERSION = 1
SHARPNESSES = tuple(2.0**n for n in range(8))
ROUNDING = 1e-12


class Mapped(NamedTuple):
    """The experts that are kept, by place, the one of each category, and what that is worth in all."""

    kept: tuple[int, ...]
    experts: tuple[int, ...]
    value: float


def mapped(
    values: Sequence[Sequence[float]], sizes: Sequence[float], budget: float, always: Sequence[int] = ()
) -> Mapped:
    """The best set of experts that the budget affords, ``always`` among them, by branch and bound: exact.

    Of equally good sets it takes the smallest in total size. Of equally good experts a category has the first. It takes
    2^E steps at worst; a bound (what would be gained if all that is still affordable by itself came too) cuts most.

    Shapes: ``values`` (C, E), the worth of each expert for each category; ``sizes`` (E,), 0 or more, in any one unit.
    Raises: BadDefinition where not even one expert, or not all of ``always``, fit into the budget; BadNumber.
    """
    import numpy as np

    table, size = np.asarray(values, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if table.ndim != 2 or not table.size or size.shape != table.shape[1:]:
        raise BadDefinition(
            f"Values {table.shape} and sizes {size.shape} do not fit: (C, E) and (E,), neither empty.",
            remedy="Give one size for each column.",
        )
    if not (np.isfinite(table).all() and np.isfinite(size).all() and (size >= 0.0).all()) or math.isnan(budget):
        raise BadNumber(
            "A value, a size or the budget is not finite, or a size is below 0.",
            remedy="Give finite numbers, sizes from 0.",
        )
    first = tuple(sorted(set(always)))
    limit = budget * (1.0 + ROUNDING)
    if math.fsum(size[list(first)]) > limit or size.min() > limit:
        raise BadDefinition(
            f"A budget of {budget:g} affords none of the experts, or not the general one.",
            remedy="Raise the budget, or offer a smaller expert.",
        )
    kept = _search(table, size, limit, first)
    experts = tuple(kept[int(place)] for place in table[:, list(kept)].argmax(axis=1))
    return Mapped(kept, experts, math.fsum(table[:, list(kept)].max(axis=1)))


def _search(table: Array, size: Array, limit: float, first: tuple[int, ...]) -> tuple[int, ...]:
    """Depth first, the experts that add most first. Each step takes one more, or leaves it out."""
    import numpy as np

    order = [int(e) for e in np.argsort(-table.sum(axis=0), kind="stable") if e not in first]
    best: tuple[float, float] | None = None
    best_set = first
    waiting = [(0, first)]
    while waiting:
        at, kept = waiting.pop()
        used = math.fsum(size[list(kept)])
        if kept:
            worth = (math.fsum(table[:, list(kept)].max(axis=1)), -used)
            if best is None or _better(worth, best):
                best, best_set = worth, kept
        still = [e for e in order[at:] if used + size[e] <= limit]
        if not still:
            continue
        bound = math.fsum(table[:, [*kept, *still]].max(axis=1))
        if best is not None and bound < best[0] - ROUNDING:
            continue
        after = order.index(still[0]) + 1
        waiting += [(after, kept), (after, (*kept, still[0]))]
    return tuple(sorted(best_set))


def _better(one: tuple[float, float], two: tuple[float, float]) -> bool:
    """More worth or, where that differs by rounding alone, less size."""
    return one[0] > two[0] + ROUNDING or (one[0] >= two[0] - ROUNDING and one[1] > two[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """What was fitted. Shapes: ``centres`` (C, d), each of length 1 or 0, the constant's column 0."""

    categories: tuple[str, ...]
    centres: tuple[tuple[float, ...], ...]
    sharpness: float
    experts: tuple[str, ...]
    general: str

    def chances(self, x: Array) -> list[float]:
        """p(c | x), in the order of the categories. Shapes: (d,) to (C,)."""
        import numpy as np

        z = self.sharpness * (np.array(self.centres) @ direction(x))
        odds = np.exp(z - z.max())
        return [float(p) for p in odds / odds.sum()]

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "version": VERSION,
            "categories": list(self.categories),
            "centres": [list(row) for row in self.centres],
            "sharpness": self.sharpness,
            "experts": list(self.experts),
            "general": self.general,
        }


def experts_from_plain(data: Mapping[str, Any]) -> Experts:
    """Raises JournalVersion for another format, BadNumber for what is damaged or not finite."""
    if data.get("version") != VERSION:
        raise JournalVersion(
            f"Experts of format {data.get('version')!r} were found; this is format {VERSION}.", remedy="Fit them again."
        )
    try:
        made = Experts(
            categories=tuple(str(name) for name in data["categories"]),
            centres=tuple(tuple(float(value) for value in row) for row in data["centres"]),
            sharpness=float(data["sharpness"]),
            experts=tuple(str(name) for name in data["experts"]),
            general=str(data["general"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadNumber(f"The experts are damaged: {error!r}.", remedy="Fit them again.") from None
    lengths = {len(row) for row in made.centres}
    finite = all(map(math.isfinite, [made.sharpness, *(value for row in made.centres for value in row)]))
    if len(lengths) != 1 or not finite or not len(made.categories) == len(made.centres) == len(made.experts):
        raise BadNumber("The experts are damaged: rows do not fit or are not finite.", remedy="Fit them again.")
    return made


def fitted(
    x: Sequence[Sequence[float]],
    categories: Sequence[str],
    rewards: Sequence[Sequence[float]],
    options: Sequence[str],
    *,
    sizes: Sequence[float],
    budget: float,
    general: str | None = None,
) -> Experts:
    """The categories' means and the experts that the budget affords, from outcomes of every option.

    ``general`` is by default the affordable option with the highest mean reward over all rows. Where an option has no
    reward in a category, its mean over all rows stands there.

    Shapes: ``x`` (n, d), the first column the constant; ``categories`` n labels, empty where one is not known: such a
    row counts for ``general`` only; ``rewards`` (n, K) in [0, 1], NaN where one is missing; ``sizes`` (K,).
    Raises: BadDefinition for shapes and names that do not fit, and as ``mapped``; BadNumber.
    """
    import numpy as np

    rows, table = np.asarray(x, dtype=np.float64), np.asarray(rewards, dtype=np.float64)
    labels, named = np.array(list(categories)), sorted({name for name in categories if name})
    fits = rows.ndim == 2 and table.shape == (len(rows), len(options)) and len(labels) == len(rows)
    if not fits or not named or len(sizes) != len(options) or (general is not None and general not in options):
        raise BadDefinition(
            f"Features {rows.shape}, {len(labels)} labels, rewards {table.shape}, {len(options)} options, "
            f"{len(sizes)} sizes and general={general!r} do not fit, or no row has a label.",
            remedy="Give a row of x, a label and a row of rewards for each task, and a size for each option.",
        )
    if not np.isfinite(rows).all() or ((table < 0.0) | (table > 1.0)).any() or np.isnan(table).all(axis=0).any():
        raise BadNumber(
            "Features must be finite, rewards in [0, 1], and every option needs one.", remedy="NaN is a missing reward."
        )
    overall = np.nanmean(table, axis=0)
    places = [place for place, size in enumerate(sizes) if size <= budget] or [0]
    top = max(places, key=lambda place: overall[place]) if general is None else list(options).index(general)
    own = [labels == name for name in named]
    known = [~np.isnan(table[mask]) for mask in own]
    means = [
        np.where(there.any(axis=0), np.nansum(table[mask], axis=0) / np.maximum(1, there.sum(axis=0)), overall)
        for mask, there in zip(own, known, strict=True)
    ]
    counts = np.array([mask.sum() for mask in own], dtype=np.float64)
    found = mapped((np.array(means) * counts[:, None]).tolist(), sizes, budget, (top,))
    directions = np.array([direction(row) for row in rows])
    centres = np.array([direction(directions[mask].sum(axis=0)) for mask in own])
    place_of = {name: place for place, name in enumerate(named)}
    right = np.array([place_of.get(name, -1) for name in labels.tolist()])
    near = (directions @ centres.T)[right >= 0]
    return Experts(
        categories=tuple(named),
        centres=tuple(tuple(row) for row in centres.tolist()),
        sharpness=_sharpness(near, right[right >= 0]),
        experts=tuple(options[place] for place in found.experts),
        general=options[top],
    )


def _sharpness(near: Array, right: NDArray[np.intp]) -> float:
    """That of 1, 2, 4, ... 128 under which the labels are likeliest. Shapes: (n, C), (n,)."""
    import numpy as np

    def likelihood(sharpness: float) -> float:
        z = sharpness * near
        top = z.max(axis=1)
        return float((z[np.arange(len(z)), right] - top - np.log(np.exp(z - top[:, None]).sum(axis=1))).sum())

    return max(SHARPNESSES, key=likelihood)


class TwoStep(Stateless):
    """Decides by what was fitted beforehand, and learns nothing while serving.

    ``experts`` are those of ``fitted``, also as plain data. The score of an option is how likely the category is one of
    its own; where the category is not clear, 1 for the general expert and 0 for the others. Where the expert may not be
    chosen the general one is, and where that may not either, or nothing was fitted, the highest prior. The choice has
    probability 1 - floor + floor / K, every other option floor / K. Fitted it needs no feedback; without ``experts`` it
    declares that it needs what every option did, so no team takes it.

    Shapes: ``Decide.x`` (d,), the d it was fitted on. Units: ``entropy`` in [0, 1], as a share of ln C.
    Raises: BadDefinition for contexts of another dimension; BadNumber, JournalVersion for damaged data.
    Source: Composition of Experts, see above; entropy .5 and the floor of .02 are our defaults.
    """

    terms = Terms(uses=frozenset({"query", "prior"}), feedback="full", training=True)

    def __init__(
        self,
        experts: Experts | Mapping[str, Any] | None = None,
        *,
        entropy: float = 0.5,
        floor: float = 0.02,
        name: str = "two-step",
    ) -> None:
        if not 0.0 <= entropy <= 1.0:
            raise BadNumber(f"entropy={entropy!r} is no share.", remedy="Give a number from 0 to 1; .5 is the default.")
        self.experts = experts_from_plain(experts) if isinstance(experts, Mapping) else experts
        if self.experts is not None:
            self.terms = self.terms._replace(feedback="none")
        self.entropy, self.floor, self.name = float(entropy), floor_of(floor), name

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        wanted, shares, why = self._wanted(question)
        names = {question.options[place].name: place for place in reversed(places)}
        scores = {place: shares.get(question.options[place].name, 0.0) for place in places}
        best = next((names[name] for name in wanted if name in names), None)
        if best is None:
            best, why = max(places, key=lambda place: question.options[place].prior), f"{why}; the highest prior"
        elif question.options[best].name != wanted[0]:
            why = f"{why}; {wanted[0]} may not be chosen, so the general expert"
        place, by_floor = drawn(places, best, self.floor, rng)
        reason = ("drawn by the probability floor" if by_floor else why, by_floor)
        policy = (self.name, self.version)
        return decision(question, key, place, policy=policy, best=best, floor=self.floor, scores=scores, reason=reason)

    def _wanted(self, question: Decide) -> tuple[tuple[str, ...], dict[str, float], str]:
        """Whom it wants, in turn; the scores by name; and why."""
        fit = self.experts
        if fit is None:
            return (), {}, "nothing was fitted"
        chances = fit.chances(vector(question.x or NO_CONTEXT, len(fit.centres[0])))
        doubt = entropy_of(chances)
        if doubt > self.entropy:
            why = f"the category is not clear: entropy {doubt:.2f} above {self.entropy:g}; the general expert"
            return (fit.general,), {fit.general: 1.0}, why
        shares: dict[str, float] = {}
        for expert, p in zip(fit.experts, chances, strict=True):
            shares[expert] = shares.get(expert, 0.0) + p
        top = max(range(len(chances)), key=chances.__getitem__)
        why = f"{fit.experts[top]} is the expert for {fit.categories[top]} ({chances[top]:.2f})"
        return (fit.experts[top], fit.general), shares, why


def entropy_of(chances: Sequence[float]) -> float:
    """-sum p ln p over ln C: 0 where all is clear, also with one category, 1 where all are equally likely."""
    if len(chances) < 2:
        return 0.0
    nats = -math.fsum(p * math.log(p) for p in chances if p > 0.0)
    return min(1.0, max(0.0, nats / math.log(len(chances))))
