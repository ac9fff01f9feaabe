"""A contest of bandits: a router meets every row of both parts once, and is told the reward of its choices alone.

It knows beforehand what the options cost on average, from the training part, and nothing of their quality: the prior of
an option is (1 - lam) .8 + lam (1 - cost), where .8 is more than most reach, so that each is soon tried. It sees
x = (1, v), v the 32 leading principal directions of the contest's features; they are fitted on the training part's
texts, without a label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from orchestra.core.decision import Option
from orchestra.core.errors import BadNumber
from orchestra.embeddings.projected import D, Projection
from orchestra.evaluation.baselines import mean_costs
from orchestra.evaluation.contests.entrants import AUTO, NANO, Part
from orchestra.evaluation.contests.features import Told, silent
from orchestra.evaluation.outcomes import Floats, Ints, OutcomeSet
from orchestra.evaluation.replay import Replay, best_fixed, replay, rewards_of
from orchestra.ports.router import Router
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.registry import router

ALPHA, RIDGE = 0.3, 8.0
"""With |x| = sqrt(2) the first width is .15, about what options differ by. Chosen on the development parts of four sets
(RouterBench's, LLMRouterBench's, BFCL's and RouteLLM's) at several weights of cost, not for one of them: alpha from .2
to .4 and lam from 4 to 12 do about as well."""
QUALITY = 0.8
POINTS = 200


def online(
    name: str, known: Part, other: Part, *, lam: float = 0.5, seeds: int = 3, told: Told = silent
) -> dict[str, Any] | None:
    """The regret of a router over the rows of both parts, in ``seeds`` orders; None where outcomes are missing.

    Rewards are (1 - lam) score + lam (1 - cost), each normalised within its task; where a cost is missing lam is 0.
    Beside the mean ``regret`` and its ``std`` over the orders: ``tried_all``, the step at which the last option was
    first chosen in each order (None: never); ``curve``, at most 200 pairs (step, mean regret); ``full``, the regret of
    a greedy regression on the same features that is told every option's reward; ``best_fixed`` and ``per_task``, that
    of the best option for all, and for each task, in hindsight.

    "auto" is LinUCB with alpha .3 and lam 8 and without the probability floor, which is paid for a log that nobody
    reads here; every other name is that router as the registry makes it.
    Raises: UnknownRouter; BadDefinition for a router that chooses several options, BadNumber for seeds below 1.
    """
    make: Callable[[], Router] = _recommended if name == AUTO else lambda: router(name)
    rows = both(known, other)
    if seeds < 1:
        raise BadNumber(f"seeds={seeds!r}.", remedy="Give how many orders to replay, at least 1.")
    if not rows.complete:
        return None
    lam = lam if rows.costs_usd is not None and not np.isnan(rows.costs_usd).any() else 0.0
    rewards, options = rewards_of(rows, lam), priced(known.outcomes, lam)
    played = [_played(make(), rows, rewards, options, seed, told) for seed in range(seeds)]
    regrets = np.array([one.regret for one in played])
    return {
        "steps": len(rows),
        "seeds": seeds,
        "lam": lam,
        "d": D + 1,
        "regret": float(regrets.mean()),
        "std": float(regrets.std()),
        "tried_all": [tried_all(one) for one in played],
        "curve": thinned(np.mean([one.regret_curve for one in played], axis=0)),
        "full": informed(rows, rewards, options, played[0].rows),
        "best_fixed": best_fixed(rewards)[1],
        "per_task": per_task(rewards, rows.tasks),
    }


def _recommended() -> Router:
    return LinUCB(alpha=ALPHA, lam=RIDGE, floor=0.0)


def _played(
    learner: Router, rows: OutcomeSet, rewards: Floats, options: Sequence[Option], seed: int, told: Told
) -> Replay:
    told(0, f"{learner.name} replays, order {seed}")
    return replay(learner, rows, rewards, seed=seed, options=options)


def informed(rows: OutcomeSet, rewards: Floats, options: Sequence[Option], order: Ints) -> float:
    """The regret of a greedy ridge regression that is told every option's reward: LinUCB with alpha 0 and lam 8,
    replayed with full feedback. As all options see the same contexts, one inverse serves them all.
    """
    assert rows.x is not None
    priors = np.array([option.prior for option in options])
    inverse, theta = np.eye(rows.x.shape[1]) / RIDGE, np.zeros((rows.x.shape[1], rows.k))
    regret = 0.0
    for row in order:
        x, told = rows.x[row], rewards[row]
        expected = priors + x @ theta
        regret += float(told.max() - told[expected.argmax()])
        u = inverse @ x
        scaled = u / (1.0 + float(x @ u))
        theta += np.outer(scaled, told - expected)
        inverse -= np.outer(scaled, u)
    return regret


def both(known: Part, other: Part) -> OutcomeSet:
    """The rows of both parts as one set, what is in both once; ``x`` is what a bandit sees. Shapes: x (n, 1 + d).

    Rows of one id, task and text are one; where two that are not have one id, all are told apart by their part.
    """
    columns = [name for name in ("tasks", "texts") if all(getattr(one.outcomes, name) for one in (known, other))]
    seen = set(_marks(known.outcomes, columns))
    new = [i for i, one in enumerate(_marks(other.outcomes, columns)) if one not in seen]
    first, second = known.outcomes, other.outcomes.rows(new)
    ids = first.ids + second.ids
    if len(set(ids)) < len(ids):
        ids = tuple(f"{part}/{one}" for part, own in enumerate((first.ids, second.ids)) for one in own)
    projection = Projection(known.plain)
    x = projection.of(np.concatenate([known.plain, other.plain[new]]))
    costs = None
    if first.costs_usd is not None and second.costs_usd is not None:
        costs = np.concatenate([first.costs_usd, second.costs_usd])
    return OutcomeSet(
        options=first.options,
        ids=ids,
        scores=np.concatenate([first.scores, second.scores]),
        tasks=first.tasks + second.tasks if first.tasks and second.tasks else (),
        costs_usd=costs,
        x=np.hstack([np.ones((len(x), 1)), x]).astype(np.float64),
    )


def _marks(rows: OutcomeSet, columns: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(rows.ids, *(getattr(rows, name) for name in columns), strict=True))


def priced(outcomes: OutcomeSet, lam: float) -> tuple[Option, ...]:
    """The options with their mean cost, and as prior the reward that it and a quality of .8 make."""
    costs = mean_costs(outcomes)
    thrift = rewards_of(outcomes, 1.0).mean(axis=0) if lam else np.zeros(outcomes.k)
    priors = (1.0 - lam) * QUALITY + lam * thrift
    return tuple(
        Option(name, cost_nano=int(NANO * cost) if np.isfinite(cost) else 0, prior=prior)
        for name, cost, prior in zip(outcomes.options, costs.tolist(), priors.tolist(), strict=True)
    )


def tried_all(played: Replay) -> int | None:
    """The step at which the last option was first chosen, None where one never was."""
    tries = played.first_tries
    return max(tries.values()) if len(tries) == len(played.options) else None


def per_task(rewards: Floats, tasks: Sequence[str]) -> float:
    """The regret of the best option for each task, in hindsight."""
    labels = np.array(tasks or [""] * len(rewards))
    return sum(best_fixed(rewards[labels == task])[1] for task in np.unique(labels))


def thinned(curve: Floats) -> list[list[float]]:
    """At most 200 pairs (step, value), evenly spread, the last one among them."""
    places = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), POINTS)).round().astype(np.intp))
    return [[float(place + 1), float(curve[place])] for place in places]
