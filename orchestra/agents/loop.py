"""The agent loop, as a plan: ask the model, run the tools it wants, until it answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestra.agents.prompt import render
from orchestra.agents.transfer import Transfer, circle, going_along
from orchestra.core.call import Batch, Call, Filing, ModelName, OneOf, Plan, tolerated
from orchestra.core.catalog import Catalog, Node
from orchestra.core.decision import Step
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

NOBODY = Catalog()


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What the loop needs of an agent."""

    name: str
    instructions: str
    models: tuple[str, ...]
    tools: tuple[Node, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    output: OutputSchema | None = None
    max_tokens: int = 512
    temperature: float | None = None
    max_turns: int = 8

    def target(self, step: Step) -> ModelName | OneOf:
        if len(self.models) == 1:
            return ModelName(name=self.models[0])
        return OneOf(label=self.name, models=self.models, step=step)

    def offers(self, catalog: Catalog) -> tuple[ToolSpec, ...]:
        """The tools as the model sees them, hand-offs among them."""
        tools = [ToolSpec(name=t.name, description=t.description, parameters=t.contract.schema) for t in self.tools]
        return (*tools, *(transfer.spec(catalog) for transfer in self.transfers))

    def request(self, messages: list[Message], tools: tuple[ToolSpec, ...]) -> Request:
        return Request(
            messages=tuple(messages),
            tools=tools,
            schema=self.output.schema if self.output else None,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
        )


def converse(talk: Talk, value: Any, catalog: Catalog = NOBODY) -> Plan:
    """One task, answered by one model agent: the tools of a turn run together, a broken typed reply is mended once.

    Hand-offs are tools too: one that returns runs with the others, one that passes control after them.
    """
    task = task_of(value["task"] if isinstance(value, Mapping) and value.keys() == {"task"} else value)
    if talk.name in task.passed_by:
        return circle(talk.name, task.passed_by)
    messages = opening(talk, task)
    offers = talk.offers(catalog)
    asked: Counter[str] = Counter()
    filings: tuple[Filing, ...] = ()
    repairs, step, model = 1, Step(), ""
    for turn in range(talk.max_turns):
        # The last turn offers no tools, so that it has to be an answer.
        request = talk.request(messages, () if turn == talk.max_turns - 1 and turn > 0 else offers)
        step = _step(step, turn, talk.max_turns, bool(filings), messages)._replace(model=model)
        call = Call(target=talk.target(step), input=request, output_type=Reply)
        (outcome,) = yield Batch(calls=(call,), filings=filings)
        if type(outcome) is not Done:
            return outcome
        reply: Reply = outcome.output
        model = reply.by
        if reply.finish == "refusal":
            return failed(ContentRefused(f"{reply.model} refused: {reply.text[:200]}"))
        if reply.tool_calls:
            messages.append(assistant(reply.text, *reply.tool_calls))
            looping = _looping(talk, reply, asked)
            if looping is not None:
                return looping
            ran = yield from _run_tools(talk, task, reply.tool_calls, messages, catalog)
            if not isinstance(ran, tuple):
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


def _step(before: Step, turn: int, most: int, tool_failed: bool, messages: list[Message]) -> Step:
    """After the first request, a user's message is last only where a reply was no answer."""
    wrong = tool_failed or (turn > 0 and messages[-1].role == "user")
    return Step(turn, most, wrong, before.failures + wrong, sum(len(message.text) for message in messages))


def opening(talk: Talk, task: Task) -> list[Message]:
    instructions = render(talk.instructions, task=task)
    return [*([system(instructions)] if instructions else []), *task.history, user(task.text)]


def _looping(talk: Talk, reply: Reply, asked: Counter[str]) -> Outcome | None:
    for call in reply.tool_calls:
        same = f"{call.name} {canonical(call.arguments)}"
        asked[same] += 1
        if asked[same] >= SAME_CALL_LIMIT:
            return failed(LoopDetected(f"{talk.name!r} asked {asked[same]} times for {same[:200]}."))
    return None


def _run_tools(
    talk: Talk, task: Task, calls: tuple[ToolCall, ...], messages: list[Message], catalog: Catalog
) -> Generator[Batch, tuple[Outcome, ...], tuple[Filing, ...] | Outcome]:
    """Runs what a turn asks for together and adds the answers in the order of asking.

    What failed is shown to the model, which tolerates it; but for an effect that may have happened: that ends the task,
    as the model could only ask for it again. The first hand-off that passes control comes after all the others: if
    it is done, its answer ends the task.
    """
    name_to_transfer = {transfer.tool: transfer for transfer in talk.transfers}
    name_to_tool = {tool.name: tool for tool in talk.tools}
    there = ", ".join([*name_to_tool, *name_to_transfer]) or "none"
    passes = [at for at, call in enumerate(calls) if _passes(name_to_transfer.get(call.name))]
    returning = (transfer for transfer in talk.transfers if not _passes(transfer))
    name_to_tool |= {one.tool: one.node(talk.name, task, going_along(messages), catalog) for one in returning}
    shown = dict.fromkeys(passes[1:], "Error: control passes to one only, and another was asked first.")
    for at, call in enumerate(calls):
        if call.name not in name_to_tool and call.name not in name_to_transfer:
            shown[at] = f"Error: there is no tool {call.name!r}; there are: {there}."
    known = [at for at, call in enumerate(calls) if call.name in name_to_tool]
    filings: tuple[Filing, ...] = ()
    if known:
        batch = tuple(_call(name_to_tool[calls[at].name], calls[at]) for at in known)
        ended = yield Batch(calls=batch, at_once=TOOLS_AT_ONCE)  # one batch: all its approvals are asked together
        unknown = next((o for o in ended if _is_unknown(o)), None)
        if unknown is not None:
            return unknown
        filings = tuple(filing for o in ended if type(o) is Failed for filing in tolerated(o, "model"))
        shown |= {at: _shown(outcome) for at, outcome in zip(known, ended, strict=True)}
    for at in passes[:1]:
        answered = [(calls[place], shown[place]) for place in sorted(shown) if place not in passes]
        along = going_along(messages, answered)
        node = name_to_transfer[calls[at].name].node(talk.name, task, along, catalog)
        (passed,) = yield Batch(calls=(_call(node, calls[at]),), filings=filings)
        if type(passed) is Done or _is_unknown(passed):
            return passed
        filings = tolerated(passed, "model") if type(passed) is Failed else ()
        shown[at] = _shown(passed)
    messages += [tool_result(call.id, shown[at]) for at, call in enumerate(calls)]
    return filings


def _passes(transfer: Transfer | None) -> bool:
    return transfer is not None and transfer.mode == "pass"


def _call(node: Node, call: ToolCall) -> Call:
    return Call(target=node, input=dict(call.arguments), tool_call_id=call.id)


def _is_unknown(outcome: Outcome) -> bool:
    return type(outcome) is Failed and outcome.cause.is_a(EffectUnknown)


def _shown(outcome: Outcome) -> str:
    if type(outcome) is Done:
        return outcome.output if isinstance(outcome.output, str) else canonical(outcome.output)
    return f"Error: {outcome.cause or 'it was cancelled.'}"


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
