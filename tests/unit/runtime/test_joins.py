"""What a join leaves behind: who is cancelled, who is tolerated, who is never begun, what it cost."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestra.agents.decorator import agent
from orchestra.core.call import Batch, Call, NodeName, Plan, Planned
from orchestra.core.events import CallEnded, CallStarted, Filed
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome
from orchestra.runtime.writer import Writer
from orchestra.stores.memory import MemoryStore
from tests.support.runtime import Rig, go, on_every_loop

seen: list[Outcome] = []


@pytest.fixture(autouse=True)
def clean() -> None:
    seen.clear()


@agent(cost_usd="0.001")
async def worker(how: str) -> str:
    if how == "at once":
        return how
    await anyio.lowlevel.checkpoint()
    if how == "fails":
        raise ValueError(how)
    await anyio.sleep(0.002 if how == "soon" else 10)
    return how


def calls(*hows: str) -> tuple[Call, ...]:
    return tuple(Call(target=NodeName(name="worker"), input=how, key=f"{i} {how}") for i, how in enumerate(hows))


def joined(batch: Batch) -> Planned:
    def plan(_: object) -> Plan:
        seen.extend((yield batch))
        return [type(one).__name__ for one in seen]

    return Planned(name="joined", plan=plan)


def records(rig: Rig) -> list[tuple[str, str, str]]:
    return sorted((e.key.rsplit("/", 1)[1], e.how, e.to) for e in rig.of(Filed))


async def play(rig: Rig, batch: Batch) -> Any:
    result, usage = await rig.run(joined(batch))
    assert not rig.last.live and not rig.last.open and usage == rig.last.used
    return result.output if isinstance(result, Done) else result


@on_every_loop
def test_the_first_wins_and_what_failed_beside_it_is_tolerated(loop: str, native: bool) -> None:
    rig = Rig((worker,), native=native)
    found = go(loop, play, rig, Batch.first(*calls("fails", "soon", "hangs")))
    assert found == ["Failed", "Done", "Cancelled"]
    assert records(rig) == [("0 fails", "tolerated", "join")]
    assert isinstance(seen[0], Failed) and seen[0].filed
    assert [one.usage.nano_usd for one in seen] == [1_000_000] * 3, "who was cancelled has cost something too"


@on_every_loop
def test_what_is_out_of_reach_is_given_up(loop: str, native: bool) -> None:
    rig = Rig((worker,), native=native)
    found = go(loop, play, rig, Batch.quorum(2, *calls("fails", "hangs", "fails")))
    assert found == ["Failed", "Cancelled", "Failed"]
    assert records(rig) == [("0 fails", "escalated", "caller"), ("2 fails", "escalated", "caller")]


@on_every_loop
def test_the_first_failure_cancels_the_others(loop: str, native: bool) -> None:
    rig = Rig((worker,), native=native)
    assert go(loop, play, rig, Batch.fail_fast(*calls("hangs", "fails"))) == ["Cancelled", "Failed"]
    assert records(rig) == [("1 fails", "escalated", "caller")]


@on_every_loop
def test_a_failure_inside_a_cancelled_branch_is_tolerated(loop: str, native: bool) -> None:
    def failing_and_waiting(_: object) -> Plan:
        yield Batch.all(*calls("fails", "hangs"))

    branch = Call(target=Planned(name="inner", plan=failing_and_waiting))
    rig = Rig((worker,), native=native)
    assert go(loop, play, rig, Batch.first(branch, *calls("soon"))) == ["Cancelled", "Done"]
    assert records(rig) == [("0 fails", "tolerated", "join")]


@on_every_loop
def test_who_is_not_needed_any_more_is_not_begun(loop: str, native: bool) -> None:
    rig = Rig((worker,), native=native)
    found = go(loop, play, rig, Batch.first(*calls("at once", "at once", "at once")))
    assert found.count("Done") == 1 == len(rig.of(CallStarted)) and rig.last.used.nano_usd == 1_000_000
    assert [one for one in seen if not isinstance(one, Done)] == [Cancelled(), Cancelled()]


@on_every_loop
def test_a_hedge_is_begun_only_when_the_first_is_late(loop: str, native: bool) -> None:
    def hedged(first: str, after_s: float) -> Batch:
        one, other = calls(first, "soon")
        return Batch.first(one, Call(target=other.target, input=other.input, key="hedge", after_s=after_s))

    rig = Rig((worker,), native=native)
    assert go(loop, play, rig, hedged("soon", after_s=10)) == ["Done", "Cancelled"] and len(rig.of(CallStarted)) == 1
    seen.clear()
    assert (
        go(loop, play, rig, hedged("hangs", after_s=0.005)) == ["Cancelled", "Done"] and len(rig.of(CallStarted)) == 2
    )


@on_every_loop
def test_a_call_that_was_done_when_it_was_cancelled_is_done(loop: str, native: bool) -> None:
    """Both are finished and wait for one commit: the second is cancelled there, and its work stands."""

    class Slow(MemoryStore):
        def append(self, entries: Any, /) -> None:
            import time

            time.sleep(0.005)
            super().append(entries)

    rig = Rig((worker,), native=native)

    async def journaled() -> Any:
        rig.writer = Writer(Slow())
        found = await play(rig, Batch.first(*calls("at once", "soon")))
        await rig.writer.aclose()
        return found

    found = go(loop, journaled)
    ended = {e.key.rsplit("/", 1)[1]: type(e.outcome).__name__ for e in rig.of(CallEnded)}
    assert found == [ended["0 at once"], ended["1 soon"]] and found[0] == "Done"


@on_every_loop
def test_nobody_is_left_behind_by_a_join_that_is_cancelled(loop: str, native: bool) -> None:
    rig = Rig((worker,), native=native)

    async def cancelled() -> None:
        with anyio.move_on_after(0.01):
            await rig.run(joined(Batch.first(*calls("hangs", "hangs", "fails"))))
        assert not rig.last.live and not rig.last.open
        assert sum(isinstance(e.outcome, Cancelled) for e in rig.of(CallEnded)) == 3

    go(loop, cancelled)
    assert len(records(rig)) == 1


@on_every_loop
def test_at_once_bounds_how_many_run(loop: str, native: bool) -> None:
    running, most = 0, 0

    @agent
    async def counted(how: str) -> str:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        running -= 1
        if how == "0":
            raise ValueError(how)
        return how

    made = tuple(Call(target=NodeName(name="counted"), input=str(n), key=str(n)) for n in range(7))
    rig = Rig((counted,), native=native)

    async def bounded() -> None:
        assert await play(rig, Batch(calls=made, at_once=3)) == ["Failed", *["Done"] * 6] and most == 3
        seen.clear()
        assert await play(rig, Batch(calls=made)) == ["Failed", *["Done"] * 6] and most == 7

    go(loop, bounded)
