"""What a reward is: quality, thrift and speed in one number, from several sources, with what is not trusted left out.

The form, the defaults and the references are ours: quality less cost is what RouterBench (arXiv:2403.12031) and PILOT
(arXiv:2508.21141) learn from, but neither bounds the result nor names a scale for latency.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestra.core.decision import Decision
from orchestra.core.errors import BadNumber
from orchestra.core.events import CallEnded, Event, Rewarded, Withheld
from orchestra.core.money import nano
from orchestra.core.outcome import Done

PARTS = ("quality", "cost", "latency")


class Spent(NamedTuple):
    """How much of its reference the call of a decision used, 1 for all of it or more. None is not known."""

    cost: float | None = None
    latency: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewards:
    """How rewards are made of what is told, and which of it is believed.

    A decision's reward is r = clip(quality·q + cost·thrift + latency·speed) with the three weights, which sum to 1:
    *q* is the mean of what the sources last said, each with its weight in ``sources`` (1 for one that is not named);
    *thrift* is 1 - cost / reference, *speed* is 1 - seconds / reference, of the call that the decision led to, both at
    least 0. The reference is ``cost_usd`` and ``latency_s``; without them it is what the dearest and the slowest
    eligible option were expected to take, else the budget that was left. A part without a known value or reference is
    left out, and the others' weights grow to sum to 1. A call that did not end done was neither thrifty nor quick: both
    parts are 0.

    A source of weight 0 is not trusted, and neither is a reward that whoever gave it is less than ``trust`` sure of:
    nothing is learned from them, and they are recorded as ``Withheld``. At most ``queue`` rewards, and as many runs to
    evaluate, wait for their turn in the background; what comes then is counted and dropped. ``refresh_s`` is how often
    what other processes learned is read.

    Units: ``cost_usd`` dollars, ``latency_s`` and ``refresh_s`` seconds, ``trust`` in [0, 1].
    Raises: BadNumber.
    Source: our defaults.
    """

    quality: float = 1.0
    cost: float = 0.0
    latency: float = 0.0
    cost_usd: float | None = None
    latency_s: float | None = None
    sources: Mapping[str, float] = field(default_factory=dict[str, float])
    trust: float = 0.5
    queue: int = 1000
    refresh_s: float = 30.0

    def __post_init__(self) -> None:
        for name in (*PARTS, "trust"):
            _within(name, getattr(self, name), 1.0)
        for source, weight in self.sources.items():
            _within(f"sources[{source!r}]", weight, math.inf)
        if abs(self.quality + self.cost + self.latency - 1) > 1e-9:
            raise BadNumber(
                f"quality={self.quality:g}, cost={self.cost:g} and latency={self.latency:g} do not sum to 1.",
                remedy="Write Rewards(quality=0.8, cost=0.15, latency=0.05), for example.",
            )
        for name in ("cost_usd", "latency_s", "queue", "refresh_s"):
            value = getattr(self, name)
            if value is not None and not _within(name, value, math.inf) > 0:
                raise BadNumber(f"{name}={value!r} is not above 0.", remedy="Give a number above 0.")

    def refusal(self, source: str, confidence: float = 1.0) -> str | None:
        """Why nothing is learned from it, None where something is."""
        if not self.sources.get(source, 1.0):
            return "its source is not trusted"
        return f"its confidence is below {self.trust:g}" if confidence < self.trust else None

    def value(self, source_to_quality: Mapping[str, float], spent: Spent) -> float:
        """The reward of a decision, in [0, 1]. ``source_to_quality`` is not empty and holds no source of weight 0."""
        weights = {source: self.sources.get(source, 1.0) for source in source_to_quality}
        scale = max(weights.values())  # very small weights must not sum to 0, nor large ones to infinity
        told = [(weight / scale, source_to_quality[source]) for source, weight in weights.items()]
        q = math.fsum(weight * quality for weight, quality in told) / math.fsum(weight for weight, _ in told)
        parts = [(self.quality, q)]
        parts += [(self.cost, 1 - spent.cost)] if spent.cost is not None else []
        parts += [(self.latency, 1 - spent.latency)] if spent.latency is not None else []
        total = math.fsum(weight for weight, _ in parts)
        # Where only unknown parts have weight, the quality is all there is.
        reward = math.fsum(weight * part for weight, part in parts) / total if total else q
        return min(1.0, max(0.0, reward))

    def spent(self, decision: Decision, events: Sequence[Event]) -> Spent:
        """What the last call of the decision took, relative to the references."""
        if self.quality == 1:
            return Spent()
        ends = [e for e in events if isinstance(e, CallEnded) and e.decision == decision.key]
        if not ends:
            return Spent()
        end = ends[-1]
        if not isinstance(end.outcome, Done):
            return Spent(1.0, 1.0)
        eligible = [option for option in decision.options if option.filtered is None]
        nano_usd = max((option.cost_nano for option in eligible), default=0) or decision.budget_left_nano
        seconds = max((option.latency_s for option in eligible), default=0.0)
        if self.cost_usd is not None:
            nano_usd = nano(self.cost_usd, "cost_usd")
        cost = None if end.usage.unpriced else end.usage.nano_usd
        return Spent(_share(cost, nano_usd), _share(end.at - end.began, self.latency_s or seconds))


class Told(NamedTuple):
    """What is known of a decision: what each source last said, the reward that was learned of it, None if none was."""

    source_to_quality: Mapping[str, float]
    learned: float | None


def told_of(key: str, events: Sequence[Event], rewards: Rewards) -> Told:
    """Of the decision with this key. A source that is not trusted today does not count any more."""
    source_to_quality: dict[str, float] = {}
    learned = None
    for event in events:
        if isinstance(event, Rewarded) and event.key == key:
            source_to_quality[event.source] = event.reward
            learned = event.reward if event.learned is None else event.learned
    return Told({s: q for s, q in source_to_quality.items() if rewards.refusal(s) is None}, learned)


def was_withheld(new: Withheld, events: Sequence[Event]) -> bool:
    """Whether the last word of this source on this decision was the same, and withheld as well."""
    told = [e for e in events if isinstance(e, Rewarded | Withheld) and (e.key, e.source) == (new.key, new.source)]
    return bool(told) and told[-1]._replace(at=new.at) == new


def _share(used: float | None, reference: float | None) -> float | None:
    """None where it cannot be said."""
    return None if used is None or not reference else min(1.0, max(0.0, used / reference))


def _within(name: str, value: object, most: float) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most and value < math.inf
    if not good or not isinstance(value, int | float):
        raise BadNumber(
            f"{name}={value!r} is no number from 0{'' if most == math.inf else f' to {most:g}'}.",
            remedy="Give a finite number in that range.",
        )
    return float(value)
