"""Deadlines, depth, cancellation from outside, and what outlives its run."""

from __future__ import annotations

import threading
import time
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestra.agents.decorator import agent
from orchestra.core.budget import Budget
from orchestra.core.call import Batch, Call, ModelName, Plan, Planned
from orchestra.core.errors import CallTimeout, DeadlineExceeded, DepthExceeded, RunClosed
from orchestra.core.events import CallEnded, Charged, Filed, RunEnded
from orchestra.core.outcome import Cancelled, Done, Failed
from orchestra.ports.model import Request
from orchestra.ports.scope import Context
from orchestra.runtime.execute import status_of
from orchestra.tools.decorator import tool
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import gather, outcome, step
from tests.support.models import Told
from tests.support.runtime import Rig, go, on_every_loop

release = threading.Event()
seen: list[Any] = []


@pytest.fixture(autouse=True)
def clean() -> None:
    seen.clear()
    release.clear()


@agent
async def sleeper(n: int) -> int:
    await anyio.sleep(10)
    return n


@workflow
async def waiting() -> int:
    return sum(await gather(*(step(sleeper, n) for n in range(3))))


@workflow(budget=Budget(seconds=0.02))
async def short() -> int:
    return await step(sleeper, 1)


@workflow
async def nested() -> str:
    found = await outcome(step(short))
    assert isinstance(found, Failed)
    return found.cause.kind


@on_every_loop
def test_the_seconds_of_a_run(loop: str, native: bool) -> None:
    rig = Rig(native=native)
    result, _ = go(loop, rig.run, waiting, None, Budget(seconds=0.02))
    assert isinstance(result, Failed) and result.cause.is_a(DeadlineExceeded) and status_of(result) == "stopped"
    assert all(isinstance(e.outcome, Cancelled) for e in rig.of(CallEnded)) and len(rig.of(CallEnded)) == 4
    assert not rig.last.live and not rig.last.open


@on_every_loop
def test_the_seconds_of_a_workflow(loop: str, native: bool) -> None:
    result, _ = go(loop, Rig(native=native).run, nested)
    assert isinstance(result, Done) and result.output == "DeadlineExceeded"


@on_every_loop
def test_a_child_has_no_more_time_than_its_parent(loop: str, native: bool) -> None:
    rig = Rig(native=native)
    result, _ = go(loop, rig.run, nested, None, Budget(seconds=0.01))
    assert isinstance(result, Failed) and "run's 0.01 s" in result.cause.message


@tool(timeout_s=0.02)
def hangs() -> str:
    release.wait(5)
    return "late"


@workflow
async def with_a_hanging_tool() -> list[str]:
    began = time.monotonic()
    found = await outcome(step(hangs))
    assert isinstance(found, Failed) and time.monotonic() - began < 4  # it would hang for 5
    return [found.cause.kind]


@on_every_loop
def test_a_hanging_function_in_a_thread_is_left_behind(loop: str, native: bool) -> None:
    rig = Rig(native=native)
    result, usage = go(loop, rig.run, with_a_hanging_tool)
    release.set()
    assert isinstance(result, Done) and result.output == ["CallTimeout"] and usage.tool_calls == 1
    assert [e.cause.is_a(CallTimeout) for e in rig.of(Filed)] == [True]


@on_every_loop
def test_timeouts_in_branches_leave_the_others_alone(loop: str, native: bool) -> None:
    @agent(timeout_s=0.02)
    async def limited(n: int) -> int:
        await anyio.sleep(0 if n % 2 else 10)
        return n

    @workflow
    async def mixed() -> list[str]:
        steps = [outcome(step(limited, n, timeout_s=0.01 if n % 3 == 0 else None)) for n in range(12)]
        return [type(one).__name__ for one in await gather(*steps)]

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, mixed)
    assert isinstance(result, Done) and result.output == ["Failed", "Done"] * 6
    assert {e.cause.kind for e in rig.of(Filed)} == {"CallTimeout"} and len(rig.of(Filed)) == 6


@agent
async def deeper(ctx: Context[None], n: int) -> int:
    seen.append(n)
    return n if n == 0 else 1 + await ctx.call(deeper, n - 1)


