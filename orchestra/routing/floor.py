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
    raise BadDefinition(
        f"{name!r} was chosen but is no option of decision {decision.key!r}.",
        remedy="Give the lesson the decision as it was made.",
    )


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
    chances = {} if best is None else {best: 1.0}
    return record(question, key, place, policy=policy, chances=chances, floor=floor, scores=scores or {}, reason=reason)


def record(
    question: Decide,
    key: str,
    place: int,
    *,
    policy: tuple[str, int],
    chances: Mapping[int, float],
    floor: float,
    scores: Mapping[int, float],
    reason: tuple[str, bool],
) -> Decision:
    """The same, where 1 - floor is spread by ``chances``."""
    eligible = len(eligible_of(question))
    kept, share = 1.0 - floor, floor / eligible
    spread = [share] * len(question.options)
    for i, chance in chances.items():
        spread[i] = share + kept * chance
    found = zip(map(scores.get, range(len(spread))), spread, strict=True)
    new = tuple.__new__  # half the time of the class's own constructor
    options = [
        new(Option, option[:8] + both) if option.filtered is None else option
        for option, both in zip(question.options, found, strict=True)
    ]
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
        previous=question.previous,
        step=question.step,
        signals=question.signals,
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


def greedy(
    question: Decide,
    key: str,
    rng: random.Random,
    *,
    policy: tuple[str, int],
    scores: Mapping[int, float],
    floor: float,
    pulls: Callable[[str], int],
    why: str,
) -> Decision:
    """The highest score, of equals the one listed first, but for the floor; what was never tried counts as explored."""
    best = max(sorted(scores), key=scores.__getitem__)
    place, by_floor = drawn(eligible_of(question), best, floor, rng)
    untried = not pulls(question.options[place].name)
    why = "drawn by the probability floor" if by_floor else why
    reason = (f"{why}; never tried" if untried else why, by_floor or untried)
    return decision(question, key, place, policy=policy, best=best, floor=floor, scores=scores, reason=reason)


def matched(
    question: Decide,
    key: str,
    rng: random.Random,
    *,
    policy: tuple[str, int],
    scores: Mapping[int, float],
    chances: Mapping[int, float],
    floor: float,
    pulls: Callable[[str], int],
) -> Decision:
    """Drawn by ``chances``, which sum to 1, beside the floor; any but the highest score counts as explored."""
    places = eligible_of(question)
    kept, share = 1.0 - floor, floor / len(places)
    left = rng.random()
    for place in places:
        left -= share + kept * chances.get(place, 0.0)
        if left < 0.0:
            break
    else:  # rounding
        place = max(chances, key=chances.__getitem__)
    untried = not pulls(question.options[place].name)
    why = "drawn by its probability of being the best"
    reason = (f"{why}; never tried" if untried else why, untried or scores[place] < max(scores.values()))
    return record(question, key, place, policy=policy, chances=chances, floor=floor, scores=scores, reason=reason)
