"""The chat completions protocol as pure functions: our requests to bodies, bodies to our replies and errors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from orchestra.core.errors import BadRequest, ContentRefused
from orchestra.core.message import Image, Message, ToolCall
from orchestra.core.usage import Usage
from orchestra.models.sse import Event
from orchestra.models.wire import (
    PER_MESSAGE,
    PER_REQUEST,
    arguments,
    broken_off,
    clean,
    dumps,
    in_object,
    is_strict,
    loads,
    mapping,
    narrowed,
    out_of_object,
    short,
    size,
    tokens,
    without_images,
    word,
)
from orchestra.ports.model import Delta, Finish, Reply, Request, ToolSpec

PER_IMAGE = 50_000
"""An upper bound of an image's tokens, whatever its size: the dearest model known to us takes 48,169 (8 tiles)."""

# Source: the vendor's guide to structured outputs. Patterns are a dialect of their own there: they are told, not held.
LIMITS = frozenset(
    {"format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"}
)
"""What OpenAI's own models are held to; those that were fine-tuned, and Azure's, are not."""

STREAMED = {"stream": True, "stream_options": {"include_usage": True}}

_FINISH: Mapping[object, Finish] = {
    None: "stop", "stop": "stop", "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls",
}  # fmt: skip


def body(
    request: Request, model: str, *, hosted: bool = False, json_schema: bool = True, limits: Collection[str] = ()
) -> dict[str, Any]:
    """The body of POST /chat/completions.

    ``hosted`` speaks OpenAI's own dialect, which others do not all know: ``max_completion_tokens``, an object around a
    schema that is none, and ``strict`` for replies and tools wherever the schema allows it; ``limits`` are those of
    values that a strict reply is held to. Without ``json_schema`` the schema is told to the model as text and not
    enforced.
    """
    messages = [_message(message) for message in request.messages]
    data: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "max_completion_tokens" if hosted else "max_tokens": request.max_tokens,
    }
    if request.tools:
        data["tools"] = [{"type": "function", "function": _function(tool, hosted, limits)} for tool in request.tools]
    if request.schema is not None and json_schema:
        schema, strict = (
            _held(in_object(request.schema), limits) if hosted else (request.schema, is_strict(request.schema))
        )
        shape = {"name": "reply", "schema": schema, "strict": strict}
        data["response_format"] = {"type": "json_schema", "json_schema": shape}
    elif request.schema is not None:
        text = "Reply with JSON of this schema and nothing else: " + dumps(request.schema)
        messages.append({"role": "system", "content": text})
    if request.temperature is not None:
        data["temperature"] = request.temperature
    if request.seed is not None:
        data["seed"] = request.seed
    return data | dict(request.extra)


def _function(tool: ToolSpec, hosted: bool, limits: Collection[str]) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    if not hosted:
        return said
    schema, strict = _held(said["parameters"], limits)
    return said | ({"parameters": schema, "strict": True} if strict else {})


def _held(schema: Mapping[str, Any], limits: Collection[str]) -> tuple[Mapping[str, Any], bool]:
    """The schema as strict mode takes it, or as it is, and which of the two."""
    narrow = narrowed(schema, limits, complete=True)
    return (narrow, True) if is_strict(narrow, limits) else (schema, False)


def bound(data: Mapping[str, Any]) -> int:
    """An upper bound of a body's prompt tokens: a token is at least one UTF-8 byte."""
    texts, images = without_images(data["messages"])
    prompt = {"messages": texts, "tools": data.get("tools"), "response_format": data.get("response_format")}
    return size(dumps(prompt)) + PER_MESSAGE * len(texts) + PER_IMAGE * images + PER_REQUEST


def reply(data: object, request: Request, prompt_bound: int, *, hosted: bool = False) -> Reply:
    """The reply in a decoded body; tokens the server does not report are set to their upper bound and marked.

    Raises: BadRequest if the body is no chat completion, ContentRefused if the provider or the model refused.
    """
    try:
        choice = mapping(mapping(data)["choices"][0])
        message = mapping(choice["message"])
    except (KeyError, IndexError, TypeError):
        raise BadRequest(f"The server's answer is no chat completion: {short(data)}.") from None
    text, refusal, reason = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    text = clean(text) if isinstance(text, str) else ""
    raw_calls = message.get("tool_calls")
    calls = tuple(_call(item, i) for i, item in enumerate(raw_calls)) if isinstance(raw_calls, list) else ()
    usage = _usage(mapping(data).get("usage"), prompt_bound, len(dumps([text, raw_calls]).encode()))
    if reason == "content_filter" or (isinstance(refusal, str) and refusal):
        raise ContentRefused(
            f"The content was refused: {short(refusal or reason)}.",
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )
    finish: Finish = _FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"
    if calls and finish == "stop":
        finish = "tool_calls"
    if hosted and request.schema is not None and request.schema.get("type") != "object" and not calls:
        text = out_of_object(text)
    model, given = word(mapping(data).get("model")), word(mapping(data).get("id"))
    return Reply(text=text, tool_calls=calls, usage=usage, finish=finish, model=model, response_id=given)


