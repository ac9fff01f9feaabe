"""A contest on recorded outcomes: every router learns from one part and answers for the other, beside the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.accuracy import accuracy, cost_per_1k, cost_save, performance_gain, row_values
from orchestra.evaluation.baselines import (
    Predicted,
    best_single,
    fixed,
    mean_costs,
    mean_scores,
    prices,
    same_options,
    thrifty,
)
from orchestra.evaluation.contests.admission import admitted, told_of_one
from orchestra.evaluation.contests.entrants import AUTO, TRAINED, Expected, Part, entrant, trained
from orchestra.evaluation.contests.features import Told, features, silent, with_surface
from orchestra.evaluation.contests.online import online
from orchestra.evaluation.curves import aiq, cost_range
from orchestra.evaluation.intervals import mcnemar, paired_bootstrap
from orchestra.evaluation.outcomes import Floats, OutcomeSet
from orchestra.evaluation.ranking import apgr, cpt
from orchestra.evaluation.report import D, Row, report

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Budgets, as shares of what the best single option costs on the training part."""
SETTINGS = 400
FOLDS = 3
BISECTIONS = 40
SEED = 20
LAM = 0.5
REPLAYS = 3
TOOLS = "func_doc"
OFFLINE = (AUTO, TRAINED)
MEANS = ("accuracy", "cost_per_1k", "aiq", "apgr", "cpt50", "cpt80", "perf_gain", "cost_save")
FIGURES = (*MEANS, "ci95", "mcnemar", "regret", "replay", "ceiling", "embedder")
"""Besides ``curve`` and ``within``, what a router's entry holds; None where it does not apply."""


class Asked(NamedTuple):
    """What a contest may be told: ``budgets_per_1k`` are further budgets, in dollars for a thousand questions."""

    seeds: int = 1
    embedder: str = "auto"
    budgets_per_1k: tuple[float, ...] = ()
    lam: float = LAM
    replay: bool = True


PLAIN = Asked()


def contest(
    train: OutcomeSet, test: OutcomeSet, names: Sequence[str] = (AUTO,), asked: Asked = PLAIN, told: Told = silent
) -> dict[str, Any]:
    """The figures of every router and baseline, as JSON values.

    A router's ``accuracy`` is that of the options it expects most of, whatever they cost; ``within`` is what it
    reaches under budgets whose price was chosen on the training part, out of fold; ``curve`` goes over all prices.
    ``ci95`` is that of its accuracy minus the best single option's, paired; ``mcnemar`` is against that option too.
    ``apgr`` and CPT are of two options.
    ``regret`` is that of the online form over the rows of both parts, with rewards (1 - lam) score + lam (1 - cost);
    None for a router that needs the reward of every option, such as "trained".
    ``ceiling`` is the accuracy of the trained router on the features that the router sees, every outcome known.

    Units: dollars for a thousand questions. Raises: BadDefinition for outcomes that are missing and for routers that
    ``admitted`` refuses; UnknownRouter, and what the embedder raises.
    """
    same_options(train, test)
    admitted(names, OFFLINE)
    if gap := test.gap():
        raise BadDefinition(gap, remedy="Leave such rows or options out, or judge it as a log: contests.partial.")
    seen = read(train, test, asked.embedder, told)
    single = fixed(best_single(train), test)
    routers = [_router(name, seen.known, seen.other, single, asked, told) for name in names]
    shorter = {}
    if any(name not in OFFLINE for name in names):
        told(0, f"the ceiling on {seen.plain}")
        known, other = (part._replace(x=part.plain) for part in (seen.known, seen.other))
        shorter["ceiling"] = accuracy(test.scores, trained(known, other).shares(0.0))
    for one in routers:
        # The offline routers are the trained one: what they reach is their ceiling.
        own = {"embedder": seen.full, "ceiling": one["accuracy"]}
        one |= own if one["name"] in OFFLINE else {"embedder": seen.plain, **shorter}
    told(0, "baselines")
    return {
        "dataset": "",
        "n": len(test),
        "options": list(test.options),
        "embedder": seen.name,
        "baselines": [_baseline(row) for row in report(test, train)],
        "routers": routers,
    }


