"""The weights of one run: for its paths, and for whom its router chooses."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from orchestra.app.binder import TeamBinder
from orchestra.core.decision import Decide, Decision
from orchestra.graph.weights import Weights, weights_given
from orchestra.ports.router import Router
from orchestra.routing.compositions.flags import Rates, under
from orchestra.runtime.run import Services

Choose = Callable[[Decide, str, random.Random], Decision]


def weighed(
    services: Services, binder: TeamBinder, router: Router, weights: Weights | Mapping[str, float] | None
) -> Services:
    """The services under these weights; as they are without any."""
    given = weights_given(weights)
    if given is None:
        return services
    return replace(services, binder=binder.weighing(given), choose=chooser(services.choose, router, given))


def chooser(choose: Choose, router: Router, weights: Weights | Mapping[str, float] | None) -> Choose:
    """How a team's router chooses under these weights: as ``Flags`` would, where it gives scores and is asked for one.

    What is not weighed by ``quality`` has the router's scores as they are.
    """
    given = weights_given(weights)
    rates = Rates() if given is None else Rates(given.cost, given.latency, given.quality or 1.0)
    if rates == Rates():
        return choose
    scoring = _Scoring(choose, router)

    def flagged(question: Decide, key: str, rng: random.Random) -> Decision:
        policy = (f"{router.name} -w {rates.said}", router.version)
        made = None if question.most > 1 else under(rates, scoring, question, key, rng, policy=policy)
        return choose(question, key, rng) if made is None else made

    return flagged


class _Scoring:
    """The router as the team asks it."""

    def __init__(self, choose: Choose, router: Router) -> None:
        self.choose, self.name = choose, router.name
