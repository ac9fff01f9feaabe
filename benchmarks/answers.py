"""Answers of the embedded model to ``benchmarks.quiz``: asked for once, kept as JSON lines, read again in no time.

Its options are one set of weights with other examples and temperatures, so their errors go together: the hard case for
a vote. Every answer is held to its question's grammar.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.quiz import EXAMPLES, KINDS, Question, questions
from orchestra.core.message import assistant, system, user
from orchestra.models.local import LocalModel
from orchestra.ports.model import Model, Reply, Request

SEED = 2026
A_ROUND = 4
MOST_TOKENS = 8


class Way(NamedTuple):
    """One way to ask: which of the kind's examples it shows, and how often the same question is put."""

    examples: slice
    temperature: float
    samples: int = 1


WAYS: Mapping[str, Way] = {
    "four": Way(slice(0, 4), 0.7, samples=5),
    "twelve": Way(slice(0, 12), 0.3),
    "others": Way(slice(4, 16), 0.3),
    "eight": Way(slice(8, 16), 0.7),
}
"""The names are those of the options; "four" is who is probed. The examples of "twelve" hold those of "four"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One answer, and the tokens that the server counted."""

    answer: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question and every answer to it, by option, in the order in which they were given."""

    kind: str
    text: str
    right: str
    given: Mapping[str, Sequence[Given]]


def rounds(n: int) -> Iterator[tuple[list[Question], list[Question]]]:
    """Examples and up to four questions, one kind after the other, until there are about ``n``, as many of each."""
    each = -(-n // len(KINDS))
    sets = {kind: questions(kind, EXAMPLES + each, SEED) for kind in KINDS}
    for start in range(EXAMPLES, EXAMPLES + each, A_ROUND):
        for found in sets.values():
            yield found[:EXAMPLES], found[start : start + A_ROUND]


async def ask(model: Model, n: int, minutes: float, known: Collection[str] = ()) -> AsyncIterator[Answered]:
    """Every way to ask, for every question whose text is not ``known``; it stops between two kinds when the minutes
    are over.
    """
    end, number = time.monotonic() + 60.0 * minutes, 0
    for examples, found in rounds(n):
        asked = [(number + place, one) for place, one in enumerate(found) if one.text not in known]
        number += len(found)
        if time.monotonic() > end:
            return
        given: dict[int, dict[str, list[Given]]] = {place: {} for place, _ in asked}
        for option, (name, way) in enumerate(WAYS.items()):
            for place, question in asked:
                seeds = range(100 * place + 10 * option, 100 * place + 10 * option + way.samples)
                shown = examples[way.examples]
                given[place][name] = [
                    _given(await model.request(_request(question, shown, way.temperature, seed))) for seed in seeds
                ]
        for place, question in asked:
            yield Answered(kind=question.kind, text=question.text, right=question.right, given=given[place])


def _given(reply: Reply) -> Given:
    usage = reply.usage
    return Given(answer=reply.text.strip(), input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)


def _request(question: Question, examples: Sequence[Question], temperature: float, seed: int) -> Request:
    shown = [turn for one in examples for turn in (user(one.text), assistant(one.right))]
    return Request(
        messages=(system("Answer."), *shown, user(question.text)),
        max_tokens=MOST_TOKENS,
        temperature=temperature,
        seed=seed,
        # The examples are the same from question to question: the server need not read them anew each time.
        extra={"grammar": question.grammar, "cache_prompt": True},
    )


async def record(n: int, minutes: float, path: Path | None) -> list[Answered]:
    """Asks the embedded model; each question is written down as it is answered, and none that is there is asked again.

    Raises: LocalModelMissing.
    """
    found = load(path) if path is not None and path.exists() else []
    model, began = LocalModel(), time.monotonic()
    try:
        async for one in ask(model, n, minutes, {one.text for one in found}):
            found.append(one)
            sys.stderr.write(f"\r{len(found)} of {n} questions, {time.monotonic() - began:.0f} s")
            sys.stderr.flush()
            if path is not None:
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(one)) + "\n")
    finally:
        sys.stderr.write("\n")
        await model.aclose()
    return found


def load(path: Path) -> list[Answered]:
    """What ``record`` wrote."""
    with path.open(encoding="utf-8") as lines:
        return [answered(json.loads(line)) for line in lines]


def answered(row: Mapping[str, Any]) -> Answered:
    """One line of it."""
    given = {name: [Given(**one) for one in answers] for name, answers in row["given"].items()}
    return Answered(kind=row["kind"], text=row["text"], right=row["right"], given=given)