def stages(names: Sequence[str], asked: Asked, *, priced: bool) -> int:
    """How many stages of work ``contest`` tells of."""
    others = [name for name in names if name not in OFFLINE]
    runs = len(others) * asked.seeds + len(names) - len(others) + priced * FOLDS * len(names)
    replays = sum(map(told_of_one, names)) * max(REPLAYS, asked.seeds) if asked.replay else 0
    return 2 + runs + replays + bool(others)


class Read(NamedTuple):
    """Both parts with their features; ``name`` is the embedder, ``full`` and ``plain`` are what the two kinds of
    router see.
    """

    name: str
    full: str
    plain: str
    known: Part
    other: Part


def read(train: OutcomeSet, test: OutcomeSet, embedder: str, told: Told = silent) -> Read:
    """Raises: as ``features``."""
    told(0, "reads")
    texts = questions(train), questions(test)
    both = features(*texts, embedder, told)
    seen = with_surface(both, *texts)
    short = features(*texts, "short", told) if embedder == "auto" else both
    known, other = Part(train, seen.train, short.train), Part(test, seen.test, short.test)
    return Read(both.name, seen.name, short.name, known, other)


def questions(outcomes: OutcomeSet) -> tuple[str, ...]:
    """The texts, each with the tools that come with it (column ``func_doc``): a router would see them too."""
    offered = outcomes.meta.get(TOOLS) or (None,) * len(outcomes)
    return tuple(
        f"{text}\n{len(str(tools).split(' | '))} tools: {tools}" if tools else text
        for text, tools in zip(outcomes.texts, offered, strict=True)
    )


def _router(name: str, known: Part, other: Part, single: Floats, asked: Asked, told: Told) -> dict[str, Any]:
    """Means over the seeds, of which the trained router needs one; McNemar's test and the curve are the first's."""
    runs = []
    for seed in range(1 if name in OFFLINE else asked.seeds):
        told(0, f"{name}, seed {seed}")
        runs.append(_measured(name, known, other, single, seed, told))
    first = runs[0]
    values, best = np.mean([run["values"] for run in runs], axis=0), row_values(other.outcomes.scores, single)
    gain = paired_bootstrap(values, best, seed=SEED)
    out: dict[str, Any] = {
        "name": name,
        **{key: mean_of_all([run[key] for run in runs]) for key in MEANS},
        "ci95": [gain.low, gain.high],
        "mcnemar": _mcnemar(first["values"], best),
        "curve": first["curve"],
        "within": _within(name, known, other, first["expected"], asked, told),
    }
    played = None
    if asked.replay and told_of_one(name):
        played = online(name, known, other, lam=asked.lam, seeds=max(REPLAYS, asked.seeds), told=told)
    return out | {"regret": played and played["regret"], "replay": played}


def _mcnemar(mine: Floats, best: Floats) -> dict[str, Any] | None:
    """The rows that only the router (b) or only the best single option (c) got right; of scores 0 and 1 alone."""
    if not np.isin([mine, best], (0.0, 1.0)).all():
        return None
    return dict(zip("bcp", mcnemar(mine == 1.0, best == 1.0), strict=True))


