"""The record of a set, and its probability floor: every eligible option keeps a known chance of being in it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestra.core.decision import Decide, Decision
from orchestra.routing.floor import record


def members(
    question: Decide,
    key: str,
    rng: random.Random,
    *,
    policy: tuple[str, int],
    usual: Sequence[int],
    floor: float,
    scores: Mapping[int, float],
    why: str,
) -> Decision:
    """``usual``, best first, but for the floor: with probability ``floor`` one of the places with a score is drawn, all
    equally likely, and takes the place of the set's last member.

    The ``probability`` of the record is that of the whole set, that of an option its chance to be in it.
    Source: the floor's form is ours.
    """
    places, draw = list(scores), rng.random()
    share = floor / len(places)
    by_floor, chosen = draw < floor, list(usual)
    if by_floor:
        drawn = places[min(int(draw / floor * len(places)), len(places) - 1)]
        chosen = chosen if drawn in usual else [*usual[:-1], drawn]
    stays = min(1.0, 1.0 - floor + share * len(set(usual).intersection(places)))
    place_to_chance = dict.fromkeys(places, share) | dict.fromkeys(usual[:-1], 1.0) | {usual[-1]: stays}
    why = "drawn by the probability floor" if by_floor else why
    reason = (f"{question.reason}; {why}" if question.reason else why, by_floor)
    made = record(question, key, chosen[0], policy=policy, chances={}, floor=0.0, scores=scores, reason=reason)
    options = tuple(
        option if option.filtered is not None else option._replace(probability=place_to_chance.get(place, 0.0))
        for place, option in enumerate(made.options)
    )
    names = tuple(options[place].name for place in chosen)
    return replace(made, options=options, chosen=names, probability=stays if chosen == list(usual) else share)
