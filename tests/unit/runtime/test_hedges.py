"""A second provider where the first is late: begun then and not before, and only if that does no harm."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestra import Orchestra, agent, errors, step, workflow
from orchestra.core.events import CallEnded, CallStarted, Decided, Dropped, Filed, Rewarded
from orchestra.core.outcome import Cancelled, Failed
from tests.support.runtime import go, on_every_loop

LATE_S = 0.01
how: dict[str, str] = {}
began: list[str] = []
down: list[str] = []


@pytest.fixture(autouse=True)
def clean() -> None:
    how.clear()
    began.clear()
    down.clear()


async def work(name: str) -> str:
    began.append(name)
    await anyio.lowlevel.checkpoint()
    for what in how.get(name, "answers").split(" then "):
        if what == "late":
            await anyio.sleep(3 * LATE_S)
        elif what == "hangs":
            await anyio.sleep(30)
        elif what == "last":  # no clock says in which order two timers go off on a busy machine
            while not down:
                await anyio.sleep(0.001)
            await anyio.sleep(0.001)
        elif what == "fails":
            down.append(name)
            raise ConnectionError(f"{name} is down")
    return name


@agent(provides="look", cost_usd=0.001)
async def cheap(word: str) -> str:
    return await work("cheap")


@agent(provides="look", cost_usd=0.002)
async def dear(word: str) -> str:
    return await work("dear")


@agent(provides="look", cost_usd=0.003)
async def third(word: str) -> str:
    return await work("third")


@agent(provides="pay", side_effect="payment", idempotent=True)
async def pay(word: str) -> str:
    return await work("pay")


@workflow
async def hedged(word: str) -> str:
    found: str = await step("look", word, hedge_s=LATE_S)
    return found


def looked(native: bool, **name_to_how: str) -> Any:
    how.update(name_to_how)

    async def play() -> tuple[Any, Orchestra]:
        async with Orchestra(agents=[cheap, dear, third], router="cheapest", native_tasks=native) as team:
            return await team.run(hedged, "tree"), team

    return play


def ends(result: Any) -> dict[str, str]:
    return {e.name: type(e.outcome).__name__ for e in result.events if isinstance(e, CallEnded) and e.kind == "agent"}


def filed(result: Any) -> list[tuple[str, str, str]]:
    return [(e.name, e.how, e.to) for e in result.events if isinstance(e, Filed)]


@on_every_loop
def test_who_is_in_time_is_not_doubled(loop: str, native: bool) -> None:
    result, _ = go(loop, looked(native))
    assert result.output == "cheap" and began == ["cheap"]
    assert len([e for e in result.events if isinstance(e, Decided)]) == 1, "nothing is decided that is not needed"


@on_every_loop
def test_the_first_answer_counts_and_the_other_is_cancelled_and_settled(loop: str, native: bool) -> None:
    result, team = go(loop, looked(native, cheap="hangs"))
    assert result.output == "dear" and ends(result) == {"cheap": "Cancelled", "dear": "Done"}
    assert result.usage.nano_usd == 3_000_000, "who was cancelled was charged"
    health = team._team.health
    assert health.in_flight("cheap") == health.in_flight("dear") == 0
    assert filed(result) == [] and not [e for e in result.events if isinstance(e, (Rewarded, Dropped))]


@on_every_loop
def test_the_first_may_still_be_faster(loop: str, native: bool) -> None:
    result, _ = go(loop, looked(native, cheap="late", dear="hangs"))
    assert result.output == "cheap" and ends(result) == {"cheap": "Done", "dear": "Cancelled"}


@on_every_loop
def test_who_fails_before_a_hedge_is_begun_is_rerouted_at_once(loop: str, native: bool) -> None:
    result, _ = go(loop, looked(native, cheap="fails"))
    assert result.output == "dear" and began == ["cheap", "dear"]
    assert filed(result) == [("cheap", "rerouted", "dear")]
    assert result.explain().seconds < 5, "the delay was not waited for"


@on_every_loop
def test_a_failure_beside_an_answer_is_tolerated(loop: str, native: bool) -> None:
    result, _ = go(loop, looked(native, cheap="late then fails", dear="late then late"))
    assert result.output == "dear" and filed(result) == [("cheap", "tolerated", "join")]


@on_every_loop
def test_a_hedge_that_fails_leaves_the_first_its_time(loop: str, native: bool) -> None:
    result, _ = go(loop, looked(native, cheap="late then late", dear="fails"))
    assert result.output == "cheap" and filed(result) == [("dear", "tolerated", "join")]


@on_every_loop
def test_where_both_fail_the_third_takes_over_and_each_has_its_record(loop: str, native: bool) -> None:
    result, _ = go(loop, looked(native, cheap="late then fails", dear="last then fails"))
    assert result.output == "third" and began == ["cheap", "dear", "third"]
    assert filed(result) == [("cheap", "rerouted", "dear"), ("dear", "rerouted", "third")]


@on_every_loop
def test_learning_takes_the_winner_and_leaves_the_loser(loop: str, native: bool) -> None:
    how["cheap"] = "hangs"

    async def play() -> Any:
        async with Orchestra(agents=[cheap, dear], router="cheapest", native_tasks=native) as team:
            result = await team.run("tree", to="look", hedge_s=LATE_S)
            assert await team.feedback(result.run_id, 1.0) == 1
            rewarded = {e.key for e in await team.events(result.run_id) if isinstance(e, Rewarded)}
            return [d.chosen for d in result.decisions if d.key in rewarded], result

    chosen, result = go(loop, play)
    assert chosen == [("dear",)]
    lost = next(e for e in result.events if isinstance(e, CallEnded) and e.name == "cheap")
    assert type(lost.outcome) is Cancelled


@workflow
async def paid(word: str) -> str:
    done: str = await step("pay", word, hedge_s=LATE_S)
    return done


def test_what_acts_is_not_hedged() -> None:
    team = Orchestra(agents=[pay], router="cheapest")
    result = team.run_sync(paid, "A")
    assert type(result.outcome) is Failed and result.outcome.cause.is_a(errors.UnsafeBatch) and began == []
    with pytest.raises(errors.UnsafeBatch, match="'pay' has the side effect 'payment'"):
        team.run_sync("A", to="pay", hedge_s=1)
    team.close()


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_the_delay_is_a_number(bad: float) -> None:
    team = Orchestra(agents=[cheap, dear])
    with pytest.raises(errors.BadNumber):
        team.run_sync("A", to="look", hedge_s=bad)
    with pytest.raises(errors.BadInput):
        team.run_sync("A", to="cheap", hedge_s=1)
    team.close()


@on_every_loop
def test_a_resumed_run_takes_the_answer_of_the_hedge_from_the_journal(loop: str, native: bool, tmp_path: Any) -> None:
    how["cheap"] = "hangs"

    async def play() -> Any:
        async with Orchestra(
            agents=[cheap, dear], router="cheapest", native_tasks=native, state=tmp_path / "t.db", journal=True
        ) as team:
            result = await team.run("tree", to="look", hedge_s=LATE_S)
            replayed = await team.replay(result.run_id)
            return result, await team.resume(result.run_id), replayed

    result, again, replayed = go(loop, play)
    assert result.output == again.output == replayed.output == "dear" and began == ["cheap", "dear"]
    assert not [e for e in again.events[len(result.events) :] if isinstance(e, CallStarted)]


@agent(provides="look", cost_usd=0.002, approval=True)
async def asking(word: str) -> str:
    return await work("asking")


@on_every_loop
def test_who_has_to_ask_first_does_not_hold_up_the_answer(loop: str, native: bool) -> None:
    how["cheap"] = "late"

    async def play() -> Any:
        async with Orchestra(agents=[cheap, asking], router="cheapest", native_tasks=native) as team:
            return await team.run(hedged, "tree")

    result = go(loop, play)
    assert result.output == "cheap" and began == ["cheap"]
    asks = [e for e in result.events if isinstance(e, CallEnded) and e.kind == "ask"]
    assert len(asks) == 1, "it did ask"
