"""Contests of sets: all the labels that a text needs, no more and no less.

Formula: of f = ``learned``'s scores, the k best are named, with k the size of the greatest
sum_{i <= k} (f_(i) - level) + weight ln P(k); P(k) is how often the training part has sets of that size.
``level`` and ``weight`` are those with the most exact sets on training rows that were kept back.
Source: our default. With weight 0 it is a threshold; where all sets are of one size, that size.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.contests.admission import admitted
from orchestra.evaluation.contests.answers import (
    Answers,
    baselines,
    chosen,
    figures,
    first_few,
    gain,
    mean_rows,
    of_scores,
)  # fmt: skip
from orchestra.evaluation.contests.features import Singles, Told, silent
from orchestra.evaluation.contests.intents import AUTO, AUTO_3, MOST, Read, ceiling, read
from orchestra.evaluation.contests.labelled import Labelled
from orchestra.evaluation.contests.learned import Learned, learn, parted
from orchestra.evaluation.contests.taught import Question, taught
from orchestra.evaluation.outcomes import Bools, Floats, Ints

OWN = (AUTO, AUTO_3)
LEVELS = np.arange(0.1, 1.01, 0.025)
WEIGHTS = (0.0, 0.03, 0.1, 0.2)
PARTS, FEW = 5, 4000
"""Every training row is kept back once where there are up to 4,000 of them, else a fifth of them. Our default."""


class Sizes(NamedTuple):
    """Shapes: ``log_share`` (largest size + 1,)."""

    level: float
    weight: float
    log_share: Floats

    def of(self, scores: Floats) -> Ints:
        """How many labels each row gets. Shapes: (m, k) -> (m,)."""
        ranked = -np.sort(-scores, axis=1)[:, : len(self.log_share) - 1] - self.level
        worth = np.hstack([np.zeros((len(scores), 1)), np.cumsum(ranked, axis=1)])
        return np.asarray((worth + self.weight * self.log_share[: worth.shape[1]]).argmax(axis=1), dtype=np.intp)

    def sets(self, scores: Floats) -> Bools:
        """Shapes: (m, k) -> (m, k)."""
        return first_few(scores, self.of(scores).tolist())


def sizes(scores: Floats, y: Singles, all_y: Singles) -> Sizes:
    """The rule with the most exact sets on rows that were kept back; of equals, the first: without the sizes.

    Shapes: ``scores``, ``y`` (n, k); ``all_y`` (any, k), what the frequency of sizes is taken from.
    """
    counts = np.bincount(all_y.sum(axis=1).astype(np.intp)) + 0.5
    log_share = np.log(counts / counts.sum())
    truth = y > 0
    tried = [Sizes(float(level), weight, log_share) for weight in WEIGHTS for level in LEVELS]
    return max(tried, key=lambda one: float((one.sets(scores) == truth).all(axis=1).mean()))


def _kept_parts(n: int) -> int:
    return PARTS if n <= FEW else 1


def kept_back(made: Read, groups: Sequence[str], seed: int, told: Told = silent) -> tuple[Floats, Ints]:
    """Scores of training rows by what was learned from the others, and the places of these rows."""
    part = parted(groups, seed, PARTS)
    rows, found = [], []
    for one in range(_kept_parts(len(part))):
        told(0, "calibrates")
        mine = part == one
        if mine.any() and not mine.all():
            model = learn(made.x[~mine], made.y[~mine], made.described)
            rows.append(np.flatnonzero(mine))
            found.append(model.scores(made.x[mine]))
    if not rows:
        raise BadNumber("The examples are all of one group.", remedy="Give examples that do not begin alike.")
    return np.concatenate(found), np.concatenate(rows)


def stages(routers: Sequence[str], seeds: Sequence[int], n: int) -> int:
    """How many stages of work ``sets`` tells of, with n rows to learn from."""
    return 3 + _kept_parts(n) + sum(name not in OWN for name in routers) * len(seeds)


def sets(
    train: Labelled,
    test: Labelled,
    routers: Sequence[str] = (AUTO, AUTO_3),
    seeds: Sequence[int] = (0,),
    embedder: str = "auto",
    told: Told = silent,
) -> dict[str, Any]:
    """Learns from ``train``, answers for ``test``, and says how well, beside the baselines.

    A row without a label has the empty set for its right answer. "auto:3" names the best three, as the published
    figures of hit-any with up to three guesses do. ``gain`` of "auto" is its share of exact sets less that of the best
    baseline, with the 95 % interval. ``ceiling``, the same for all, is the ``exact`` of the function of this name among
    ``intents``, with the size rule of "auto".

    Raises: BadDefinition, for routers that ``admitted`` refuses too, BadNumber, UnknownRouter, UnknownName;
    ExtraMissing or LocalModelMissing.
    """
    if not len(test) or not seeds:
        raise BadDefinition("There is nothing to answer.", remedy="Give a test part with rows, and a seed.")
    admitted(routers, OWN)
    told(0, "reads")
    made = read(train, test, embedder, told)
    base = simple(made)
    scores, rows_back = kept_back(made, train.groups, seeds[0], told)
    rule = sizes(scores, made.y[rows_back], made.y)
    told(0, "learns")
    model = learn(made.x, made.y, made.described, made.asked)
    own = _own(made, model, rule) if any(name in OWN for name in routers) else {}
    rows = []
    for name in routers:
        if name in own:
            rows.append(figures(own[name], test.labels, made.names, nobody=False))
        else:
            question = Question(made.names, made.x, made.y, made.asked, made.near, not all(train.labels))
            each = (taught(name, question, seed, told) for seed in seeds)
            rows.append(mean_rows([figures(one, test.labels, made.names, nobody=False) for one in each]))
        if name == AUTO:
            best = max((_exact(one, test, made.names) for one in base), key=lambda one: float(one.mean()))
            rows[-1]["gain"] = gain(_exact(own[AUTO], test, made.names), best, seeds[0])
    told(0, "is taught the judged part too")
    known, names = ceiling(made, model, test, seeds[0])
    reached = _exact(Answers(name="", first=[], sets=rule.sets(known)), test, names)
    return {
        "dataset": test.name,
        "n": len(test),
        "embedder": made.embedder,
        "routers": [one | {"embedder": made.embedder, "ceiling": float(reached.mean())} for one in rows],
        "baselines": [figures(one, test.labels, made.names, nobody=False) for one in base],
    }


def _own(made: Read, model: Learned, rule: Sizes) -> dict[str, Answers]:
    start = time.perf_counter()
    scores = model.scores(made.asked)
    chosen = rule.sets(scores)
    us = (time.perf_counter() - start) * 1e6 / max(1, len(scores))
    first = scores.argmax(axis=1).tolist()
    return {
        AUTO: Answers(name=AUTO, first=first, sets=chosen, us=us),
        AUTO_3: Answers(name=AUTO_3, first=first, sets=first_few(scores, MOST), us=us),
    }


def simple(made: Read) -> list[Answers]:
    """The most common set, the set of the nearest example, and as many labels as is usual from each other baseline."""
    kinds, counts = np.unique(made.y, axis=0, return_counts=True)
    common = np.tile(kinds[counts.argmax()] > 0, (len(made.asked), 1))
    nearest = made.y[np.asarray(made.asked @ made.x.T).argmax(axis=1)] > 0
    usual = max(1, int(np.bincount(made.y.sum(axis=1).astype(np.intp)).argmax()))
    out = [
        Answers(name="most common set", first=common.argmax(axis=1).tolist(), sets=common),
        Answers(name="nearest example", first=nearest.argmax(axis=1).tolist(), sets=nearest),
    ]
    for name, scores in baselines(made.x, made.y, made.asked, made.near)[1:]:
        one = of_scores(f"{name}, {usual} labels", scores)
        out.append(Answers(name=one.name, first=one.first, sets=first_few(scores, usual)))
    return out


def _exact(one: Answers, test: Labelled, names: Sequence[str]) -> Floats:
    return np.array([float(named == own) for named, own in zip(chosen(one, names), test.labels, strict=True)])
