"""A probability floor around a router that has none, so that its log can judge another policy.

Formula: p_a = floor / K + (1 - floor) q_a, q the router's own probabilities. Source: epsilon-greedy; .02 is our
default.
"""

from __future__ import annotations

import random
from dataclasses import replace

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition
from orchestra.ports.router import Router
from orchestra.routing.compositions.composed import Composition, for_one
from orchestra.routing.floor import eligible_of, floor_of
from orchestra.routing.terms import terms_of


class Floored(Composition):
    """The router, but for a share ``floor`` of the decisions that go to any eligible option, each equally likely.

    Probabilities are those of the mixture, exact where the router's own are. Raises: BadNumber for a floor that is no
    probability; BadDefinition for a router that knows no probabilities, as one where a model decides, and for one
    that may choose out of scope.
    """

    def __init__(self, router: str | Router, *, floor: float = 0.02, name: str | None = None) -> None:
        super().__init__("floored", (router,))
        self.router, self.floor = self.parts[0], floor_of(floor)
        self.name = name or f"{self.router.name} +{self.floor:g}"
        if terms_of(self.router).how == "model":
            raise self._unknown()

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        question = for_one(question)
        places = eligible_of(question)
        draw = rng.random()
        made = self.router.choose(question, key, rng)
        if made.probability is None or len(made.chosen) != 1:
            raise self._unknown()
        share, kept = self.floor / len(places), 1.0 - self.floor
        options = [
            o._replace(probability=share + kept * (o.probability or 0.0)) if o.filtered is None else o
            for o in made.options
        ]
        name = made.chosen[0]
        if by_floor := draw < self.floor:
            name = options[places[min(int(draw / self.floor * len(places)), len(places) - 1)]].name
        made = replace(
            made,
            options=tuple(options),
            chosen=(name,),
            probability=_named(options, name),
            explored=made.explored or by_floor,
        )
        return self.signed(made, "drawn by the probability floor" if by_floor else made.reason)

    def _unknown(self) -> BadDefinition:
        return BadDefinition(
            f"{self.router.name!r} does not know the probability of what it chooses: no floor can be mixed in.",
            remedy="Put the floor around a router that draws one option by known probabilities.",
        )


def _named(options: list[Option], name: str) -> float | None:
    return next(option.probability for option in options if option.name == name)
