"""What a rule does once it holds: which of the options it takes.

Source: the selection algorithms of vLLM Semantic Router (its August 2026 sources): static and multi_factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from orchestra.core.decision import Decide, Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.money import NANO, nano

Otherwise = Literal["cheapest", "first", "fail"]


class Pick(NamedTuple):
    """The place of the option taken, the scores by place, and why."""

    place: int
    scores: Mapping[int, float]
    why: str


class Selector(Protocol):
    """``pick`` is pure in the question; None where none of its options may be used."""

    def pick(self, question: Decide, /) -> Pick | None: ...


def among(question: Decide, names: Sequence[str]) -> list[int]:
    """The places of the eligible options of these names, in the names' order; of all where there are no names."""
    live = {option.name: place for place, option in enumerate(question.options) if option.filtered is None}
    return [live[name] for name in names if name in live] if names else list(live.values())


@dataclass(frozen=True, slots=True)
class Listed:
    """The first of these names that may be used."""

    names: tuple[str, ...]

    def pick(self, question: Decide, /) -> Pick | None:
        places = among(question, self.names)
        return Pick(places[0], {}, "the first listed that may be used") if places else None


@dataclass(frozen=True, slots=True)
class CheapestOf:
    """The lowest expected cost; of equals the first. No names are all options."""

    names: tuple[str, ...] = ()

    def pick(self, question: Decide, /) -> Pick | None:
        places = among(question, self.names)
        best = min(places, key=lambda place: question.options[place].cost_nano, default=None)
        return None if best is None else Pick(best, {}, "lowest expected cost")


@dataclass(frozen=True, slots=True)
class BestOf:
    """The highest score as it is declared here, or without ``scores`` the highest prior; of equals the first."""

    names: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    def pick(self, question: Decide, /) -> Pick | None:
        places = among(question, self.names or tuple(self.scores))
        scores = {place: self._score(question.options[place]) for place in places}
        best = max(places, key=scores.__getitem__, default=None)
        return None if best is None else Pick(best, scores, f"highest {'score' if self.scores else 'prior'}")

    def _score(self, option: Option) -> float:
        return self.scores.get(option.name, -math.inf) if self.scores else option.prior


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiFactor:
    """w_Q Q + w_L (1 - T) + w_C (1 - C) + w_load (1 - N), min-max normalised over the options that keep the limits.

    Q is the prior, T the expected latency, C the expected cost, N the calls in flight. What breaks a limit is taken out
    before anything is scored. A dimension in which all are equal counts .5; a latency that nobody knows (0) adds 0 and
    breaks no limit. Where every option breaks one, ``otherwise`` says who is taken: the "cheapest", the "first", or
    none ("fail": then the rule is passed over).

    Units: ``max_latency_s`` seconds, ``max_cost_usd`` dollars a call.
    Raises: BadNumber, BadDefinition.
    Source: vLLM Semantic Router's multi_factor; the equal weights are our default.
    """

    names: tuple[str, ...] = ()
    quality: float = 0.25
    latency: float = 0.25
    cost: float = 0.25
    load: float = 0.25
    max_latency_s: float | None = None
    max_cost_usd: float | None = None
    max_in_flight: int | None = None
    otherwise: Otherwise = "cheapest"

    def __post_init__(self) -> None:
        weights = (self.quality, self.latency, self.cost, self.load)
        if not all(math.isfinite(weight) and weight >= 0.0 for weight in weights) or not any(weights):
            raise BadNumber(
                f"The weights {weights} are not all finite and at least 0, or all of them are 0.",
                remedy="Give finite weights from 0, one of them above 0.",
            )
        if self.max_cost_usd is not None:
            nano(self.max_cost_usd, "max_cost_usd")
        if self.otherwise not in ("cheapest", "first", "fail"):
            raise BadDefinition(
                f"otherwise={self.otherwise!r} is not 'cheapest', 'first' or 'fail'.", remedy="Say one of the three."
            )

    def pick(self, question: Decide, /) -> Pick | None:
        places, options = among(question, self.names), question.options
        kept = [place for place in places if self._keeps(options[place])]
        if not places or (not kept and self.otherwise == "fail"):
            return None
        if not kept:
            cheapest = min(places, key=lambda place: options[place].cost_nano)
            place = cheapest if self.otherwise == "cheapest" else places[0]
            return Pick(place, {}, f"no option keeps the limits; the {self.otherwise}")
        scores = dict.fromkeys(kept, 0.0)
        dimensions: tuple[tuple[float, Callable[[Option], float], bool], ...] = (
            (self.quality, lambda option: option.prior, True),
            (self.latency, lambda option: option.latency_s or math.nan, False),
            (self.cost, lambda option: option.cost_nano, False),
            (self.load, lambda option: option.in_flight, False),
        )
        for weight, value, more in dimensions:
            for place, share in _normalised({place: value(options[place]) for place in kept}, more).items():
                scores[place] += weight * share
        best = max(kept, key=scores.__getitem__)
        over = f", {len(places) - len(kept)} over a limit" if len(kept) < len(places) else ""
        return Pick(best, scores, f"best of {len(kept)} by several factors{over}")

    def _keeps(self, option: Option) -> bool:
        return (
            (self.max_latency_s is None or option.latency_s <= self.max_latency_s)
            and (self.max_cost_usd is None or option.cost_nano <= self.max_cost_usd * NANO)
            and (self.max_in_flight is None or option.in_flight <= self.max_in_flight)
        )


def _normalised(values: Mapping[int, float], more: bool) -> dict[int, float]:
    """From 0 for the worst to 1 for the best; NaN, unknown, is 0."""
    known = [value for value in values.values() if not math.isnan(value)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    found = {}
    for place, value in values.items():
        share = 0.5 if high == low else (value - low) / (high - low) if more else (high - value) / (high - low)
        found[place] = 0.0 if math.isnan(value) else share
    return found