class CompletionChunks:
    """The chunks of a streamed completion, put together."""

    def __init__(self, model: str) -> None:
        self.over = False
        self._model = model
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._index_to_call: dict[object, dict[str, Any]] = {}
        self._last: dict[str, Any] = {}

    def take(self, event: Event) -> Delta:
        """What a chunk adds. Raises BadRequest for what is no chunk, and the error that a server broke off with."""
        if event.data.strip() == "[DONE]":
            self.over = True
            return Delta()
        chunk = loads(event.data)
        if event.kind == "error" or (isinstance(chunk, dict) and chunk.get("error")):
            raise broken_off(event.data, self._model)
        if not isinstance(chunk, dict) or not isinstance(chunk.get("choices"), list):
            raise BadRequest(f"The server's stream holds what is no chunk: {short(event.data)}.")
        self._last |= {key: chunk[key] for key in ("id", "model", "usage") if chunk.get(key) is not None}
        choice = chunk["choices"][0] if chunk["choices"] else None
        if not isinstance(choice, dict):
            return Delta()
        if choice.get("finish_reason") is not None:
            self._last["finish_reason"] = choice["finish_reason"]
        delta = choice.get("delta")
        return self._add(delta) if isinstance(delta, dict) else Delta()

    def body(self) -> dict[str, Any]:
        """The completion. Raises nothing: the reader of bodies judges it."""
        message = {
            "content": "".join(self._text),
            "refusal": "".join(self._refusal),
            "tool_calls": [
                {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(call["arguments"])}}
                for call in self._index_to_call.values()
            ],
        }
        choice = {"message": message, "finish_reason": self._last.get("finish_reason")}
        return {**{key: self._last.get(key) for key in ("id", "model", "usage")}, "choices": [choice]}

    def input_tokens(self) -> int | None:
        usage = self._last.get("usage")
        return tokens(usage.get("prompt_tokens")) if isinstance(usage, dict) else None

    @property
    def complete(self) -> bool:
        """Whether the reply's end was seen: not all servers mark the stream's."""
        return self.over or "finish_reason" in self._last

    def _add(self, delta: dict[str, Any]) -> Delta:
        text, refusal, calls = delta.get("content"), delta.get("refusal"), delta.get("tool_calls")
        written = size(text) + size(refusal) + size(delta.get("reasoning_content"))
        if isinstance(refusal, str):
            self._refusal.append(refusal)
        for item in calls if isinstance(calls, list) else ():
            written += self._add_call(item)
        if not isinstance(text, str):
            return Delta("", written)
        self._text.append(text)
        return Delta(text, written)

    def _add_call(self, item: object) -> int:
        if not isinstance(item, dict):
            raise BadRequest(f"The server's stream holds what is no tool call: {short(item)}.")
        known = len(self._index_to_call)
        index = item.get("index")
        if not isinstance(index, int):
            # Servers that leave the index out send each call in one piece, with an id.
            index = known if item.get("id") or not known else known - 1
        call = self._index_to_call.setdefault(index, {"id": None, "name": None, "arguments": []})
        function = item.get("function")
        part = function if isinstance(function, dict) else {}
        call["id"] = call["id"] or item.get("id")
        call["name"] = call["name"] or part.get("name")
        if isinstance(part.get("arguments"), str):
            call["arguments"].append(part["arguments"])
        return size(part.get("name")) + size(part.get("arguments"))


def _message(message: Message) -> dict[str, Any]:
    text = clean(message.text)
    data: dict[str, Any] = {"role": message.role, "content": text}
    if message.images:
        data["content"] = [*([{"type": "text", "text": text}] if text else []), *map(_image, message.images)]
    if message.call_id is not None:
        data["tool_call_id"] = message.call_id
    if message.tool_calls:
        data["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": clean(dumps(dict(call.arguments)))},
            }
            for call in message.tool_calls
        ]
    return data


def _image(image: Image) -> dict[str, Any]:
    url = image.url or f"data:{image.media_type};base64,{image.data}"
    return {"type": "image_url", "image_url": {"url": url}}


def _call(item: object, index: int) -> ToolCall:
    try:
        function = mapping(mapping(item)["function"])
        name = function["name"]
    except (KeyError, TypeError):
        name = None
    if not isinstance(name, str) or not name:
        raise BadRequest(f"The server's answer holds a tool call without a name: {short(item)}.")
    raw, given = function.get("arguments"), mapping(item).get("id")
    call_id = given if isinstance(given, str) and given else f"call_{index}"
    return ToolCall(id=call_id, name=name, arguments=arguments(raw))


def _usage(data: object, prompt_bound: int, output_bound: int) -> Usage:
    figures = data if isinstance(data, dict) else {}
    read, written = (figures.get(f"{kind}_tokens_details") for kind in ("prompt", "completion"))
    details, reasoned = (one if isinstance(one, dict) else {} for one in (read, written))
    given, made = tokens(figures.get("prompt_tokens")), tokens(figures.get("completion_tokens"))
    return Usage(
        input_tokens=prompt_bound if given is None else given,
        output_tokens=output_bound if made is None else made,
        cached_tokens=tokens(details.get("cached_tokens")) or 0,
        cache_write_tokens=tokens(details.get("cache_write_tokens")) or 0,
        reasoning_tokens=tokens(reasoned.get("reasoning_tokens")) or 0,
        requests=1,
        estimated=given is None or made is None,
    )
