"""What a model agent is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestra.core.ids import canonical
from orchestra.core.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """``text`` is the string input, otherwise its canonical JSON; ``input`` is the value itself.

    ``history`` is the conversation before it, which a model agent sees and a function does not. ``passed_by`` are the
    agents that have handed it on, the first one first.
    """

    text: str
    input: Any = None
    history: tuple[Message, ...] = ()
    passed_by: tuple[str, ...] = ()


def task_of(value: Any) -> Task:
    """Raises NotSerialisable where the value has no JSON form."""
    if isinstance(value, Task):
        return value
    return Task(text=value if isinstance(value, str) else canonical(value), input=value)


def value_of(value: Any) -> Any:
    """What a function is given: of a task its input alone, anything else as it is."""
    if type(value) is not Task:
        return value
    return value.text if value.input is None else value.input
