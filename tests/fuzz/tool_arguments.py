"""Tool arguments as a model wrote them: from the wire to the function, and through the loop of an agent.

Parts: the name of a tool; the JSON of its arguments, which is also read as each output type; lines of further calls,
a name, a space and the arguments, which an agent's model asks for in its first turn.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import count
from typing import Any

from orchestra.agents.agent import Agent, node_of_agent
from orchestra.core import errors
from orchestra.core.budget import Budget
from orchestra.core.catalog import Code, Node
from orchestra.core.message import ToolCall
from orchestra.core.outcome import Done, Failed
from orchestra.models.wire import arguments
from orchestra.ports.model import Reply, Request
from orchestra.testing.function import FunctionModel
from orchestra.tools.structured import OutputSchema
from tests.fuzz.loop import run
from tests.fuzz.oracle import Finding, clean, parts, text, watched
from tests.fuzz.signatures import TOOLS, Colour, Point, Row, Strict, Tree
from tests.support.runtime import Rig

MOST_CALLS = 12
OUTPUTS: tuple[Any, ...] = (str, int, list[Point], Tree, Strict, Row, Colour, dict[str, int], int | str | None)


def target(data: bytes) -> None:
    name, raw, rest = parts(data, 3)
    named = {tool.name: tool for tool in TOOLS}
    tool = named.get(text(name).strip(), TOOLS[len(raw) % len(TOOLS)])
    with watched():
        _called(tool, text(raw))
    for schema in _schemas():
        with watched():
            schema.parse(text(raw))
    lines = [f"{tool.name} {text(raw)}", *text(rest).splitlines()][:MOST_CALLS]
    with watched():
        _asked([_call(line, number) for number, line in enumerate(lines)])


@cache
def _schemas() -> tuple[OutputSchema, ...]:
    return tuple(OutputSchema(one) for one in OUTPUTS)


def _called(tool: Node, raw: str) -> None:
    bound = tool.contract.bind(dict(arguments(raw)))
    code = tool.body
    assert isinstance(code, Code)
    if unknown := bound.keys() - set(tool.contract.names):
        raise Finding(f"{tool.name} was given {unknown}")
    code.fn(**bound)


def _call(line: str, number: int) -> ToolCall:
    name, _, raw = line.partition(" ")
    return ToolCall(id=f"call_{number}", name=name, arguments=arguments(raw))


def _asked(calls: list[ToolCall]) -> None:
    turns = count()

    def answer(request: Request) -> Reply:
        for message in request.messages:
            clean(message.text.encode("utf-8", "replace").decode())
        if next(turns) == 0:
            return Reply(tool_calls=tuple(calls), finish="tool_calls")
        return Reply(text=json.dumps([message.text for message in request.messages][-1]))

    rig = Rig(members=TOOLS, models={"test:function": FunctionModel(answer)})
    outcome, _ = run(rig.run(_agent(), "Go.", Budget(seconds=5)))
    if not isinstance(outcome, Done | Failed):
        raise Finding(f"an agent ended {outcome!r}")
    if outcome.cause is not None:
        clean(str(outcome.cause).encode("utf-8", "replace").decode())
        if not hasattr(errors, outcome.cause.kind):
            raise Finding(f"an agent failed with no named error: {outcome.cause}")


@cache
def _agent() -> Node:
    return node_of_agent(Agent("worker", "Works.", tools=TOOLS, model="test:function", max_turns=3), None)
