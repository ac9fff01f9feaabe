"""Our own messages: vendors meet them only in the wire mappings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's wish to have a tool run."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn. ``tool_calls`` only on assistant turns, ``call_id`` only on tool turns."""

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None


def system(text: str) -> Message:
    return Message(role="system", text=text)


def user(text: str) -> Message:
    return Message(role="user", text=text)


def assistant(text: str, *tool_calls: ToolCall) -> Message:
    return Message(role="assistant", text=text, tool_calls=tool_calls)


def tool_result(call_id: str, text: str) -> Message:
    return Message(role="tool", text=text, call_id=call_id)
