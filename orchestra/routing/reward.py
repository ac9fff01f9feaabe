"""From how a call went to a reward in [0, 1]."""

from __future__ import annotations

import math
from dataclasses import dataclass

from orchestra.core.errors import BadNumber
from orchestra.core.money import dollars, finite
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, Paused
from orchestra.routing.sums import reward_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardRule:
    """Weights of quality, cheapness and speed; only their ratios matter.

    Formula: (quality q + cost / (1 + c / cost_scale_usd) + latency / (1 + s / latency_scale_s)) / (sum of the weights):
    at the scale, cheapness or speed counts one half. So what fails has 0, whatever it saved.
    Units: ``cost_scale_usd`` in dollars, ``latency_scale_s`` in seconds. Raises: BadNumber. Source: our default.
    """

    quality: float = 1.0
    cost: float = 0.0
    latency: float = 0.0
    cost_scale_usd: float = 0.01
    latency_scale_s: float = 2.0

    def __post_init__(self) -> None:
        for name in ("quality", "cost", "latency", "cost_scale_usd", "latency_scale_s"):
            finite(getattr(self, name), name)
        if self.quality <= 0 or self.cost_scale_usd <= 0 or self.latency_scale_s <= 0:
            raise BadNumber("quality, cost_scale_usd and latency_scale_s must be more than 0.")

    def combined(self, quality: float, *, usd: float = 0.0, seconds: float = 0.0) -> float:
        """The reward of a call that ended Done, of this quality in [0, 1]. Raises BadNumber."""
        q = reward_of(quality, "quality")
        thrift = self.cost / (1.0 + float(finite(usd, "usd")) / self.cost_scale_usd)
        speed = self.latency / (1.0 + float(finite(seconds, "seconds")) / self.latency_scale_s)
        total = math.fsum((self.quality, self.cost, self.latency))
        return min(1.0, math.fsum((self.quality * q, thrift, speed)) / total)

    def of(self, outcome: Outcome, *, quality: float | None = None, seconds: float = 0.0) -> float | None:
        """0 for a failure; None where nothing can be said: cancelled, paused, or done and of unknown quality."""
        match outcome:
            case Failed():
                return 0.0
            case Done() if quality is not None:
                return self.combined(quality, usd=float(dollars(outcome.usage.nano_usd)), seconds=seconds)
            case Done() | Cancelled() | Paused():
                return None
