"""The queue of questions: what is asked, and answers for later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestra import Context, Orchestra, agent, errors, gather, step, tool, workflow
from orchestra.app.queue import Pending, the_key
from orchestra.stores.memory import MemoryStore
from orchestra.testing.clock import FakeClock
from tests.support.runtime import go, on_every_loop

acted: list[Any] = []


@pytest.fixture(autouse=True)
def clean() -> None:
    acted.clear()


@tool(side_effect="payment", approval=True)
def pay(order: str) -> str:
    acted.append(order)
    return f"paid {order}"


@tool
async def wonder(ctx: Context[None], order: str) -> int:
    return await ctx.ask(f"How much is {order}?", output_type=int)


@agent(provides="impossible")
def never(order: str) -> str:
    raise errors.NoEffect("out of order")


@workflow
async def everything(order: str) -> list[Any]:
    return list(await gather(step(pay, order), step(wonder, order), step("impossible", order)))


@workflow
async def other(order: str) -> str:
    return await step(pay, order)


def team(store: Any, **rest: Any) -> Orchestra:
    return Orchestra(agents=[never], state=store, journal=True, escalate_to_person=True, **rest)


@on_every_loop
def test_what_all_runs_ask_in_the_order_of_asking(loop: str, native: bool) -> None:
    async def play() -> Any:
        async with team(MemoryStore(), native_tasks=native) as one:
            first = await one.run(everything, "A")
            second = await one.run(other, "B")
            before = await one.asks()
            answers = {ask.key: {"approval": True, "question": 3, "escalation": "by hand"}[ask.kind] for ask in before}
            done = await one.resume(first.run_id, answers=answers)
            return first, second, before, done, await one.asks()

    first, second, before, done, after = go(loop, play)
    assert {(ask.run_id, ask.run, ask.kind) for ask in before} == {
        (first.run_id, "everything", "approval"),
        (first.run_id, "everything", "question"),
        (first.run_id, "everything", "escalation"),
        (second.run_id, "other", "approval"),
    }
    assert before[-1].run_id == second.run_id and [ask.since for ask in before] == sorted(ask.since for ask in before)
    assert {ask.key for ask in before if ask.run_id == first.run_id} == first.asks.keys()
    assert done.output == ["paid A", 3, "by hand"]
    assert [ask.run_id for ask in after] == [second.run_id], "what is answered is asked no more"


def test_an_answer_for_later_is_used_by_who_resumes_the_run(tmp_path: Path) -> None:
    asking = team(tmp_path / "t.db")
    run_id = asking.run_sync(other, "A").run_id
    asking.close()
    desk = Orchestra(agents=[never], state=tmp_path / "t.db", journal=True)  # knows no workflow
    ((ask,),) = (desk.asks_sync(),)
    assert ask.answer == ()
    assert desk.answer_sync(run_id, {ask.key: "no"}) == [ask.key]
    assert desk.answer_sync(run_id, {ask.key: True}) == [ask.key], "the last word counts"
    assert desk.asks_sync()[0].answer == (True,)
    with pytest.raises(errors.UnknownWorkflow):
        desk.resume_sync(run_id)
    desk.close()
    worker = team(tmp_path / "t.db", workflows=[other])
    assert worker.resume_sync(run_id).output == "paid A" and acted == ["A"]
    assert worker.asks_sync() == []
    worker.close()


def test_an_answer_given_to_resume_comes_before_one_that_was_recorded() -> None:
    one = team(MemoryStore())
    run_id = one.run_sync(other, "A").run_id
    ((ask,),) = (one.asks_sync(),)
    one.answer_sync(run_id, {ask.key: False})
    assert one.resume_sync(run_id, answers={ask.key: True}).output == "paid A"


def test_an_answer_is_for_the_pause_it_was_given_to() -> None:
    @workflow
    async def alone(order: str) -> str:
        found: str = await step("impossible", order)
        return found

    one = team(MemoryStore())
    run_id = one.run_sync(alone, "A").run_id
    ((ask,),) = (one.asks_sync(),)
    one.answer_sync(run_id, {ask.key: "give up"})
    assert one.resume_sync(run_id).status == "failed"
    assert one.asks_sync() == [], "a run that failed waits for nobody"
    assert one.resume_sync(run_id).status == "paused", "what was said of the first pause is not said of this one"
    assert one.asks_sync()[0].answer == ()


def test_what_is_not_asked_cannot_be_answered() -> None:
    one = team(MemoryStore())
    run_id = one.run_sync(other, "A").run_id
    ((ask,),) = (one.asks_sync(),)
    with pytest.raises(errors.BadInput, match="does not ask 'nothing'"):
        one.answer_sync(run_id, {"nothing": 1})
    with pytest.raises(errors.BadInput):
        one.answer_sync(run_id, {ask.key: "perhaps"})
    with pytest.raises(errors.NotSerialisable):
        one.answer_sync(run_id, {ask.key: object()})
    with pytest.raises(errors.UnknownRun):
        one.answer_sync("nobody", {ask.key: True})
    assert one.asks_sync()[0].answer == ()
    done = one.resume_sync(run_id, answers={ask.key: True})
    with pytest.raises(errors.BadInput):
        one.answer_sync(done.run_id, {ask.key: True})


def test_a_question_keeps_the_time_it_was_asked_first() -> None:
    clock = FakeClock(1000.0)
    one = team(MemoryStore(), clock=clock)
    run_id = one.run_sync(other, "A").run_id
    before = one.asks_sync()[0].since
    clock.advance(60)
    one.resume_sync(run_id)
    assert one.asks_sync()[0].since == before


def test_a_team_without_state_has_no_queue() -> None:
    one = Orchestra(agents=[never])
    with pytest.raises(errors.JournalMissing):
        one.asks_sync()
    with pytest.raises(errors.JournalMissing):
        one.answer_sync("x", {})


def test_a_store_that_forgets_keeps_what_waits() -> None:
    store = MemoryStore(keep_runs=2)
    one = team(store, workflows=[])
    run_id = one.run_sync(other, "A").run_id
    for _ in range(5):
        one.run_sync("x", to="never", fallback=None)
    assert run_id in {ask.run_id for ask in one.asks_sync()}


WAITING = [Pending("r", "w", "a", "?", "approval", 1.0), Pending("r", "w", "b", "?", "question", 1.0)]


def test_which_question_is_meant() -> None:
    assert the_key(WAITING, "r", None, "approval") == "a" and the_key(WAITING, "r", "b", None) == "b"
    for run_id, key, kind in (("r", "b", "approval"), ("r", None, None), ("s", None, None), ("r", None, "effect")):
        with pytest.raises(errors.BadInput):
            the_key(WAITING, run_id, key, kind)
