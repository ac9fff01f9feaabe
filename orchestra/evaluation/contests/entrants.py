"""Who takes part in a contest of outcomes: the trained router, and every router of the registry taught in full.

An entrant learns from one part and says what it expects of the other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition
from orchestra.evaluation.baselines import Predicted, best_single, mean_costs, mean_scores, thrifty
from orchestra.evaluation.contests.features import Singles, Told, silent
from orchestra.evaluation.curves import hull
from orchestra.evaluation.outcomes import Bools, Floats, OutcomeSet
from orchestra.ports.router import Lesson, Router
from orchestra.routing.learners.trained import train
from orchestra.routing.registry import router

AUTO, TRAINED = "auto", "trained"
NANO = 1e9
FAVOUR = 0.01
"""What another option must be expected to gain before the best single one is left. Our default."""
SPREAD_FAVOUR, MOST_FAVOUR = 0.6, 0.04
"""Of many options learned from few rows, some look better than they are; ``favours`` says against which."""
TAUGHT_TOGETHER = 1000
LEAST_COST = 1e-3
"""No option is expected to cost less than this share of its mean."""


class Part(NamedTuple):
    """Rows with their features: ``x`` of the trained router, ``plain`` of those that learn one reward at a time.

    Shapes: x (n, d), plain (n, e).
    """

    outcomes: OutcomeSet
    x: Singles
    plain: Singles


class Expected(NamedTuple):
    """What an entrant expects of each row; ``single`` is the best single option, which it chooses on rows that are far
    from all it learned from, where no price is asked.

    Shapes: ``far`` (n,).
    """

    predicted: Predicted
    far: Bools
    single: int

    def shares(self, price: float) -> Floats:
        """Who is chosen at this price of a dollar. Shapes: (n, k)."""
        shares = thrifty(self.predicted, price)
        if price == 0.0:  # a price asks for the best trade, which one option is not
            shares[self.far] = np.eye(shares.shape[1])[self.single]
        return shares


Entrant = Callable[[Part, Part, int, Told], Expected]
"""(training part, other part, seed, progress) -> what it expects of the other part."""


def entrant(name: str) -> Entrant:
    """The entrant of a name; "trained" is "auto", which is what a policy file would serve. Raises UnknownRouter."""
    if name in (AUTO, TRAINED):
        return trained
    router(name)
    return lambda known, asked, seed, told: taught(router(name), known, asked, seed, told)


def trained(known: Part, asked: Part, _seed: int = 0, _told: Told = silent) -> Expected:
    """Scores and costs learned together, with ``favours``; far from all rows the best single option is chosen."""
    outcomes, k = known.outcomes, known.outcomes.k
    costs = outcomes.costs_usd
    unit = mean_costs(outcomes) if costs is not None else np.ones(k)
    unit = np.where(np.isfinite(unit) & (unit > 0.0), unit, 1.0)
    values = outcomes.scores if costs is None else np.hstack([outcomes.scores, costs / unit])
    model = train(known.x, values.astype(np.float32), outcomes.tasks)
    values, far = model.expected(asked.x)
    expected = np.asarray(values, dtype=np.float64)
    scores, single = expected[:, :k], best_single(outcomes)
    scores += favours(outcomes)
    paid = np.zeros_like(scores) if costs is None else np.maximum(expected[:, k:], LEAST_COST) * unit
    return Expected(Predicted(scores, paid), far, single)


def favours(outcomes: OutcomeSet) -> Floats:
    """What each option's expected score is raised by before options are compared.

    The best single option by .01. Where costs are known, every option of the hull of single options, those that are
    best alone at some price, by min(.04, .6 k / n) of n rows: the luck of the luckiest of k grows with k / n, and under
    a budget it is those options that it has to be weighed against. Shapes: (k,). Source: our default.
    """
    raised = np.zeros(outcomes.k)
    if outcomes.costs_usd is not None:
        points = np.stack([mean_costs(outcomes), mean_scores(outcomes)], axis=1)
        priced = np.isfinite(points[:, 0])
        if priced.any():
            best = (points[:, None] == hull(points[priced])).all(axis=2).any(axis=1)
            raised[best] = min(MOST_FAVOUR, SPREAD_FAVOUR * outcomes.k / len(outcomes))
    raised[best_single(outcomes)] += FAVOUR
    return raised


def taught(learner: Router, known: Part, asked: Part, seed: int, told: Told = silent) -> Expected:
    """A router of the port, told every option's score on every training row; then it only chooses.

    Its scores are what it expects; a router without scores expects 1 of what it chose and 0 of the others. The costs
    expected are the options' means. Raises BadDefinition for a router that chooses no single option.
    """
    rng = random.Random(f"contest/{seed}")
    options = declared(known.outcomes)
    if getattr(learner, "learns", True):
        teach(learner, known, options, rng, told)
    scores = np.empty((len(asked.outcomes), len(options)))
    for row, x in enumerate(asked.plain):
        question = Decide(capability="contest", options=options, x=(1.0, *x.tolist()))
        decision = learner.choose(question, f"asked/{row}", rng)
        if len(decision.chosen) != 1:
            raise BadDefinition(
                f"{learner.name!r} chooses {len(decision.chosen)} options; here one is chosen.",
                remedy="Enter a router that chooses one, such as 'linucb'.",
            )
        said = [option.score for option in decision.options]
        chosen = [float(option.name == decision.chosen[0]) for option in options]
        scores[row] = chosen if all(one is None for one in said) else [-1.0 if one is None else one for one in said]
        told(1, learner.name)
    costs = np.tile(mean_costs(known.outcomes), (len(scores), 1))
    return Expected(Predicted(scores, costs), np.zeros(len(scores), dtype=np.bool_), best_single(known.outcomes))


def teach(learner: Router, known: Part, options: Sequence[Option], rng: random.Random, told: Told = silent) -> None:
    """Every recorded score as a lesson, in an order drawn by ``rng``."""
    rows = list(range(len(known.outcomes)))
    rng.shuffle(rows)
    lessons = []
    for step, row in enumerate(rows, 1):
        x = (1.0, *known.plain[row].tolist())
        for place, score in enumerate(known.outcomes.scores[row]):
            if not np.isnan(score):
                lessons.append(
                    Lesson(
                        Decision(
                            key=f"taught/{row}/{place}",
                            capability="contest",
                            policy=learner.name,
                            version=step,
                            options=tuple(options),
                            chosen=(options[place].name,),
                            probability=1.0,
                            x=x,
                        ),
                        float(score),
                    )
                )
        if len(lessons) >= TAUGHT_TOGETHER or step == len(rows):
            learner.learn(lessons)
            lessons = []
        told(1, f"{learner.name} learns")


def declared(outcomes: OutcomeSet) -> tuple[Option, ...]:
    """The options with their mean cost; their quality is not known beforehand."""
    costs = mean_costs(outcomes)
    nano = [int(NANO * cost) if np.isfinite(cost) else 0 for cost in costs]
    return tuple(Option(name, cost_nano=cost) for name, cost in zip(outcomes.options, nano, strict=True))
