"""Contests of tiers: the cheapest tier that is good enough, for a text or a step of an agent's work.

How it is learned and chosen is said in ``ordinal``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.contests.admission import named_among
from orchestra.evaluation.contests.answers import gain
from orchestra.evaluation.contests.features import Singles, Told, features, silent
from orchestra.evaluation.contests.labelled import found
from orchestra.evaluation.contests.ordinal import (
    curve,
    informed,
    ordinal,
    price_at,
    settled,
    sufficient_at,
    worth,
)  # fmt: skip
from orchestra.evaluation.load import folder_name, lines
from orchestra.evaluation.outcomes import Ints
from orchestra.evaluation.tiers import Step, failure_aware, load_steps

AUTO, LIKELIEST = "auto", "auto:likeliest"
ORDER = ("SIMPLE", "MEDIUM", "COMPLEX", "REASONING")
"""What tiers may be called in a column ``label``, the cheapest first."""
NUMBERS = ("chars", "n_messages", "step_index")
LIMIT = 3.0
NEIGHBOURS = 5
STAGES = 4
"""How many stages of work ``tiers`` tells of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSet:
    """``gold`` is the cheapest sufficient tier. Either ``texts`` or ``vectors`` is there; ``steps`` where the rows are
    steps of known trajectories. ``numbers`` are logarithms of what a router sees beside the text.

    Shapes: ``gold`` (n,), ``vectors`` (n, d) or None, ``numbers`` (n, p).
    """

    name: str
    gold: Ints
    texts: tuple[str, ...]
    vectors: Singles | None
    numbers: Singles
    groups: tuple[str, ...]
    steps: tuple[Step, ...]

    def __len__(self) -> int:
        return len(self.gold)

    def rows(self, places: Sequence[int]) -> TierSet:
        """These rows alone."""
        at = np.asarray(places, dtype=np.intp)
        return TierSet(
            name=self.name,
            gold=self.gold[at],
            texts=tuple(self.texts[i] for i in at) if self.texts else (),
            vectors=None if self.vectors is None else self.vectors[at],
            numbers=self.numbers[at],
            groups=tuple(self.groups[i] for i in at),
            steps=tuple(self.steps[i] for i in at) if self.steps else (),
        )


def load_tiers(path: str | Path) -> TierSet:
    """A folder with ``data.jsonl[.gz]``, or the file: ``target_tier_id`` (0 to 3) or ``label``; ``text`` or ``emb``.

    What was said ``last`` is read after the text. Rows of one ``instance_id`` stay together. Raises: BadDefinition,
    BadNumber, with file and line.
    """
    file = found(Path(path))
    rows = list(lines(file))
    if not rows:
        raise BadDefinition(f"{file} holds no rows.", remedy="Write one JSON object a line, or name another file.")
    gold = [_gold(row, f"{file}:{line}") for line, row in rows]
    given = [row.get("emb") for _, row in rows]
    bare = any(not isinstance(row.get("text"), str) for _, row in rows)
    if bare and not all(isinstance(one, list) and len(one) == len(given[0] or ()) for one in given):
        raise BadDefinition(
            f"{file}: a row has neither a text nor an array in 'emb' as long as the others.",
            remedy="Give every row one of them.",
        )
    numbers = [name for name in NUMBERS if all(isinstance(row.get(name), int) for _, row in rows)]
    whole = all("instance_id" in row and "benchmark" in row and "target_tier_id" in row for _, row in rows)
    return TierSet(
        name=folder_name(file),
        gold=np.array(gold, dtype=np.intp),
        texts=() if bare else tuple(_text(row) for _, row in rows),
        vectors=np.array(given, dtype=np.float32) if bare else None,
        numbers=np.log1p(np.array([[row[name] for name in numbers] for _, row in rows], dtype=np.float32)),
        groups=tuple(str(row.get("instance_id", line)) for line, row in rows),
        steps=tuple(load_steps(file)) if whole else (),
    )


def _text(row: Mapping[str, Any]) -> str:
    last = row.get("last")
    return f"{row['text']}\n{last}" if isinstance(last, str) and last != row["text"] else row["text"]


def _gold(row: Mapping[str, Any], where: str) -> int:
    tier, label = row.get("target_tier_id"), row.get("label")
    if tier is None and label in ORDER:
        return ORDER.index(label)
    if not isinstance(tier, int) or isinstance(tier, bool) or not 0 <= tier < len(ORDER):
        raise BadNumber(f"{where}: the tier is {tier if tier is not None else label!r}.", remedy="Tiers are 0 to 3.")
    return tier


