"""The agent loop, as a plan: ask the model, run the tools it wants, until it answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestra.agents.prompt import render
from orchestra.core.call import Batch, Call, Filing, ModelName, OneOf, Plan, tolerated
from orchestra.core.catalog import Node
from orchestra.core.errors import BadReply, ContentRefused, EffectUnknown, LengthStop, LoopDetected
from orchestra.core.ids import canonical
from orchestra.core.message import Message, ToolCall, assistant, system, tool_result, user
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.core.task import Task, task_of
from orchestra.ports.model import Reply, Request, ToolSpec
from orchestra.tools.structured import OutputSchema

SAME_CALL_LIMIT = 3
"""How often one tool may be asked for with the same arguments in one task. Our default."""

TOOLS_AT_ONCE = 8
"""How many tools of one turn run at a time. Our default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What the loop needs of an agent."""

    name: str
    instructions: str
    models: tuple[str, ...]
    tools: tuple[Node, ...] = ()
    output: OutputSchema | None = None
    max_tokens: int = 512
    temperature: float | None = None
    max_turns: int = 8

    @property
    def target(self) -> ModelName | OneOf:
        if len(self.models) == 1:
            return ModelName(name=self.models[0])
        return OneOf(label=self.name, models=self.models)

    def request(self, messages: list[Message], last: bool) -> Request:
        """The last turn offers no tools, so that it has to be an answer."""
        specs = (
            ()
            if last
            else tuple(
                ToolSpec(name=t.name, description=t.description, parameters=t.contract.schema) for t in self.tools
            )
        )
        return Request(
            messages=tuple(messages),
            tools=specs,
            schema=self.output.schema if self.output else None,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
        )


def converse(talk: Talk, value: Any) -> Plan:
    """One task, answered by one model agent: the tools of a turn run together, a broken typed reply is mended once."""
    task = task_of(value["task"] if isinstance(value, Mapping) and value.keys() == {"task"} else value)
    messages = opening(talk, task)
    asked: Counter[str] = Counter()
    filings: tuple[Filing, ...] = ()
    repairs = 1
    for turn in range(talk.max_turns):
        request = talk.request(messages, last=turn == talk.max_turns - 1 and turn > 0)
        (outcome,) = yield Batch(calls=(Call(target=talk.target, input=request, output_type=Reply),), filings=filings)
        if type(outcome) is not Done:
            return outcome
        reply: Reply = outcome.output
        if reply.finish == "refusal":
            return failed(ContentRefused(f"{reply.model} refused: {reply.text[:200]}"))
        if reply.tool_calls:
            messages.append(assistant(reply.text, *reply.tool_calls))
            looping = _looping(talk, reply, asked)
            if looping is not None:
                return looping
            ran = yield from _run_tools(talk, reply.tool_calls, messages)
            if isinstance(ran, Failed):
                return ran
            filings = ran
            continue
        answer = _answer(talk, reply)
        if not isinstance(answer, BadReply):
            return Done(output=answer)
        if not repairs:
            return failed(answer)
        repairs, filings = 0, ()
        messages += [
            assistant(reply.text),
            user(f"That is not valid: {answer.what} Answer again, with the JSON alone."),
        ]
    return failed(LoopDetected(f"{talk.name!r} gave no answer in {talk.max_turns} turns."))


def opening(talk: Talk, task: Task) -> list[Message]:
    instructions = render(talk.instructions, task=task)
    return [*([system(instructions)] if instructions else []), user(task.text)]


def _looping(talk: Talk, reply: Reply, asked: Counter[str]) -> Outcome | None:
    for call in reply.tool_calls:
        same = f"{call.name} {canonical(call.arguments)}"
        asked[same] += 1
        if asked[same] >= SAME_CALL_LIMIT:
            return failed(LoopDetected(f"{talk.name!r} asked {asked[same]} times for {same[:200]}."))
    return None


def _run_tools(
    talk: Talk, calls: tuple[ToolCall, ...], messages: list[Message]
) -> Generator[Batch, tuple[Outcome, ...], tuple[Filing, ...] | Failed]:
    """Runs what a turn asks for together and adds the answers in the order of asking.

    What failed is shown to the model, which tolerates it; but for an effect that may have happened: that ends the task,
    as the model could only ask for it again.
    """
    name_to_tool = {tool.name: tool for tool in talk.tools}
    known = [call for call in calls if call.name in name_to_tool]
    outcomes: list[Outcome] = []
    filings: tuple[Filing, ...] = ()
    for start in range(0, len(known), TOOLS_AT_ONCE):
        asked = known[start : start + TOOLS_AT_ONCE]
        batch = tuple(Call(target=name_to_tool[call.name], input=dict(call.arguments)) for call in asked)
        ended = yield Batch(calls=batch, filings=filings)
        unknown = next((o for o in ended if type(o) is Failed and o.cause.is_a(EffectUnknown)), None)
        if unknown is not None:
            return unknown
        filings = tuple(filing for o in ended if type(o) is Failed for filing in tolerated(o, "model"))
        outcomes += ended
    answers = iter(outcomes)
    there = ", ".join(name_to_tool) or "none"
    for call in calls:
        missing = f"Error: there is no tool {call.name!r}; there are: {there}."
        messages.append(tool_result(call.id, _shown(next(answers)) if call.name in name_to_tool else missing))
    return filings


def _shown(outcome: Outcome) -> str:
    if type(outcome) is Done:
        return outcome.output if isinstance(outcome.output, str) else canonical(outcome.output)
    return f"Error: {outcome.cause}"


def _answer(talk: Talk, reply: Reply) -> Any:
    """The typed answer, or the BadReply that says what is wrong with it."""
    if talk.output is None:
        return reply.text
    if reply.finish == "length":
        return BadReply(LengthStop(f"The reply was cut at {talk.max_tokens} tokens.").what)
    try:
        return talk.output.parse(reply.text)
    except BadReply as error:
        return error
