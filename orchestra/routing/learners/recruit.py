"""Recruiting by skill: every option has a profile over keywords, and those that fit the task's keywords are taken.

Formula: profile[a][w] += 2 r - 1 for each of the task's keywords w (1 where right, -1 where wrong); the local score is
L_a = sum over the task's keywords of profile[a][w] (N_w + 1) / (n_aw + 1), with n_aw the rewards it has seen there and
N_w the most that any option has; the global strength G_a is its mean reward squared; the weight is L_a G_a where
L_a > 0, and 0 elsewhere. k options are sampled by weight, with replacement.
Source: Symbolic-MoE (Skill-MoE), arXiv:2503.05641: k = 3, five keywords, exponent 1 / .5. There a model names the
keywords, and all options have seen all tasks: then N_w = n_aw, and L is the plain sum. Keywords are here the
coordinates of x with the highest absolute values, with their signs: in the hashed features those are buckets of the
task's rarest words, so no text is kept and no model is asked. The factor for what was seen less often, and the mean
reward where it has the sum of the profile, which may be negative, are ours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from orchestra.core.decision import OOS, Decide, Decision
from orchestra.core.errors import BadNumber, NoProvider
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of, record
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.sums import NO_CONTEXT, vector
from orchestra.routing.state.totals import Totals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestra.routing.state.sums import Array

    Places = NDArray[np.intp]

OPTIMISM = 0.5
ALL = "all"


class Recruit(Learner[Totals]):
    """Learns which skills each option has; the state is counts, so it merges exactly.

    Where one is asked for, the highest score is taken: the weight over the highest weight; of an option without a
    weight its local score, at most 0; of one never tried its prior plus .5. It has probability 1 - floor + floor / K,
    every other floor / K; equal scores go to the option listed first. Where several may be chosen, ``k`` are drawn as
    the paper does it, so one option may be drawn twice: those drawn are the set, at most as many as may be chosen. The
    ``probability`` of the record is then that of the whole set, that of an option its chance to be in it. Out of scope
    is never recruited.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; its first value is taken for the constant 1 and is no
    keyword. Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than learned.
    Source: Symbolic-MoE, see above; the floor of .02 and the optimism are our defaults.
    """

    terms = Terms(uses=frozenset({"query", "prior"}))
    sets, refuses = True, False

    def __init__(self, name: str = "recruit", *, k: int = 3, keywords: int = 5, floor: float = 0.02) -> None:
        if min(k, keywords) < 1:
            raise BadNumber(f"k={k!r}, keywords={keywords!r}.", remedy="Both must be at least 1.")
        super().__init__(name, Totals(self._told), floor)
        self.k, self.keywords = k, keywords
        self._most: Array | None = None

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        options = question.options
        places = [place for place in eligible_of(question) if options[place].name != OOS]
        if not places:
            raise NoProvider(f"Every option for {question.capability!r} is filtered, or there is none.")
        scores = self._scores(question, places)
        if question.most > 1:
            return self._several(question, key, rng, scores)
        return self._greedy(question, key, rng, scores, "its skills fit the task's keywords")

    def _several(self, question: Decide, key: str, rng: random.Random, scores: dict[int, float]) -> Decision:
        """k draws with replacement; the set is of those drawn."""
        draws, places = min(self.k, question.most), list(scores)
        weights = {place: max(0.0, score) for place, score in scores.items()}
        if not any(weights.values()):
            weights[max(scores, key=scores.__getitem__)] = 1.0
        total, share = math.fsum(weights.values()), self.floor / len(places)
        chances = [share + (1.0 - self.floor) * weights[place] / total for place in places]
        drawn = set(rng.choices(range(len(places)), chances, k=draws))
        ranked = sorted(drawn, key=lambda i: (-scores[places[i]], i))
        untried = any(not self.pulls(question.options[places[i]].name) for i in ranked)
        why = f"{len(ranked)} of {draws} draws by skill" + ("; never tried" if untried else "")
        first = places[ranked[0]]
        policy, reason = (self.name, self.version), (why, untried)
        made = record(question, key, first, policy=policy, chances={}, floor=0.0, scores=scores, reason=reason)
        inside = {place: 1.0 - (1.0 - p) ** draws for place, p in zip(places, chances, strict=True)}
        options = tuple(
            option if option.filtered is not None else option._replace(probability=inside.get(place, 0.0))
            for place, option in enumerate(made.options)
        )
        names = tuple(options[places[i]].name for i in ranked)
        chance = chance_of_set([chances[i] for i in ranked], draws)
        return replace(made, options=options, chosen=names, probability=chance)

    def _scores(self, question: Decide, places: Sequence[int]) -> dict[int, float]:
        found = keywords_of(vector(question.x or NO_CONTEXT, self._memory.d), self.keywords)
        found = found if self._most is None else found[self._most[found] > 0.0]
        local, weights = {}, {}
        for place in places:
            option = question.options[place]
            if self.pulls(option.name):
                local[place] = self._local(option.name, found)
                weights[place] = max(0.0, local[place]) * self.strength(option.name) ** 2
        highest = max(weights.values(), default=0.0)
        return {
            place: (weights[place] / highest if weights[place] > 0.0 else min(0.0, local[place]))
            if place in local
            else question.options[place].prior + OPTIMISM
            for place in places
        }

    def strength(self, option: str) -> float:
        """Its mean reward over all tasks, 0 where it has none."""
        counts = self._memory.totals.get(option)
        if counts is None or not counts.pulls:
            return 0.0
        profile = counts.name_to_matrix[ALL][0]
        return min(1.0, max(0.0, (float(profile[0]) / counts.pulls + 1.0) / 2.0))

    def _local(self, option: str, at: Places) -> float:
        """Without a keyword that anybody has seen 1: then the strength alone decides."""
        if not len(at):
            return 1.0
        profile, seen = self._memory.totals[option].name_to_matrix[ALL].reshape(2, -1)
        assert self._most is not None, "there is an option with a reward"
        return float((profile[at] * (self._most[at] + 1.0) / (seen[at] + 1.0)).sum())

    def _told(self, x: Array, reward: float, _decision: Decision) -> tuple[str, Array]:
        """A row of the profile, and one of how often: for both signs of each coordinate, and 0 for every task."""
        import numpy as np

        told = np.zeros((2, 2 * len(x)))
        at = [0, *keywords_of(x, self.keywords).tolist()]
        told[0, at], told[1, at] = 2.0 * reward - 1.0, 1.0
        return ALL, told.reshape(4, -1)

    def _follow(self, options: set[str]) -> None:
        import numpy as np

        if options:
            rows = [counts.name_to_matrix[ALL].reshape(2, -1)[1] for counts in self._memory.totals.values()]
            self._most = np.max(rows, axis=0)

    def _restart(self) -> None:
        self._most = None
        self._follow(set(self._memory.totals))


def keywords_of(x: Array, most: int) -> Places:
    """Twice the place of each of the ``most`` coordinates with the highest absolute values, and 1 more where it is
    negative; without the first and without zeros. Of equals the earlier. Shapes: (d,) to (most,) at most.
    """
    import numpy as np

    size = np.abs(x)
    size[0] = 0.0
    order = np.argsort(-size, kind="stable")[:most]
    order = order[size[order] > 0.0]
    return np.asarray(2 * order + (x[order] < 0.0), dtype=np.intp)


def chance_of_set(chances: Sequence[float], draws: int) -> float:
    """How likely exactly these are drawn, each once or more, in so many draws: by inclusion and exclusion."""
    n = len(chances)
    signed = (
        (-1.0) ** (n - size) * math.fsum(part) ** draws
        for size in range(1, n + 1)
        for part in combinations(chances, size)
    )
    return min(1.0, max(0.0, math.fsum(signed)))


def batched(recruits: Iterable[Sequence[str]]) -> dict[str, list[int]]:
    """Which tasks each option works on, by their places: one batch for each, so as many calls as there are options.

    ``recruits`` has the options of each task. An option that stands there twice has the task once.
    """
    found: dict[str, list[int]] = {}
    for task, options in enumerate(recruits):
        for option in dict.fromkeys(options):
            found.setdefault(option, []).append(task)
    return found
