"""The agent loop, driven by hand: what it asks, what it makes of the answers."""

from collections.abc import Generator
from typing import Any

import pytest
from pydantic import BaseModel

from orchestra.agents.agent import Agent, node_of_agent
from orchestra.agents.loop import SAME_CALL_LIMIT
from orchestra.core.call import Batch, ModelName, OneOf
from orchestra.core.catalog import Planning
from orchestra.core.errors import BadNumber, ContentRefused, LoopDetected, NoModel
from orchestra.core.message import ToolCall
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.ports.model import Reply
from orchestra.tools.decorator import tool


class Verdict(BaseModel):
    right: bool
    why: str


@tool
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def plan_of(agent: Agent, value: Any = "hello") -> Generator[Batch, tuple[Outcome, ...], Any]:
    body = node_of_agent(agent, "test:m").body
    assert isinstance(body, Planning)
    return body.plan(value)


def asks(plan: Generator[Batch, tuple[Outcome, ...], Any], *answers: Outcome) -> tuple[list[Batch], Any]:
    """All batches, and what the plan returned (None if it wants more)."""
    batches = [next(plan)]
    for answer in answers:
        try:
            batches.append(plan.send((answer,)))
        except StopIteration as stop:
            return batches, stop.value
    return batches, None


def says(text: str = "", *calls: ToolCall, finish: Any = None) -> Done:
    return Done(output=Reply(text=text, tool_calls=calls, finish=finish or ("tool_calls" if calls else "stop")))


def wants(a: int, b: int = 2, name: str = "add") -> ToolCall:
    return ToolCall(id="c", name=name, arguments={"a": a, "b": b})


def test_text_in_text_out_with_rendered_instructions() -> None:
    agent = Agent("clerk", "Helps.", instructions="You are asked: {{ task.text }}", max_tokens=7)
    batches, result = asks(plan_of(agent), says("hi"))
    request = batches[0].calls[0].input
    assert [m.text for m in request.messages] == ["You are asked: hello", "hello"]
    assert (request.max_tokens, request.tools, request.schema) == (7, (), None)
    assert result == Done(output="hi")


def test_one_model_is_called_and_several_are_chosen_from() -> None:
    (one,), _ = asks(plan_of(Agent("a", model="test:m")))
    (two,), _ = asks(plan_of(Agent("a", model=["test:m", "test:n"])))
    assert one.calls[0].target == ModelName(name="test:m")
    assert two.calls[0].target == OneOf(label="a", models=("test:m", "test:n"))


def test_the_default_model_serves_where_the_agent_names_none() -> None:
    assert node_of_agent(Agent("a"), "test:default").models == ("test:default",)
    with pytest.raises(NoModel, match="model="):
        node_of_agent(Agent("a"), None)


def test_tools_run_one_after_another_and_their_answers_go_back() -> None:
    agent = Agent("clerk", tools=[add])
    batches, result = asks(
        plan_of(agent), says("", wants(1), wants(3)), Done(output=3), Done(output=5), says("3 and 5")
    )
    assert [b.calls[0].input for b in batches[1:3]] == [{"a": 1, "b": 2}, {"a": 3, "b": 2}]
    last = batches[3].calls[0].input.messages
    assert [m.role for m in last[-3:]] == ["assistant", "tool", "tool"]
    assert [m.text for m in last[-2:]] == ["3", "5"]
    assert result == Done(output="3 and 5")


def test_a_failed_tool_is_shown_to_the_model_which_tolerates_it() -> None:
    agent = Agent("clerk", tools=[add])
    broken = failed(ValueError("no"), origin="run/x")
    batches, _ = asks(plan_of(agent), says("", wants(1)), broken, says("sorry"))
    assert batches[2].calls[0].input.messages[-1].text == "Error: ValueError: no"
    assert [(f.origin, f.how, f.to) for f in batches[2].filings] == [("run/x", "tolerated", "model")]


def test_an_unknown_tool_is_answered_without_a_call() -> None:
    agent = Agent("clerk", tools=[add])
    batches, _ = asks(plan_of(agent), says("", wants(1, name="multiply")), says("ok"))
    assert "there is no tool 'multiply'; there are: add" in batches[1].calls[0].input.messages[-1].text


def test_the_same_tool_call_again_and_again_is_a_loop() -> None:
    agent = Agent("clerk", tools=[add])
    answers: list[Outcome] = []
    for _ in range(SAME_CALL_LIMIT - 1):
        answers += [says("", wants(1)), Done(output=3)]
    _, result = asks(plan_of(agent), *answers, says("", wants(1)))
    assert isinstance(result, Failed) and result.cause.is_a(LoopDetected)


def test_the_last_turn_offers_no_tools() -> None:
    agent = Agent("clerk", tools=[add], max_turns=2)
    batches, result = asks(plan_of(agent), says("", wants(1)), Done(output=3), says("three"))
    assert batches[0].calls[0].input.tools and not batches[2].calls[0].input.tools
    assert result == Done(output="three")


def test_a_typed_answer_is_repaired_once() -> None:
    agent = Agent("judge", output_type=Verdict)
    batches, result = asks(plan_of(agent), says('{"right": true}'), says('{"right": true, "why": "so"}'))
    assert batches[0].calls[0].input.schema["properties"].keys() == {"right", "why"}
    assert "why" in batches[1].calls[0].input.messages[-1].text
    assert result == Done(output=Verdict(right=True, why="so"))
    _, broken = asks(plan_of(agent), says("no"), says("no"))
    assert isinstance(broken, Failed) and broken.cause.kind == "BadReply"


def test_a_cut_reply_is_no_typed_answer_but_plain_text_stays() -> None:
    batches, _ = asks(plan_of(Agent("judge", output_type=Verdict)), says('{"right"', finish="length"))
    assert "cut at 512 tokens" in batches[1].calls[0].input.messages[-1].text
    _, text = asks(plan_of(Agent("a")), says("half a sent", finish="length"))
    assert text == Done(output="half a sent")


def test_a_refusal_is_a_named_failure() -> None:
    _, result = asks(plan_of(Agent("a")), says("I cannot", finish="refusal"))
    assert isinstance(result, Failed) and result.cause.is_a(ContentRefused)


def test_a_failed_model_call_is_passed_on_as_it_is() -> None:
    broken = failed(ValueError("down"), origin="run/m")
    assert asks(plan_of(Agent("a")), broken)[1] is broken


@pytest.mark.parametrize("field", ["max_tokens", "max_turns", "temperature", "timeout_s", "cost_usd"])
@pytest.mark.parametrize("number", [float("nan"), -1])
def test_impossible_numbers_are_refused(field: str, number: float) -> None:
    wrong: dict[str, Any] = {field: number}
    with pytest.raises(BadNumber, match=field):
        Agent("a", **wrong)
