"""The scores of all options, also of a router that leaves out those which cannot win: it is asked again without those
that are known.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Protocol

from orchestra.core.decision import Decide, Decision
from orchestra.routing.floor import eligible_of

KNOWN = "its score is known"
Scores = dict[int, float]


class Chooses(Protocol):
    """The part of a router that decides."""

    @property
    def name(self) -> str: ...

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision: ...


def without(question: Decide, places: Collection[int]) -> Decide:
    """The question where these places may not be chosen."""
    if not places:
        return question
    options = [o._replace(filtered=KNOWN) if i in places else o for i, o in enumerate(question.options)]
    return replace(question, options=tuple(options))


def scores_of(
    router: Chooses, question: Decide, key: str, enough: Callable[[Scores, float], bool] = lambda _known, _rest: False
) -> Scores:
    """The score of every eligible option by its place; empty where the router gives none.

    A score that is missing from a decision is at most that decision's highest, so ``enough`` (the scores known, a
    bound of the others) may end it early. The draw has no part in it: scores are those of the state and the question.
    """
    eligible = eligible_of(question)
    found: Scores = {}
    while len(found) < len(eligible):
        made = router.choose(without(question, found), key, random.Random(0))
        new = scored(made, found)
        if not new:
            return found
        found |= new
        if len(found) < len(eligible) and enough(found, max(new.values())):
            break
    return found


def scored(decision: Decision, known: Collection[int] = ()) -> Scores:
    """The scores in a record, by place."""
    return {
        i: option.score
        for i, option in enumerate(decision.options)
        if option.filtered is None and option.score is not None and i not in known
    }
