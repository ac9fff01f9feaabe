"""Recorded outcomes to a policy that a team serves."""

from __future__ import annotations

import os

import numpy as np

from orchestra.app.carried import Carried
from orchestra.app.policy import Policy
from orchestra.core.errors import BadDefinition, BadNumber, ExtraMissing, LocalModelMissing
from orchestra.embeddings.cached import cache_folder
from orchestra.evaluation.baselines import Predicted, mean_costs, prices
from orchestra.evaluation.contests.entrants import Part, favours, trained
from orchestra.evaluation.contests.features import LEXICAL, SEMANTIC, Singles, Told, silent, vectors
from orchestra.evaluation.contests.outcomes import FOLDS, price_within
from orchestra.evaluation.outcomes import Floats, OutcomeSet
from orchestra.ports.embedder import Embedder
from orchestra.routing.learners.pretrained import Pretrained, Served
from orchestra.routing.learners.trained import train
from orchestra.routing.spec import spec_of

AUTO = "auto"


def trained_policy(
    outcomes: OutcomeSet,
    embedder: str | Embedder = AUTO,
    *,
    price: float = 0.0,
    budget_per_1k: float | None = None,
    told: Told = silent,
) -> Policy:
    """Trains as the contests' "auto" does, on all rows, and returns what serves it: router, model and features.

    An embedder by its name is carried: fitted on these texts, the text's surface beside it, to be served with
    ``embedder="policy:FILE"``. An embedder that is an object is not, and has to be given to the team as well. "auto" is
    a sentence encoder beside hashed n-grams where its weights are installed, else the n-grams alone. ``price`` is how
    much score a dollar is worth to the router; with a budget it is the least at which rows that were left out of
    training, a third at a time, keep it.

    Units: ``price`` in score for a dollar, ``budget_per_1k`` in dollars for a thousand questions, before the floor.
    Raises: BadDefinition for a set without texts, without rows or with more than 30,000, for a price or budget where a
    cost is missing, for both of them, and for vectors of another length than the embedder says; BadNumber for a
    negative price, a budget that is not above 0, and vectors that are not finite; what the embedder raises.
    """
    _check(outcomes, price, budget_per_1k)
    maker = _fitted(embedder, outcomes.texts) if isinstance(embedder, str) else embedder
    x = vectors(maker, outcomes.texts, told)
    if x.shape != (len(outcomes), maker.d):
        raise BadDefinition(
            f"{maker.name} gave {x.shape} instead of {(len(outcomes), maker.d)}.", remedy="Mend the embedder, or its d."
        )
    if not np.isfinite(x).all():
        raise BadNumber("A feature is not finite.", remedy="Check the embedder.")
    told(0, "solving")
    if budget_per_1k is not None:
        price = _price(outcomes, x, budget_per_1k, told)
    router = Pretrained(price=price)
    values, units = _values(outcomes)
    model = train(x, values.astype(np.float32), outcomes.tasks)
    router.serve(
        Served(
            model,
            outcomes.options,
            tuple((~np.isnan(outcomes.scores)).sum(axis=0).tolist()),
            tuple(favours(outcomes).tolist()),
            units,
            maker.to_plain() if isinstance(maker, Carried) else None,
        )
    )
    spec = spec_of(router) if price else {"router": router.name, "parameters": {}}
    return Policy(name=router.name, spec=spec, state=router.state(), marks=maker.name, d=1 + x.shape[1])


def _check(outcomes: OutcomeSet, price: float, budget_per_1k: float | None) -> None:
    if not any(outcomes.texts):
        raise BadDefinition("These outcomes have no texts.", remedy="Give each row the text of its question.")
    Pretrained(price=price)  # what is wrong with it is said before anything is embedded
    if price and budget_per_1k is not None:
        raise BadDefinition("A budget says what the price is.", remedy="Give one of them.")
    if budget_per_1k is not None and not 0.0 < budget_per_1k < float("inf"):
        raise BadNumber(f"budget_per_1k={budget_per_1k!r}.", remedy="Give dollars for a thousand questions, above 0.")
    priced = outcomes.costs_usd is not None and not np.isnan(outcomes.costs_usd).any()
    if (price or budget_per_1k is not None) and not priced:
        raise BadDefinition("A cost is missing.", remedy="Train on outcomes.priced(), or without price and budget.")


def _price(outcomes: OutcomeSet, x: Singles, budget_per_1k: float, told: Told) -> float:
    """The least price at which rows that were not learned from keep the budget."""
    assert outcomes.costs_usd is not None
    fold = outcomes.folds(FOLDS)
    scores, costs = np.zeros(outcomes.scores.shape), np.zeros(outcomes.scores.shape)
    for i in np.unique(fold):
        told(0, f"fold {i + 1} of {FOLDS}")
        known, asked = (Part(outcomes.rows(rows), x[rows], x[rows]) for rows in (fold != i, fold == i))
        scores[fold == i], costs[fold == i] = trained(known, asked).predicted
    left_out = Predicted(scores, costs)
    return price_within(left_out, outcomes.costs_usd, budget_per_1k / 1000.0, float(prices(outcomes)[-1]))


def _fitted(name: str, texts: tuple[str, ...]) -> Carried:
    cache = cache_folder(os.environ)
    if name != AUTO:
        return Carried.fit(name, texts, cache)
    try:
        return Carried.fit(SEMANTIC, texts, cache)
    except (ExtraMissing, LocalModelMissing):
        return Carried.fit(LEXICAL, texts, cache)


def _values(outcomes: OutcomeSet) -> tuple[Floats, tuple[float, ...]]:
    """Scores and, if known, costs in units of each option's mean; and those units. Shapes: (n, k or 2 k)."""
    if outcomes.costs_usd is None:
        return outcomes.scores, ()
    means = mean_costs(outcomes)
    units: Floats = np.where(np.isfinite(means) & (means > 0.0), means, 1.0)
    return np.hstack([outcomes.scores, outcomes.costs_usd / units]), tuple(units.tolist())
