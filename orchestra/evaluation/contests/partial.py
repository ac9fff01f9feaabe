"""A contest on outcomes of which many were never recorded: the log of a bandit, replayed by the rows that match.

Formula: with R the recorded pairs of row and option and s(i, a) a router's share of option a on row i, its value is
sum_R s r / sum_R s: the mean reward of its choices where their reward was recorded. That is the self-normalised inverse
propensity estimate (``offpolicy.snips``) of a log that tried every option equally often.
Source: Li et al. 2011, arXiv:1003.5956 (replay); that the log was uniform is an assumption. A log that tried good
options more often on questions that suit them flatters all routers, and each is judged on rows of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from orchestra.core.decision import Decision, Option
from orchestra.evaluation.baselines import Neighbours, best_single, fixed, per_task, same_options, thrifty, uniform
from orchestra.evaluation.contests.admission import admitted
from orchestra.evaluation.contests.entrants import AUTO, entrant
from orchestra.evaluation.contests.features import Told, silent
from orchestra.evaluation.contests.outcomes import FIGURES, OFFLINE, PLAIN, SEED, Asked, read
from orchestra.evaluation.intervals import paired_bootstrap
from orchestra.evaluation.offpolicy import Estimate, snips
from orchestra.evaluation.outcomes import Floats, OutcomeSet
from orchestra.evaluation.report import D, featured
from orchestra.ports.router import Lesson

OPTIMUM = "optimal_reward"
"""The column with each row's highest reward, where somebody knows it."""
EXTRA = ("n_matched", "ess", "value95")
FEW = 30
"""With fewer effective rows there is no interval: that of one row, or of equal rewards, has no width. Our default."""


def partial(
    train: OutcomeSet, test: OutcomeSet, names: Sequence[str] = (AUTO,), asked: Asked = PLAIN, told: Told = silent
) -> dict[str, Any]:
    """The value of every router and baseline, with the keys of ``outcomes.contest``: what cannot be known is None.

    ``accuracy`` is the value, ``value95`` its 95 % interval, ``n_matched`` the rows that had a recorded reward of what
    was chosen and ``ess`` how many they are worth. ``ci95`` is that of the value minus the best single option's, by a
    paired bootstrap of the rows, each value made linear in them. A router is taught all that the training part holds;
    of what draws, the first seed counts.

    Raises: BadDefinition for routers that ``admitted`` refuses; UnknownRouter, and what the embedder raises.
    """
    same_options(train, test)
    admitted(names, OFFLINE)
    seen = read(train, test, asked.embedder, told)
    shares: dict[str, Floats] = {}
    for name in names:
        told(0, f"{name}, seed 0")
        shares[name] = entrant(name)(seen.known, seen.other, 0, told).shares(0.0)
    told(0, "baselines")
    learned, judged = featured(train, test)
    assert judged.x is not None
    base = {
        "random": uniform(test),
        "best single": fixed(best_single(train), test),
        "per task (told the task)": per_task(train, test),
        "kNN": thrifty(Neighbours.tuned(learned).predict(judged.x), 0.0),
    }
    best = base["best single"]
    routers = [
        _row(name, test, own, best) | {"embedder": seen.full if name in OFFLINE else seen.plain}
        for name, own in shares.items()
    ]
    baselines = [_row(name, test, own, best) | {"embedder": None} for name, own in base.items()]
    baselines[-1]["embedder"] = f"hashed:{D}"
    if optimum := test.meta.get(OPTIMUM):
        known = [float(one) for one in optimum if one is not None]
        row = _empty("optimum") | {"accuracy": sum(known) / len(known) if known else None, "embedder": None}
        baselines.append(row)
    return {
        "dataset": "",
        "n": len(test),
        "options": list(test.options),
        "embedder": seen.name,
        "recorded": float((~np.isnan(test.scores)).mean()),
        "baselines": baselines,
        "routers": routers,
    }


def stages(names: Sequence[str]) -> int:
    """How many stages of work ``partial`` tells of."""
    return 2 + len(names)


def _empty(name: str) -> dict[str, Any]:
    return {"name": name, **dict.fromkeys((*FIGURES, *EXTRA)), "curve": [], "within": []}


def _row(name: str, test: OutcomeSet, shares: Floats, best: Floats) -> dict[str, Any]:
    out = _empty(name)
    matched = int(((shares > 0.0) & ~np.isnan(test.scores)).any(axis=1).sum())
    out["n_matched"] = matched
    if not matched:
        return out
    estimate = value(test, shares)
    out |= {"accuracy": estimate.value, "ess": estimate.effective_n}
    if estimate.effective_n < FEW:
        return out
    out["value95"] = [estimate.low, estimate.high]
    if shares is not best and best[~np.isnan(test.scores)].sum() >= FEW:
        gain = paired_bootstrap(linear(test, shares), linear(test, best), seed=SEED)
        out["ci95"] = [gain.low, gain.high]
    return out


def value(test: OutcomeSet, shares: Floats) -> Estimate:
    """The self-normalised estimate over all recorded pairs, each taken for a decision among all options alike.

    Shapes: (n, k). Raises: BadDefinition where no choice was recorded.
    """
    options = tuple(Option(name, probability=1.0 / test.k) for name in test.options)
    log, wanted = [], {}
    for row, at in np.argwhere(~np.isnan(test.scores)).tolist():
        key = f"{test.ids[row]}/{at}"
        wanted[key] = dict(zip(test.options, shares[row].tolist(), strict=True))
        decision = Decision(
            key=key,
            capability="contest",
            policy="log",
            version=0,
            options=options,
            chosen=(test.options[at],),
            probability=1.0 / test.k,
        )
        log.append(Lesson(decision, float(test.scores[row, at])))
    return snips(log, lambda decision: wanted[decision.key])


def linear(test: OutcomeSet, shares: Floats) -> Floats:
    """The value as a mean over rows: z_i = v + sum_a s (r - v) / m, m the mean share that was recorded of a row.

    Shapes: (n, k) -> (n,). Source: the delta method, as in ``snips``.
    """
    counted = np.where(np.isnan(test.scores), 0.0, shares)
    scores = np.nan_to_num(test.scores)
    mean = float((counted * scores).sum() / counted.sum())
    return np.asarray(mean + (counted * (scores - mean)).sum(axis=1) / (counted.sum() / len(test)))
