"""Joins: plans driven by hand."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.aggregation.first import first
from orchestra.aggregation.refine import label, prompt, refine
from orchestra.aggregation.survivors import filings, none_done
from orchestra.aggregation.vote import vote
from orchestra.core.call import Batch, Call, Plan
from orchestra.core.errors import BadInput, BudgetExceeded, CallTimeout, NotSerialisable, PauseRequested
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, Paused, cause_of, failed

LOST = failed(CallTimeout("too slow"), origin="run/a")
BROKE = failed(BudgetExceeded("no money"), origin="run/b")
WAITS = Paused(cause=cause_of(PauseRequested("approve?")), asks=(("k", "approve?"),))


@dataclass
class Point:
    x: int


def done(*values: Any) -> tuple[Outcome, ...]:
    return tuple(Done(output=value) for value in values)


def play(plan: Plan, *answers: tuple[Outcome, ...]) -> tuple[Any, list[Batch]]:
    """The plan's return value and its batches; every batch needs an answer, every answer a batch."""
    batches: list[Batch] = []
    left = list(answers)
    try:
        batches.append(next(plan))
        while True:
            batches.append(plan.send(left.pop(0)))
    except StopIteration as end:
        assert not left
        return end.value, batches


def test_the_majority_wins_and_the_others_are_outvoted() -> None:
    outcomes = done("4", "5", " 4. ", {"a": 1})
    assert vote(outcomes) == (outcomes[0], (1, 3), 2, 0)


def test_values_agree_by_their_json() -> None:
    outcomes = done({"a": 1, "b": [Point(1)]}, 3, {"b": [{"x": 1}], "a": 1})
    assert vote(outcomes) == (outcomes[0], (1,), 2, 0)
    assert vote(done("3", 3, 3)).outvoted == (0,)


def test_a_tie_goes_to_the_earliest() -> None:
    outcomes = done("b", "a", "a", "b")
    assert vote(outcomes)[:2] == (outcomes[0], (1, 2))


def test_failures_do_not_vote_and_are_counted() -> None:
    outcomes = (LOST, *done("a"), Cancelled(), *done("b", "b"), WAITS)
    assert vote(outcomes) == (outcomes[3], (1,), 2, 3)


@pytest.mark.parametrize("outcomes", [(LOST, BROKE), (Cancelled(), LOST, BROKE)])
def test_if_all_failed_the_first_failure_stands(outcomes: tuple[Outcome, ...]) -> None:
    outcome, outvoted, votes, failures = vote(outcomes)
    assert isinstance(outcome, Failed) and outcome.origin == LOST.origin and outcome.cause.is_a(CallTimeout)
    assert outcome.cause.message == f"All {len(outcomes)} answers failed; the first: too slow"
    assert (outvoted, votes, failures) == ((), 0, len(outcomes))


def test_none_done() -> None:
    assert none_done((LOST,)) is LOST
    assert none_done((LOST, WAITS)) is WAITS
    assert none_done((Cancelled(),)) == Cancelled()
    with pytest.raises(BadInput):
        vote(())


def test_an_answer_without_json_is_refused() -> None:
    with pytest.raises(NotSerialisable):
        vote(done(object()))


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=9))
def test_a_vote_accounts_for_everyone(answers: list[str | None]) -> None:
    outcomes = tuple(LOST if a is None else Done(output=a) for a in answers)
    ballot = vote(outcomes)
    assert ballot.votes + len(ballot.outvoted) + ballot.failed == len(answers)
    said = [a for a in answers if a is not None]
    if said:
        assert isinstance(ballot.outcome, Done) and ballot.votes == max(map(said.count, said))
        assert all(answers[i] not in (None, ballot.outcome.output) for i in ballot.outvoted)


def test_first_asks_all_and_takes_the_lowest_done() -> None:
    calls = (Call(target="a", input=1), Call(target="b", input=1, after_s=0.1))
    outcome, batches = play(first(calls), (LOST, *done("x")))
    assert outcome == Done(output="x") and batches == [Batch(calls=calls, done=1)]
    assert play(first(calls), done("x", "y"))[0] == Done(output="x")
    assert play(first(calls), (LOST, BROKE))[0].origin == LOST.origin
    with pytest.raises(BadInput):
        play(first(()))


def test_one_answer_needs_no_refiner() -> None:
    (only,) = done("x")
    assert play(refine("task", (only,), "refinement")) == (only, [])
    outcome, batches = play(refine("task", (LOST, only), "refinement"), ())
    assert outcome is only and batches == [Batch(calls=(), filings=filings((LOST,), "join"))]


def test_several_answers_go_to_the_refiner_once() -> None:
    answers = (*done("It is blue."), LOST, *done({"colour": "red"}))
    outcome, (batch,) = play(refine({"q": 1}, answers, "refinement"), done("merged"))
    assert outcome == Done(output="merged")
    (call,) = batch.calls
    assert call.target == "refinement"
    assert call.input.endswith(
        "1 of 3 answers failed and are missing.\n\n"
        'Task:\n{"q":1}\n\n'
        "Answer A:\nIt is blue.\n\n"
        'Answer B:\n{"colour":"red"}'
    )
    assert "State every conflict" in call.input
    assert [(f.origin, f.how, f.to) for f in batch.filings] == [("run/a", "tolerated", "join")]


def test_without_failures_none_are_mentioned_or_filed() -> None:
    _, (batch,) = play(refine("t", done("a", "b"), "refinement"), done("c"))
    assert "failed" not in batch.calls[0].input and batch.filings == ()


def test_a_refiner_that_fails_is_not_hidden() -> None:
    assert play(refine("t", done("a", "b"), "refinement"), (LOST,))[0] is LOST
    assert play(refine("t", (LOST, BROKE), "refinement"))[0].origin == LOST.origin


def test_the_answers_keep_their_order() -> None:
    a, b = Done(output="a"), Done(output="b")
    assert prompt("t", (a, b)) == prompt("t", (a, b)) != prompt("t", (b, a))
    assert [label(i) for i in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
