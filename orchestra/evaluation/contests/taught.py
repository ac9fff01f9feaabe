"""Routers of the registry in a contest of labelled sets: taught one reward at a time, then asked.

Of a training text each right label is a lesson of reward 1, and one wrong label, drawn, a lesson of reward 0.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from orchestra.core.decision import OOS, Decide, Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.evaluation.contests.answers import Answers
from orchestra.evaluation.contests.features import Singles, Told, silent
from orchestra.evaluation.outcomes import Floats
from orchestra.ports.router import Lesson, Router
from orchestra.routing.registry import router
from orchestra.routing.several.sets import Sets

D = 64
MOST = 3
MOST_TEXTS = 5000
TAUGHT_TOGETHER = 1000
KEPT_BACK = 0.2
MISSES = (0.05, 0.1, 0.2, 0.3)
"""The promises that a set router is asked for, in turn, until it can keep one. Our default."""


class Question(NamedTuple):
    """Shapes: ``x`` (n, d), ``y`` (n, k), ``asked`` (m, d), ``near`` (m, k). ``outside``: that nobody may be right."""

    names: tuple[str, ...]
    x: Singles
    y: Singles
    asked: Singles
    near: Floats
    outside: bool


def taught(name: str, question: Question, seed: int, told: Told = silent) -> Answers:
    """What a router says after the lessons of 5,000 texts, drawn by ``seed``.

    It meets the 64 directions in which the training vectors vary most. A fifth of the texts is kept back for a router
    with a promise to calibrate. Raises: UnknownRouter.
    """
    told(0, f"{name}, seed {seed}")
    learner, rng = router(name), random.Random(f"contest/{seed}")
    x, asked = projected(question.x, question.asked, seed)
    rows = rng.sample(range(len(x)), min(len(x), MOST_TEXTS))
    kept = rows[: int(KEPT_BACK * len(rows))] if isinstance(learner, Sets) else []
    options = tuple(Option(one) for one in (*question.names, OOS)[: len(question.names) + question.outside])
    if getattr(learner, "learns", True):
        _teach(learner, [_lesson(learner, options, x[i], question.y[i], rng) for i in rows[len(kept) :]], told)
    if kept and isinstance(learner, Sets):
        _calibrate(learner, [(_asking(options, x[i]), _right(question, i)) for i in kept])
    first, sets, inside = [], np.zeros((len(asked), len(question.names)), dtype=np.bool_), np.zeros(len(asked))
    start = time.perf_counter()
    for i, vector in enumerate(asked):
        decision = learner.choose(_asking(options, vector, question.near[i]), f"asked/{i}", rng)
        scores = [option.score if option.score is not None else 0.0 for option in decision.options]
        chosen = [j for j, one in enumerate(question.names) if one in decision.chosen]
        sets[i, chosen] = True
        first.append(max(chosen or range(len(question.names)), key=lambda j: scores[j]))
        against = scores[-1] if question.outside else 0.0
        inside[i] = max(scores[: len(question.names)]) - against
        told(1, name)
    us = (time.perf_counter() - start) * 1e6 / max(1, len(asked))
    return Answers(name=name, first=first, sets=sets, inside=inside, us=us)


def projected(x: Singles, asked: Singles, seed: int, d: int = D) -> tuple[Singles, Singles]:
    """Both on the ``d`` directions of the largest spread of x, found by a random sketch with two power iterations.

    Shapes: (n, e), (m, e) -> (n, d), (m, d), rows of length 1. Source: Halko, Martinsson and Tropp, arXiv:0909.4061.
    """
    if x.shape[1] <= d:
        return x, asked
    mean = x.mean(axis=0)
    centred = x - mean
    sketch = np.random.default_rng(seed).standard_normal((x.shape[1], min(d, *x.shape))).astype(np.float32)
    for _ in range(2):
        sketch = np.linalg.qr(centred.T @ (centred @ sketch))[0]
    return _units(centred @ sketch), _units((asked - mean) @ sketch)


def _units(x: Singles) -> Singles:
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def _asking(options: Sequence[Option], x: Singles, near: Floats | None = None) -> Decide:
    known = [] if near is None else near.tolist()
    near_by = tuple(o._replace(similarity=max(0.0, s)) for o, s in zip(options, known, strict=False))
    return Decide(
        capability="contest",
        options=(*near_by, *options[len(near_by) :]),
        x=(1.0, *x.tolist()),
        most=min(MOST, len(options)),
    )


def _right(question: Question, i: int) -> frozenset[str]:
    return frozenset(question.names[j] for j in np.flatnonzero(question.y[i]))


def _lesson(learner: Router, options: Sequence[Option], x: Singles, y: Singles, rng: random.Random) -> list[Lesson]:
    """The lessons of one text."""
    right = {int(j) for j in np.flatnonzero(y)} or {len(y)}
    wrong = [j for j in range(len(options)) if j not in right]
    drawn = [(j, 1.0) for j in sorted(right) if j < len(options)] + ([(rng.choice(wrong), 0.0)] if wrong else [])
    key = f"taught/{rng.getrandbits(64):x}"
    return [
        Lesson(
            Decision(
                key=f"{key}/{j}",
                capability="contest",
                policy=learner.name,
                version=learner.version,
                options=tuple(options),
                chosen=(options[j].name,),
                probability=1.0,
                x=(1.0, *x.tolist()),
            ),
            reward,
        )
        for j, reward in drawn
    ]


def _teach(learner: Router, lessons: Sequence[Sequence[Lesson]], told: Told) -> None:
    for start, end in pairwise([*range(0, len(lessons), TAUGHT_TOGETHER), len(lessons)]):
        learner.learn([lesson for own in lessons[start:end] for lesson in own])
        told(end - start, f"{learner.name} learns")


def _calibrate(learner: Sets, rows: Sequence[tuple[Decide, frozenset[str]]]) -> None:
    """The first promise that it can keep; none, where it can keep none."""
    for alpha in MISSES:
        try:
            learner.calibrate(rows, alpha=alpha, most=MOST)
        except BadNumber:
            continue
        return
