"""What a body returns and raises: types, values that JSON cannot hold, tools in threads, charges on entry."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import pytest

from orchestra.agents.decorator import agent
from orchestra.core.budget import Budget
from orchestra.core.errors import BadInput, BudgetExceeded, DepsMissing, NotSerialisable, UnknownAgent
from orchestra.core.events import CallStarted, Charged, Filed, Refused
from orchestra.core.outcome import Done, Failed
from orchestra.core.usage import Usage
from orchestra.ports.scope import Context, current
from orchestra.tools.decorator import tool
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import outcome, step
from tests.support.runtime import Rig, go, on_every_loop


@dataclass
class Receipt:
    order: str
    cents: int


@agent
async def typed(order: str) -> Receipt:
    return Receipt(order, 5)


@agent
async def untyped(order: str):  # type: ignore[no-untyped-def]  # a user may leave the annotation out
    return Receipt(order, 5)


@agent
async def unwritable(kind: str) -> Any:
    return {"lock": threading.Lock(), "nan": float("nan"), "open": (n for n in range(3))}[kind]


@agent
async def mistyped(order: str) -> int:
    return "no number"  # type: ignore[return-value]  # what is tested


@tool
def in_a_thread(n: int) -> list[Any]:
    assert current.get().path.startswith("run/main")
    return [n, threading.current_thread() is threading.main_thread()]


@tool
def raising(n: int) -> int:
    raise LookupError("no such order")


@on_every_loop
def test_a_value_is_what_its_record_says(loop: str, native: bool) -> None:
    rig = Rig(native=native)
    assert go(loop, rig.run, typed, "A")[0] == Done(output=Receipt("A", 5))
    assert go(loop, rig.run, untyped, "A")[0] == Done(output={"order": "A", "cents": 5})


@on_every_loop
@pytest.mark.parametrize("kind", ["lock", "nan", "open"])
def test_what_json_cannot_hold_is_a_named_failure(loop: str, native: bool, kind: str) -> None:
    rig = Rig(native=native)
    result, _ = go(loop, rig.run, unwritable, kind)
    assert isinstance(result, Failed) and result.cause.is_a(NotSerialisable) and "Return str" in result.cause.remedy
    assert len(rig.of(Filed)) == 1


def test_what_does_not_fit_its_type_is_one_too() -> None:
    result, _ = go("asyncio", Rig().run, mistyped, "A")
    assert isinstance(result, Failed) and result.cause.is_a(NotSerialisable)


@on_every_loop
def test_a_plain_function_runs_in_a_thread_with_its_scope(loop: str, native: bool) -> None:
    result, usage = go(loop, Rig(native=native).run, in_a_thread, 3)
    assert isinstance(result, Done) and result.output == [3, False] and usage == Usage(tool_calls=1)


@on_every_loop
def test_a_tool_that_raises_is_a_failure_with_a_record(loop: str, native: bool) -> None:
    rig = Rig(native=native)
    result, _ = go(loop, rig.run, raising, 3)
    assert isinstance(result, Failed) and result.cause.kind == "LookupError"
    assert [(e.how, e.name) for e in rig.of(Filed)] == [("escalated", "raising")]


@agent(cost_usd="0.001")
async def dear(fail: bool) -> str:
    if fail:
        raise ValueError("still charged")
    return "ok"


@on_every_loop
def test_a_declared_cost_is_charged_on_entry(loop: str, native: bool) -> None:
    rig = Rig(native=native)
    result, usage = go(loop, rig.run, dear, True)
    assert isinstance(result, Failed) and usage.nano_usd == 1_000_000 == result.usage.nano_usd
    result, usage = go(loop, rig.run, dear, False, Budget(usd="0.0009"))
    assert isinstance(result, Failed) and result.cause.is_a(BudgetExceeded) and usage.nano_usd == 0
    assert not rig.of(CallStarted) and not rig.of(Charged) and len(rig.of(Refused)) == 1
    assert [(e.how, e.to) for e in rig.of(Filed)] == [("escalated", "budget")]


@on_every_loop
def test_the_usage_of_an_outcome_is_counted_once_at_every_level(loop: str, native: bool) -> None:
    @workflow
    async def inner() -> str:
        return await step(dear, False)

    @workflow
    async def outer() -> list[int]:
        alone = await outcome(step("dear", False))
        below = await outcome(step(inner))
        return [alone.usage.nano_usd, below.usage.nano_usd]

    result, usage = go(loop, Rig((dear,), native=native).run, outer)
    assert isinstance(result, Done) and result.output == [1_000_000, 1_000_000]
    assert result.usage == usage == Usage(nano_usd=2_000_000)


def test_what_is_wrong_with_a_call_is_a_failure_of_its_own_name() -> None:
    @agent
    async def needy(ctx: Context[str]) -> str:
        return ctx.deps

    @workflow
    async def calls(which: str) -> None:
        target: Any = {"deps": needy, "input": dear}[which]
        await step(target, *([] if which == "deps" else [{"fail": "perhaps"}]))

    for which, error in (("deps", DepsMissing), ("input", BadInput)):
        result, _ = go("asyncio", Rig().run, calls, which)
        assert isinstance(result, Failed) and result.cause.is_a(error)
    rig = Rig(deps="shop")
    assert go("asyncio", rig.run, needy)[0] == Done(output="shop")


def test_an_unknown_name_in_a_call() -> None:
    from orchestra.core.call import NodeName

    result, _ = go("asyncio", Rig().run, NodeName(name="nobody"))
    assert isinstance(result, Failed) and result.cause.is_a(UnknownAgent)
