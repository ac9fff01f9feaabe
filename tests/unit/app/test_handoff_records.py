"""Hand-offs in the records: taken up after a kill, seen in a trace, and no reward for what was not used."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestra import Agent, Handoff, Orchestra, Result, agent, tool
from orchestra.app.learning import used_decisions
from orchestra.core.errors import NoEffect
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted
from orchestra.telemetry.spans import SpanRecord, spans
from tests.support.passing import HISTORY, desk, hand_over
from tests.support.runtime import go, on_every_loop


def killed(state: Path, mode: str) -> str:
    """The id of a run whose process died while the second agent was asked."""
    command = [sys.executable, "-m", "tests.support.passing", str(state), mode]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    return process.stdout.split()[0]


@pytest.mark.parametrize(("mode", "later"), [("pass", ()), ("return", ("Done, Ada.",))])
def test_a_run_killed_between_hand_off_and_answer_goes_on(tmp_path: Path, mode: str, later: tuple[str, ...]) -> None:
    """In another process, from the file: the first agent's turn is not asked for again, the history is there."""
    run_id = killed(tmp_path / "team.db", mode)
    triage, billing = Scripted(*later), Scripted("Refunded.")
    with triage, billing:
        team = desk(tmp_path / "team.db", mode, triage, billing)
        result = team.resume_sync(run_id)
        team.close()
    assert result.output == (later[0] if later else "Refunded.")
    assert [message.text for message in billing.requests[0].messages] == [
        "Knows invoices.",
        *(message.text for message in HISTORY),
        "I paid twice!",
        "charged twice",
    ]
    assert result.messages[:2] == HISTORY and result.messages[-1].text == result.output


@on_every_loop
def test_a_finished_run_is_replayed_without_asking(loop: str, native: bool, tmp_path: Path) -> None:
    async def main() -> tuple[Result, Result]:
        async with desk(tmp_path / "team.db", "pass", Scripted(hand_over()), Scripted("Refunded.")) as team:
            result = await team.run("I paid twice!", to="triage", history=HISTORY)
            return result, await team.replay(result.run_id)

    result, again = go(loop, main)
    assert (again.output, again.messages) == ("Refunded.", result.messages)


@agent(provides="refund")
async def stripe(order: str) -> str:
    raise NoEffect("nobody listens there")


@tool
async def note(text: str) -> str:
    return text


def traced(*handoffs: Handoff, call: ToolCall, members: Any = (), tools: Any = ()) -> list[SpanRecord]:
    entry = Agent("triage", model="test:triage", handoffs=handoffs, tools=tools)
    models = {"test:triage": Scripted(call, "Alone then."), "test:billing": Scripted("Refunded.")}
    team = Orchestra(agents=[entry, *members], models=models, router="fixed")
    result = team.run_sync("I paid twice!", to="triage")
    team.close()
    return [span for span in spans(result.run_id, result.events) if span.name.startswith("execute_tool")]


def transfer(span: SpanRecord) -> tuple[Any, ...]:
    return tuple(span.attributes.get(f"gen_ai.transfer.{name}") for name in ("mode", "target.name", "target.type"))


def to(name: str) -> ToolCall:
    return ToolCall(id="t", name=f"transfer_to_{name}", arguments={"message": "A-17"})


def test_a_trace_says_who_took_over_and_how() -> None:
    helper = Agent("helper", model="test:helper")
    billing = Agent("billing", model="test:billing", tools=[helper])
    (passed,) = traced(Handoff("billing", mode="pass"), call=to("billing"), members=[billing])
    assert transfer(passed) == ("pass_control", "billing", "agent")

    @agent(provides="refund")
    async def adyen(order: str) -> str:
        return order

    (returned,) = traced(Handoff("refund", mode="return"), call=to("refund"), members=[stripe, adyen])
    assert transfer(returned) == ("return_to_caller", "adyen", "agent")
    (absent,) = traced(Handoff("nobody", mode="pass"), call=to("nobody"))
    assert transfer(absent) == ("pass_control", None, None)
    (other,) = traced(
        Handoff("nobody", mode="pass"), call=ToolCall(id="n", name="note", arguments={"text": "x"}), tools=[note]
    )
    assert transfer(other) == (None, None, None)


def test_who_took_over_and_called_others_is_still_the_target() -> None:
    """What the target calls in its turn lies as deep as a bound target would."""
    helper = Agent("helper", model="test:helper")
    inner = Agent("inner", model="test:inner", tools=[helper])
    entry = Agent("triage", model="test:triage", handoffs=[Handoff(inner, mode="pass")])
    models = {
        "test:triage": Scripted(to("inner")),
        "test:inner": Scripted(ToolCall(id="h", name="helper", arguments={"task": "?"}), "Refunded."),
        "test:helper": Scripted("42"),
    }
    team = Orchestra(agents=[entry], models=models)
    result = team.run_sync("?", to="triage")
    team.close()
    (span,) = [s for s in spans(result.run_id, result.events) if s.name == "execute_tool transfer_to_inner"]
    assert transfer(span) == ("pass_control", "inner", "agent")
    assert [message.text for message in result.messages][-1] == "Refunded."


def test_a_choice_whose_answer_was_not_passed_on_is_not_rewarded() -> None:
    @agent(provides="refund")
    async def vague(order: str) -> str:
        return "perhaps"

    entry = Agent("triage", model="test:triage", output_type=int, handoffs=[Handoff("refund", mode="pass")])
    team = Orchestra(agents=[entry, vague], models={"test:triage": Scripted(to("refund"), '{"value": 1}')})
    result = team.run_sync("?", to="triage")
    team.close()
    assert result.output == 1
    assert [decision.capability for decision in result.decisions] == ["triage", "refund"]
    assert [decision.capability for decision in used_decisions(result.events)] == ["triage"]
