"""The most frequent answer wins."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from orchestra.aggregation.survivors import none_done, survivors
from orchestra.core.ids import canonical
from orchestra.core.outcome import Outcome


class Vote(NamedTuple):
    """``outcome`` is the winner, ``outvoted`` the indexes of those Done that said something else.

    ``votes`` and ``failed`` count those that said the same as the winner and those that did not end Done.
    """

    outcome: Outcome
    outvoted: tuple[int, ...]
    votes: int
    failed: int


def vote(outcomes: Sequence[Outcome]) -> Vote:
    """The plurality of the answers that are Done; the earliest wins a tie, and speaks for those that agree with it.

    Texts agree when they differ only in case, spacing and a final stop, other values when their canonical JSON does not
    differ.
    With none Done the outcome is a Paused, a Failed or a Cancelled. A plan that votes over a batch of all files the
    failures it did without: ``yield Batch(calls=(), filings=filings(outcomes, "join"))``.

    Raises: NotSerialisable for an answer without a JSON form; BadInput for no answers.
    Source: Wang et al., Self-Consistency (arXiv 2203.11171), section 2; the normalisation and the tie are our defaults.
    """
    done = survivors(outcomes)
    failed = len(outcomes) - len(done)
    if not done:
        return Vote(none_done(outcomes), (), 0, failed)
    answer_to_indexes: dict[str, list[int]] = {}
    for index, outcome in done:
        answer_to_indexes.setdefault(ballot(outcome.output), []).append(index)
    agreed = max(answer_to_indexes.values(), key=len)
    outvoted = tuple(index for index, _ in done if index not in agreed)
    return Vote(outcomes[agreed[0]], outvoted, len(agreed), failed)


def ballot(answer: Any) -> str:
    """What two answers must have in common to count as one. Raises NotSerialisable."""
    if not isinstance(answer, str):
        return canonical(answer)
    text = " ".join(unicodedata.normalize("NFKC", answer).casefold().split())
    return canonical(text.rstrip(".!").rstrip())
