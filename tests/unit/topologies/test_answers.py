"""Joins of rivals: answers of one type, ties, and a prompt that no order of completion changes."""

from __future__ import annotations

import random
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import TypedDict

from orchestra.agents.decorator import agent
from orchestra.core.call import Batch, Call, Planned
from orchestra.core.errors import BadDefinition, BadReply, NoEffect
from orchestra.core.events import Dropped, Filed
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.topologies.files import topology_from
from orchestra.topologies.hybrid import hybrid
from orchestra.topologies.member import OnFailure
from orchestra.topologies.parallel import parallel
from tests.support.plans import Driver
from tests.support.runtime import Rig, go, on_every_loop


class Reading(TypedDict):
    year: int
    place: str


def said(answers: dict[str, Any]) -> Driver:
    def answer(call: Call) -> Outcome:
        found = answers.get(call.target, "merged")
        return found if isinstance(found, Failed) else Done(output=found)

    return Driver(answer)


GOOD = {"year": 1601, "place": "Elsinore"}


@pytest.mark.parametrize("join", ["merge", "vote", "refine", "first"])
def test_what_does_not_fit_is_done_without(join: str) -> None:
    driver = said({"a": GOOD, "b": "It was long ago.", "c": '```json\n{"year": 1601, "place": "Elsinore"}\n```'})
    by = "writer" if join in ("merge", "refine") else None
    policy: OnFailure = "fail" if join == "first" else "continue"
    outcome = driver.run(parallel("a", "b", "c", join=join, by=by, on_failure=policy, answer=Reading).plan("Hamlet?"))
    assert isinstance(outcome, Done)
    if join == "merge":
        assert outcome.output == {"merged": GOOD, "conflicts": [], "analyses": 2, "excluded": 1}
    elif join == "refine":
        assert "1 of 3 answers failed" in driver.calls[-1][1].input and "long ago" not in driver.calls[-1][1].input
    else:
        assert outcome.output == GOOD


@pytest.mark.parametrize(
    ("answers", "policy", "message"),
    [
        ({"a": GOOD, "b": {"year": "soon", "place": "x"}}, "fail", "The reply does not fit its schema: year"),
        ({"a": GOOD, "b": {}, "c": failed(NoEffect("down"))}, 2, "2 of 3 branches failed; the first: The reply does"),
        ({"a": "x", "b": "y"}, "continue", "2 of 2 branches failed; the first: The reply is not JSON"),
    ],
)
def test_too_few_that_fit_are_a_failure(answers: dict[str, Any], policy: OnFailure, message: str) -> None:
    shape = parallel(*answers, join="merge", by="writer", on_failure=policy, answer=Reading)
    outcome = said(answers).run(shape.plan("Hamlet?"))
    assert isinstance(outcome, Failed) and outcome.cause.kind == BadReply.__name__
    assert outcome.cause.message.startswith(message)


def test_a_file_names_the_fields_and_a_join_of_parts_has_none() -> None:
    data: dict[str, Any] = {"kind": "parallel", "members": ["a", "b"], "join": "vote", "answer": {"n": "int"}}
    outcome = said({"a": {"n": "one"}, "b": {"n": 2}}).run(topology_from({**data, "on_failure": "continue"}).plan("?"))
    assert outcome == Done(output={"n": 2})
    for change in ({"join": "all"}, {"answer": {"n": "date"}}):
        with pytest.raises(BadDefinition, match="answer"):
            topology_from({**data, **change})


def test_the_ends_of_a_graph_are_checked_too() -> None:
    after = {"b": ["a"], "c": ["a"]}
    shape = hybrid("a", "b", "c", after=after, join="vote", on_failure="continue", answer=Reading)
    assert said({"a": "anything", "b": "no", "c": GOOD}).run(shape.plan("?")) == Done(output=GOOD)


@on_every_loop
def test_what_does_not_fit_is_told_and_has_no_record_of_failure(loop: str, native: bool) -> None:
    @agent(provides="good")
    def good(text: str) -> dict[str, Any]:
        return dict(GOOD)

    @agent(provides="bad")
    def bad(text: str) -> str:
        return "no idea"

    async def main() -> None:
        rig = Rig(members=(good, bad), native=native)
        shape = parallel("bad", "good", join="vote", on_failure="continue", answer=Reading)
        outcome, _ = await rig.run(Planned(name="p", plan=shape.plan), "?")
        assert isinstance(outcome, Done) and outcome.output == GOOD
        (dropped,) = rig.of(Dropped)
        assert "/bad:" in dropped.key and rig.of(Filed) == []

    go(loop, main)


def prompts_of(seed: int, join: str, loop: str, native: bool, broken: int) -> tuple[Any, list[str], list[int]]:
    """One run in which the members end in an order that the seed decides."""
    rng, finished, prompts = random.Random(seed), list[int](), list[str]()
    turns = {n: place for place, n in enumerate(rng.sample(range(4), 4))}

    def member(n: int) -> Any:
        @agent(name=f"m{n}")
        async def work(text: str) -> Any:
            for _ in range(3 * turns[n]):
                await anyio.lowlevel.checkpoint()
            finished.append(n)
            if n == broken:
                raise NoEffect("down")
            return ["same", "Same.", "other", {"odd": 1}][n]

        return work

    @agent(name="writer")
    async def writer(text: str) -> str:
        prompts.append(text)
        return "written"

    async def main() -> Any:
        rig = Rig(members=(*map(member, range(4)), writer), native=native)
        by = None if join == "vote" else "writer"
        shape = parallel(*(f"m{n}" for n in range(4)), join=join, by=by, on_failure="continue")
        outcome, _ = await rig.run(Planned(name="p", plan=shape.plan), "Which?")
        assert isinstance(outcome, Done)
        return outcome.output

    return go(loop, main), prompts, finished


@on_every_loop
@settings(max_examples=15, deadline=None)
@given(join=st.sampled_from(["merge", "refine", "vote"]), seed=st.integers(0, 99), broken=st.integers(-2, 3))
def test_no_order_of_completion_changes_the_prompt_or_the_answer(
    loop: str, native: bool, join: str, seed: int, broken: int
) -> None:
    first = prompts_of(seed, join, loop, native, broken)
    orders = {tuple(first[2])}
    for other in range(seed + 1, seed + 4):
        again = prompts_of(other, join, loop, native, broken)
        assert again[:2] == first[:2]
        orders.add(tuple(again[2]))
    assert len(orders) > 1 and bool(first[1]) == (join != "vote")
    assert all(f"m{n}" not in prompt for prompt in first[1] for n in range(4))


def test_batches_before_a_join_are_the_members_in_their_order() -> None:
    plan = parallel("b", "a", join="merge", by="writer").plan("?")
    batch: Batch = next(plan)
    assert [call.target for call in batch.calls] == ["b", "a"]
    plan.close()
