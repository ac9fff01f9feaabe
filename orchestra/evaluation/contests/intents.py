"""Contests of one label for each text: intents, tools, out-of-scope questions.

The router "auto" is ``learned``; "auto:set" answers with all labels within a conformal threshold of the best, three at
most, "auto:3" always with the best three. Any other name is a router of the registry, see ``taught``.
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
    correct,
    figures,
    first_few,
    gain,
    mean_rows,
    of_scores,
)  # fmt: skip
from orchestra.evaluation.contests.features import Singles, Told, embedder_of, silent, vectors
from orchestra.evaluation.contests.labelled import Labelled, words
from orchestra.evaluation.contests.learned import (
    NEVER,
    Described,
    Learned,
    informed,
    learn,
    parted,
    said,
    targets,
    universe,
)  # fmt: skip
from orchestra.evaluation.contests.taught import Question, taught
from orchestra.evaluation.outcomes import Bools, Floats
from orchestra.routing.several.conformal import gaps, quantile

AUTO, AUTO_SET, AUTO_3 = "auto", "auto:set", "auto:3"
OWN = (AUTO, AUTO_SET, AUTO_3)
MISSES = 0.05
"""The share of sets without the right label that "auto:set" aims at. Our default."""
MOST = 3
CONTEXT = 0.5
"""The weight of the context's vector beside the text's. Our default."""
SHARPNESSES = np.geomspace(1.0, 100.0, 41)


class Read(NamedTuple):
    """Both parts as vectors. Shapes: ``x`` (n, d), ``y`` (n, k), ``asked`` (m, d), ``near`` (m, k)."""

    embedder: str
    names: tuple[str, ...]
    x: Singles
    y: Singles
    asked: Singles
    described: Described
    near: Floats


class Calibration(NamedTuple):
    """From examples kept back: confidence is softmax(sharpness scores), a set reaches ``gap`` below the best."""

    sharpness: float
    gap: float

    def confidence(self, scores: Floats) -> Floats:
        """That the best label is right. Shapes: (m, k) -> (m,)."""
        return np.asarray(1.0 / np.exp(self.sharpness * (scores - scores.max(axis=1, keepdims=True))).sum(axis=1))

    def sets(self, scores: Floats) -> Bools:
        """At most three of each row. Shapes: (m, k) -> (m, k)."""
        close = scores >= scores.max(axis=1, keepdims=True) - self.gap
        return np.asarray(close & first_few(scores, MOST))


def read(train: Labelled, test: Labelled, embedder: str = "auto", told: Told = silent) -> Read:
    """Vectors of texts, of their context where there is one, and of descriptions; rarity is that of the training part.

    Raises: BadDefinition for a training part without any label; as ``features``.
    """
    names = universe(train.labels, train.label_to_texts or test.label_to_texts)
    if not any(train.labels):
        raise BadDefinition(f"No row of {train.name} has a label.", remedy="Name the column of the labels.")
    texts, owner = said(train.label_to_texts or test.label_to_texts, names)
    used, maker = embedder_of(embedder, [*train.texts, *texts])
    x, asked, about = (vectors(maker, own, told) for own in (train.texts, test.texts, texts))
    if any(train.context):
        context = list(dict.fromkeys([*train.context, *test.context]))
        place, table = {one: i for i, one in enumerate(context)}, vectors(maker, [words(one) for one in context])
        x, asked = (
            _beside(own, table[[place[one] for one in part.context]]) for own, part in ((x, train), (asked, test))
        )
        about = _beside(about, np.zeros_like(about))
    described = Described(about, owner)
    near = described.near(asked, len(names))
    return Read(used, names, x, targets(train.labels, names), asked, described, near)


def _beside(x: Singles, context: Singles) -> Singles:
    """Both as one vector of length 1."""
    both = np.hstack([x, np.float32(CONTEXT) * context])
    lengths = np.linalg.norm(both, axis=1, keepdims=True)
    return np.asarray(both / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def calibrated(scores: Floats, y: Singles) -> Calibration:
    """The sharpness of the least log loss, and the conformal gap. Shapes: (n, k) each; every row has a label."""
    top = scores - scores.max(axis=1, keepdims=True)
    mine = np.where(y > 0, top, -np.inf).max(axis=1)
    losses = [float((np.log(np.exp(s * top).sum(axis=1)) - s * mine).mean()) for s in SHARPNESSES]
    gap = quantile(gaps(scores, y > 0, MOST), MISSES)
    # Where three are too few for the promise, all three are named.
    return Calibration(float(SHARPNESSES[int(np.argmin(losses))]), gap)


def ceiling(made: Read, model: Learned, test: Labelled, seed: int) -> tuple[Floats, tuple[str, ...]]:
    """What the same features reach with more and nearer information: scores, and the names of their columns.

    The learner of "auto" is taught the training part and four of five parts of the judged one, cut by group, and asked
    about the fifth. Labels that the training part has neither an example nor a description of are among the names.
    """
    names = (*made.names, *sorted({one for own in test.labels for one in own} - set(made.names)))
    near = np.pad(made.near, ((0, 0), (0, len(names) - len(made.names))), constant_values=NEVER)
    return informed(model, made.asked, targets(test.labels, names), near, parted(test.groups, seed)), names


def answered(
    made: Read, model: Learned, groups: Sequence[str], seed: int, told: Told = silent
) -> tuple[Floats, Calibration, float]:
    """Scores, their calibration on a fifth of the training part, and microseconds for each text."""
    part = parted(groups, seed)
    back = (part == 0) & (made.y.sum(axis=1) > 0)
    if not back.any() or (part != 0).sum() == 0:
        raise BadNumber(f"{len(part)} examples are too few to keep a fifth back.", remedy="Give ten or more.")
    told(0, "calibrates")
    some = learn(made.x[part != 0], made.y[part != 0], made.described)
    calibration = calibrated(some.scores(made.x[back]), made.y[back])
    start = time.perf_counter()
    scores = model.scores(made.asked)
    return scores, calibration, (time.perf_counter() - start) * 1e6 / max(1, len(scores))


def stages(routers: Sequence[str], seeds: Sequence[int]) -> int:
    """How many stages of work ``intents`` tells of."""
    others = sum(name not in OWN for name in routers)
    return 3 + (others < len(routers)) + others * len(seeds)


def intents(
    train: Labelled,
    test: Labelled,
    routers: Sequence[str] = (AUTO,),
    seeds: Sequence[int] = (0,),
    embedder: str = "auto",
    told: Told = silent,
) -> dict[str, Any]:
    """Learns from ``train``, answers for ``test``, and says how well, beside the baselines.

    Rows without a label are out of scope: they count in ``oos_auroc`` alone. ``us_per_decision`` is the choice without
    the embedding. A router of the registry has the mean over the seeds; "auto" draws nothing but what it keeps back for
    calibration. ``gain`` of "auto" is its accuracy less that of the best baseline, with the 95 % interval.
    ``ceiling``, the same for all, is the ``top1`` that the function of this name reaches on the features.

    Raises: BadDefinition, for routers that ``admitted`` refuses too, BadNumber, UnknownRouter, UnknownName;
    ExtraMissing or LocalModelMissing.
    """
    _judged(test, seeds)
    admitted(routers, OWN)
    told(0, "reads")
    made = read(train, test, embedder, told)

    def row(one: Answers) -> dict[str, Any]:
        return figures(one, test.labels, made.names, nobody=True)

    base = [of_scores(name, scores) for name, scores in baselines(made.x, made.y, made.asked, made.near)]
    told(0, "learns")
    model = learn(made.x, made.y, made.described, made.asked)
    own = {}
    if any(name in OWN for name in routers):
        own = _own(made, model, train.groups, seeds[0], told)
    rows = []
    for name in routers:
        if name in own:
            rows.append(row(own[name]))
        else:
            question = Question(made.names, made.x, made.y, made.asked, made.near, not all(train.labels))
            rows.append(mean_rows([row(taught(name, question, seed, told)) for seed in seeds]))
    served = np.array([bool(labels) for labels in test.labels])
    if own:
        best = max((correct(one, test.labels, made.names)[served] for one in base), key=lambda one: float(one.mean()))
        mine = correct(own[AUTO], test.labels, made.names)[served]
        for found in rows:
            if found["name"] == AUTO:
                found["gain"] = gain(mine, best, seeds[0])
    told(0, "is taught the judged part too")
    known, names = ceiling(made, model, test, seeds[0])
    reached = correct(of_scores("", known), test.labels, names)[served]
    return {
        "dataset": test.name,
        "n": len(test),
        "embedder": made.embedder,
        "routers": [one | {"embedder": made.embedder, "ceiling": float(reached.mean())} for one in rows],
        "baselines": [row(one) for one in base],
    }


def _judged(test: Labelled, seeds: Sequence[int]) -> None:
    if not len(test) or not seeds:
        raise BadDefinition("There is nothing to answer.", remedy="Give a test part with rows, and a seed.")
    if not any(test.labels):
        raise BadDefinition(
            f"All {len(test)} rows of {test.name} that are to be judged are out of scope: no figure applies.",
            remedy="Judge on rows of which some have a label; oos_auroc is how well the others are told from them.",
        )


def _own(made: Read, model: Learned, groups: Sequence[str], seed: int, told: Told) -> dict[str, Answers]:
    scores, calibration, us = answered(made, model, groups, seed, told)
    alone = of_scores(AUTO, scores, confidence=calibration.confidence(scores), us=us)
    shared = {"first": alone.first, "inside": alone.inside, "confidence": alone.confidence, "us": us}
    return {
        AUTO: alone,
        AUTO_SET: Answers(name=AUTO_SET, sets=calibration.sets(scores), **shared),  # type: ignore[arg-type]
        AUTO_3: Answers(name=AUTO_3, sets=first_few(scores, MOST), **shared),  # type: ignore[arg-type]
    }
