"""The examples of every option, and those of them that no store has yet: ``Tally`` for learners that keep examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestra.core.decision import Decision
from orchestra.core.errors import BadNumber
from orchestra.core.ids import digest
from orchestra.ports.router import Lesson
from orchestra.routing.floor import recorded
from orchestra.routing.state.examples import Example, Examples, add, dimension, from_plain, same_features, to_plain
from orchestra.routing.state.sums import context, reward_of, vector

if TYPE_CHECKING:
    from orchestra.routing.state.examples import Row
    from orchestra.routing.state.sums import Array

ID_BYTES = 8


def cap_of(value: int) -> int:
    """Raises BadNumber where it is no number of examples to keep."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadNumber(f"cap={value!r} is no number of examples.", remedy="Give a whole number, at least 1.")
    return value


class Recall:
    """At most ``cap`` examples of each option by the ``rule``; ``d`` is the number of features, None before the first.

    An example belongs to a decision: rewards from several sources are averaged, a correction replaces its own. What is
    said of a decision that is no longer kept is counted but has no effect.
    """

    __slots__ = ("_cap", "_pending", "_read", "_rule", "d", "totals", "version")

    def __init__(self, cap: int, rule: str, read: Callable[[Decision], Sequence[float]] = context) -> None:
        self._cap, self._rule, self._read = cap_of(cap), rule, read
        self.totals: dict[str, Examples] = {}
        self.version = 0
        self.d: int | None = None
        self._pending: dict[str, Examples] = {}

    @property
    def pending(self) -> tuple[Examples, ...]:
        """What no store has yet."""
        return tuple(self._pending.values())

    def pulls(self, option: str) -> int:
        examples = self.totals.get(option)
        return examples.pulls if examples else 0

    def learn(self, lessons: Sequence[Lesson]) -> set[str]:
        """Adds all of the lessons or, where one is bad, none; names the options that changed.

        Raises: BadNumber, BadDefinition.
        """
        changes, d = [], self.d
        for decision, reward, before in lessons:
            after, was = reward_of(reward), None if before is None else reward_of(before, "before")
            x = vector(self._read(decision), d)
            d = len(x)
            row, identity = _row(x), digest(decision.key, ID_BYTES)
            for option in decision.chosen:
                recorded(decision, option)
                by, first = after - (was or 0.0), was is None
                if first or by:
                    changes.append((option, identity, Example(row, decision.version, int(first), by)))
        self.d = d
        for into in (self.totals, self._pending):
            for option, identity, example in changes:
                examples = into.setdefault(option, Examples(rule=self._rule, cap=self._cap))
                examples.put(identity, example)
                examples.pulls += example.rewards
            for option in {option for option, _, _ in changes}:
                into[option].settle()
        self.version += sum(example.rewards for _, _, example in changes)
        return {option for option, _, _ in changes}

    def state(self) -> dict[str, Any]:
        """Everything, option by option, as JSON values."""
        return {option: to_plain(examples) for option, examples in self.totals.items()}

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call."""
        pending, self._pending = self._pending, {}
        return {option: to_plain(examples) for option, examples in pending.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes this state, and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        totals = {option: from_plain(data) for option, data in state.items()}
        for option in totals.keys() | self._pending.keys():
            nothing = Examples(rule=self._rule, cap=self._cap)
            mine = self._pending.get(option, nothing)
            totals[option] = add(totals.get(option, nothing), mine)
        d = same_features({dimension(examples) for examples in totals.values()})
        self.totals, self.d = totals, d
        self.version = sum(examples.pulls for examples in totals.values())


def _row(x: Array) -> Row:
    """Raises BadNumber where a float32 cannot hold it."""
    import numpy as np

    with np.errstate(over="ignore"):
        row = x.astype(np.float32)
    if not np.isfinite(row).all():
        raise BadNumber("A feature is too large.", remedy="Check the embedder: features of length 1 are expected.")
    return row
