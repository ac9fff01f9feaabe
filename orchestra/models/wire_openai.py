"""The chat completions protocol as pure functions: our requests to bodies, bodies to our replies and errors."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from orchestra.core.errors import (
    AuthFailed,
    BadRequest,
    ContentRefused,
    ContextWindow,
    ModelError,
    ModelTimeout,
    Overloaded,
    QuotaExceeded,
    RateLimited,
)
from orchestra.core.message import Message, ToolCall
from orchestra.core.usage import Usage
from orchestra.ports.model import Finish, Reply, Request

UNPARSED = "unparsed_json"
"""The one argument of a tool call whose arguments were no JSON object: the validator refuses it, the model sees why."""

# Chat templates add role marks and, where a request has no system turn, a default one of their own.
PER_MESSAGE, PER_REQUEST = 16, 96

_FINISH: Mapping[object, Finish] = {
    None: "stop", "stop": "stop", "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls",
}  # fmt: skip
_STRICT = {
    "type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs",
    "title", "description",
}  # fmt: skip
_QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_TOO_LONG = {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"}
_REFUSED = {"content_filter", "content_policy_violation", "responsibleaipolicyviolation"}


def body(request: Request, model: str, *, hosted: bool = False, json_schema: bool = True) -> dict[str, Any]:
    """The body of POST /chat/completions.

    ``hosted`` speaks OpenAI's own dialect, which others do not all know: ``max_completion_tokens``, and an object
    around a schema that is none. Without ``json_schema`` the schema is told to the model as text and not enforced.
    """
    messages = [_message(message) for message in request.messages]
    data: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "max_completion_tokens" if hosted else "max_tokens": request.max_tokens,
    }
    if request.tools:
        data["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
    if request.schema is not None and json_schema:
        schema = _in_object(request.schema) if hosted else request.schema
        shape = {"name": "reply", "schema": schema, "strict": is_strict(schema)}
        data["response_format"] = {"type": "json_schema", "json_schema": shape}
    elif request.schema is not None:
        text = "Reply with JSON of this schema and nothing else: " + _dumps(request.schema)
        messages.append({"role": "system", "content": text})
    if request.temperature is not None:
        data["temperature"] = request.temperature
    if request.seed is not None:
        data["seed"] = request.seed
    return data | dict(request.extra)


def bound(data: Mapping[str, Any]) -> int:
    """An upper bound of a body's prompt tokens: a token is at least one UTF-8 byte."""
    prompt = {key: data.get(key) for key in ("messages", "tools", "response_format")}
    return len(_dumps(prompt).encode()) + PER_MESSAGE * len(data["messages"]) + PER_REQUEST


