"""What is left of several answers, and what stands for them all if nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestra.core.call import Filing, tolerated
from orchestra.core.errors import BadInput
from orchestra.core.outcome import Done, Failed, Outcome, Paused


def survivors(outcomes: Sequence[Outcome]) -> tuple[tuple[int, Done], ...]:
    """The Done ones with their indexes, in order."""
    return tuple((i, outcome) for i, outcome in enumerate(outcomes) if isinstance(outcome, Done))


def filings(outcomes: Sequence[Outcome], by: str) -> tuple[Filing, ...]:
    """The records of the failures that a join does without."""
    return tuple(one for outcome in outcomes if isinstance(outcome, Failed) for one in tolerated(outcome, by))


def none_done(outcomes: Sequence[Outcome]) -> Outcome:
    """What stands for answers of which none is Done: the first Paused, else the first Failed, else the first.

    Raises: BadInput for no answers at all.
    """
    if not outcomes:
        raise BadInput("There are no answers to join.", remedy="Ask at least one.")
    for kind in (Paused, Failed):
        for outcome in outcomes:
            if isinstance(outcome, kind):
                return _of_all(outcome, len(outcomes)) if isinstance(outcome, Failed) else outcome
    return outcomes[0]


def _of_all(first: Failed, count: int) -> Failed:
    if count == 1:
        return first
    message = f"All {count} answers failed; the first: {first.cause.message}"
    return replace(first, cause=replace(first.cause, message=message))
