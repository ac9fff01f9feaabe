"""The remembering half of a router that learns: everything but how it decides and what it derives."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from orchestra.core.decision import Decide, Decision
from orchestra.ports.router import Lesson
from orchestra.routing.floor import floor_of, greedy, optimistic
from orchestra.routing.made import Made
from orchestra.routing.state.recall import Recall
from orchestra.routing.state.sums import Tally
from orchestra.routing.state.totals import Totals

M = TypeVar("M", bound=Tally | Recall | Totals)


class Learner(Made, Generic[M]):
    """A router's state, exchanged option by option, over a ``Tally`` or ``Totals`` of sums or a ``Recall`` of
    examples.

    The router adds ``choose``, and says what follows from what was learned: ``_follow`` gets what the memory's
    ``learn`` returns, ``_restart`` is called after another state was loaded.
    """

    learns = True

    def __init__(self, name: str, memory: M, floor: float) -> None:
        self.name, self.floor, self.version = name, floor_of(floor), 0
        self._memory = memory

    def pulls(self, option: str, /) -> int:
        return self._memory.pulls(option)

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """All of the lessons or, where one is bad, none. Raises BadNumber, BadDefinition."""
        changes = self._memory.learn(lessons)
        self.version = self._memory.version
        self._follow(changes)

    def state(self) -> dict[str, Any]:
        """Everything learned, option by option, as JSON values."""
        return self._memory.state()

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call; a store adds it with ``sums.add_plain``."""
        return self._memory.delta()

    def load(self, state: Mapping[str, Any], /) -> None:
        """Takes this state and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        self._memory.load(state)
        self.version = self._memory.version
        self._restart()

    def _greedy(
        self, question: Decide, key: str, rng: random.Random, scores: Mapping[int, float], why: str
    ) -> Decision:
        """The best of these scores, but for the floor."""
        policy = self.name, self.version
        return greedy(question, key, rng, policy=policy, scores=scores, floor=self.floor, pulls=self.pulls, why=why)

    def _optimistic(
        self, question: Decide, key: str, rng: random.Random, scores: Mapping[int, float], best: int
    ) -> Decision:
        """The place with the highest bound, but for the floor."""
        policy = self.name, self.version
        return optimistic(
            question, key, rng, policy=policy, scores=scores, best=best, floor=self.floor, pulls=self.pulls
        )

    def _follow(self, changes: Any, /) -> None:
        """What was derived from the memory follows it."""

    def _restart(self) -> None:
        """The same from scratch."""
