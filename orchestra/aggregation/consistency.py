"""How far several answers say the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from orchestra.core.task import task_of
from orchestra.ports.embedder import Embedder


def consistency(answers: Sequence[Any], embedder: Embedder) -> float:
    """The mean cosine of every two answers, as texts; 1 for fewer than two, which cannot disagree.

    Raises: NotSerialisable for an answer without a JSON form.
    Source: AdaptOrch (arXiv 2602.16873), its consistency score.
    """
    vectors = [embedder.embed(task_of(one).text) for one in answers]
    # The embedder's vectors have length 1 (or 0, for a text without features, which is like nothing).
    cosines = [sum(float(a) * float(b) for a, b in zip(*pair, strict=True)) for pair in combinations(vectors, 2)]
    return sum(cosines) / len(cosines) if cosines else 1.0
