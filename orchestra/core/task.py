"""What a model agent is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestra.core.ids import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """``text`` is the string input, otherwise its canonical JSON; ``input`` is the value itself."""

    text: str
    input: Any = None


def task_of(value: Any) -> Task:
    """Raises NotSerialisable where the value has no JSON form."""
    if isinstance(value, Task):
        return value
    return Task(text=value if isinstance(value, str) else canonical(value), input=value)
