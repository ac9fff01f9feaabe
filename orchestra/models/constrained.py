"""Tools for models that have none: one JSON object per reply, either a tool call or the answer. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestra.core.message import Message, ToolCall, assistant, system, user
from orchestra.models.wire import loads
from orchestra.ports.model import Reply, Request, ToolSpec

_OPENING = re.compile(r'\s*\{\s*"answer"\s*:\s*"')
_LONGEST_OPENING = 80
# A pair of surrogates is one character: half of it is not handed over.
_CHARACTERS = re.compile(
    r'(?:[^"\\]|\\[^u]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4})*'
)

_RULES = (
    'Reply with one JSON object: {"tool": name, "arguments": {...}} to use a tool, '
    'or {"answer": ...} as soon as you can answer.\nTools:\n'
)


def constrained(request: Request) -> Request:
    """The same request without native tools: history as plain text, tools as a schema and a short system text.

    The final answer's branch carries the request's own schema, a string without one.
    Source: our default; the branches are told apart by their first key, so that a grammar decides early.
    """
    messages = _flat(request.messages)
    if not request.tools:
        return replace(request, messages=messages)
    text = _RULES + "\n".join(map(_line, request.tools))
    if messages and messages[0].role == "system":
        messages = (system(f"{messages[0].text}\n\n{text}"), *messages[1:])
    else:
        messages = (system(text), *messages)
    return replace(request, messages=messages, tools=(), schema=_choices(request))


def unconstrained(reply: Reply, request: Request) -> Reply:
    """The reply to ``constrained(request)`` as if the model had native tools.

    Call ids count on through the conversation. A text that is neither branch, cut off for instance, is left as it is.
    """
    value = loads(reply.text) if request.tools else None
    if not isinstance(value, dict):
        return reply
    name, arguments = value.get("tool"), value.get("arguments")
    if isinstance(name, str) and isinstance(arguments, dict):
        earlier = sum(len(message.tool_calls) for message in request.messages)
        call = ToolCall(id=f"call_{earlier}", name=name, arguments=arguments)
        return replace(reply, text="", tool_calls=(call,), finish="tool_calls")
    if value.keys() == {"answer"}:
        answer = value["answer"]
        plain = isinstance(answer, str) and request.schema is None
        return replace(reply, text=answer if plain else json.dumps(answer, ensure_ascii=False))
    return reply


class Answer:
    """The view of a constrained reply in pieces: the text in {"answer": "..."}, nothing of a tool call."""

    def __init__(self) -> None:
        self._rest = ""
        self._open = False
        self._over = False

    def __call__(self, piece: str) -> str:
        if self._over:
            return ""
        self._rest += piece
        if not self._open:
            found = _OPENING.match(self._rest)
            self._over = found is None and len(self._rest) > _LONGEST_OPENING
            if found is None:
                return ""
            self._open, self._rest = True, self._rest[found.end() :]
        whole = _CHARACTERS.match(self._rest)
        raw = whole.group() if whole else ""
        self._rest = self._rest[len(raw) :]
        try:
            text = json.loads(f'"{raw}"')
            self._over = self._rest.startswith('"')
            str(text).encode()
        except ValueError:
            self._over, text = True, ""
        return str(text)


def _flat(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Small chat templates drop tool turns: a call becomes what the model wrote, a result something it is told."""
    id_to_name = {call.id: call.name for message in messages for call in message.tool_calls}
    flat: list[Message] = []
    for message in messages:
        if message.role == "tool":
            flat.append(user(f"Result of {id_to_name.get(message.call_id or '', 'the tool')}: {message.text}"))
        elif message.tool_calls:
            calls = [_written(call) for call in message.tool_calls]
            flat.append(assistant("\n".join([message.text, *calls] if message.text else calls)))
        else:
            flat.append(message)
    return tuple(flat)


def _written(call: ToolCall) -> str:
    return json.dumps({"tool": call.name, "arguments": dict(call.arguments)}, ensure_ascii=False)


def _line(tool: ToolSpec) -> str:
    arguments = tool.parameters.get("properties") or {}
    about = " ".join(tool.description.split())
    return f"- {tool.name}: {about} Arguments: {json.dumps(arguments, ensure_ascii=False)}"


def _choices(request: Request) -> dict[str, Any]:
    defs: dict[str, Any] = {}
    branches = []
    for tool in request.tools:
        arguments = _hoisted({"type": "object", **tool.parameters}, f"{tool.name}-", defs)
        branches.append(_closed(tool={"type": "string", "enum": [tool.name]}, arguments=arguments))
    answer = {"type": "string"} if request.schema is None else _hoisted(request.schema, "answer-", defs)
    branches.append(_closed(answer=answer))
    return {"anyOf": branches} | ({"$defs": defs} if defs else {})


def _closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _hoisted(schema: Mapping[str, Any], prefix: str, defs: dict[str, Any]) -> Any:
    """The schema as a part of a larger one: its definitions move to the root under names of their own."""
    for name, value in (schema.get("$defs") or {}).items():
        defs[prefix + name] = _renamed(value, prefix)
    return _renamed({key: value for key, value in schema.items() if key != "$defs"}, prefix)


def _renamed(value: Any, prefix: str) -> Any:
    if isinstance(value, Mapping):
        return {
            key: item.replace("#/$defs/", f"#/$defs/{prefix}", 1)
            if key == "$ref" and isinstance(item, str)
            else _renamed(item, prefix)
            for key, item in value.items()
        }
    return [_renamed(item, prefix) for item in value] if isinstance(value, (list, tuple)) else value
