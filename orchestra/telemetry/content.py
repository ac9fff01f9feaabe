"""Messages, arguments and results in the shapes of the conventions: only where content was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orchestra.telemetry.names as names
from orchestra.core.errors import NotSerialisable
from orchestra.core.ids import canonical
from orchestra.core.message import Image, Message, ToolCall
from orchestra.ports.model import Reply, Request

_FINISH = {"tool_calls": "tool_call", "refusal": "content_filter"}
"""Our words for why a reply ended to those of the conventions' messages, where they differ."""


def inference_content(request: Any, reply: Any) -> dict[str, Any]:
    """What was asked and answered, as attributes; nothing of what is no live Request or Reply."""
    found: dict[str, Any] = {}
    if isinstance(request, Request):
        instructions = [_text(one.text) for one in request.messages if one.role == "system"]
        if instructions:
            found[names.SYSTEM_INSTRUCTIONS] = instructions
        found[names.INPUT_MESSAGES] = [_message(one) for one in request.messages if one.role != "system"]
        if request.tools:
            found[names.TOOL_DEFINITIONS] = [
                {"type": "function", "name": t.name, "description": t.description, "parameters": _plain(t.parameters)}
                for t in request.tools
            ]
    if isinstance(reply, Reply):
        parts = _said(reply.text, reply.tool_calls)
        finish = _FINISH.get(reply.finish, reply.finish)
        found[names.OUTPUT_MESSAGES] = [{"role": "assistant", "parts": parts, "finish_reason": finish}]
    return found


def tool_content(arguments: Any, result: Any) -> dict[str, Any]:
    """What a tool was given and gave back."""
    found = {names.TOOL_CALL_ARGUMENTS: arguments, names.TOOL_CALL_RESULT: result}
    return {name: value for name, value in found.items() if value is not None}


def written(content: Mapping[str, Any]) -> dict[str, str]:
    """As spans hold it: JSON; what cannot be written so is named by its type."""
    found = {}
    for name, value in content.items():
        try:
            text = value if isinstance(value, str) else canonical(value)
        except (NotSerialisable, ValueError):
            text = canonical({"unrecorded": type(value).__qualname__})
        found[name] = text.encode("utf-8", "replace").decode()  # half a surrogate pair would lose the whole batch
    return found


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        response = {"type": "tool_call_response", "id": message.call_id, "response": message.text}
        return {"role": "tool", "parts": [response]}
    return {"role": message.role, "parts": [*_said(message.text, message.tool_calls), *map(_image, message.images)]}


def _said(text: str, calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    asked = [{"type": "tool_call", "id": c.id, "name": c.name, "arguments": _plain(c.arguments)} for c in calls]
    return [*([_text(text)] if text else []), *asked]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _image(image: Image) -> dict[str, Any]:
    if image.url:
        return {"type": "uri", "modality": "image", "uri": image.url}
    return {"type": "blob", "modality": "image", "mime_type": image.media_type, "content": image.data}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
