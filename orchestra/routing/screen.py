"""The first stage: of many options, only the most promising L are shown to the router.

Formula: s = .5 similarity + .35 prior + .15 stability with
stability = .4 (1 - load) + .4 (1 - min(1, latency / 2 s)) + .2 available.
Source: Symphony-Coord, arXiv:2602.00966, its first stage (there L is 3; 50 is our default).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from orchestra.core.decision import Option
from orchestra.core.errors import BadNumber

REASON = "below the top {keep} by similarity and prior"
LATENCY_S = 2.0
# The load of a node with as many calls in flight is one half; our default, the paper's load is the agents' own report.
HALF_LOADED = 8


def load(option: Option) -> float:
    """How busy it is, in [0, 1)."""
    return option.in_flight / (option.in_flight + HALF_LOADED)


def latency_norm(option: Option) -> float:
    """Its latency in units of 2 s, at most 1."""
    return min(1.0, option.latency_s / LATENCY_S)


def stage_one(option: Option) -> float:
    """The screen's score."""
    available = 1.0 if option.filtered is None else 0.0
    stability = 0.4 * (1.0 - load(option)) + 0.4 * (1.0 - latency_norm(option)) + 0.2 * available
    return 0.5 * option.similarity + 0.35 * option.prior + 0.15 * stability


def top(options: Sequence[Option], places: Sequence[int], keep: int | None) -> list[int]:
    """The best ``keep`` of these places by the score, in their order; of equals the first.

    Raises BadNumber where keep < 1.
    """
    if keep is not None and keep < 1:
        raise BadNumber(f"keep={keep!r} options.", remedy="Give a number from 1, or None to keep all.")
    if keep is None or len(places) <= keep:
        return list(places)
    return sorted(heapq.nsmallest(keep, places, key=lambda place: (-stage_one(options[place]), place)))


def screened(options: Sequence[Option], keep: int | None = 50) -> tuple[Option, ...]:
    """All options in their order, those below the top ``keep`` with the reason.

    Equal scores go to the option listed first. What is filtered already keeps its reason and takes no place. None keeps
    all. Raises BadNumber where keep < 1.
    """
    if keep is None or len(options) <= keep > 0:
        return tuple(options)
    eligible = [place for place, option in enumerate(options) if option.filtered is None]
    kept = set(top(options, eligible, keep))
    if len(kept) == len(eligible):
        return tuple(options)
    reason = REASON.format(keep=keep)
    return tuple(
        option if place in kept or option.filtered is not None else option._replace(filtered=reason)
        for place, option in enumerate(options)
    )
