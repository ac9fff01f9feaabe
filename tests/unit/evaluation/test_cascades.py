"""Cascades on recorded outcomes, by hand and against drawing."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, BadNumber, UnknownName
from orchestra.evaluation.accuracy import accuracy, cost_per_1k
from orchestra.evaluation.baselines import best_single, coin, fixed
from orchestra.evaluation.cascades import cascaded, chains, frontier, within
from orchestra.evaluation.load import load
from orchestra.evaluation.outcomes import OutcomeSet


def made(n: int = 200, seed: int = 0) -> OutcomeSet:
    rng = np.random.default_rng(seed)
    scores = (rng.random((n, 3)) < [0.5, 0.7, 0.9]).astype(float)
    costs = np.tile([0.001, 0.002, 0.01], (n, 1)) * (0.5 + rng.random((n, 1)))
    return OutcomeSet(options=("s", "m", "l"), ids=tuple(map(str, range(n))), scores=scores, costs_usd=costs)


def test_a_perfect_verifier_takes_the_first_right_answer() -> None:
    outcomes = OutcomeSet(
        options=("s", "l"),
        ids=("a", "b", "c", "d"),
        scores=np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]),
        costs_usd=np.tile([0.001, 0.01], (4, 1)),
    )
    found = cascaded(outcomes, ["s", "l"], 0.0)
    assert (found.accuracy, found.calls) == (0.75, 1.5) and found.cost_per_1k == pytest.approx(1 + 5)
    found = cascaded(outcomes, ["s", "l"], 1.0)  # always wrong: it keeps the wrong answers and loses the right ones
    assert (found.accuracy, found.calls) == (0.25, 1.5)
    assert cascaded(outcomes, ["s", "l"], 0.0, 0.002).cost_per_1k == pytest.approx(1 + 2 + 5)
    assert cascaded(outcomes, ["l"], 0.3, 0.002).cost_per_1k == pytest.approx(10)  # the last is not judged


def test_the_expected_values_are_what_drawing_comes_to() -> None:
    outcomes, rng, error = made(), random.Random(1), 0.2
    assert outcomes.costs_usd is not None
    right = cost = 0.0
    rounds = 100
    for row in range(len(outcomes)):
        for _ in range(rounds):
            for place in range(3):
                score = outcomes.scores[row, place]
                cost += outcomes.costs_usd[row, place]
                if place == 2 or (score == 1.0) != (rng.random() < error):
                    right += score
                    break
    found = cascaded(outcomes, ["s", "m", "l"], error)
    total = rounds * len(outcomes)
    assert found.accuracy == pytest.approx(right / total, abs=0.02)
    assert found.cost_per_1k == pytest.approx(1000 * cost / total, rel=0.05)


def test_the_frontier_rises_and_is_chosen_on_train() -> None:
    train, test = made(seed=1), made(seed=2)
    assert len(chains(train)) == 7 and chains(train)[-1] == ("s", "m", "l")
    curve = frontier(train, train, 0.1)
    assert all(a.cost_per_1k < b.cost_per_1k and a.accuracy < b.accuracy for a, b in pairwise(curve))
    assert {one.members for one in frontier(train, test, 0.1)} == {one.members for one in curve}
    assert within(train, test, 0.0, 1e9).accuracy > 0.9 and within(train, test, 0.0, 0.0).members == ("s",)


def test_what_cannot_be_simulated() -> None:
    outcomes = made(4)
    with pytest.raises(BadNumber):
        cascaded(outcomes, ["s"], 1.1)
    with pytest.raises(UnknownName):
        cascaded(outcomes, ["s", "nobody"], 0.1)
    with pytest.raises(BadDefinition):
        cascaded(outcomes, [], 0.1)
    outcomes.scores[0, 0] = np.nan
    with pytest.raises(BadDefinition, match="missing"):
        cascaded(outcomes, ["s"], 0.1)


def test_on_recorded_outcomes_a_poor_verifier_eats_the_gain(orchestra_data: Path) -> None:
    """RouterBench's finding: a cascade gains while its verifier errs little, and loses it all where that guesses."""
    train, test = load(orchestra_data / "routerbench_3task").split(0.7, "cascades")
    best = fixed(best_single(train), test)
    assert test.costs_usd is not None
    single, budget = accuracy(test.scores, best), cost_per_1k(test.costs_usd, best)
    found = [within(train, test, error, 0.5 * budget) for error in (0.0, 0.1, 0.4)]
    mixed = accuracy(test.scores, np.tile(coin(train, 0.5 * budget), (len(test), 1)))
    assert found[0].accuracy > found[1].accuracy > single + 0.02 > single - 0.03 > found[2].accuracy
    assert found[1].accuracy > mixed > found[2].accuracy - 0.01
