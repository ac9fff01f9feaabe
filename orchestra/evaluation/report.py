"""The baselines of an outcome set as a table: ``python -m orchestra.evaluation.report FOLDER [--train FOLDER]``.

Without ``--train`` every row is answered by what was learned from the other folds (cross-validation).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from orchestra.core.errors import BadDefinition
from orchestra.embeddings.hashed import HashedEmbedder
from orchestra.evaluation.accuracy import accuracy, cost_per_1k, row_values
from orchestra.evaluation.baselines import (
    Neighbours,
    Predicted,
    best_single,
    cheapest,
    coin,
    fixed,
    mean_costs,
    mean_scores,
    oracle,
    per_task,
    prices,
    same_options,
    thrifty,
    uniform,
)
from orchestra.evaluation.curves import aiq, cost_range, singles
from orchestra.evaluation.intervals import Interval, paired_bootstrap
from orchestra.evaluation.load import load
from orchestra.evaluation.outcomes import Floats, Ints, OutcomeSet

D = 2048
BISECTIONS = 40
WITHIN = (0.1, 0.25, 0.5)
"""The budgets, as shares of what the best single option costs."""
SEED = 20
Curve = tuple[tuple[float, float], ...]
Pair = tuple[OutcomeSet, OutcomeSet, Ints]


class Row(NamedTuple):
    """One line of the table. ``gain`` is against the best single option; None where a figure does not apply."""

    name: str
    accuracy: float
    cost_per_1k: float | None
    aiq: float | None
    gain: Interval | None
    curve: Curve = ()


def featured(train: OutcomeSet, test: OutcomeSet, d: int = D) -> tuple[OutcomeSet, OutcomeSet]:
    """Both parts with hashed n-grams of their texts, whose rarity comes from ``train``. Shapes: x (n, d)."""
    embedder = HashedEmbedder.fit(train.texts, d)
    out = []
    for part in (train, test):
        chunks = [embedder.matrix(part.texts[i : i + 500]).astype(np.float32) for i in range(0, len(part), 500)]
        out.append(part.with_features(np.concatenate(chunks).astype(np.float64)))
    return out[0], out[1]


def folded(outcomes: OutcomeSet, folds: int) -> Iterator[Pair]:
    """For each fold: the others, itself, and where its rows stand."""
    fold = outcomes.folds(folds)
    for i in range(folds):
        if (fold == i).any():
            yield outcomes.rows(fold != i), outcomes.rows(fold == i), np.flatnonzero(fold == i)


def report(outcomes: OutcomeSet, train: OutcomeSet | None = None, *, folds: int = 5, seed: int = SEED) -> list[Row]:
    """Every baseline: random, cheapest, best single, per task, mixture, kNN, oracle.

    The mixture's area is that of the rows' own single options, in hindsight, as RouterBench has it. ``within`` rows
    keep to a budget on the training part, kNN on its rows left out one by one; here they may cost more or less.

    Units: dollars for a thousand questions. Raises: BadDefinition where outcomes are missing.
    """
    parts: list[Pair]
    if train is not None:
        same_options(train, outcomes)
        parts = [(train, outcomes, np.arange(len(outcomes)))]
    else:
        parts = list(folded(outcomes, folds))
    if gap := outcomes.gap("scores", "costs_usd"):
        raise BadDefinition(gap, remedy="Leave out such rows: outcomes.rows(...), or such options: outcomes.only(...).")
    shares, curves = _answers(outcomes, parts)
    best = row_values(outcomes.scores, shares["best single"])
    rows = [_row(name, outcomes, chosen, curves.get(name, ()), best, seed) for name, chosen in shares.items()]
    if outcomes.costs_usd is not None:
        points = tuple((float(c), float(a)) for c, a in singles(outcomes))
        top = max(points, key=lambda point: point[1])
        rows.insert(4, Row("mixture (hull of single options)", top[1], top[0], aiq(points), None, points))
    return rows


def _answers(outcomes: OutcomeSet, parts: Sequence[Pair]) -> tuple[dict[str, Floats], dict[str, Curve]]:
    """The shares of every baseline over all rows, and the curves of those that can be told a price."""
    n, k = outcomes.scores.shape
    makers: dict[str, Callable[[OutcomeSet, OutcomeSet], Floats]] = {
        "random": lambda _train, test: uniform(test),
        "best single": lambda train, test: fixed(best_single(train), test),
        "per task (told the task)": per_task,
        "oracle": lambda _train, test: oracle(test),
    }
    priced = all(part.costs_usd is not None for part in (outcomes, *(train for train, _, _ in parts)))
    if priced:
        makers = {"cheapest": lambda train, test: fixed(cheapest(train), test), **makers}
    shares = {name: np.zeros((n, k)) for name in (*makers, "kNN")}
    if priced:
        shares |= {f"{name} within {share:.0%}": np.zeros((n, k)) for name in ("coin", "kNN") for share in WITHIN}
    grid = prices(parts[0][0])
    settings = np.zeros((len(grid), n, k))
    for train, test, places in parts:
        for name, maker in makers.items():
            shares[name][places] = maker(train, test)
        learned, asked = featured(train, test)
        assert asked.x is not None
        knn = Neighbours.tuned(learned)
        predicted = knn.predict(asked.x)
        for i, price in enumerate(grid):
            settings[i][places] = thrifty(predicted, float(price))
        if not priced or train.costs_usd is None:
            continue
        known = knn.left_out()
        for share in WITHIN:
            budget = share * float(mean_costs(train)[best_single(train)])
            price = _price_within(known, train.costs_usd, budget, float(grid[-1]))
            shares[f"coin within {share:.0%}"][places] = coin(_filled(train), 1000.0 * budget)
            shares[f"kNN within {share:.0%}"][places] = thrifty(predicted, price)
    shares["kNN"] = settings[0]
    last = [name for name in shares if "within" in name]
    order = ("random", "cheapest", "best single", "per task (told the task)", "kNN", *last, "oracle")
    curves: dict[str, Curve] = {}
    if (costs := outcomes.costs_usd) is not None:
        truth = Predicted(outcomes.scores, costs)
        known_settings: dict[str, Sequence[Floats]] = {
            "kNN": list(settings),
            "oracle": [thrifty(truth, float(price)) for price in grid],
        }
        for name, each in known_settings.items():
            curves[name] = tuple((cost_per_1k(costs, s), accuracy(outcomes.scores, s)) for s in each)
    return {name: shares[name] for name in order if name in shares}, curves


def _filled(train: OutcomeSet) -> OutcomeSet:
    """A score that nobody recorded counts as its option's mean."""
    return replace(train, scores=np.where(np.isnan(train.scores), mean_scores(train), train.scores))


