"""How a node behaves over time: when it fails, at which moment of the call, and whether it has acted by then."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple

from orchestra.core.errors import CallTimeout, NoEffect

Moment = Literal["before", "during", "after", "timeout", "limited"]
MOMENTS: tuple[Moment, ...] = ("before", "before", "before", "during", "after", "timeout", "limited")
TIMEOUT_S = 5.0


class Ended(NamedTuple):
    """How a call went. Units: ``seconds`` it took, ``limit_s`` it asked to be left alone."""

    error: Exception | None
    acted: bool
    seconds: float
    limit_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """A node that fails between ``begins`` and ``ends``, in every second stretch of ``flaps_s`` if that is not 0, with
    ``chance``, and then at ``moment``. Units: seconds.
    """

    latency_s: float
    chance: float = 0.0
    moment: Moment = "before"
    begins: float = 0.0
    ends: float = inf
    flaps_s: float = 0.0

    def fails(self, at: float, rng: random.Random) -> bool:
        if not self.begins <= at < self.ends:
            return False
        if self.flaps_s and int((at - self.begins) / self.flaps_s) % 2:
            return False
        return rng.random() < self.chance

    def called(self, name: str, at: float, rng: random.Random) -> Ended:
        """One call that begins at ``at``."""
        seconds = self.latency_s * rng.choice((0.5, 1.0, 1.0, 3.0))
        if not self.fails(at, rng):
            return Ended(None, True, seconds)
        if self.moment == "before":
            return Ended(NoEffect(f"{name} is down"), False, 0.0)
        if self.moment == "limited":
            return Ended(NoEffect(f"{name} is busy"), False, 0.0, rng.uniform(1.0, 60.0))
        if self.moment == "timeout":
            return Ended(CallTimeout(f"{name} hangs"), rng.random() < 0.5, TIMEOUT_S)
        if self.moment == "after":
            return Ended(ConnectionResetError(f"{name} was cut off"), True, seconds)
        return Ended(ValueError(f"{name} broke"), rng.random() < 0.5, seconds / 2)


def behaviour(rng: random.Random, trouble: float) -> Behaviour:
    """A random one; ``trouble`` in [0, 1] is how likely it is to fail at some time."""
    latency_s = rng.choice((0.0, 0.1, 1.0, 4.0))
    if rng.random() >= trouble:
        return Behaviour(latency_s=latency_s)
    begins = rng.choice((0.0, 0.0, rng.uniform(0.0, 20.0)))
    return Behaviour(
        latency_s=latency_s,
        chance=rng.choice((1.0, 1.0, 0.5)),
        moment=rng.choice(MOMENTS),
        begins=begins,
        ends=rng.choice((inf, begins + rng.uniform(1.0, 60.0))),
        flaps_s=rng.choice((0.0, 0.0, rng.uniform(0.5, 20.0))),
    )
