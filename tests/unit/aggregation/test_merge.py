"""Merging analyses: a plan driven by hand, and once by the runtime."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra import Orchestra, agent
from orchestra.aggregation.merge import merge, merged_fields, prompt
from orchestra.core.call import Batch, Plan
from orchestra.core.errors import BadInput, BadNumber, BadReply, CallTimeout, PauseRequested
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, Paused, cause_of, failed
from orchestra.topologies.parallel import parallel

LOST = failed(CallTimeout("too slow"), origin="run/a")
WAITS = Paused(cause=cause_of(PauseRequested("approve?")), asks=(("k", "approve?"),))


def done(*values: Any) -> tuple[Outcome, ...]:
    return tuple(Done(output=value) for value in values)


def play(plan: Plan) -> tuple[Any, list[Batch]]:
    batches: list[Batch] = []
    sent: Any = None
    while True:
        try:
            batches.append(plan.send(sent))
        except StopIteration as end:
            return end.value, batches
        sent = done(*["merged"] * len(batches[-1].calls))


def number(value: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("n"), int):
        raise BadReply("n is no number.")
    return value


def test_texts_are_given_to_the_merger_in_order_and_without_names() -> None:
    outcome, (batch,) = play(merge("How many?", (*done("four"), LOST, *done("five")), "decision"))
    assert outcome == Done(output="merged")
    (call,) = batch.calls
    assert call.target == "decision"
    assert call.input.index("Analysis A:\nfour") < call.input.index("Analysis B:\nfive")
    assert "1 of 3 analyses could not be used" in call.input and "Task:\nHow many?" in call.input
    assert [(filing.origin, filing.how, filing.to) for filing in batch.filings] == [("run/a", "tolerated", "join")]


def test_one_text_alone_needs_no_merger() -> None:
    assert play(merge("q", done("four"), "decision")) == (Done(output="four"), [])
    outcome, (batch,) = play(merge("q", (LOST, *done("four")), "decision"))
    assert outcome == Done(output="four") and batch.calls == () and len(batch.filings) == 1


def test_objects_are_merged_field_by_field_without_a_call() -> None:
    answers = done({"n": 4, "why": "sum"}, {"n": 5, "why": "Sum."}, {"n": 5})
    outcome, batches = play(merge("q", answers, "decision"))
    assert batches == []
    assert outcome.output == {
        "merged": {"n": 5, "why": "sum"},
        "conflicts": [{"field": "n", "chosen": 5, "votes": 2, "others": [{"value": 4, "votes": 1}]}],
        "analyses": 3,
        "excluded": 0,
    }


def test_a_tie_goes_to_the_earliest_and_is_stated() -> None:
    merged, conflicts = merged_fields([{"n": 2}, {"n": 1}, {"n": 1}, {"n": 2}, {"n": 3}])
    assert merged == {"n": 2}
    others = [{"value": 1, "votes": 2}, {"value": 3, "votes": 1}]
    assert conflicts == [{"field": "n", "chosen": 2, "votes": 2, "others": others}]


def test_what_does_not_fit_is_left_out_counted_and_told() -> None:
    outcome, (batch,) = play(merge("q", done({"n": 1}, "one", {"n": 1}), "decision", check=number))
    assert outcome.output == {"merged": {"n": 1}, "conflicts": [], "analyses": 2, "excluded": 1}
    assert (batch.calls, batch.outvoted) == ((), (1,))
    outcome, (batch,) = play(merge("q", done("a", {"n": 1}, "b"), "decision", check=number))
    assert outcome.output["excluded"] == 2 and batch.outvoted == (0, 2)


def test_a_mix_of_objects_and_texts_goes_to_the_merger() -> None:
    outcome, (batch,) = play(merge("q", done({"n": 1}, "two"), "decision"))
    assert outcome == Done(output="merged") and 'Analysis A:\n{"n":1}' in batch.calls[0].input


@pytest.mark.parametrize(
    ("answers", "quorum", "kind", "said"),
    [
        ((LOST,), 1, "CallTimeout", "too slow"),
        ((LOST, LOST), 1, "CallTimeout", "All 2 answers failed; the first: too slow"),
        ((*done({"n": 1}), LOST), 2, "CallTimeout", "1 of 2 analyses are left, 2 are needed; the first: too slow"),
        (done({"n": 1}, "x"), 2, "BadReply", "1 of 2 analyses are left, 2 are needed; the first: n is no number."),
        (done("x", "y"), 1, "BadReply", "0 of 2 analyses are left, 1 are needed; the first: n is no number."),
    ],
)
def test_too_few(answers: tuple[Outcome, ...], quorum: int, kind: str, said: str) -> None:
    outcome, batches = play(merge("q", answers, "decision", check=number, quorum=quorum))
    assert isinstance(outcome, Failed) and batches == []
    assert (outcome.cause.kind, outcome.cause.message) == (kind, said)


def test_a_pause_goes_before_a_failure_and_a_cancelled_one_stands_alone() -> None:
    assert play(merge("q", (*done("x"), LOST, WAITS), "decision", quorum=3))[0] == WAITS
    assert play(merge("q", (Cancelled(), *done("x")), "decision", quorum=2))[0] == Cancelled()


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(BadInput, match="no answers"):
        play(merge("q", (), "decision"))
    for quorum in (0, 3):
        with pytest.raises(BadNumber, match="in 1 to 2"):
            play(merge("q", done("a", "b"), "decision", quorum=quorum))


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=6))
def test_every_field_has_a_value_that_nobody_outnumbers(objects: list[dict[str, int]]) -> None:
    merged, conflicts = merged_fields(objects)
    assert merged.keys() == set().union(*objects)
    for name, value in merged.items():
        said = [one[name] for one in objects if name in one]
        assert value in said and all(said.count(other) <= said.count(value) for other in said)
    disagreed = {name for name in merged if len({one[name] for one in objects if name in one}) > 1}
    assert {conflict["field"] for conflict in conflicts} == disagreed
    for conflict in conflicts:
        votes = conflict["votes"] + sum(other["votes"] for other in conflict["others"])
        assert votes == sum(conflict["field"] in one for one in objects)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_who_is_faster_changes_no_byte_of_the_prompt(order: tuple[int, ...]) -> None:
    prompts: list[str] = []
    finished: list[int] = []

    async def main() -> None:
        gates = [anyio.Event() for _ in range(4)]
        gates[0].set()

        async def analyse(number: int) -> str:
            await gates[order.index(number)].wait()
            finished.append(number)
            gates[order.index(number) + 1].set()
            return f"analysis {number}"

        @agent(provides="zero")
        async def zero(text: str) -> str:
            return await analyse(0)

        @agent(provides="one")
        async def one(text: str) -> str:
            return await analyse(1)

        @agent(provides="two")
        async def two(text: str) -> str:
            return await analyse(2)

        @agent(provides="decision")
        async def decide(text: str) -> str:
            prompts.append(text)
            return "decided"

        async with Orchestra(agents=[zero, one, two, decide]) as team:
            shape = parallel("zero", "one", "two", join="merge", by="decision")
            result = await team.run("How many?", topology=shape)
            assert result.output == "decided"

    anyio.run(main)
    assert tuple(finished) == order
    assert prompts == [prompt("How many?", [Done(output=f"analysis {number}") for number in range(3)])]