def _price_within(known: Predicted, costs_usd: Floats, budget: float, top: float) -> float:
    """The least price, up to ``top``, at which rows that were not learned from cost no more than the budget."""
    low, high = 0.0, top
    for _ in range(BISECTIONS):
        price = (low + high) / 2.0
        fits = float((thrifty(known, price) * costs_usd).sum(axis=1).mean()) <= budget
        low, high = (low, price) if fits else (price, high)
    return high


def _row(name: str, outcomes: OutcomeSet, shares: Floats, curve: Curve, best: Floats, seed: int) -> Row:
    scores = row_values(outcomes.scores, shares)
    cost = None if outcomes.costs_usd is None else cost_per_1k(outcomes.costs_usd, shares)
    gain = None if name == "best single" else paired_bootstrap(scores, best, seed=seed)
    area = aiq(curve, *cost_range(outcomes)) if curve else None
    return Row(name, float(scores.mean()), cost, area, gain, curve)


def table(rows: Sequence[Row]) -> str:
    """As Markdown."""
    lines = ["| | accuracy | $ per 1,000 | AIQ | minus best single (95 %) |", "|---|--:|--:|--:|--:|"]
    for row in rows:
        cost, area = (f"{row.cost_per_1k:.3g}" if row.cost_per_1k is not None else "", row.aiq)
        gain = "" if row.gain is None else f"{row.gain.low:+.4f}..{row.gain.high:+.4f}"
        lines.append(f"| {row.name} | {row.accuracy:.4f} | {cost} | {'' if area is None else f'{area:.4f}'} | {gain} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table of each folder."""
    parser = argparse.ArgumentParser(prog="python -m orchestra.evaluation.report", description=__doc__)
    parser.add_argument("path", nargs="+", type=Path, help="a folder with models.json and outcomes.jsonl.gz")
    parser.add_argument("--train", type=Path, help="learn from this folder instead of the other folds")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--priced", action="store_true", help="only the options whose cost is known on every row")
    parser.add_argument("--clip", action="store_true", help="take scores outside [0, 1] as the nearer end")
    given = parser.parse_args(arguments)
    for path in given.path:
        outcomes = load(path, clip=given.clip)
        train = load(given.train, clip=given.clip) if given.train else None
        if given.priced:
            outcomes = outcomes.priced()
            train = train.only(outcomes.options) if train else None
        rows = report(outcomes, train, folds=given.folds)
        sys.stdout.write(f"\n**{path.name}**, {len(outcomes)} rows, {outcomes.k} options\n\n{table(rows)}\n")


if __name__ == "__main__":
    main()