def tiers(
    train: TierSet,
    test: TierSet,
    at_mean_tier: float = 1.22,
    embedder: str = "auto",
    told: Told = silent,
    routers: Sequence[str] = (AUTO, LIKELIEST),
) -> dict[str, Any]:
    """Learns from ``train``, answers for ``test``. "auto" keeps to a mean tier with a price from the training part.

    ``sufficient_at`` is read off the test part's curve at that mean tier, ``curve`` is (mean tier, sufficient) for
    all prices. ``ceiling``, the same for all, is what ``sufficient_at`` would be on the same features with full
    information: the learner of "auto", taught the answers of the judged rows too, but those of the fifth it is asked
    about (``ordinal.informed``). "auto:likeliest" takes the likeliest tier. The failure-aware scores, in per cent,
    are there where the rows are steps of trajectories. ``gain`` is auto's sufficient share less that of the nearest
    neighbours.

    Raises: BadDefinition where parts do not fit, BadNumber for a tier outside [0, 3], UnknownRouter; as ``features``.
    """
    named_among(routers, (AUTO, LIKELIEST))
    _fits(train, test, at_mean_tier)
    told(0, "reads")
    used, x, asked = _read(train, test, embedder, told)
    told(0, "calibrates")
    lam, kept_back = settled(x, train.gold, train.groups)
    price = price_at(kept_back, at_mean_tier)
    told(0, "learns")
    model = ordinal(x, train.gold, lam)
    start = time.perf_counter()
    enough = model.enough(asked)
    picks = worth(enough, price)
    us = (time.perf_counter() - start) * 1e6 / len(test)
    points = curve(enough, test.gold)
    told(0, "is taught the judged part too")
    known = curve(informed((x, train.gold), (asked, test.gold), test.groups, lam), test.gold)
    near = neighbours(x, train.gold, asked)
    auto = _row(AUTO, picks, test) | {
        "lam": lam,
        "price": price,
        "at_mean_tier": at_mean_tier,
        "sufficient_at": sufficient_at(points, at_mean_tier),
        "curve": [[one.mean_tier, one.sufficient] for one in points],
        "us_per_decision": us,
        "gain": gain((picks >= test.gold).astype(np.float64), (near >= test.gold).astype(np.float64), 0),
    }
    likeliest = _row(LIKELIEST, np.diff(enough, axis=1, prepend=0.0).argmax(axis=1), test)
    name_to_row = {AUTO: auto, LIKELIEST: likeliest}
    ceiling = sufficient_at(known, at_mean_tier)
    fixed = [_row(f"always {tier}", np.full(len(test), tier), test) for tier in range(len(ORDER))]
    return {
        "dataset": test.name,
        "n": len(test),
        "embedder": used,
        "routers": [name_to_row[name] | {"embedder": used, "ceiling": ceiling} for name in routers],
        "baselines": [
            _row(f"kNN-{NEIGHBOURS}", near, test) | {"embedder": used},
            *fixed,
            _row("oracle", test.gold, test),
        ],
    }


def _fits(train: TierSet, test: TierSet, at_mean_tier: float) -> None:
    if not len(train) or not len(test) or (train.vectors is None) != (test.vectors is None):
        raise BadDefinition("The two parts do not fit.", remedy="Give texts in both or vectors in both, and rows.")
    if not 0.0 <= at_mean_tier <= len(ORDER) - 1:
        raise BadNumber(f"at_mean_tier={at_mean_tier!r}.", remedy="Give a mean tier from 0 to 3.")


def neighbours(x: Singles, gold: Ints, asked: Singles) -> Ints:
    """The commonest tier among the 5 nearest; of equals the cheapest. Shapes: (n, d), (n,), (m, d) -> (m,)."""
    order = np.argsort(-(asked @ x.T), axis=1, kind="stable")[:, :NEIGHBOURS]
    votes = np.stack([(gold[order] == tier).sum(axis=1) for tier in range(len(ORDER))], axis=1)
    return np.asarray(votes.argmax(axis=1), dtype=np.intp)


def _read(train: TierSet, test: TierSet, embedder: str, told: Told) -> tuple[str, Singles, Singles]:
    if train.vectors is not None and test.vectors is not None:
        used, x, asked = "given", train.vectors, test.vectors
    else:
        made = features(train.texts, test.texts, embedder, told)
        used, x, asked = made.name, made.train, made.test
    if not train.numbers.shape[1] or train.numbers.shape[1] != test.numbers.shape[1]:
        return used, x, asked
    mean, spread = train.numbers.mean(axis=0), np.maximum(train.numbers.std(axis=0), 1e-6)
    mine, theirs = (np.clip((part.numbers - mean) / spread, -LIMIT, LIMIT) for part in (train, test))
    return f"{used} and numbers", np.hstack([x, mine]), np.hstack([asked, theirs])


def _row(name: str, picks: Ints, test: TierSet) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": name,
        "accuracy": float((picks == test.gold).mean()),
        "sufficient": float((picks >= test.gold).mean()),
        "mean_tier": float(picks.mean()),
    }
    if test.steps:
        out["failure_aware"] = failure_aware(test.steps, picks.tolist())._asdict()
    return out
