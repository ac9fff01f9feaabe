"""Routers that learn nothing: the cheapest, a fixed one, any one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from orchestra.core.decision import Decide, Decision
from orchestra.ports.router import Lesson, Terms
from orchestra.routing.floor import decision, drawn, eligible_of
from orchestra.routing.made import Made


class Stateless(Made):
    """The learning half of a router that has no state. ``version`` is that of its rule."""

    learns = False
    version = 1
    terms = Terms(uses=frozenset(), how="rule", feedback="none", scores=False)

    def learn(self, _lessons: Sequence[Lesson], /) -> None:
        """Nothing to learn."""

    def pulls(self, _option: str, /) -> int:
        return 0

    def state(self) -> dict[str, Any]:
        return {}

    def delta(self) -> dict[str, Any]:
        return {}

    def load(self, _state: Mapping[str, Any], /) -> None:
        """Nothing to load."""


class Fixed(Stateless):
    """The named option where it is eligible, else the first eligible one. Probability 1."""

    def __init__(self, option: str | None = None) -> None:
        self.option = option
        self.name = "fixed" if option is None else f"fixed:{option}"

    def choose(self, question: Decide, key: str, _rng: random.Random, /) -> Decision:
        """Pure in question. Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        named = [place for place in places if question.options[place].name == self.option]
        place = named[0] if named else places[0]
        why = "fixed" if named else "the first that may be used"
        return decision(question, key, place, policy=(self.name, self.version), best=place, reason=(why, False))


class Cheapest(Stateless):
    """The lowest expected cost; of equals, the one listed first. Probability 1."""

    name = "cheapest"
    terms = Terms(uses=frozenset({"cost"}), how="rule", feedback="none", scores=False)

    def choose(self, question: Decide, key: str, _rng: random.Random, /) -> Decision:
        """Pure in question. Raises NoProvider where no option is eligible."""
        place = min(eligible_of(question), key=lambda place: question.options[place].cost_nano)
        reason = ("lowest expected cost", False)
        return decision(question, key, place, policy=(self.name, self.version), best=place, reason=reason)


class Random(Stateless):
    """Any eligible option, each with probability 1 / K: the baseline, and the log that judges any other policy."""

    name = "random"

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (question, rng). Raises NoProvider where no option is eligible."""
        place, _ = drawn(eligible_of(question), 0, 1.0, rng)
        policy = (self.name, self.version)
        return decision(question, key, place, policy=policy, best=None, floor=1.0, reason=("uniform", True))
