"""What a cascade would have cost and got right on recorded outcomes, with a verifier that errs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.baselines import mean_costs
from orchestra.evaluation.curves import best_within, hull, singles
from orchestra.evaluation.outcomes import OutcomeSet

LONGEST = 3


class Chain(NamedTuple):
    """A cascade on a set. Units: ``cost_per_1k`` dollars for a thousand questions; ``calls`` a question."""

    members: tuple[str, ...]
    accuracy: float
    cost_per_1k: float
    calls: float


def cascaded(outcomes: OutcomeSet, members: Sequence[str], error: float, verdict_usd: float = 0.0) -> Chain:
    """The members in turn until the verifier accepts; the last answer stands unchecked.

    ``error`` is the chance that the verifier is wrong, about a right answer and a wrong one alike. Nothing is drawn:
    these are the expected values. A member whose answer scores s is accepted with s (1 - error) + (1 - s) error.
    Every call is charged, and every verdict.

    Units: ``verdict_usd`` dollars for each verdict.
    Raises: BadNumber for an error outside [0, 1]; BadDefinition where a score or a cost is missing; UnknownName.
    Source: RouterBench, arXiv:2403.12031, its cascading router.
    """
    if not 0.0 <= error <= 1.0 or verdict_usd < 0.0:
        raise BadNumber(f"error={error!r}, verdict_usd={verdict_usd!r}.", remedy="An error lies in [0, 1].")
    if not members or not len(outcomes) or outcomes.costs_usd is None:
        raise BadDefinition(
            "A cascade needs members, rows, and costs to be compared by.",
            remedy="Name members, the cheapest first, of a set with costs.",
        )
    places = [outcomes.place(name) for name in members]
    scores, costs = outcomes.scores[:, places], outcomes.costs_usd[:, places]
    if np.isnan(scores).any() or np.isnan(costs).any():
        raise BadDefinition("A member's score or cost is missing on some row.", remedy="Leave that row or member out.")
    reach, right = np.ones(len(outcomes)), np.zeros(len(outcomes))
    spent, calls = np.zeros(len(outcomes)), np.zeros(len(outcomes))
    for at in range(len(places)):
        last = at == len(places) - 1
        score = scores[:, at]
        spent += reach * (costs[:, at] + (0.0 if last else verdict_usd))
        calls += reach
        accept = 1.0 if last else score * (1.0 - error) + (1.0 - score) * error
        # Of the answers that are accepted, those that are right: P(right and accepted).
        right += reach * (score if last else score * (1.0 - error))
        reach = reach * (1.0 - accept)
    return Chain(tuple(members), float(right.mean()), float(1000.0 * spent.mean()), float(calls.mean()))


def chains(outcomes: OutcomeSet, longest: int = LONGEST) -> list[tuple[str, ...]]:
    """All cascades of one to ``longest`` options in the order of their mean cost."""
    order = [outcomes.options[place] for place in np.argsort(mean_costs(outcomes), kind="stable")]
    return [chosen for n in range(1, longest + 1) for chosen in combinations(order, n)]


def frontier(train: OutcomeSet, test: OutcomeSet, error: float, verdict_usd: float = 0.0) -> list[Chain]:
    """The cascades on the hull of cost and accuracy on ``train``, as they do on ``test``, the cheapest first."""
    seen = [cascaded(train, members, error, verdict_usd) for members in chains(train)]
    corners = {tuple(point) for point in hull([(one.cost_per_1k, one.accuracy) for one in seen]).tolist()}
    kept = [one.members for one in seen if (one.cost_per_1k, one.accuracy) in corners]
    return sorted((cascaded(test, members, error, verdict_usd) for members in kept), key=lambda one: one.cost_per_1k)


def within(train: OutcomeSet, test: OutcomeSet, error: float, budget_per_1k: float, verdict_usd: float = 0.0) -> Chain:
    """The cascade that is best on ``train`` within a budget, as it is on ``test``.

    Where the budget is less than anybody costs, the cheapest. Units: as ``Chain``.
    """
    seen = [cascaded(train, members, error, verdict_usd) for members in chains(train)]
    point = best_within([(one.cost_per_1k, one.accuracy) for one in seen], budget_per_1k)
    if point is None:
        return cascaded(test, [train.options[int(singles(train)[:, 0].argmin())]], error, verdict_usd)
    best = next(one for one in seen if (one.cost_per_1k, one.accuracy) == point)
    return cascaded(test, best.members, error, verdict_usd)
