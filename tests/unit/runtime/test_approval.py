"""A person is asked before a tool starts, for these very arguments; who refuses is obeyed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestra.agents.agent import Agent, node_of_agent
from orchestra.agents.decorator import agent
from orchestra.core.call import NodeName
from orchestra.core.errors import NotApproved, StepFailed
from orchestra.core.events import CallStarted, Charged, Filed
from orchestra.core.message import ToolCall
from orchestra.core.outcome import Done, Failed, Outcome, Paused
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Reply
from orchestra.ports.scope import Context
from orchestra.runtime.approval import SHOWN
from orchestra.tools.decorator import tool
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import gather, outcome, step
from tests.support.runtime import Rig, go, on_every_loop

RAN: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@tool(approval=True, side_effect="payment", cost_usd="0.01")
async def pay(to: str, amount: int = 5) -> str:
    """Pays."""
    RAN.append(f"pay {to} {amount}")
    return f"paid {to} {amount}"


@tool
def look(what: str) -> str:
    """Looks."""
    RAN.append(f"look {what}")
    return what.upper()


@workflow
async def paying(ctx: Context[Any], to: str) -> str:
    return await ctx.call(pay, to=to, amount=7)


def asked(result: tuple[Outcome, Any]) -> dict[str, str]:
    assert type(result[0]) is Paused, result[0]
    return dict(result[0].asks)


@on_every_loop
def test_nothing_is_charged_started_or_done_before_the_answer(loop: str, native: bool) -> None:
    async def main() -> None:
        rig = Rig(native=native)
        asks = asked(await rig.run(paying, "Bo"))
        (question,) = asks.values()
        assert question == """May the tool 'pay' be called with to="Bo", amount=7?"""
        assert RAN == [] and rig.of(Charged) == []
        assert [e.name for e in rig.of(CallStarted) if e.kind == "tool" or e.side_effect] == []
        assert asked(await rig.resume(paying, "Bo")) == asks, "without an answer it is asked again, under the same key"
        result, usage = await rig.resume(paying, "Bo", answers=dict.fromkeys(asks, True))
        assert result == Done(output="paid Bo 7", usage=usage) and usage.nano_usd == 10_000_000
        past = [*rig.last.past, *rig.last.events]
        again, _ = await rig.run(paying, "Bo", past=past, mode="replay")
        assert type(again) is Done and again.output == "paid Bo 7"
        assert RAN == ["pay Bo 7"]

    go(loop, main)


@pytest.mark.parametrize("yes", [True, "yes", {"approved": True}, {"approved": True, "reason": "it is due"}])
def test_yes(yes: Any) -> None:
    async def main() -> None:
        rig = Rig()
        asks = asked(await rig.run(paying, "Bo"))
        result, _ = await rig.resume(paying, "Bo", answers=dict.fromkeys(asks, yes))
        assert type(result) is Done and RAN == ["pay Bo 7"]

    go("asyncio", main)


@workflow
async def catching(ctx: Context[Any], to: str) -> list[str]:
    try:
        await ctx.call(pay, to=to)
    except StepFailed as error:
        return [type(error.outcome).__name__, str(error.outcome.cause.is_a(NotApproved)), error.outcome.cause.message]
    return []


@pytest.mark.parametrize(
    ("no", "said"),
    [
        (False, "'pay' was not approved."),
        ("no", "'pay' was not approved."),
        ({"approved": False, "reason": "too dear"}, "'pay' was not approved: too dear."),
    ],
)
def test_no_is_a_failure_with_a_name_and_stands(no: Any, said: str) -> None:
    async def main() -> None:
        rig = Rig()
        asks = asked(await rig.run(catching, "Bo"))
        result, usage = await rig.resume(catching, "Bo", answers=dict.fromkeys(asks, no))
        assert type(result) is Done and result.output == ["Failed", "True", said]
        assert RAN == [] and usage.nano_usd == 0
        assert [(f.how, f.to) for f in rig.of(Filed)] == [("escalated", "caller")]
        result, _ = await rig.resume(catching, "Bo", answers=dict.fromkeys(asks, True))
        assert type(result) is Done and result.output == ["Failed", "True", said], "what was answered stands"

    go("asyncio", main)


@pytest.mark.parametrize(
    "word",
    ["maybe", "", "True", "No", 1, 0, None, [], {}, {"approved": 1}, {"approved": "yes"}, {"reason": "x"},
     {"approved": True, "because": "x"}, {"approved": True, "reason": 3}],
)  # fmt: skip
def test_what_is_neither_yes_nor_no_leaves_the_question_open(word: Any) -> None:
    async def main() -> None:
        rig = Rig()
        asks = asked(await rig.run(paying, "Bo"))
        result = await rig.resume(paying, "Bo", answers=dict.fromkeys(asks, word))
        assert asked(result) == asks and RAN == []
        assert type(result[0]) is Paused and "neither yes nor no" in str(result[0].cause)
        result = await rig.resume(paying, "Bo", answers=dict.fromkeys(asks, True))
        assert type(result[0]) is Done, "the useless answer was not kept"

    go("asyncio", main)


@workflow
async def from_deps(ctx: Context[dict[str, Any]], how: str) -> str:
    paid: str = await (step(pay, ctx.deps, key="the payment") if how == "named" else ctx.call(pay, **ctx.deps))
    return paid


@pytest.mark.parametrize("how", ["call", "named"])
@pytest.mark.parametrize("other", [{"to": "Bo", "amount": 70}, {"to": "Al", "amount": 7}, {"to": "Bo"}])
def test_an_answer_approves_no_other_arguments(how: str, other: dict[str, Any]) -> None:
    async def main() -> None:
        rig = Rig(deps={"to": "Bo", "amount": 7})
        asks = asked(await rig.run(from_deps, how))
        rig.deps = other
        fresh = asked(await rig.resume(from_deps, how, answers=dict.fromkeys(asks, True)))
        assert fresh.keys().isdisjoint(asks) and RAN == []

    go("asyncio", main)


def test_an_answer_approves_no_other_node_and_no_other_default() -> None:
    def named(name: str, amount: int) -> Any:
        @tool(approval=True, name=name)
        def give(to: str, amount: int = amount) -> str:
            RAN.append(f"{name} {to} {amount}")
            return to

        @workflow(name="giving")
        async def giving() -> str:
            return await step(give, {"to": "Bo"}, key="the gift")

        return giving

    async def main() -> None:
        rig = Rig()
        asks = asked(await rig.run(named("give", 1)))
        for other in (named("lend", 1), named("give", 2)):
            assert asked(await rig.resume(other, answers=dict.fromkeys(asks, True))).keys().isdisjoint(asks)
        assert RAN == []
        assert type((await rig.resume(named("give", 1), answers=dict.fromkeys(asks, True)))[0]) is Done

    go("asyncio", main)


@pytest.mark.parametrize(
    ("given", "ask"),
    [({"amount": 50}, False), ({"amount": 101}, True), ({"amount": "101"}, True), ({}, True)],
)
def test_a_rule_reads_the_validated_arguments_and_the_defaults(given: dict[str, Any], ask: bool) -> None:
    seen: list[Any] = []

    def dear(amount: int, **_: Any) -> bool:
        seen.append(amount)
        return amount > 100

    @tool(approval=dear)
    def send(ctx: Context[Any], to: str, amount: int = 500) -> str:
        RAN.append(f"send {amount}")
        return to

    async def main() -> None:
        result, _ = await Rig().run(send, {"to": "Bo", **given})
        assert (type(result) is Paused) is ask and (RAN == []) is ask

    go("asyncio", main)
    assert all(type(amount) is int for amount in seen) and seen


def _broken(**_: Any) -> bool:
    raise KeyError("limit")


@pytest.mark.parametrize(
    ("rule", "said"),
    [(_broken, "failed: KeyError"), (lambda **_: None, "neither True nor False"), (lambda **_: 0, "neither True nor")],
)
def test_a_rule_that_cannot_decide_lets_nothing_through(rule: Callable[..., bool], said: str) -> None:
    @tool(approval=rule)
    def send(to: str) -> None:
        RAN.append(to)

    async def main() -> None:
        result, _ = await Rig().run(send, "Bo")
        assert type(result) is Failed and result.cause.is_a(NotApproved) and said in result.cause.message

    go("asyncio", main)
    assert RAN == []


def wants(*asks: tuple[str, dict[str, Any]]) -> Reply:
    calls = tuple(ToolCall(id=f"c{i}", name=name, arguments=given) for i, (name, given) in enumerate(asks))
    return Reply(tool_calls=calls, finish="tool_calls")


CLERK = Agent("clerk", "Serves.", instructions="Serve.", tools=[pay, look], model="test:clerk")
TURN = wants(("pay", {"to": "Al"}), ("look", {"what": "lamp"}), ("pay", {"to": "Bo"}), ("pay", {"to": "Bo"}))


@on_every_loop
def test_all_approvals_of_a_turn_are_asked_at_once_and_nothing_runs_twice(loop: str, native: bool) -> None:
    async def main() -> None:
        model = Scripted(TURN, "Done.")
        rig = Rig((node_of_agent(CLERK, None),), {"test:clerk": model}, native=native)
        clerk = NodeName(name="clerk")
        al, bo, twin = asked(await rig.run(clerk, "Serve us."))
        assert len({al, bo, twin}) == 3 and RAN == ["look lamp"]
        asks = asked(await rig.resume(clerk, "Serve us.", answers={al: True}))
        assert list(asks) == [bo, twin] and RAN == ["look lamp", "pay Al 5"], "an equal call needs its own answer"
        no = {"approved": False, "reason": "once is enough"}
        result, usage = await rig.resume(clerk, "Serve us.", answers={bo: True, twin: no})
        assert type(result) is Done and result.output == "Done."
        assert RAN == ["look lamp", "pay Al 5", "pay Bo 5"] and usage.tool_calls == 3
        first, second, third, fourth = [m.text for m in model.requests[-1].messages if m.role == "tool"]
        assert [first, second, third] == ["paid Al 5", "LAMP", "paid Bo 5"]
        assert fourth.startswith("Error: NotApproved: 'pay' was not approved: once is enough.")
        assert [(f.how, f.to) for f in rig.of(Filed)] == [("tolerated", "model")]
        assert len(model.requests) == 2

    go(loop, main)


@on_every_loop
def test_no_approval_of_a_turn_waits_for_another_pause(loop: str, native: bool) -> None:
    """More tools than run at a time: every question is asked at the first pause, and what needs none is done once."""
    people = [f"P{n}" for n in range(11)]
    turn = wants(*(("pay", {"to": one}) for one in people), *(("look", {"what": one}) for one in people))

    async def main() -> None:
        model = Scripted(turn, "Done.")
        rig = Rig((node_of_agent(CLERK, None),), {"test:clerk": model}, native=native)
        clerk = NodeName(name="clerk")
        asks = asked(await rig.run(clerk, "Serve us."))
        assert len(asks) == 11 and sorted(RAN) == sorted(f"look {one}" for one in people)
        RAN.clear()
        result, _ = await rig.resume(clerk, "Serve us.", answers=dict.fromkeys(asks, True))
        assert type(result) is Done and sorted(RAN) == sorted(f"pay {one} 5" for one in people)
        told = [m.text for m in model.requests[-1].messages if m.role == "tool"]
        assert told == [f"paid {one} 5" for one in people] + [one.upper() for one in people]

    go(loop, main)


@on_every_loop
def test_a_refused_provider_is_neither_replaced_nor_blamed(loop: str, native: bool) -> None:
    @agent(provides="refund", approval=True, side_effect="payment")
    async def stripe(order: str) -> str:
        RAN.append("stripe")
        return order

    @agent(provides="refund", side_effect="payment")
    async def adyen(order: str) -> str:
        RAN.append("adyen")
        return order

    @agent(provides="wrapped")
    async def outer(ctx: Context[Any], order: str) -> str:
        return await ctx.call(pay, to=order)

    @agent(provides="wrapped")
    async def other(order: str) -> str:
        RAN.append("other")
        return order

    @workflow
    async def both(order: str) -> list[str]:
        ends = await gather(outcome(step("refund", order)), outcome(step("wrapped", order)))
        return [type(end).__name__ for end in ends]

    async def main() -> None:
        rig = Rig((stripe, adyen, outer, other), native=native)
        asks = asked(await rig.run(both, "A"))
        assert len(asks) == 2
        result, _ = await rig.resume(both, "A", answers=dict.fromkeys(asks, False))
        assert type(result) is Done and result.output == ["Failed", "Failed"] and RAN == []
        assert [f.how for f in rig.of(Filed)] == ["escalated"] * 3, "stripe, pay, and outer that let it through"
        health, now = rig.last.services.health, rig.last.now()
        for name in ("stripe", "outer", "pay"):
            assert health.penalty(name, now) == 1.0, name

    go(loop, main)


def test_a_question_is_bounded_and_shows_what_hides() -> None:
    @tool(approval=True)
    def write(text: str, at: object = object()) -> None: ...

    async def main() -> None:
        asks = asked(await Rig().run(write, {"text": "a\u202eb" + "x" * 5000}))
        (question,) = asks.values()
        assert "a\\u202eb" in question and "more characters)" in question and "at=object" in question
        assert len(question) < SHOWN + 200

    go("asyncio", main)
