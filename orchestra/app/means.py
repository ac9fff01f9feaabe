"""The mean reward of every node, as this process has seen it: what paths are weighed with and monitors look at."""

from __future__ import annotations

from collections.abc import Sequence

from orchestra.ports.router import Lesson


class Means:
    """Counts and sums by node, over all tasks. What another process or an earlier one learned is not in them."""

    def __init__(self) -> None:
        self._name_to_count: dict[str, int] = {}
        self._name_to_sum: dict[str, float] = {}

    def learn(self, lessons: Sequence[Lesson]) -> None:
        """A reward goes to those that the decision chose; a corrected one changes what it gave before."""
        for lesson in lessons:
            for name in lesson.decision.chosen:
                count, before = self._name_to_count.get(name, 0), lesson.before
                if not count:  # what it corrects was learned elsewhere
                    before = None
                self._name_to_count[name] = count + (before is None)
                self._name_to_sum[name] = self._name_to_sum.get(name, 0.0) + lesson.reward - (before or 0.0)

    def of(self, name: str) -> tuple[int, float]:
        """How many rewards, and (their sum + 0.5) / (their number + 1): 0.5 before there is any.

        Units: the mean in [0, 1]. Source: our default.
        """
        count = self._name_to_count.get(name, 0)
        mean = (self._name_to_sum.get(name, 0.0) + 0.5) / (count + 1)
        return count, min(1.0, max(0.0, mean))