@on_every_loop
@pytest.mark.parametrize(("depth", "fits", "fails"), [(16, 15, 16), (3, 2, 3), (100, 99, 100)])
def test_the_depth_of_a_run(loop: str, native: bool, depth: int, fits: int, fails: int) -> None:
    rig = Rig(native=native)
    assert go(loop, rig.run, deeper, fits, Budget(depth=depth))[0].output >= 0
    result, _ = go(loop, rig.run, deeper, fails, Budget(depth=depth))
    assert isinstance(result, Failed) and result.cause.is_a(DepthExceeded) and status_of(result) == "stopped"


@on_every_loop
def test_the_depth_of_a_workflow(loop: str, native: bool) -> None:
    @workflow(budget=Budget(depth=2))
    async def shallow(n: int) -> int:
        return await step(deeper, n)

    rig = Rig(native=native)
    assert isinstance(go(loop, rig.run, shallow, 1)[0], Done)
    assert isinstance(go(loop, rig.run, shallow, 2)[0], Failed)


MODEL = Call(target=ModelName(name="test:told"), input=Request(messages=(), max_tokens=5))


def two_models(_: Any) -> Plan:
    outcomes = yield Batch.all(MODEL, MODEL)
    return outcomes[0]


@on_every_loop
def test_a_run_that_is_cancelled_from_outside_is_closed(loop: str, native: bool) -> None:
    told = Told(steps=(None,))
    rig = Rig(models={"test:told": told}, native=native)

    async def play() -> None:
        with anyio.move_on_after(0.02) as scope:
            await rig.run(Planned(name="two", plan=two_models))
        assert scope.cancelled_caught and rig.last.closed
        charged = sum(e.usage.tokens for e in rig.of(Charged))
        (ended,) = rig.of(RunEnded)
        assert charged == ended.usage.tokens == 30 and ended.status == "stopped" and rig.last.events[-1] == ended
        await anyio.sleep(0.001)

    go(loop, play)


def test_a_native_batch_leaves_no_cancellation_behind() -> None:
    import asyncio

    rig = Rig(native=True)

    async def play() -> None:
        task = asyncio.current_task()
        assert task is not None
        with anyio.move_on_after(0.01) as scope:
            await rig.run(waiting)
        assert scope.cancelled_caught and task.cancelling() == 0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(rig.run(waiting), 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await rig.run(waiting)
        assert task.cancelling() == 0
        inner = asyncio.create_task(rig.run(waiting))
        await asyncio.sleep(0.01)
        inner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inner
        assert rig.last.closed and not rig.last.live
        assert asyncio.all_tasks() == {task}

    go("asyncio", play)


@on_every_loop
def test_user_code_may_cancel_its_own_steps(loop: str, native: bool) -> None:
    @workflow
    async def impatient() -> str:
        with anyio.move_on_after(0.01) as scope:
            await gather(step(sleeper, 1), step(sleeper, 2))
        assert scope.cancelled_caught
        with anyio.CancelScope() as other:
            other.cancel()
            await step(sleeper, 3)
        return "went on"

    rig = Rig(native=native)
    result, _ = go(loop, rig.run, impatient)
    assert isinstance(result, Done) and result.output == "went on"


@on_every_loop
def test_what_outlives_its_run_is_cancelled_and_closed(loop: str, native: bool) -> None:
    told = Told(steps=(None,))
    rig = Rig(models={"test:told": told}, native=native)

    async def play() -> None:
        async with anyio.create_task_group() as group:

            async def straggler() -> None:
                for _ in range(2):
                    try:
                        await step(Planned(name="two", plan=two_models))
                    except Exception as error:
                        seen.append(type(error))

            @workflow
            async def careless() -> str:
                group.start_soon(straggler)
                while len(told.asked) < 2:
                    await anyio.lowlevel.checkpoint()
                return "gone"

            result, usage = await rig.run(careless)
            assert isinstance(result, Done) and usage.estimated and usage.requests == 2
            assert rig.last.events[-1] == rig.of(RunEnded)[0], "nothing is written after the end"
            assert rig.of(RunEnded)[0].usage == usage

    go(loop, play)
    assert seen == [RunClosed, RunClosed] and not rig.last.live


@on_every_loop
def test_a_step_written_in_a_run_and_awaited_after_it(loop: str, native: bool) -> None:
    kept: list[Any] = []

    @workflow
    async def forgetful() -> None:
        kept.append(step(sleeper, 1))

    async def play() -> None:
        await Rig(native=native).run(forgetful)
        with pytest.raises(RunClosed):
            await kept[0]

    go(loop, play)
