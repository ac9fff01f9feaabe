"""What the wire mappings share: JSON that may be anything, schemas, and the errors of a provider. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
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
from orchestra.models.limits import allowed_again_s, retry_after_s

UNPARSED = "unparsed_json"
"""The one argument of a tool call whose arguments were no JSON object: the validator refuses it, the model sees why."""

# Chat templates add role marks and, where a request has no system turn, a default one of their own.
PER_MESSAGE, PER_REQUEST = 16, 96

_STRICT = {
    "type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs",
    "title", "description",
}  # fmt: skip
_LIMITS = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
    "format", "minItems", "maxItems", "uniqueItems", "default", "examples",
}  # fmt: skip
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
"""Those that both vendors document."""
_QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error"}
_TOO_LONG = {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length", "request_too_large"}
_REFUSED = {"content_filter", "content_policy_violation", "responsibleaipolicyviolation", "invalid_prompt"}
_TOO_LONG_TEXT = ("maximum context length", "prompt is too long", "exceed context limit")
_QUOTA_TEXT = ("credit balance is too low", "reached your specified api usage limits")
# Models that reason take neither, whatever the value.
_PARAMETER_TO_REMEDY = {
    "temperature": "Leave the temperature out: this model takes none.",
    "max_tokens": "The model wants OpenAI's own dialect: OpenAIModel(..., hosted=True).",
}
_WORD_TO_STATUS = {
    "rate_limit_error": 429, "rate_limit_exceeded": 429, "authentication_error": 401, "invalid_api_key": 401,
    "permission_error": 403, "timeout_error": 408, "overloaded_error": 529, "api_error": 500, "server_error": 500,
    "unavailable_error": 503,
}  # fmt: skip


def failure(status: int, content: str, headers: Mapping[str, str], model: str) -> ModelError:
    """The error in a response whose status is not 200. Units: its fact ``retry_after_s`` in seconds."""
    words, message = _error_words(content)
    what = f"{model} answered {status}: {short(message)}."
    low = message.lower()
    if words & _REFUSED:
        return ContentRefused(what, status=status)
    too_large = status == 413 or (status == 429 and low.startswith("request too large"))
    if words & _TOO_LONG or too_large or (status == 400 and any(text in low for text in _TOO_LONG_TEXT)):
        return ContextWindow(what, status=status)
    if words & _QUOTA or status == 402 or (status == 400 and any(text in low for text in _QUOTA_TEXT)):
        return QuotaExceeded(what, status=status)
    if status == 429:
        wait_s = retry_after_s(headers)
        return RateLimited(what, status=status, retry_after_s=allowed_again_s(headers) if wait_s is None else wait_s)
    if status in (401, 403):
        return AuthFailed(what, status=status)
    if status in (408, 504):
        return ModelTimeout(what, status=status)
    if status >= 500:
        return Overloaded(what, status=status, retry_after_s=retry_after_s(headers))
    return BadRequest(what, remedy=_remedy(low), status=status)


def _remedy(message: str) -> str | None:
    """What to do where the model refuses a parameter that others take."""
    if not any(word in message for word in ("not support", "unsupported", "deprecated")):
        return None
    return next((fix for name, fix in _PARAMETER_TO_REMEDY.items() if re.search(rf"[`'\"]{name}\b", message)), None)


def broken_off(content: str, model: str) -> ModelError:
    """The error that a stream ends with: no status comes with it, so its words stand for one."""
    words, _ = _error_words(content)
    value = loads(content)
    error = value.get("error") if isinstance(value, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    known = [_WORD_TO_STATUS[word] for word in sorted(words) if word in _WORD_TO_STATUS]
    given = [code] if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600 else []
    return failure([*given, *known, 400][0], content, {}, model)


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def loads(text: str) -> Any:
    """The JSON value of a text; None also where it is none, too deep to read, or holds what UTF-8 cannot."""
    try:
        value = json.loads(text, parse_constant=_no_json)
        dumps(value).encode()
    except (ValueError, RecursionError):
        return None
    return value


def clean(text: str) -> str:
    """Lone surrogates cannot travel as UTF-8."""
    return text.encode("utf-8", "replace").decode()


def size(text: object) -> int:
    """UTF-8 bytes of a text, 0 for anything else."""
    return len(text.encode("utf-8", "replace")) if isinstance(text, str) else 0


def short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text.strip().rstrip(".")[:300] or "nothing"


def mapping(value: object) -> dict[str, Any]:
    """The value itself. Raises TypeError if it is no mapping."""
    if not isinstance(value, dict):
        raise TypeError
    return value


def without_images(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Messages on the wire without their images, and how many there were: their bytes say nothing of their tokens."""
    texts, images = [], 0
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            kept = [part for part in content if part.get("type") not in ("image", "image_url")]
            images += len(content) - len(kept)
            message = message | {"content": kept}
        texts.append(message)
    return texts, images


