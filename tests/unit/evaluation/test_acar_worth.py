"""What ACAR is worth on answers made by hand, and the questions that the real figures are made with."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import anyio
import pytest

from benchmarks.acar import MOST, OURS, PROBE, PUBLISHED, SINGLE, VOTE, agreed_and_wrong, by_sigma, main, runs, worth
from benchmarks.answers import WAYS, Answered, Given, answered, ask, load
from benchmarks.quiz import EXAMPLES, KINDS, Question, questions
from orchestra.core.usage import Usage
from orchestra.ports.model import Reply, Request


def made(right: str, probes: str, twelve: str, others: str, eight: str) -> Answered:
    """Ten tokens in and one out for a probe, a hundred and one for the others."""
    said = {PROBE: probes, "twelve": twelve, "others": others, "eight": eight}
    given = {
        name: [Given(answer=one, input_tokens=10 if name == PROBE else 100, output_tokens=1) for one in letters]
        for name, letters in said.items()
    }
    return Answered(kind="letters", text=f"{right}?", right=right, given=given)


ASKED = [
    made("a", "aaaaa", "b", "b", "b"),  # agreed and right
    made("b", "aaabb", "b", "b", "b"),  # agreed and wrong
    made("b", "aabbb", "b", "b", "a"),  # the verifiers turn it
    made("a", "abcaa", "a", "b", "b"),  # everybody is asked; the two others outvote
]


def test_right_and_paid_by_hand() -> None:
    found, sigmas = runs(ASKED)
    assert sigmas.tolist() == [0.0, 0.0, 0.5, 1.0]
    right = {name: found[name].right.tolist() for name in found}
    assert right[SINGLE] == [0, 1, 1, 1]
    assert right[VOTE] == [1, 0, 0, 1]  # of three that differ the first counts
    assert right["five probes, vote"] == [1, 0, 1, 1]
    assert right["two, vote"] == right[SINGLE]
    assert right["three, vote"] == [0, 1, 1, 0]
    assert right[PUBLISHED] == [1, 0, 0, 0] and right[OURS] == [1, 0, 1, 0]
    assert right["all six always, vote"] == [1, 0, 0, 0]  # three against three: the first counts
    assert found[OURS].calls.tolist() == found[PUBLISHED].calls.tolist() == [3, 3, 5, 6]
    probe, model = 10 * 0.10e-6 + 0.40e-6, 100 * 0.10e-6 + 0.40e-6
    assert found[OURS].cost_usd.tolist() == pytest.approx(
        [3 * probe] * 2 + [3 * probe + 2 * model, 3 * (probe + model)]
    )


def test_the_rows() -> None:
    found, sigmas = runs(ASKED)
    rows = {row["name"]: row for row in worth(found)}
    assert rows[OURS]["accuracy"] == 0.5 and rows[OURS]["calls"] == 4.25
    assert rows[OURS]["minus_single"].estimate == -0.25 and rows[SINGLE]["minus_single"] == (0.0, 0.0, 0.0)
    assert rows[OURS]["minus_vote"].estimate == 0.0
    shares = by_sigma(found, sigmas)
    assert [row["share"] for row in shares] == [0.5, 0.25, 0.25]
    assert [row["right"][OURS] for row in shares] == [0.5, 1.0, 0.0]
    assert agreed_and_wrong(found, sigmas) == (0.25, 0.5)
    assert by_sigma(*runs(ASKED[:1]))[2]["right"][OURS] is None
    assert agreed_and_wrong(*runs(ASKED[:1])) == (0.0, 0.0)
    assert agreed_and_wrong(*runs(ASKED[3:])) == (0.0, 0.0)


def test_the_command_reads_what_was_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, values = tmp_path / "answers.jsonl", tmp_path / "values.json"
    source.write_text("".join(json.dumps(asdict(one)) + "\n" for one in ASKED))
    assert load(source) == ASKED
    assert main(["--from", str(source), "--json", str(values)]) == 0
    text = capsys.readouterr().out
    assert (
        "sigma 0 and wrong: 0.250 of all questions (0.000..0.750), 0.500 of those with sigma 0 (0.000..1.000)" in text
    )
    assert f"| {OURS} | 0.500 | -0.250" in text and "| 1 | 0.250 | 1.000 | 1.000 | 0.000 | 0.000 |" in text
    assert json.loads(values.read_text())["n"] == 4
    source.write_text("")
    assert main(["--from", str(source)]) == 2
    for wrong in (["--from", str(source), "--to", str(values)], ["--questions", str(MOST + 1)]):
        with pytest.raises(SystemExit):
            main(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_the_questions_of_a_kind_differ_and_can_be_answered(kind: str) -> None:
    found = questions(kind, EXAMPLES + 20, 2026)
    assert found == questions(kind, EXAMPLES + 20, 2026) != questions(kind, EXAMPLES + 20, 2027)
    assert len({one.text for one in found}) == len(found)
    assert all(_allowed(one) for one in found) and len(KINDS) * 20 == MOST


def _allowed(one: Question) -> bool:
    """Whether the grammar lets the right answer through: as a pattern it is nearly the same text."""
    rule = one.grammar.removeprefix("root ::= ")
    return re.fullmatch(rule.replace('"', "").replace(" | ", "|").replace(" ", ""), one.right) is not None


def test_a_kind_that_is_used_up_says_so() -> None:
    with pytest.raises(ValueError, match=r"only 48 questions of the kind 'opposite'"):
        questions("opposite", 60, 0)


class Counting:
    """A model that answers with the number of the request."""

    name: str = "counting"
    context_window: int | None = None

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def count(self, request: Request, /) -> int:
        return 1

    async def request(self, request: Request, /) -> Reply:
        self.requests.append(request)
        return Reply(text=f" {len(self.requests)} ", usage=Usage(input_tokens=7, output_tokens=2, requests=1))


async def _all(answers: AsyncIterator[Answered]) -> list[Answered]:
    return [one async for one in answers]


def test_every_way_asks_every_question_with_a_seed_of_its_own() -> None:
    model = Counting()
    found = anyio.run(lambda: _all(ask(model, 2 * len(KINDS), 60.0)))
    assert len(found) == 2 * len(KINDS) and [one.kind for one in found[::2]] == list(KINDS)
    assert {name: len(answers) for name, answers in found[0].given.items()} == {n: w.samples for n, w in WAYS.items()}
    seeds = [request.seed for request in model.requests]
    assert len(set(seeds)) == len(seeds) == len(found) * sum(way.samples for way in WAYS.values())
    assert all(request.temperature for request in model.requests)
    shown = {message.text for request in model.requests for message in request.messages[:-1]}
    assert not shown & {one.text for one in found}, "no question is among the examples"
    assert found[0].given[PROBE][0] == Given(answer="1", input_tokens=7, output_tokens=2)
    assert answered(json.loads(json.dumps(asdict(found[0])))) == found[0]


def test_what_is_known_is_not_asked_again_and_changes_no_seed() -> None:
    whole, rest = Counting(), Counting()
    found = anyio.run(lambda: _all(ask(whole, 2 * len(KINDS), 60.0)))
    again = anyio.run(lambda: _all(ask(rest, 2 * len(KINDS), 60.0, {found[0].text, found[5].text})))
    assert [one.text for one in again] == [one.text for place, one in enumerate(found) if place not in (0, 5)]
    seeds = {(request.messages, request.seed) for request in whole.requests}
    assert len(rest.requests) < len(seeds) and seeds >= {(one.messages, one.seed) for one in rest.requests}


def test_no_time_is_no_question() -> None:
    assert anyio.run(lambda: _all(ask(Counting(), 9, -1.0))) == []
