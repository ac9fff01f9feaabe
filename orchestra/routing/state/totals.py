"""The counts of every option, and those of them that no store has yet: ``Tally`` for learners that only add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestra.core.decision import Decision
from orchestra.ports.router import Lesson
from orchestra.routing.floor import recorded
from orchestra.routing.state.counts import Counts, add, from_plain, same_d, to_plain
from orchestra.routing.state.sums import context, reward_of, vector

if TYPE_CHECKING:
    from orchestra.routing.state.sums import Array

Read = Callable[["Array", float, Decision], "tuple[str, Array]"]
"""(x, reward, decision) -> the name of what is added to, and what is added: a function of these alone."""


class Totals:
    """``read`` says what a reward adds; a correction takes away what the first one added. ``d`` is the number of
    features: as given, or None before the first lesson.
    """

    __slots__ = ("_given", "_pending", "_read", "d", "totals", "version")

    def __init__(self, read: Read, d: int | None = None) -> None:
        self._read, self._given = read, d
        self.totals: dict[str, Counts] = {}
        self.version = 0
        self.d = d
        self._pending: dict[str, Counts] = {}

    def pulls(self, option: str) -> int:
        counts = self.totals.get(option)
        return counts.pulls if counts else 0

    def learn(self, lessons: Sequence[Lesson]) -> set[str]:
        """Adds all of the lessons or, where one is bad, none; names the options that changed.

        Raises: BadNumber, BadDefinition.
        """
        changes, d = [], self.d
        for decision, reward, before in lessons:
            after, was = reward_of(reward), None if before is None else reward_of(before, "before")
            x = vector(context(decision), d)
            d = len(x)
            for option in decision.chosen:
                recorded(decision, option)
                if was == after:
                    continue
                name, matrix = self._read(x, after, decision)
                if was is not None:
                    matrix = matrix - self._read(x, was, decision)[1]
                changes.append((option, name, matrix, was is None))
        self.d = d
        for option, name, matrix, first in changes:
            for into in (self.totals, self._pending):
                counts = into.get(option) or into.setdefault(option, Counts(d=matrix.shape[1]))
                counts.put(name, matrix)
                counts.pulls += first
            self.version += first
        return {option for option, *_ in changes}

    def state(self) -> dict[str, Any]:
        """Everything, option by option, as JSON values."""
        return {option: to_plain(counts) for option, counts in self.totals.items()}

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call."""
        pending, self._pending = self._pending, {}
        return {option: to_plain(counts) for option, counts in pending.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes this state, and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        totals = {option: from_plain(data) for option, data in state.items()}
        for option, mine in self._pending.items():
            totals[option] = add(totals.get(option, Counts(d=mine.d)), mine)
        d = self._given
        for counts in totals.values():
            same_d(d or counts.d, counts.d)
            d = counts.d
        self.totals, self.d = totals, d
        self.version = sum(counts.pulls for counts in totals.values())