def is_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes a schema: closed objects that require all they name, known keywords only."""
    if not isinstance(schema, Mapping) or not schema.keys() <= _STRICT:
        return False
    parts = [*(schema.get("properties") or {}).values(), *(schema.get("$defs") or {}).values()]
    parts += [*(schema.get("anyOf") or ()), *([schema["items"]] if "items" in schema else [])]
    closed = schema.get("additionalProperties") is False
    complete = set(schema.get("properties") or ()) == set(schema.get("required") or ())
    return (schema.get("type") != "object" or (closed and complete)) and all(map(is_strict, parts))


def reply(data: object, request: Request, prompt_bound: int, *, hosted: bool = False) -> Reply:
    """The reply in a decoded body; tokens the server does not report are set to their upper bound and marked.

    Raises: BadRequest if the body is no chat completion, ContentRefused if the provider or the model refused.
    """
    try:
        choice = _mapping(_mapping(data)["choices"][0])
        message = _mapping(choice["message"])
    except (KeyError, IndexError, TypeError):
        raise BadRequest(f"The server's answer is no chat completion: {_short(data)}.") from None
    text, refusal, reason = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    text = _clean(text) if isinstance(text, str) else ""
    raw_calls = message.get("tool_calls")
    calls = tuple(_call(item, i) for i, item in enumerate(raw_calls)) if isinstance(raw_calls, list) else ()
    usage = _usage(_mapping(data).get("usage"), prompt_bound, len(_dumps([text, raw_calls]).encode()))
    if reason == "content_filter" or (isinstance(refusal, str) and refusal):
        raise ContentRefused(
            f"The content was refused: {_short(refusal or reason)}.",
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )
    finish: Finish = _FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"
    if calls and finish == "stop":
        finish = "tool_calls"
    if hosted and request.schema is not None and request.schema.get("type") != "object" and not calls:
        text = _out_of_object(text)
    model = _mapping(data).get("model")
    return Reply(text=text, tool_calls=calls, usage=usage, finish=finish, model=model if isinstance(model, str) else "")


def failure(status: int, content: str, headers: Mapping[str, str], model: str) -> ModelError:
    """The error in a response whose status is not 200. Units: its fact ``retry_after_s`` in seconds."""
    words, message = _error_words(content)
    what = f"{model} answered {status}: {_short(message)}."
    if words & _REFUSED:
        return ContentRefused(what, status=status)
    if words & _TOO_LONG or status == 413 or (status == 400 and "maximum context length" in message.lower()):
        return ContextWindow(what, status=status)
    if words & _QUOTA or status == 402:
        return QuotaExceeded(what, status=status)
    if status == 429:
        return RateLimited(what, status=status, retry_after_s=retry_after_s(headers))
    if status in (401, 403):
        return AuthFailed(what, status=status)
    if status == 408:
        return ModelTimeout(what, status=status)
    if status >= 500:
        return Overloaded(what, status=status, retry_after_s=retry_after_s(headers))
    return BadRequest(what, status=status)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait that the headers ask for; a date counts from the response's own date, so that no clock is needed."""
    low = {key.lower(): value for key, value in headers.items()}
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            wait = float(low[name]) * unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(wait):
            return max(wait, 0.0)
    try:
        until, since = parsedate_to_datetime(low["retry-after"]), parsedate_to_datetime(low["date"])
        return max((until - since).total_seconds(), 0.0)
    except (KeyError, ValueError, TypeError):
        return None


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _clean(text: str) -> str:
    """Lone surrogates cannot travel as UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _message(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = {"role": message.role, "content": _clean(message.text)}
    if message.call_id is not None:
        data["tool_call_id"] = message.call_id
    if message.tool_calls:
        data["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _clean(_dumps(dict(call.arguments)))},
            }
            for call in message.tool_calls
        ]
    return data


def _call(item: object, index: int) -> ToolCall:
    try:
        function = _mapping(_mapping(item)["function"])
        name = function["name"]
    except (KeyError, TypeError):
        name = None
    if not isinstance(name, str) or not name:
        raise BadRequest(f"The server's answer holds a tool call without a name: {_short(item)}.")
    raw, given = function.get("arguments"), _mapping(item).get("id")
    call_id = given if isinstance(given, str) and given else f"call_{index}"
    return ToolCall(id=call_id, name=name, arguments=_arguments(raw))


def _arguments(raw: object) -> Mapping[str, Any]:
    if raw is None or raw == "":
        return {}
    value = loads(raw) if isinstance(raw, str) else raw
    return value if isinstance(value, dict) else {UNPARSED: raw if isinstance(raw, str) else _dumps(raw)}


def loads(text: str) -> Any:
    """The JSON value of a text; None also where it is none, too deep to read, or holds what UTF-8 cannot."""
    try:
        value = json.loads(text, parse_constant=_no_json)
        _dumps(value).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _usage(data: object, prompt_bound: int, output_bound: int) -> Usage:
    figures = data if isinstance(data, dict) else {}
    details = figures.get("prompt_tokens_details")
    given, made = _tokens(figures.get("prompt_tokens")), _tokens(figures.get("completion_tokens"))
    return Usage(
        input_tokens=prompt_bound if given is None else given,
        output_tokens=output_bound if made is None else made,
        cached_tokens=(_tokens(details.get("cached_tokens")) or 0) if isinstance(details, dict) else 0,
        requests=1,
        estimated=given is None or made is None,
    )


def _tokens(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text.strip().rstrip(".")[:300] or "nothing"


def _error_words(content: str) -> tuple[set[str], str]:
    """The codes and types in an error body, lower case, and its message; servers nest them differently."""
    data = loads(content)
    error = data.get("error", data) if isinstance(data, dict) else content
    if not isinstance(error, dict):
        return set(), error if isinstance(error, str) else content
    inner = error.get("innererror")
    found = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    message = error.get("message")
    return {item.lower() for item in found if isinstance(item, str)}, message if isinstance(message, str) else content


def _in_object(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """OpenAI takes objects at the root only: anything else becomes the object's one value."""
    if schema.get("type") == "object":
        return schema
    inner = {key: value for key, value in schema.items() if key != "$defs"}
    root = {"type": "object", "properties": {"value": inner}, "required": ["value"], "additionalProperties": False}
    return root | ({"$defs": schema["$defs"]} if "$defs" in schema else {})


def _out_of_object(text: str) -> str:
    value = loads(text)
    return _dumps(value["value"]) if isinstance(value, dict) and value.keys() == {"value"} else text
