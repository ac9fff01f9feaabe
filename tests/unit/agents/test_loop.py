"""The agent loop, driven by hand: what it asks, what it makes of the answers."""

from collections.abc import Generator
from typing import Any

import pytest
from pydantic import BaseModel

from orchestra.agents.agent import Agent, node_of_agent
from orchestra.agents.loop import SAME_CALL_LIMIT, TOOLS_AT_ONCE
from orchestra.core.call import Batch, ModelName, OneOf
from orchestra.core.catalog import Planning
from orchestra.core.errors import BadNumber, ContentRefused, EffectUnknown, LoopDetected, NoModel
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


def several(plan: Generator[Batch, tuple[Outcome, ...], Any], *answers: tuple[Outcome, ...]) -> tuple[list[Batch], Any]:
    """As ``asks``, for batches of several calls."""
    batches = [next(plan)]
    for answer in answers:
        try:
            batches.append(plan.send(answer))
        except StopIteration as stop:
            return batches, stop.value
    return batches, None


def test_the_tools_of_a_turn_run_together_and_answer_in_order() -> None:
    agent = Agent("clerk", tools=[add])
    asked = says("", wants(1), wants(9, name="multiply"), wants(3))
    batches, result = several(plan_of(agent), (asked,), (Done(output=3), Done(output=5)), (says("3 and 5"),))
    assert [call.input for call in batches[1].calls] == [{"a": 1, "b": 2}, {"a": 3, "b": 2}]
    last = batches[2].calls[0].input.messages
    assert [m.role for m in last[-4:]] == ["assistant", "tool", "tool", "tool"]
    assert [m.text[:5] for m in last[-3:]] == ["3", "Error", "5"]
    assert result == Done(output="3 and 5")


def test_no_more_than_the_limit_run_at_a_time() -> None:
    agent = Agent("clerk", tools=[add])
    asked = says("", *[wants(n) for n in range(TOOLS_AT_ONCE + 1)])
    done = tuple(Done(output=n) for n in range(TOOLS_AT_ONCE + 1))
    batches, _ = several(plan_of(agent), (asked,), done, (says("ok"),))
    assert [(len(batch.calls), batch.at_once) for batch in batches] == [(1, None), (9, TOOLS_AT_ONCE), (1, None)]
    assert [m.text for m in batches[2].calls[0].input.messages[-9:]] == [str(n) for n in range(9)]


def test_an_effect_that_may_have_happened_ends_the_task() -> None:
    agent = Agent("clerk", tools=[add])
    unknown = failed(EffectUnknown("paid?"), origin="run/x")
    assert asks(plan_of(agent), says("", wants(1)), unknown)[1] is unknown


def test_an_agent_is_a_tool_with_one_text() -> None:
    helper = Agent("helper", "Helps the clerk.", instructions="Help with {{ task.text }}")
    batches, _ = asks(plan_of(Agent("clerk", tools=[helper], model="test:x")), says("", asks_helper()))
    spec = batches[0].calls[0].input.tools[0]
    assert (spec.name, spec.description) == ("helper", "Helps the clerk.")
    node = batches[1].calls[0].target
    assert node.models == ("test:x",)
    inner = next(node.body.plan(batches[1].calls[0].input)).calls[0].input
    assert [m.text for m in inner.messages] == ["Help with the lamp", "the lamp"]


def asks_helper() -> ToolCall:
    return ToolCall(id="c", name="helper", arguments={"task": "the lamp"})


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
