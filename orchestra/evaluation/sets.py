"""Predicted sets against true ones. Report them together: with three guesses hit-any is no accuracy."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple

from orchestra.core.errors import BadDefinition


class SetScores(NamedTuple):
    """Means over the rows; ``micro_f1`` is over all members together."""

    hit_any: float
    exact: float
    precision: float
    recall: float
    mean_set_size: float
    micro_f1: float


def hit_any(predicted: Set[str], true: Set[str]) -> float:
    """1 if one guess at least is right. Source: TCAR's evaluation code, arXiv:2601.04544."""
    return float(bool(predicted & true)) if true else float(not predicted)


def exact(predicted: Set[str], true: Set[str]) -> float:
    """1 if the sets are equal."""
    return float(predicted == true)


def precision(predicted: Set[str], true: Set[str]) -> float:
    """|P & T| / max(1, |P|); both empty is 1. Source: TCAR, arXiv:2601.04544, R1."""
    return len(predicted & true) / max(1, len(predicted)) if predicted or true else 1.0


def recall(predicted: Set[str], true: Set[str]) -> float:
    """|P & T| / max(1, |T|); both empty is 1. Source: TCAR, arXiv:2601.04544, R2."""
    return len(predicted & true) / max(1, len(true)) if predicted or true else 1.0


def tcar_reward(predicted: Set[str], true: Set[str], alpha: float = 0.5, beta: float = 0.1) -> float:
    """alpha R1 + (1 - alpha) R2 - beta max(|P| - |T|, 0). Source: TCAR, whose alpha and beta are not known: ours."""
    excess = max(len(predicted) - len(true), 0)
    return alpha * precision(predicted, true) + (1.0 - alpha) * recall(predicted, true) - beta * excess


def set_scores(predicted: Sequence[Set[str]], true: Sequence[Set[str]]) -> SetScores:
    """All of them over the rows. Raises BadDefinition where there are no rows or not as many of each."""
    if not true or len(predicted) != len(true):
        raise BadDefinition(
            f"{len(predicted)} predicted sets for {len(true)} true ones.",
            remedy="Give one of each for every row, of one row or more.",
        )
    pairs = list(zip(predicted, true, strict=True))
    n = len(pairs)
    right = sum(len(p & t) for p, t in pairs)
    members = sum(len(p) + len(t) for p, t in pairs)
    return SetScores(
        hit_any=sum(hit_any(p, t) for p, t in pairs) / n,
        exact=sum(exact(p, t) for p, t in pairs) / n,
        precision=sum(precision(p, t) for p, t in pairs) / n,
        recall=sum(recall(p, t) for p, t in pairs) / n,
        mean_set_size=sum(len(p) for p, _ in pairs) / n,
        micro_f1=2.0 * right / members if members else 1.0,
    )
