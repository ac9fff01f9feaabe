"""On public records, where they are at hand."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestra.evaluation.accuracy import accuracy, cost_per_1k, onehot
from orchestra.evaluation.curves import aiq, cost_range, singles
from orchestra.evaluation.load import load
from orchestra.evaluation.outcomes import OutcomeSet
from orchestra.routing.learners.irt import IRT
from orchestra.routing.learners.item_response import fitted, observed


def features(outcomes: OutcomeSet) -> NDArray[np.float64]:
    """The task, and how long the text is: what a signal would say."""
    tasks = sorted(set(outcomes.tasks))
    lengths = np.log1p([len(text) for text in outcomes.texts]) / 8
    kinds = np.eye(len(tasks))[[tasks.index(task) for task in outcomes.tasks]]
    return np.column_stack([np.ones(len(outcomes)), kinds, lengths])


def test_it_beats_the_mixture_of_single_models(orchestra_data: Path) -> None:
    train, test = load(orchestra_data / "routerbench_3task").split(0.7, salt="irt")
    known, new = features(train), features(test)
    model = fitted(observed(known, train.scores), train.options, lam=3.0)
    theta = np.array([model.abilities[name].theta for name in train.options])
    z = model.discrimination(new)[:, None] * (theta - model.difficulty(new)[:, None])
    p = 0.5 + 0.5 * np.tanh(z / 2)
    assert train.costs_usd is not None and test.costs_usd is not None
    cost = train.costs_usd.mean(axis=0) / train.costs_usd.mean(axis=0).max()
    curve = []
    for w in 1.0 - np.geomspace(1e-3, 1.0, 40):
        score = np.vectorize(IRT(w=float(w)).score)(p, cost)
        shares = onehot(score.argmax(axis=1), test.k)
        curve.append((cost_per_1k(test.costs_usd, shares), accuracy(test.scores, shares)))
    assert aiq(curve, *cost_range(test)) > aiq(singles(test)) + 0.005
