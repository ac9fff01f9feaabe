"""Side effects: done once or known to be unknown, and never two nodes for one step."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestra.agents.decorator import agent
from orchestra.core.call import Batch, Call, NodeName, Plan, Planned
from orchestra.core.errors import EffectStands, EffectUnknown, NoEffect, UnsafeBatch
from orchestra.core.events import Attempt, CallEnded, CallStarted, Event, Filed
from orchestra.core.outcome import Cancelled, Done, Failed, Paused
from orchestra.ports.scope import Context
from orchestra.runtime.effects import Effects
from orchestra.runtime.execute import status_of
from orchestra.tools.decorator import tool
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import gather, outcome, step
from tests.support.runtime import Rig, go, on_every_loop

acted: list[str] = []
trouble: dict[str, Exception] = {}


class Refused(Exception):
    """The provider's own way to say that nothing was done."""


@pytest.fixture(autouse=True)
def clean() -> None:
    acted.clear()
    trouble.clear()


async def pay(name: str) -> str:
    await anyio.lowlevel.checkpoint()
    if name in trouble:
        raise trouble[name]
    acted.append(name)
    return f"paid by {name}"


@agent(provides="refund", side_effect="payment", no_effect_on=(Refused,))
async def stripe(order: str) -> str:
    return await pay("stripe")


@agent(provides="refund", side_effect="payment")
async def adyen(ctx: Context[None], order: str) -> str:
    acted.append(ctx.effect_key)
    return await pay("adyen")


@workflow
async def refund(order: str) -> str:
    done: str = await step("refund", order)
    return done


TEAM = (stripe, adyen)


@on_every_loop
@pytest.mark.parametrize("error", [NoEffect("down"), Refused("declared"), ExceptionGroup("one", [NoEffect("grouped")])])
def test_what_did_nothing_goes_elsewhere(loop: str, native: bool, error: Exception) -> None:
    trouble["stripe"] = error
    rig = Rig(TEAM, native=native)
    result, _ = go(loop, rig.run, refund, "A-17")
    assert result == Done(output="paid by adyen") and acted[-1] == "adyen"
    assert [(e.how, e.to) for e in rig.of(Filed)] == [("rerouted", "adyen")]
    started = {e.effect for e in rig.of(CallStarted) if e.side_effect}
    assert started == {acted[0]}, "both providers were given one effect key, and the code may see it"


@on_every_loop
@pytest.mark.parametrize("error", [RuntimeError("half-way"), TimeoutError("no answer")])
def test_what_may_have_acted_goes_nowhere(loop: str, native: bool, error: Exception) -> None:
    trouble["stripe"] = error
    rig = Rig(TEAM, native=native)
    result, _ = go(loop, rig.run, refund, "A-17")
    assert isinstance(result, Failed) and result.cause.is_a(EffectUnknown) and acted == []
    assert [(e.how, e.to) for e in rig.of(Filed)] == [("escalated", "caller")]


@agent(provides="refund", side_effect="payment", timeout_s=0.01)
async def hanging(order: str) -> str:
    acted.append("hanging")
    await anyio.sleep(10)
    return "never"


@on_every_loop
def test_a_timeout_is_unknown(loop: str, native: bool) -> None:
    rig = Rig((hanging, adyen), native=native)
    result, _ = go(loop, rig.run, refund, "A-17")
    assert isinstance(result, Failed) and result.cause.is_a(EffectUnknown) and acted == ["hanging"]


@agent(side_effect="payment")
async def patient(order: str) -> str:
    acted.append("patient")
    await anyio.sleep(10)
    return "never"


@workflow
async def impatient(how: str) -> str:
    target: Any = patient if how == "node" else "patient"
    found = await outcome(step(target, "A-17", timeout_s=0.02))
    assert isinstance(found, Failed)
    return found.cause.kind


@on_every_loop
@pytest.mark.parametrize("how", ["node", "capability"])
def test_a_timeout_of_the_call_is_unknown_also_to_a_resumed_run(loop: str, native: bool, how: str) -> None:
    rig = Rig((patient,), native=native)

    async def play() -> Any:
        live, _ = await rig.run(impatient, how)
        assert isinstance(live, Done) and live.output == "CallTimeout"
        past = [e for e in rig.last.events if not (isinstance(e, CallEnded) and e.kind == "workflow")]
        return (await rig.run(impatient, how, past=past, mode="resume"))[0]

    assert isinstance(go(loop, play), Paused)
    assert acted == ["patient"], "nobody knows whether it happened, so it is not done again"


def cut_after(rig: Rig, started: str) -> list[Event]:
    """The journal of a process that died right after this node had started."""
    events = rig.last.events
    end = next(i for i, e in enumerate(events) if isinstance(e, CallStarted) and e.name == started)
    return events[: end + 1]


