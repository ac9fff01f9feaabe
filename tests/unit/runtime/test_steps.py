"""step, outcome and gather on a real runtime: keys, order, who raises and what."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestra.agents.decorator import agent
from orchestra.core.errors import DuplicateName, NotInRun, StepFailed
from orchestra.core.events import CallEnded, Filed, Recalled
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome
from orchestra.ports.scope import Context
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import gather, outcome, step
from tests.support.runtime import Rig, go, on_every_loop

ran: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


@agent
async def double(n: int) -> int:
    ran.append(n)
    await anyio.lowlevel.checkpoint()
    return 2 * n


@agent
async def broken(name: str) -> str:
    ran.append(name)
    await anyio.lowlevel.checkpoint()
    raise ValueError(name)


@agent
async def slow(n: int) -> int:
    ran.append(n)
    await anyio.sleep(10)
    return n


def keys(rig: Rig) -> list[str]:
    return sorted(e.key for e in rig.of(CallEnded))


@on_every_loop
def test_values_come_in_the_order_they_were_written(loop: str, native: bool) -> None:
    @workflow
    async def three() -> list[int]:
        return [*await gather(*(step(double, n) for n in (3, 1, 2)))]

    result, _ = go(loop, Rig(native=native).run, three)
    assert result == Done(output=[6, 2, 4])


@on_every_loop
def test_every_branch_ends_and_then_the_lowest_failed_step_raises(loop: str, native: bool) -> None:
    @workflow
    async def mixed() -> str:
        with pytest.raises(StepFailed, match="ValueError: first"):
            await gather(step(double, 1), step(broken, "first"), step(broken, "second"), step(double, 2))
        return "caught"

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, mixed)
    assert isinstance(result, Done) and sorted(map(str, ran)) == ["1", "2", "first", "second"]
    assert sorted((e.how, e.to, e.cause.message) for e in rig.of(Filed)) == [
        ("escalated", "caller", "first"),
        ("escalated", "caller", "second"),
    ]


@on_every_loop
def test_an_outcome_is_a_value(loop: str, native: bool) -> None:
    seen: list[Outcome] = []

    @workflow
    async def valued() -> int:
        good, bad = await gather(step(double, 4), outcome(step(broken, "x")))
        seen.extend([bad, await outcome(step(double, 5))])
        return good

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, valued)
    assert isinstance(result, Done) and result.output == 8
    assert isinstance(seen[0], Failed) and seen[0].filed and seen[1] == Done(output=10)
    assert len(rig.of(Filed)) == 1, "a failure that is taken as a value has its record too"


@on_every_loop
def test_fail_fast_cancels_the_others(loop: str, native: bool) -> None:
    @workflow
    async def hasty() -> list[Any]:
        with pytest.raises(StepFailed, match="ValueError: now"):
            await gather(step(slow, 1), step(broken, "now"), step(slow, 2), fail_fast=True)
        return []

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, hasty)
    assert isinstance(result, Done)
    assert sum(isinstance(e.outcome, Cancelled) for e in rig.of(CallEnded)) == 2


@on_every_loop
def test_fail_fast_among_coroutines(loop: str, native: bool) -> None:
    async def chain(n: int) -> int:
        return await step(slow, n)

    async def at_once() -> int:
        raise KeyError("now")

    @workflow
    async def hasty() -> str:
        with pytest.raises(KeyError, match="now"):
            await gather(chain(1), at_once(), chain(2), fail_fast=True)
        return "caught"

    result, _ = go(loop, Rig(native=native).run, hasty)
    assert isinstance(result, Done)


@on_every_loop
def test_other_awaitables_are_branches_with_keys_of_their_own(loop: str, native: bool) -> None:
    async def chain(n: int) -> int:
        return await step(double, await step(double, n))

    @workflow
    async def branches() -> list[int]:
        return [*await gather(chain(1), chain(1), step(double, 1))]

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, branches)
    assert isinstance(result, Done) and result.output == [4, 4, 2]
    assert len(set(keys(rig))) == len(keys(rig)) == 6


@on_every_loop
def test_a_branch_raises_what_its_code_raised(loop: str, native: bool) -> None:
    async def plain() -> int:
        raise KeyError("mine")

    @workflow
    async def branches() -> str:
        with pytest.raises(KeyError, match="mine"):
            await gather(step(double, 1), plain())
        return "caught"

    result, _ = go(loop, Rig(native=native).run, branches)
    assert isinstance(result, Done)


@on_every_loop
def test_a_failure_in_a_task_group_is_unwrapped(loop: str, native: bool) -> None:
    async def fail() -> None:
        await step(broken, "alone")

    @workflow
    async def grouped() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(fail)

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, grouped)
    assert isinstance(result, Failed) and result.cause.kind == "ValueError" and result.cause.message == "alone"
    assert [e.name for e in rig.of(Filed)] == ["broken"], "one failure, one record"


@on_every_loop
def test_keys_do_not_depend_on_the_order_of_tasks(loop: str, native: bool) -> None:
    async def one(n: int) -> None:
        await anyio.sleep(0.001 * (n % 3))
        await step(double, n)
        await step(double, 100 + n)

    @workflow
    async def grouped() -> None:
        async with anyio.create_task_group() as group:
            for n in range(8):
                group.start_soon(one, n)
        await step(double, 0)

    seen = set()
    for _ in range(3):
        rig = Rig(native=native)
        go(loop, rig.run, grouped)
        seen.add(tuple(keys(rig)))
    assert len(seen) == 1 and len(next(iter(seen))) == 18


@on_every_loop
def test_twins_and_loops(loop: str, native: bool) -> None:
    @workflow
    async def again() -> int:
        total = 0
        for _ in range(3):
            total += await step(double, 1)
        first, second = await gather(step(double, 1), step(double, 1, key="twin"))
        return total + first + second

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, again)
    assert isinstance(result, Done) and result.output == 10 and len(ran) == 5
    found = [key.rsplit("/", 1)[1] for key in keys(rig)]
    assert "twin" in found and sum(key.endswith((".0", ".1", ".2", ".3")) for key in found) == 4


@on_every_loop
def test_one_key_for_two_steps_is_refused(loop: str, native: bool) -> None:
    @workflow
    async def same() -> None:
        step(double, 1, key="k")
        step(double, 2, key="k")

    result, _ = go(loop, Rig(native=native).run, same)
    assert isinstance(result, Failed) and result.cause.is_a(DuplicateName)


@on_every_loop
def test_a_step_that_is_awaited_again_is_not_made_again(loop: str, native: bool) -> None:
    @workflow
    async def again() -> list[int]:
        once = step(double, 7)
        return [await once, await once]

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, again)
    assert isinstance(result, Done) and result.output == [14, 14] and ran == [7]
    assert len(rig.of(Recalled)) == 1


@on_every_loop
def test_one_step_cannot_be_two_branches(loop: str, native: bool) -> None:
    @workflow
    async def twice() -> None:
        once = step(double, 7)
        await gather(once, once)

    result, _ = go(loop, Rig(native=native).run, twice)
    assert isinstance(result, Failed) and result.cause.is_a(DuplicateName) and ran == []


def test_outside_a_run() -> None:
    with pytest.raises(NotInRun):
        step(double, 1)


@pytest.mark.parametrize("native", [False, True])
def test_a_cancellation_out_of_foreign_code_is_a_failure(native: bool) -> None:
    """The task itself was not cancelled: something that it awaited was."""

    @agent
    async def stray(ctx: Context[None]) -> None:
        task = asyncio.create_task(asyncio.sleep(10))
        await asyncio.sleep(0)
        task.cancel()
        await task

    @workflow
    async def careful() -> list[str]:
        alone = await outcome(step(stray))
        both = await gather(outcome(step(stray)), outcome(step(double, 1)))
        return [type(one).__name__ for one in (alone, *both)]

    rig = Rig(native=native)
    result, _ = go("asyncio", rig.run, careful)
    assert isinstance(result, Done) and result.output == ["Failed", "Failed", "Done"]
    assert [e.cause.kind for e in rig.of(Filed)] == ["CancelledError"] * 2


@on_every_loop
def test_a_thousand_branches(loop: str, native: bool) -> None:
    @workflow
    async def wide() -> int:
        return sum(await gather(*(step(double, n) for n in range(1000))))

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, wide)
    assert isinstance(result, Done) and result.output == 999_000
    assert not rig.last.live and not rig.last.open
