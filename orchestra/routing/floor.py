"""The record of a choice, and the probability floor: every eligible option keeps a known chance of being chosen.

So the log of one policy can judge another. Source: the form is epsilon-greedy's; .02 in all is our default.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition, BadNumber, NoProvider


def eligible_of(question: Decide) -> list[int]:
    """The places of the options that may be chosen. Raises NoProvider where there is none."""
    places = [place for place, option in enumerate(question.options) if option.filtered is None]
    if not places:
        raise NoProvider(f"Every option for {question.capability!r} is filtered, or there is none.")
    return places


def floor_of(value: float) -> float:
    """Raises BadNumber where it is no probability."""
    if not 0.0 <= value <= 1.0:
        raise BadNumber(f"floor={value!r} is no probability.", remedy="Give a number from 0 to 1; .02 is the default.")
    return float(value)


def recorded(decision: Decision, name: str) -> Option:
    """An option as it was when the decision was made. Raises BadDefinition where the record has none of this name."""
    for option in decision.options:
        if option.name == name:
            return option
    raise BadDefinition(f"{name!r} was chosen but is no option of decision {decision.key!r}.")


def drawn(places: Sequence[int], best: int, floor: float, rng: random.Random) -> tuple[int, bool]:
    """The place chosen, and whether the floor chose it: in one draw, ``best`` has 1 - floor, every place floor / K."""
    draw = rng.random()
    if draw >= floor:
        return best, False
    return places[min(int(draw / floor * len(places)), len(places) - 1)], True


def decision(
    question: Decide,
    key: str,
    place: int,
    *,
    policy: tuple[str, int],
    best: int | None,
    floor: float = 0.0,
    scores: Mapping[int, float] | None = None,
    reason: tuple[str, bool],
) -> Decision:
    """The record. ``best`` has 1 - floor beside its share of the floor; ``reason`` comes with ``explored``."""
    scores = scores or {}
    share = floor / len(eligible_of(question))
    new, options = tuple.__new__, list(question.options)  # half the time of the class's own constructor
    for i, option in enumerate(options):
        if option.filtered is None:
            probability = share + (1.0 - floor) if i == best else share
            options[i] = new(Option, (*option[:8], scores.get(i), probability))
    return Decision(
        key=key,
        capability=question.capability,
        policy=policy[0],
        version=policy[1],
        options=tuple(options),
        chosen=(options[place].name,),
        probability=options[place].probability,
        explored=reason[1],
        reason=reason[0],
        x=question.x,
        marks=question.marks,
        budget_left_nano=question.budget_left_nano,
        because=question.because,
    )


def optimistic(
    question: Decide,
    key: str,
    rng: random.Random,
    *,
    policy: tuple[str, int],
    scores: Mapping[int, float],
    best: int,
    floor: float,
    pulls: Callable[[str], int],
) -> Decision:
    """The highest score, but for the floor; what was never tried counts as explored."""
    place, by_floor = drawn(eligible_of(question), best, floor, rng)
    untried = not pulls(question.options[place].name)
    why = "drawn by the probability floor" if by_floor else "highest upper confidence bound"
    return decision(
        question,
        key,
        place,
        policy=policy,
        best=best,
        floor=floor,
        scores=scores,
        reason=(f"{why}; never tried" if untried else why, by_floor or untried),
    )
