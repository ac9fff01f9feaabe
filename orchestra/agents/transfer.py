"""Hand-offs as tools: what the model is shown, what goes along, and what comes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from orchestra.core.call import Batch, Call, NodeName, Plan
from orchestra.core.catalog import Catalog, Contract, Node, Planning
from orchestra.core.errors import BadInput, BadReply, Declined, LoopDetected
from orchestra.core.ids import canonical, digest
from orchestra.core.message import Message, ToolCall, assistant, tool_result
from orchestra.core.outcome import Done, Failed, cause_of, failed
from orchestra.core.task import Task
from orchestra.ports.model import ToolSpec
from orchestra.tools.structured import OutputSchema

Mode = Literal["return", "pass"]
PREFIX = "transfer_to_"
LONGEST_NAME = 64
DESCRIBED = 3
"""How many providers of a capability a model is told of. Our default."""
MESSAGE_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "description": "What is to be done, with every fact that it takes."},
    },
    "required": ["message"],
    "additionalProperties": False,
}
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")


def tool_name(name: str) -> str:
    """What the model calls a hand-off to that name: only characters that every provider takes, at most 64."""
    made = PREFIX + _FOREIGN.sub("_", name)
    return made if len(made) <= LONGEST_NAME else f"{made[: LONGEST_NAME - 9]}_{digest(name, 4)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A hand-off as the loop offers it. ``to`` is a capability or a name of the catalogue, or the node itself.

    ``fits`` turns the target's answer into one of whoever passed control; it raises BadReply.
    """

    tool: str
    to: str | Node
    mode: Mode
    description: str = ""
    fits: Callable[[Any], Any]

    def spec(self, catalog: Catalog) -> ToolSpec:
        """The tool that stands for it; what the target does is read from today's catalogue, unless it is given."""
        name = self.to if isinstance(self.to, str) else self.to.name
        does = (
            f"Asks {name} and brings the answer back."
            if self.mode == "return"
            else f"Hands the conversation over to {name}, whose answer is the final one."
        )
        about = self.description or " ".join(_descriptions(self.target(catalog), catalog))
        return ToolSpec(name=self.tool, description=f"{does} {about}".strip(), parameters=MESSAGE_SCHEMA)

    def target(self, catalog: Catalog) -> str | Node | NodeName:
        """A capability goes before a node of the same name, as for a run's ``to=``."""
        if isinstance(self.to, str) and self.to not in catalog.capability_to_names and self.to in catalog.nodes:
            return NodeName(name=self.to)
        return self.to

    def node(self, by: str, task: Task, conversation: tuple[Message, ...], catalog: Catalog) -> Node:
        """The tool, ready to be called by the agent ``by`` with what was said so far."""
        passed_by = (*task.passed_by, by)
        plan = partial(self._plan, self.target(catalog), conversation, passed_by)
        return Node(
            name=self.tool,
            kind="tool",
            body=Planning(plan=plan),
            contract=Contract(bind=_bind, names=("message",), schema=MESSAGE_SCHEMA),
            transfer=self.mode,
        )

    def _plan(self, target: Any, history: tuple[Message, ...], passed_by: tuple[str, ...], value: Any) -> Plan:
        message = _bind(value)["message"]
        task = Task(text=message, input=message, history=history, passed_by=passed_by)
        (outcome,) = yield Batch(calls=(Call(target=target, input=task),))
        if type(outcome) is not Done or self.mode == "return":
            return outcome
        try:
            return Done(output=self.fits(outcome.output))
        except BadReply as error:
            return failed(error)


def _bind(value: Any) -> dict[str, Any]:
    message = value.get("message") if isinstance(value, Mapping) and value.keys() == {"message"} else None
    if not isinstance(message, str) or not message.strip():
        raise BadInput("A hand-off takes one text, the message.", remedy="Say in it what is to be done.")
    return {"message": message}


def _descriptions(target: str | Node | NodeName, catalog: Catalog) -> list[str]:
    if isinstance(target, str):
        nodes = catalog.providers(target)
    else:
        nodes = (target if isinstance(target, Node) else catalog.nodes[target.name],)
    return list(dict.fromkeys(node.description for node in nodes if node.description))[:DESCRIBED]


def fitting(output_type: Any, schema: OutputSchema | None) -> Callable[[Any], Any]:
    """How another agent's answer becomes one of ``output_type``: as it is where none is declared."""
    return partial(_fitted, output_type, schema)


def _fitted(output_type: Any, schema: OutputSchema | None, value: Any) -> Any:
    if schema is None:
        if output_type is str and not isinstance(value, str):
            raise BadReply(f"The answer is a {type(value).__name__}, not a text.", remedy="")
        return value
    if not isinstance(value, str):
        return _parsed(schema, canonical(value))
    try:
        return _parsed(schema, value)
    except BadReply:
        return _parsed(schema, canonical(value))  # a text may itself be the value: one of an enumeration's


def _parsed(schema: OutputSchema, text: str) -> Any:
    try:
        return schema.parse(text)
    except BadReply as error:
        raise BadReply(f"The answer cannot be passed on: {error.what}", remedy="Ask again for it, or answer.") from None


def going_along(messages: Sequence[Message], answered: Sequence[tuple[ToolCall, str]] = ()) -> tuple[Message, ...]:
    """The conversation without instructions; its last turn keeps of its tool calls those that are answered."""
    *before, last = (message for message in messages if message.role != "system")
    calls = [call for call, _ in answered]
    turn = [assistant(last.text, *calls)] if last.text or calls else []
    return (*before, *turn, *(tool_result(call.id, text) for call, text in answered))


def circle(name: str, passed_by: Sequence[str]) -> Failed:
    """Why an agent does not take up what it has handed on itself. It is no fault of its: its health is untouched."""
    way = " -> ".join([*passed_by, name])
    error = LoopDetected(
        f"{name!r} has handed this on itself ({way}) and waits for the answer.",
        remedy="Answer as far as you can, or hand it to somebody else.",
    )
    return Failed(cause=cause_of(error, Declined))
