"""Nearest pilots: each option has the middles of the tasks it was best at, and the nearest on average is taken.

Formula: the score of an option is the mean of cos(x, p) over its pilots p. A pilot is the mean direction of those tasks
of one group that the option was best at (k-means with k = 1). Offline that is known: ``library_of``. From feedback it
is the tasks of one capability with a reward of at least ``gate``.
Source: RouterRetriever, arXiv:2409.02685: its groups are training sets, and it knows which expert was best. Feedback
says what one option earned and not who was best, so a good reward has to do: that, and the gate of .5, are ours. So is
what stands in for pilots where there are none: the similarity of the description, less 1 once the option was tried.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.sums import NO_CONTEXT, direction, reward_of, vector
from orchestra.routing.state.totals import Totals

if TYPE_CHECKING:
    from orchestra.routing.state.sums import Array

Library = Mapping[str, Sequence[Sequence[float]]]
"""Each option's pilots. Shapes: (pilots, d), the first column 0 as it stands for the constant."""
ONE_GROUP = "all"


class Pilots(Learner[Totals]):
    """Learns where each option was good, and needs no training: an option comes and goes with its pilots alone, and
    the scores of the others do not change.

    ``known`` are pilots known beforehand; what is learned adds one for each capability. An option without any is
    scored by its similarity: a newcomer is routable by its description. The state is sums, so it merges exactly. The
    highest score has probability 1 - floor + floor / K, every other floor / K; equal scores go to the option listed
    first. ``choose`` costs one product for each pilot.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; its first value is taken for the constant 1 and left out.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: RouterRetriever, see above; the gate of .5 and the floor of .02 are our defaults.
    """

    terms = Terms(uses=frozenset({"query", "similarity"}), how="similarity")

    def __init__(
        self, name: str = "pilots", *, known: Library | None = None, gate: float = 0.5, floor: float = 0.02
    ) -> None:
        self.gate = reward_of(gate, "gate")
        self.known = {option: [list(pilot) for pilot in own] for option, own in (known or {}).items()}
        super().__init__(name, Totals(self._told, _checked(self.known)), floor)
        self._option_to_pilots: dict[str, Array] = {}
        self._restart()

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        x = direction(vector(question.x or NO_CONTEXT, self._memory.d))
        scores = {place: self._score(question.options[place], x) for place in places}
        return self._greedy(question, key, rng, scores, "nearest to its pilots")

    def pilots(self, option: str) -> list[list[float]]:
        """All that there are of an option, each of length 1 or 0. Shapes: (pilots, d)."""
        own = self._option_to_pilots.get(option)
        return [] if own is None else [list(map(float, pilot)) for pilot in own]

    def _score(self, option: Option, x: Array) -> float:
        own = self._option_to_pilots.get(option.name)
        if own is not None:
            return float((own @ x).mean())
        return option.similarity - float(self.pulls(option.name) > 0)

    def _told(self, x: Array, reward: float, decision: Decision) -> tuple[str, Array]:
        """Where it was good: how often, in the constant's place, and the sum of the directions. Shapes: (1, d)."""
        import numpy as np

        if reward < self.gate:
            return decision.capability, np.zeros((1, len(x)))
        row = direction(x)
        row[0] = 1.0
        return decision.capability, row[None, :]

    def _follow(self, options: set[str]) -> None:
        import numpy as np

        for option in options:
            counts = self._memory.totals.get(option)
            sums = [] if counts is None else [matrix[0] for _, matrix in sorted(counts.name_to_matrix.items())]
            learned = [direction(row) for row in sums if round(row[0]) > 0]
            rows = [*(np.array(pilot, dtype=np.float64) for pilot in self.known.get(option, ())), *learned]
            self._option_to_pilots.pop(option, None)
            if rows:
                self._option_to_pilots[option] = np.array(rows)

    def _restart(self) -> None:
        self._option_to_pilots = {}
        self._follow({*self.known, *self._memory.totals})


def library_of(
    x: Sequence[Sequence[float]],
    rewards: Sequence[Sequence[float]],
    options: Sequence[str],
    groups: Sequence[str] = (),
) -> dict[str, list[list[float]]]:
    """The pilots where every option's reward is known: of each group one for each option that was best at some of it.

    Of equally good options the one listed first was best; a row on which nothing was good is nobody's. ``groups`` names
    each row's training set, or a cluster of it for more pilots; without it all rows are one.

    Shapes: ``x`` (n, d), the first column the constant; ``rewards`` (n, K) in [0, 1], NaN where one is missing.
    Raises: BadDefinition for shapes that do not fit, BadNumber for rewards and features that are none.
    """
    import numpy as np

    rows, table = np.asarray(x, dtype=np.float64), np.asarray(rewards, dtype=np.float64)
    if rows.ndim != 2 or table.shape != (len(rows), len(options)) or len(groups) not in (0, len(rows)):
        raise BadDefinition(
            f"Features {rows.shape}, rewards {table.shape}, {len(options)} options, {len(groups)} groups do not fit.",
            remedy="Give (n, d), (n, K), K names, and n groups or none.",
        )
    if not np.isfinite(rows).all() or ((table < 0.0) | (table > 1.0)).any():
        raise BadNumber("Features must be finite and rewards in [0, 1].", remedy="NaN is a missing reward.")
    known = np.nan_to_num(table, nan=0.0)
    labels = np.array(groups or [ONE_GROUP] * len(rows))
    found: dict[str, list[list[float]]] = {option: [] for option in options}
    for group in sorted(set(labels.tolist())):
        for place, option in enumerate(options):
            own = (labels == group) & (known.argmax(axis=1) == place) & (known.max(axis=1) > 0.0)
            if own.any():
                mean = np.sum([direction(row) for row in rows[own]], axis=0)
                found[option].append(direction(mean).tolist())
    return {option: pilots for option, pilots in found.items() if pilots}


def _checked(library: Library) -> int | None:
    """The pilots' dimension, None without any. Raises BadDefinition, BadNumber."""
    d = None
    for pilots in library.values():
        for pilot in pilots:
            d = len(vector(pilot, d))
    return d