def word(value: object) -> str:
    """The value if it is a text, else nothing."""
    return value if isinstance(value, str) else ""


def tokens(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def arguments(raw: object) -> Mapping[str, Any]:
    """A tool call's arguments; what is no JSON object is kept under UNPARSED."""
    if raw is None or raw == "":
        return {}
    value = loads(raw) if isinstance(raw, str) else raw
    return value if isinstance(value, dict) else {UNPARSED: raw if isinstance(raw, str) else dumps(raw)}


def narrowed(schema: Any, limits: Collection[str] = (), *, complete: bool = False) -> Any:
    """A schema for those who take closed objects and few keywords; what fits it fits the schema, but for limits.

    Objects that say nothing of further properties have none. Limits of values that are not among ``limits`` are told in
    the description, and left to whoever reads the reply. ``complete``: what may be left out and has a default is
    required, as the default can be written.
    """
    if not isinstance(schema, Mapping):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _LIMITS or _may_stay(key, value, limits)}
    for key in ("properties", "$defs"):
        if isinstance(kept.get(key), Mapping):
            kept[key] = {name: narrowed(part, limits, complete=complete) for name, part in kept[key].items()}
    if "items" in kept:
        kept["items"] = narrowed(kept["items"], limits, complete=complete)
    if isinstance(kept.get("anyOf"), list):
        kept["anyOf"] = [narrowed(part, limits, complete=complete) for part in kept["anyOf"]]
    told = {key: schema[key] for key in schema if key not in kept}
    if told:
        words = ", ".join(f"{key}: {dumps(value)}" for key, value in told.items())
        kept["description"] = f"{schema.get('description', '')} ({words})".strip()
    if kept.get("type") == "object" and "properties" in kept:
        kept.setdefault("additionalProperties", False)
        if complete:
            kept["required"] = _with_defaults(schema)
    if "$ref" in kept and not kept.keys() <= {"$ref", "$defs"}:  # a reference stands alone
        kept["anyOf"] = [{"$ref": kept.pop("$ref")}]
    return kept


def _may_stay(key: str, value: object, limits: Collection[str]) -> bool:
    return key in limits and (key != "format" or value in _FORMATS)


def _with_defaults(schema: Mapping[str, Any]) -> list[str]:
    required = schema.get("required") or ()
    return [
        n
        for n, part in schema["properties"].items()
        if n in required or (isinstance(part, Mapping) and "default" in part)
    ]


def is_strict(schema: Any, limits: Collection[str] = (), *, complete: bool = True) -> bool:
    """Whether a vendor's strict mode takes a schema: closed objects and known keywords only, and these ``limits``.

    ``complete``: objects also require all they name (OpenAI's rule).
    """
    if not isinstance(schema, Mapping) or not {"type", "anyOf", "$ref"} & schema.keys():
        return False
    if any(key not in _STRICT and not _may_stay(key, value, limits) for key, value in schema.items()):
        return False
    if schema.get("type") == "array" and "items" not in schema:
        return False
    parts = [*(schema.get("properties") or {}).values(), *(schema.get("$defs") or {}).values()]
    parts += [*(schema.get("anyOf") or ()), *([schema["items"]] if "items" in schema else [])]
    closed = schema.get("additionalProperties") is False
    if complete:
        closed = closed and set(schema.get("properties") or ()) == set(schema.get("required") or ())
    closed = closed or schema.get("type") != "object"
    return closed and all(is_strict(part, limits, complete=complete) for part in parts)


def in_object(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema for those who take objects at the root only: anything else becomes the object's one value."""
    if schema.get("type") == "object":
        return schema
    inner = {key: value for key, value in schema.items() if key != "$defs"}
    root = {"type": "object", "properties": {"value": inner}, "required": ["value"], "additionalProperties": False}
    return root | ({"$defs": schema["$defs"]} if "$defs" in schema else {})


def out_of_object(text: str) -> str:
    value = loads(text)
    return dumps(value["value"]) if isinstance(value, dict) and value.keys() == {"value"} else text


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _error_words(content: str) -> tuple[set[str], str]:
    """The codes and types in an error body, lower case, and its message; servers nest them differently."""
    data = loads(content)
    data = data[0] if isinstance(data, list) and data else data
    error = data.get("error", data) if isinstance(data, dict) else content
    if not isinstance(error, dict):
        return set(), error if isinstance(error, str) else content
    inner = error.get("innererror")
    found = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    message = error.get("message")
    return {item.lower() for item in found if isinstance(item, str)}, message if isinstance(message, str) else content