def _measured(name: str, known: Part, other: Part, single: Floats, seed: int, told: Told) -> dict[str, Any]:
    test = other.outcomes
    expected = entrant(name)(known, other, seed, told)
    chosen = expected.shares(0.0)
    values, best = row_values(test.scores, chosen), row_values(test.scores, single)
    out: dict[str, Any] = dict.fromkeys(MEANS)
    out |= {"accuracy": float(values.mean()), "values": values, "curve": [], "expected": expected}
    reached = [out["accuracy"]]
    if test.costs_usd is not None:
        points = curve(expected, known.outcomes, test)
        out |= {"curve": [[c, a] for c, a in points], "aiq": aiq(points, *cost_range(test))}
        out["cost_per_1k"] = cost_per_1k(test.costs_usd, chosen)
        out["cost_save"] = cost_save(points, (cost_per_1k(test.costs_usd, single), float(best.mean())))
        reached = [a for _, a in points]
    out["perf_gain"] = performance_gain(reached, float(best.mean())) if best.mean() else None
    if test.k == 2:
        weak, strong = np.argsort(mean_scores(known.outcomes))
        wish = expected.predicted.scores[:, strong] - expected.predicted.scores[:, weak]
        pair = test.scores[:, weak], test.scores[:, strong], wish
        # A share of a gap that may be none says nothing: over a small one it has no bound.
        if paired_bootstrap(pair[1], pair[0], seed=SEED).low > 0.0:
            out |= {"apgr": apgr(*pair), "cpt50": cpt(*pair, 0.5), "cpt80": cpt(*pair, 0.8)}
    return out


def curve(expected: Expected, train: OutcomeSet, test: OutcomeSet) -> list[tuple[float, float]]:
    """(dollars for a thousand, accuracy) at every price of a grid, the settings that come out alike once."""
    assert test.costs_usd is not None
    points = []
    for price in prices(train, SETTINGS):
        shares = expected.shares(float(price))
        points.append((cost_per_1k(test.costs_usd, shares), accuracy(test.scores, shares)))
    return sorted(set(points))


def _within(
    name: str, known: Part, other: Part, expected: Expected, asked: Asked, told: Told
) -> list[dict[str, float | None]]:
    """Budgets kept on the training part, by what the router expects of rows that it did not learn from."""
    train, test = known.outcomes, other.outcomes
    if train.costs_usd is None or test.costs_usd is None:
        return []
    whole = 1000.0 * float(mean_costs(train)[best_single(train)])
    budgets = [*(share * whole for share in SHARES), *asked.budgets_per_1k]
    left_out = _left_out(name, known, told)
    rows: list[dict[str, float | None]] = []
    for budget in budgets:
        price = price_within(left_out, train.costs_usd, budget / 1000.0, float(prices(train)[-1]))
        shares = expected.shares(price)
        rows.append(
            {
                "budget_per_1k": budget,
                "share": budget / whole if whole else None,
                "cost_per_1k": cost_per_1k(test.costs_usd, shares),
                "accuracy": accuracy(test.scores, shares),
            }
        )
    return rows


def _left_out(name: str, known: Part, told: Told) -> Predicted:
    """What the router expects of each training row, having learned from the other folds."""
    outcomes = known.outcomes
    fold = outcomes.folds(FOLDS)
    scores, costs = np.zeros(outcomes.scores.shape), np.zeros(outcomes.scores.shape)
    for i in range(FOLDS):
        told(0, f"{name}, fold {i + 1} of {FOLDS}")
        here = fold == i
        if here.any() and not here.all():
            parts = [Part(outcomes.rows(rows), known.x[rows], known.plain[rows]) for rows in (~here, here)]
            scores[here], costs[here] = entrant(name)(parts[0], parts[1], 0, told).predicted
    return Predicted(scores, costs)


def price_within(known: Predicted, costs_usd: Floats, budget: float, top: float) -> float:
    """The least price, up to ``top``, at which the rows cost no more than the budget on average."""
    low, high = 0.0, top
    if float((thrifty(known, 0.0) * costs_usd).sum(axis=1).mean()) <= budget:
        return 0.0
    for _ in range(BISECTIONS):
        price = (low + high) / 2.0
        fits = float((thrifty(known, price) * costs_usd).sum(axis=1).mean()) <= budget
        low, high = (low, price) if fits else (price, high)
    return high


def _baseline(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "accuracy": row.accuracy,
        "cost_per_1k": row.cost_per_1k,
        "aiq": row.aiq,
        "ci95": None if row.gain is None else [row.gain.low, row.gain.high],
        "curve": [list(point) for point in row.curve],
        "embedder": f"hashed:{D}" if row.name.startswith("kNN") else None,
    }


def mean_of_all(values: Sequence[float | None]) -> float | None:
    """None where a seed has none: the mean of the others would be another figure."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
