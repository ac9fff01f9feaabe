"""Hand-offs in a team: who answers, what goes along, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from orchestra import Agent, Budget, Context, Handoff, Orchestra, Result, agent, errors, step, tool, workflow
from orchestra.core.events import CallEnded, CallStarted, Filed, TextDelta
from orchestra.core.message import ToolCall
from orchestra.core.outcome import Done
from orchestra.models.scripted import Failing, Scripted
from orchestra.ports.model import Reply, Request
from orchestra.testing.function import FunctionModel
from tests.support.runtime import go, on_every_loop


class Verdict(BaseModel):
    right: bool


@tool
async def look_up(order: str) -> str:
    """Looks an order up."""
    return f"{order}: two charges"


@agent(provides="refund", description="Refunds cards.")
async def stripe(order: str) -> str:
    raise errors.NoEffect("nobody listens there")


@agent(provides="refund", description="Refunds anything.")
async def adyen(order: str) -> str:
    return f"refunded {order}"


def over(to: str, message: str = "charged twice", id: str = "t") -> ToolCall:
    return ToolCall(id=id, name=f"transfer_to_{to}", arguments={"message": message})


def turn(*calls: ToolCall, text: str = "") -> Reply:
    return Reply(text=text, tool_calls=calls, finish="tool_calls")


def triage(*handoffs: Handoff, **options: Any) -> Agent:
    return Agent("triage", instructions="Sort it.", model="test:triage", handoffs=handoffs, **options)


BILLING = Agent("billing", "Knows invoices.", instructions="Answer {{ task.text }}.", model="test:billing")
PASS, RETURN = Handoff("billing", mode="pass"), Handoff("billing", mode="return")


async def ran(
    native: bool, *members: Any, budget: Budget | None = None, ask: Any = "I paid twice!", **models: Any
) -> Result:
    names = {f"test:{name}": model for name, model in models.items()}
    prices = dict.fromkeys(names, (1, 1))
    async with Orchestra(agents=members, models=names, prices=prices, native_tasks=native, router="fixed") as team:
        return await team.run(ask, to="triage", budget=budget)


def said(request: Request) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in request.messages]


def filed(result: Result) -> list[tuple[str, str, str]]:
    return [(event.name, event.how, event.to) for event in result.events if isinstance(event, Filed)]


@on_every_loop
def test_control_is_passed_and_the_answer_is_that_of_the_task(loop: str, native: bool) -> None:
    first, second = Scripted(turn(over("billing"), text="One moment.")), Scripted("Refunded.")
    result = go(loop, _with(ran, triage=first, billing=second), native, triage(PASS), BILLING)
    assert result.output == "Refunded."
    (spec,) = first.requests[0].tools
    assert spec.name == "transfer_to_billing" and "Knows invoices." in spec.description
    assert said(second.requests[0]) == [
        ("system", "Answer charged twice."),
        ("user", "I paid twice!"),
        ("assistant", "One moment."),
        ("user", "charged twice"),
    ]
    assert not any(message.tool_calls for message in second.requests[0].messages)
    assert (result.usage.requests, result.usage.tool_calls) == (2, 1)
    leaves = [e for e in result.events if isinstance(e, CallEnded) and e.kind == "model"]
    assert sum(e.usage.nano_usd for e in leaves) == result.usage.nano_usd > 0


@on_every_loop
def test_control_returns_and_the_first_agent_goes_on(loop: str, native: bool) -> None:
    first, second = Scripted(turn(over("billing")), "You get it back."), Scripted("Refunded.")
    result = go(loop, _with(ran, triage=first, billing=second), native, triage(RETURN), BILLING)
    assert result.output == "You get it back."
    assert said(first.requests[1])[-1] == ("tool", "Refunded.")
    assert [message.text for message in result.messages] == ["I paid twice!", "", "Refunded.", "You get it back."]


@pytest.mark.parametrize("mode", ["return", "pass"])
@on_every_loop
def test_a_target_that_fails_gives_control_back(loop: str, native: bool, mode: Any) -> None:
    first = Scripted(turn(over("billing")), "I cannot reach them.")
    handoff = Handoff("billing", mode=mode)
    broken = Failing(errors.AuthFailed("no key"))
    result = go(loop, _with(ran, triage=first, billing=broken), native, triage(handoff), BILLING)
    assert result.output == "I cannot reach them."
    role, text = said(first.requests[1])[-1]
    assert role == "tool" and text.startswith("Error: AuthFailed: no key")
    assert [(how, to) for _, how, to in filed(result)] == [("tolerated", "model")]


@on_every_loop
def test_who_declines_or_is_not_there_gives_control_back(loop: str, native: bool) -> None:
    @agent
    async def lawyer(text: str) -> str:
        raise errors.Declined("not my field")

    first = Scripted(turn(over("lawyer", "sue them", "a")), turn(over("nobody", "help", "b")), "Sorry.")
    handoffs = (Handoff("lawyer", mode="pass"), Handoff("nobody", mode="pass"))
    result = go(loop, _with(ran, triage=first), native, triage(*handoffs), lawyer)
    assert result.output == "Sorry."
    assert "Declined: not my field" in first.requests[1].messages[-1].text
    assert "Nobody provides 'nobody'" in first.requests[2].messages[-1].text
    assert [how for _, how, to in filed(result) if to == "model"] == ["tolerated", "tolerated"]


@on_every_loop
def test_who_is_unhealthy_is_not_asked_and_control_comes_back(loop: str, native: bool) -> None:
    async def main() -> None:
        first, broken = FunctionModel(hand_over_once), Failing(errors.AuthFailed("no key"))
        models: dict[str, Any] = {"test:triage": first, "test:billing": broken}
        async with Orchestra(agents=[triage(PASS), BILLING], models=models, native_tasks=native) as team:
            results = [await team.run("I paid twice!", to="triage") for _ in range(4)]
        assert [result.output for result in results[:3]] == ["Alone then."] * 3
        assert broken.calls == 3
        assert "Nobody can do 'billing' now" in first.requests[-1].messages[-1].text
        assert results[3].output == "Alone then."

    go(loop, main)


def hand_over_once(request: Request) -> ToolCall | str:
    return "Alone then." if request.messages[-1].role == "tool" else over("billing")


@on_every_loop
def test_a_circle_is_refused_and_ends(loop: str, native: bool) -> None:
    first = Scripted(turn(over("billing")))
    second = Scripted(turn(over("triage", "yours")), "Then I answer.")
    circular = Agent("billing", model="test:billing", handoffs=[Handoff("triage", mode="pass")])
    result = go(loop, _with(ran, triage=first, billing=second), native, triage(PASS), circular)
    assert result.output == "Then I answer."
    told = second.requests[1].messages[-1].text
    assert "LoopDetected" in told and "triage -> billing -> triage" in told
    assert [(how, to) for _, how, to in filed(result)] == [("tolerated", "model")]


@on_every_loop
def test_who_provides_what_it_hands_over_is_passed_by_and_stays_healthy(loop: str, native: bool) -> None:
    """Declining is no failure of its own: it is still the first to be asked after more of them than a breaker bears."""

    @agent(provides="support")
    async def helper(text: str) -> str:
        return "helped"

    async def main() -> None:
        entry = triage(Handoff("support", mode="pass"), provides="support")
        models: dict[str, Any] = {"test:triage": FunctionModel(lambda request: over("support"))}
        async with Orchestra(agents=[entry, helper], models=models, router="fixed", native_tasks=native) as team:
            results = [await team.run("I paid twice!", to="support") for _ in range(5)]
        for result in results:
            assert result.output == "helped"
            assert [decision.chosen[0] for decision in result.decisions] == ["triage", "triage", "helper"]
            assert filed(result) == [("triage", "rerouted", "helper")]

    go(loop, main)


@on_every_loop
def test_agents_that_only_ever_pass_on_come_to_an_end(loop: str, native: bool) -> None:
    """Each hands over at every turn; the limits of turns and of equal calls bound it."""
    names = ["triage", "billing", "sales"]

    def passing(me: str) -> Callable[[Request], ToolCall]:
        return lambda request: over(next(n for n in names if n != me and n != "triage"), f"{len(request.messages)}")

    members = [
        Agent(n, model=f"test:{n}", handoffs=[Handoff(o, mode="pass") for o in names if o != n], max_turns=4)
        for n in names
    ]
    models = {n: FunctionModel(passing(n)) for n in names}
    result = go(loop, _with(ran, **models), native, *members)
    assert result.status == "failed" and result.cause.is_a(errors.LoopDetected)
    assert result.usage.requests < 4 + 4 * 4 + 4 * 4 * 4


@on_every_loop
def test_a_capability_is_bound_by_the_router_and_rerouted(loop: str, native: bool) -> None:
    first = Scripted(turn(over("refund", "A-17")))
    result = go(loop, _with(ran, triage=first), native, triage(Handoff("refund", mode="pass")), stripe, adyen)
    assert result.output == "refunded A-17"
    assert [decision.chosen for decision in result.decisions if decision.capability == "refund"] == [
        ("stripe",),
        ("adyen",),
    ]
    assert filed(result) == [("stripe", "rerouted", "adyen")]
    assert "Refunds cards. Refunds anything." in first.requests[0].tools[0].description


@on_every_loop
def test_tools_of_the_same_turn_run_first_and_go_along(loop: str, native: bool) -> None:
    calls = (over("billing", id="p"), ToolCall(id="l", name="look_up", arguments={"order": "A-17"}))
    first, second = Scripted(turn(*calls, over("sales", id="q"))), Scripted("Refunded.")
    entry = triage(PASS, Handoff("sales", mode="pass"), tools=[look_up])
    sales = Agent("sales", model="test:sales")
    result = go(loop, _with(ran, triage=first, billing=second, sales=Scripted()), native, entry, BILLING, sales)
    assert result.output == "Refunded."
    history = second.requests[0].messages[2:-1]
    assert [call.name for call in history[0].tool_calls] == ["look_up"]
    assert (history[1].call_id, history[1].text) == ("l", "A-17: two charges")
    done = [e.name for e in result.events if isinstance(e, CallEnded) and e.kind == "tool"]
    assert done == ["look_up", "transfer_to_billing"]


@on_every_loop
def test_of_two_that_pass_the_first_counts(loop: str, native: bool) -> None:
    first = Scripted(turn(over("billing", id="p"), over("sales", id="q")), "I answer.")
    entry = triage(PASS, Handoff("sales", mode="pass"))
    models = {"triage": first, "billing": Failing(errors.AuthFailed("no")), "sales": Scripted()}
    result = go(loop, _with(ran, **models), native, entry, BILLING, Agent("sales", model="test:sales"))
    assert result.output == "I answer."
    told = [(m.call_id, m.text) for m in first.requests[1].messages if m.role == "tool"]
    assert told[0][0] == "p" and "AuthFailed" in told[0][1]
    assert told[1] == ("q", "Error: control passes to one only, and another was asked first.")


@on_every_loop
def test_an_answer_of_another_type_is_not_passed_on(loop: str, native: bool) -> None:
    first = Scripted(turn(over("billing", "one")), turn(over("billing", "two")))
    second = Scripted("Maybe.", '{"right": true}')
    result = go(loop, _with(ran, triage=first, billing=second), native, triage(PASS, output_type=Verdict), BILLING)
    assert result.output == {"right": True}
    assert "BadReply: The answer cannot be passed on" in first.requests[1].messages[-1].text
    assert filed(result) == [("transfer_to_billing", "tolerated", "model")]

    async def typed() -> Any:
        models = {"test:triage": Scripted(turn(over("billing"))), "test:billing": Scripted('{"right": false}')}
        async with Orchestra(agents=[triage(PASS, output_type=Verdict), BILLING], models=models) as team:
            return (await team.run(triage(PASS, output_type=Verdict), "?")).output

    assert go(loop, typed) == Verdict(right=False)


@on_every_loop
def test_a_text_is_wanted_and_an_object_comes_back(loop: str, native: bool) -> None:
    first, second = Scripted(turn(over("billing")), "In words: yes."), Scripted('{"right": true}')
    typed = Agent("billing", model="test:billing", output_type=Verdict)
    result = go(loop, _with(ran, triage=first, billing=second), native, triage(PASS, output_type=str), typed)
    assert result.output == "In words: yes."
    assert "not a text" in first.requests[1].messages[-1].text


@on_every_loop
def test_the_depth_of_the_budget_holds_and_control_returns(loop: str, native: bool) -> None:
    first = Scripted(turn(over("billing")), "Alone then.")
    run = _with(ran, budget=Budget(depth=1), triage=first, billing=Scripted())
    result = go(loop, run, native, triage(PASS), BILLING)
    assert result.output == "Alone then."
    assert "DepthExceeded" in first.requests[1].messages[-1].text


@on_every_loop
def test_the_end_of_the_budget_goes_up(loop: str, native: bool) -> None:
    run = _with(ran, budget=Budget(requests=1), triage=Scripted(turn(over("billing"))), billing=Scripted())
    result = go(loop, run, native, triage(PASS), BILLING)
    assert (result.status, result.usage.requests) == ("stopped", 1)


@on_every_loop
def test_a_pause_and_an_unknown_effect_go_up(loop: str, native: bool) -> None:
    @agent
    async def careful(ctx: Context[None], text: str) -> str:
        return str(await ctx.ask(f"May I {text}?", key="may"))

    @agent(side_effect="payment")
    async def pay(text: str) -> str:
        raise RuntimeError("line broken")

    first = Scripted(turn(over("careful", "pay")))
    paused = go(loop, _with(ran, triage=first), native, triage(Handoff("careful", mode="pass")), careful)
    assert paused.status == "paused" and list(paused.asks.values()) == ["May I pay?"]
    first = Scripted(turn(over("pay", "A-17")))
    unknown = go(loop, _with(ran, triage=first), native, triage(Handoff("pay", mode="return")), pay)
    assert unknown.cause.is_a(errors.EffectUnknown)


@on_every_loop
def test_workflows_and_agents_that_are_no_members_take_over(loop: str, native: bool) -> None:
    @workflow
    async def close(text: str) -> str:
        return f"closed: {await step('refund', text)}"

    first = Scripted(turn(over("close", "A-17")), turn(over("billing")))
    entry = triage(Handoff("close", mode="return", description="Closes it."), Handoff(BILLING, mode="pass"))
    result = go(loop, _with(ran, triage=first, billing=Scripted("Bye.")), native, entry, close, adyen)
    assert result.output == "Bye."
    assert "closed: refunded A-17" in first.requests[1].messages[-1].text
    assert first.requests[0].tools[0].description == "Asks close and brings the answer back. Closes it."


@on_every_loop
def test_a_chain_of_three_and_a_model_that_is_a_function(loop: str, native: bool) -> None:
    """The last one sees what the first two were told; the conversation is that of who answered."""

    def last(request: Request) -> str:
        return " | ".join(message.text for message in request.messages if message.role == "user")

    middle = Agent("billing", model="test:billing", handoffs=[Handoff("clerk", mode="pass")])
    clerk = Agent("clerk", model="test:clerk")
    models = {"triage": Scripted(turn(over("billing", "money"))), "billing": Scripted(turn(over("clerk", "forms")))}
    run = _with(ran, **models, clerk=FunctionModel(last))
    result = go(loop, run, native, triage(PASS), middle, clerk)
    assert result.output == "I paid twice! | money | forms"
    assert [m.text for m in result.messages] == ["I paid twice!", "money", "forms", result.output]


@on_every_loop
def test_the_events_of_who_took_over_are_seen_in_a_stream(loop: str, native: bool) -> None:
    async def main() -> None:
        models = {"test:triage": Scripted(turn(over("billing"))), "test:billing": Scripted("All of it refunded.")}
        team = Orchestra(agents=[triage(PASS), BILLING], models=models, native_tasks=native)
        async with team, team.stream("I paid twice!", to="triage") as events:
            seen = [event async for event in events]
        words = [event for event in seen if isinstance(event, TextDelta)]
        assert "".join(event.text for event in words) == "All of it refunded."
        assert all("@transfer_to_billing" in event.key for event in words)
        assert [e.transfer for e in seen if isinstance(e, CallStarted) and e.kind == "tool"] == ["pass"]
        ended = [e.name for e in seen if isinstance(e, CallEnded) and e.kind in ("agent", "tool")]
        assert ended == ["billing", "transfer_to_billing", "triage"]
        assert all(type(e.outcome) is Done for e in seen if isinstance(e, CallEnded))

    go(loop, main)


def _with(fn: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    async def called(*args: Any) -> Any:
        return await fn(*args, **options)

    return called