@on_every_loop
def test_an_effect_without_an_end_pauses_the_resumed_run(loop: str, native: bool) -> None:
    rig = Rig(TEAM, native=native)

    async def play() -> tuple[Any, Any, Any]:
        await rig.run(refund, "A-17")
        past = cut_after(rig, "stripe")
        acted.clear()
        paused, _ = await rig.run(refund, "A-17", past=past, mode="resume")
        assert isinstance(paused, Paused) and status_of(paused) == "paused" and acted == []
        ((key, question),) = paused.asks
        assert "'stripe' may have done its 'payment' effect" in question
        past += rig.last.events
        told, _ = await rig.run(refund, "A-17", past=past, mode="resume", answers={key: "paid by hand"})
        assert acted == []
        again, _ = await rig.run(refund, "A-17", past=past, mode="resume", answers={key: "not done"})
        return paused, told, again

    paused, told, again = go(loop, play)
    assert paused.cause.is_a(EffectUnknown)
    assert told == Done(output="paid by hand") and again == Done(output="paid by stripe") and acted == ["stripe"]


@workflow
async def two(order: str) -> list[str]:
    return [await step("refund", order), await step("refund", order + "-b")]


@on_every_loop
def test_another_provider_finds_the_effect_done(loop: str, native: bool) -> None:
    """The journal ends between the node's end and the binding's; the first provider has left the team since."""
    rig = Rig(TEAM, native=native)

    async def play() -> Any:
        await rig.run(refund, "A-17")
        past = [e for e in rig.last.events if not (isinstance(e, CallEnded) and e.kind in ("bind", "workflow"))]
        other = Rig((adyen,), native=native)
        return (await other.run(refund, "A-17", past=past, mode="resume"))[0]

    assert go(loop, play) == Done(output="paid by stripe") and acted == ["stripe"]


@on_every_loop
def test_a_resumed_run_that_takes_another_way_asks_before_it_acts(loop: str, native: bool) -> None:
    rig = Rig(TEAM, native=native)

    @workflow
    async def other(order: str) -> str:
        done: str = await step("refund", "another order")
        return done

    async def play() -> Any:
        await rig.run(refund, "A-17")
        past = [e for e in rig.last.events if not (isinstance(e, CallEnded) and e.kind == "workflow")]
        return (await rig.run(other, "A-17", past=past, mode="resume"))[0]

    result = go(loop, play)
    assert isinstance(result, Paused) and "did not come to again" in result.asks[0][1] and acted == ["stripe"]


def unsafe(batch: Batch) -> Planned:
    def plan(_: object) -> Plan:
        return (yield batch)[0]

    return Planned(name="unsafe", plan=plan)


CALLS = (Call(target="refund", input="a"), Call(target="refund", input="b"))
NODES = (Call(target=NodeName(name="stripe"), input="a"), Call(target=NodeName(name="stripe"), input="b"))
HEDGE = (CALLS[0], Call(target="refund", input="b", after_s=0.01))


@on_every_loop
@pytest.mark.parametrize(
    "batch",
    [Batch.first(*CALLS), Batch.quorum(2, *CALLS), Batch.fail_fast(*NODES), Batch.first(*HEDGE)],
    ids=["first", "quorum", "fail_fast", "hedge"],
)
def test_what_cannot_be_undone_is_not_put_where_it_may_be_cancelled(loop: str, native: bool, batch: Batch) -> None:
    rig = Rig(TEAM, native=native)
    result, _ = go(loop, rig.run, unsafe(batch))
    assert isinstance(result, Failed) and result.cause.is_a(UnsafeBatch) and acted == []
    assert not rig.of(CallStarted)


@on_every_loop
def test_nor_deeper_inside(loop: str, native: bool) -> None:
    @workflow
    async def hasty() -> Any:
        return await gather(step(refund, "a"), step(refund, "b"), fail_fast=True)

    rig = Rig(TEAM, native=native)
    result, _ = go(loop, rig.run, hasty)
    assert isinstance(result, Failed) and result.cause.is_a(UnsafeBatch) and acted == []


@tool(idempotent=True, side_effect="payment")
async def flaky(order: str) -> str:
    acted.append(order)
    if len(acted) < 3:
        raise ConnectionError("reset")
    return "done"


@tool(idempotent=True, timeout_s=0.01)
async def stuck(order: str) -> str:
    acted.append(order)
    await anyio.sleep(0 if len(acted) == 2 else 10)
    return "done"


@tool(side_effect="payment")
async def fragile(order: str) -> str:
    acted.append(order)
    raise ConnectionError("reset")


@on_every_loop
def test_what_may_be_repeated_is_tried_again_on_the_same_node(loop: str, native: bool) -> None:
    rig = Rig(native=native)
    result, usage = go(loop, rig.run, flaky, "A")
    assert result.output == "done" and acted == ["A"] * 3
    assert [e.number for e in rig.of(Attempt)] == [1, 2] and not rig.of(Filed)
    assert len(rig.of(CallStarted)) == len(rig.of(CallEnded)) == 1 and usage.tool_calls == 3


@on_every_loop
def test_a_timeout_of_what_may_be_repeated_is_tried_again(loop: str, native: bool) -> None:
    assert go(loop, Rig(native=native).run, stuck, "A")[0] == Done(output="done", usage=go_usage(2))


