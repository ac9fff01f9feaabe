"""From the events of a run to the conversation that its answer ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestra.core.errors import JournalMissing, UnknownAgent
from orchestra.core.events import CallEnded, CallStarted, Event
from orchestra.core.ids import canonical
from orchestra.core.message import Message, assistant, messages_of, user
from orchestra.core.outcome import Done
from orchestra.core.task import Task, task_of

_TASK = frozenset(Task.__dataclass_fields__)


def conversation(events: Iterable[Event]) -> tuple[Message, ...]:
    """What the agent that answered was told and said, its answer last, without its instructions.

    Of a function, the task and what it returned.
    Raises: UnknownAgent where a run was of no one agent, JournalMissing where what was said was not kept.
    """
    calls = _Calls(events)
    end = calls.answering()
    asked = calls.last_model(end)
    if asked is None:
        return _of_function(calls.started[end.key].input, end.outcome)
    request, reply = calls.started[asked.key].input, _output(asked)
    told = _field(request, "messages")
    if told is None or _field(reply, "text") is None:
        raise _missing()
    before = [message for message in messages_of(told, "messages") if message.role != "system"]
    return (*before, assistant(_field(reply, "text")))


@dataclass(slots=True)
class _Calls:
    """The calls of a run that were done, by the call that they were part of."""

    events: Iterable[Event]
    started: dict[str, CallStarted] = field(default_factory=dict)
    below: dict[str, list[CallEnded]] = field(default_factory=lambda: defaultdict(list))
    order: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, event in enumerate(self.events):
            if isinstance(event, CallStarted):
                self.started[event.key] = event
            elif isinstance(event, CallEnded) and type(event.outcome) is Done:
                self.below[event.key.rpartition("/")[0]].append(event)
                self.order[event.key] = number

    def answering(self) -> CallEnded:
        """The call of the agent whose answer is that of the run: behind a binding, a path, or control passed on."""
        found = [one for key, ended in self.below.items() if "/" not in key for one in ended]
        while found:
            end = found[-1]
            if end.kind in ("bind", "route"):
                found = self.below[end.key]
                continue
            passed = [one for one in self.below[end.key] if one.key in self.started and self._passes(one)]
            if end.kind == "agent" and passed:
                found = self.below[passed[-1].key]
                continue
            if end.kind in ("agent", "model") and end.key in self.started:
                return end
            break
        raise UnknownAgent(
            "No one agent answered this run, so it has no conversation.",
            remedy="Ask an agent or a capability; a workflow's or a topology's answer is in result.output.",
        )

    def _passes(self, end: CallEnded) -> bool:
        return self.started[end.key].transfer == "pass"

    def last_model(self, end: CallEnded) -> CallEnded | None:
        """The model call that gave the answer; None for a function."""
        if end.kind == "model":
            return end
        # Of several models one is chosen: such a call lies one level deeper.
        nested = [one for bound in self.below[end.key] if _of_models(bound) for one in self.below[bound.key]]
        found = [one for one in (*self.below[end.key], *nested) if one.kind == "model"]
        return max(found, key=lambda one: self.order[one.key], default=None)


def _of_models(end: CallEnded) -> bool:
    return end.kind == "bind" and end.key.rpartition("/")[2].startswith("models:")


def _of_function(given: Any, outcome: Any) -> tuple[Message, ...]:
    if given is None:
        raise _missing()
    if isinstance(given, Mapping) and given.keys() == _TASK:
        given = Task(text=given["text"], input=given["input"], history=messages_of(given["history"]))
    task, output = task_of(given), outcome.output
    return (*task.history, user(task.text), assistant(output if isinstance(output, str) else canonical(output)))


def _output(end: CallEnded) -> Any:
    return getattr(end.outcome, "output", None)


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _missing() -> JournalMissing:
    return JournalMissing(
        "What was said in this run was not kept.",
        remedy="Build the team with journal=True or content=True before the run.",
    )
