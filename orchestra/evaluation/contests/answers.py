"""What the entrants of a contest of labelled sets answered, and the figures made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from orchestra.evaluation.intervals import paired_bootstrap
from orchestra.evaluation.outcomes import Bools, Floats
from orchestra.evaluation.ranking import auroc, ece
from orchestra.evaluation.sets import set_scores

FIGURES = (
    "top1", "hit_any", "exact", "precision", "recall", "micro_f1", "mean_set_size", "oos_auroc", "ece",
    "us_per_decision",
)  # fmt: skip
NEIGHBOURS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """``first`` is the place of the best label, ``sets`` those chosen. ``inside`` is high where somebody should serve.

    Shapes: ``first`` (m,), ``sets`` (m, k), ``inside`` and ``confidence`` (m,) or None. Units: ``us`` microseconds.
    """

    name: str
    first: Sequence[int]
    sets: Bools
    inside: Floats | None = None
    confidence: Floats | None = None
    us: float | None = None


def of_scores(name: str, scores: Floats, **more: Any) -> Answers:
    """One label for each text, the first of the highest scores; the score says how likely anybody serves it."""
    first = scores.argmax(axis=1)
    return Answers(name=name, first=first.tolist(), sets=np.eye(scores.shape[1], dtype=np.bool_)[first],
                   **{"inside": scores.max(axis=1), **more})  # fmt: skip


def first_few(scores: Floats, sizes: int | Sequence[int]) -> Bools:
    """The ``sizes`` best of each row. Shapes: (m, k) -> (m, k)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    out = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(out, order, np.arange(scores.shape[1]) < np.reshape(sizes, (-1, 1)), axis=1)
    return out


def figures(answers: Answers, truth: Sequence[frozenset[str]], names: Sequence[str], *, nobody: bool) -> dict[str, Any]:
    """One row of a table; what does not apply is None.

    With ``nobody`` a row without a label is one that nobody should serve: it counts in ``oos_auroc`` and nowhere else.
    Without it, its right answer is the empty set. ``top1`` and ``ece`` are over rows with a label.
    """
    served = np.array([bool(own) for own in truth])
    pairs = [pair for pair in zip(chosen(answers, names), truth, strict=True) if pair[1] or not nobody]
    scores = set_scores([named for named, _ in pairs], [own for _, own in pairs])
    right = correct(answers, truth, names)
    out: dict[str, Any] = {"name": answers.name, **dict.fromkeys(FIGURES), **scores._asdict()}
    out["top1"] = float(right[served].mean()) if served.any() else None
    if nobody and answers.inside is not None and not served.all() and served.any():
        out["oos_auroc"] = auroc(answers.inside, served)
    if answers.confidence is not None and served.any():
        out["ece"] = ece(answers.confidence[served], right[served])
    out["us_per_decision"] = answers.us
    return out


def chosen(answers: Answers, names: Sequence[str]) -> list[frozenset[str]]:
    """The labels named for each text."""
    return [frozenset(names[j] for j in np.flatnonzero(row).tolist()) for row in answers.sets]


def correct(answers: Answers, truth: Sequence[frozenset[str]], names: Sequence[str]) -> Floats:
    """1 where the first label is right. Shapes: (m,)."""
    return np.array([float(names[j] in own) for j, own in zip(answers.first, truth, strict=True)])


def gain(one: Floats, other: Floats, seed: int) -> list[float]:
    """The mean of one minus other over the same rows with its 95 % interval: [low, mean, high]."""
    low, mean, high = paired_bootstrap(one, other, seed=seed)
    return [low, mean, high]


def mean_rows(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean of every figure over the seeds."""
    known = {name: [row[name] for row in rows if row[name] is not None] for name in FIGURES}
    return {"name": rows[0]["name"], **{name: sum(v) / len(v) if v else None for name, v in known.items()}}


def baselines(x: Any, y: Any, asked: Any, near: Floats) -> list[tuple[str, Floats]]:
    """Scores of: the most frequent label, the 5 nearest examples, the nearest mean, the nearest description.

    Shapes: x (n, d), y (n, k), asked (m, d), near (m, k); scores (m, k). The last is left out where nothing is said.
    """
    counts = y.sum(axis=0)
    cosine = np.asarray(asked @ x.T, dtype=np.float32)
    order = np.argpartition(-cosine, min(NEIGHBOURS, len(x)) - 1, axis=1)[:, :NEIGHBOURS]
    near_by = np.zeros((len(asked), y.shape[1]))
    for column in order.T:
        near_by += np.take_along_axis(cosine, column[:, None], axis=1) * y[column]
    means = (y.T @ x) / np.maximum(counts, 1.0)[:, None]
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    centres = np.where(counts > 0, asked @ (means / np.where(lengths > 0, lengths, 1.0)).T, -1.0)
    out = [
        ("majority", np.tile(counts / max(1.0, counts.sum()), (len(asked), 1)).astype(np.float64)),
        ("kNN", near_by),
        ("nearest centroid", np.asarray(centres, dtype=np.float64)),
    ]
    return [*out, ("description similarity", near)] if (near > -1.0).any() else out