def go_usage(calls: int) -> Any:
    from orchestra.core.usage import Usage

    return Usage(tool_calls=calls)


@on_every_loop
def test_what_may_not_is_not(loop: str, native: bool) -> None:
    result, _ = go(loop, Rig(native=native).run, fragile, "A")
    assert isinstance(result, Failed) and result.cause.is_a(EffectUnknown) and acted == ["A"]


@on_every_loop
def test_a_retry_finds_the_steps_of_the_first_attempt_done(loop: str, native: bool) -> None:
    @agent
    async def inner(n: int) -> int:
        acted.append(f"inner {n}")
        return n

    @agent(idempotent=True)
    async def twice(ctx: Context[None], n: int) -> int:
        value: int = await step(inner, n, key="inside")
        acted.append("twice")
        if acted.count("twice") < 2:
            raise ConnectionError("reset")
        return value

    result, _ = go(loop, Rig(native=native).run, twice, 5)
    assert isinstance(result, Done) and acted == ["inner 5", "twice", "twice"]


@on_every_loop
def test_a_cancelled_effect_is_unknown(loop: str, native: bool) -> None:
    rig = Rig((patient,), native=native)

    async def play() -> Any:
        with anyio.move_on_after(0.02) as scope:
            await rig.run(patient, "A")
        assert scope.cancelled_caught
        (ended,) = rig.of(CallEnded)
        assert isinstance(ended.outcome, Cancelled) and ended.side_effect == "payment"
        return (await rig.resume(patient, "A"))[0]

    assert isinstance(go(loop, play), Paused) and acted == ["patient"]


@tool(side_effect="payment")
async def charge(order: str) -> str:
    return await pay("charge")


@agent(provides="settle")
async def charges_and_fails(ctx: Context[None], order: str) -> str:
    await ctx.call(charge, order=order)
    raise NoEffect("out of paper")


@agent(provides="settle")
async def charges(ctx: Context[None], order: str) -> str:
    return await ctx.call(charge, order=order)


@on_every_loop
def test_a_failure_after_an_effect_inside_it_goes_to_nobody_who_would_do_it_again(loop: str, native: bool) -> None:
    """Neither of the two agents has a side effect itself, and the first says that it did nothing."""
    rig = Rig((charges_and_fails, charges), native=native)
    result, _ = go(loop, rig.run, "settle", "A-17")
    assert acted == ["charge"]
    assert isinstance(result, Failed) and result.cause.is_a(EffectStands) and "out of paper" in result.cause.message
    assert [(e.how, e.to) for e in rig.of(Filed)] == [("escalated", "caller")]


@on_every_loop
def test_where_the_effect_inside_was_refused_another_takes_over(loop: str, native: bool) -> None:
    trouble["charge"] = NoEffect("card expired")

    @agent(provides="settle")
    async def by_hand(order: str) -> str:
        return "by hand"

    result, _ = go(loop, Rig((charges, by_hand), native=native).run, "settle", "A-17")
    assert isinstance(result, Done) and result.output == "by hand" and acted == []


def test_not_done_is_said_of_what_was_asked_and_not_of_what_came_after() -> None:
    """The same answers are given to a second resume, but by then it was done."""
    effects = Effects()
    node = stripe.__orchestra__  # type: ignore[attr-defined]
    effects.started("payment", "run/a", "stripe")
    answers = {"run/a": "not done"}
    assert isinstance(effects.verdict(node, "run/a", {}), Paused)
    assert effects.verdict(node, "run/a", answers) is None
    effects.started("payment", "run/a", "stripe")
    assert isinstance(effects.verdict(node, "run/a", answers), Paused), "begun again, it is not known again"
    effects.ended("payment", "run/a", "stripe", Done(output="paid"))
    assert effects.verdict(node, "run/a", answers) == Done(output="paid")
    again = Effects()
    again.started("payment", "run/a", "stripe")
    again.ended("payment", "run/a", "stripe", Done(output="paid"))
    again.remember()
    assert again.verdict(node, "run/a", answers) == Done(output="paid")


@agent(side_effect="payment")
async def asks_inside(ctx: Context[None], order: str) -> str:
    amount = await ctx.ask("How much?", key="amount")
    return await pay(f"{order} {amount}")


@on_every_loop
def test_a_question_inside_an_effect_leaves_it_unknown(loop: str, native: bool) -> None:
    """What the body did before it asked is not known, so the resumed run asks that too before it acts."""
    rig = Rig((asks_inside,), native=native)

    async def play() -> Any:
        first, _ = await rig.run(asks_inside, "A")
        assert isinstance(first, Paused)
        answers = {key: "5" for key, _ in first.asks}
        second, _ = await rig.resume(asks_inside, "A", answers=answers)
        assert isinstance(second, Paused) and second.cause.is_a(EffectUnknown) and acted == []
        return (await rig.resume(asks_inside, "A", answers=answers | {key: "not done" for key, _ in second.asks}))[0]

    assert go(loop, play) == Done(output="paid by A 5") and acted == ["A 5"]
