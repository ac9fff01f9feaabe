"""The messages protocol as pure functions: our requests to bodies, bodies and events to our replies."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from orchestra.ports.model import Delta, Finish, Reply, Request

ANSWER = "final_answer"
"""The tool whose arguments are the reply, where a schema is enforced by a forced tool."""

PER_IMAGE = 6_000
"""An upper bound of an image's tokens: the vendor scales it down to less, at width times height by 750."""

# Offering tools adds a system text of the vendor's own, 313 to 346 tokens by its documentation.
PER_TOOLS = 700
LIMITS = ("format",)
"""The limits of values that a reply is held to where the vendor enforces a schema."""
STREAMED = {"stream": True}

_FINISH: Mapping[object, Finish] = {
    "max_tokens": "length", "model_context_window_exceeded": "length", "tool_use": "tool_calls",
}  # fmt: skip
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


def body(request: Request, model: str, *, hosted: bool = False) -> dict[str, Any]:
    """The body of POST /v1/messages. It has no seed; all system turns become the one system text.

    A schema is enforced by ``output_config`` where ``hosted`` (the vendor's own server) and the vendor takes that
    schema, otherwise by a tool that the model must use.
    """
    data: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_tokens,
        "messages": _turns(request.messages),
    }
    told = [clean(message.text) for message in request.messages if message.role == "system" and message.text]
    if told:
        data["system"] = "\n\n".join(told)
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": {"type": "object", **tool.parameters}}
        for tool in request.tools
    ]
    schema = None if request.schema is None else in_object(request.schema)
    if schema is not None and forced(request, hosted=hosted):
        tools.append({"name": ANSWER, "description": "Gives the final answer.", "input_schema": schema})
        choice = {"type": "any"} if request.tools else {"type": "tool", "name": ANSWER}
        data["tool_choice"] = choice | {"disable_parallel_tool_use": True}
    elif schema is not None:
        data["output_config"] = {"format": {"type": "json_schema", "schema": narrowed(schema, LIMITS)}}
    if hosted and not tools and (names := _names(request.messages)):
        # Calls in the history need their tools defined, also where none is offered any more.
        tools = [{"name": name, "description": "", "input_schema": {"type": "object"}} for name in names]
        data["tool_choice"] = {"type": "none"}
    if tools:
        data["tools"] = tools
    if request.temperature is not None:
        data["temperature"] = request.temperature
    return data | dict(request.extra)


def forced(request: Request, *, hosted: bool) -> bool:
    """Whether the request's schema is enforced by a forced tool."""
    if request.schema is None:
        return False
    return not (hosted and is_strict(narrowed(in_object(request.schema), LIMITS), LIMITS, complete=False))


def bound(data: Mapping[str, Any]) -> int:
    """An upper bound of a body's prompt tokens: a token is at least one UTF-8 byte."""
    texts, images = without_images(data["messages"])
    prompt = [texts, data.get("system"), data.get("tools"), data.get("output_config")]
    added = PER_MESSAGE * len(texts) + PER_IMAGE * images + PER_REQUEST + (PER_TOOLS if data.get("tools") else 0)
    return size(dumps(prompt)) + added


def reply(data: object, request: Request, prompt_bound: int, *, hosted: bool = False) -> Reply:
    """The reply in a decoded body; tokens the server does not report are set to their upper bound and marked.

    Raises: BadRequest if the body is no message, ContentRefused if the model refused.
    """
    try:
        message = mapping(data)
        blocks = [mapping(block) for block in _list(message["content"])]
    except (KeyError, TypeError):
        raise BadRequest(f"The server's answer is no message: {short(data)}.") from None
    text = "".join(_text(block) for block in blocks)
    calls = [_call(block, i) for i, block in enumerate(blocks) if block.get("type") == "tool_use"]
    usage = _usage(message.get("usage"), prompt_bound, size(dumps(blocks)))
    reason = message.get("stop_reason")
    if reason == "refusal":
        details = message.get("stop_details")
        why = details.get("explanation") if isinstance(details, dict) else None
        raise ContentRefused(
            f"The content was refused: {short(why or reason)}.",
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )
    finish: Finish = _FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"
    if forced(request, hosted=hosted):
        answers = [call for call in calls if call.name == ANSWER]
        calls = [call for call in calls if call.name != ANSWER]
        if answers and not calls:
            text = dumps(dict(answers[0].arguments))
            finish = "length" if finish == "length" else "stop"
    if request.schema is not None and request.schema.get("type") != "object" and not calls:
        text = out_of_object(text)
    if calls and finish == "stop":
        finish = "tool_calls"
    return Reply(
        text=text,
        tool_calls=tuple(calls),
        usage=usage,
        finish=finish,
        model=word(message.get("model")),
        response_id=word(message.get("id")),
    )


class MessageChunks:
    """The events of a streamed message, put together."""

    def __init__(self, model: str) -> None:
        self.over = False
        self._model = model
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._index_to_block: dict[object, dict[str, Any]] = {}

    def take(self, event: Event) -> Delta:
        """What an event adds; unknown kinds add nothing, as the protocol asks. Raises BadRequest for what is none, and
        the error that a server broke off with.
        """
        data = loads(event.data)
        kind = data.get("type") if isinstance(data, dict) else None
        if kind == "error" or event.kind == "error":
            raise broken_off(event.data, self._model)
        if not isinstance(data, dict) or not isinstance(kind, str):
            raise BadRequest(f"The server's stream holds what is no event: {short(event.data)}.")
        if kind == "message_start":
            message = data.get("message")
            self._note(message if isinstance(message, dict) else {})
        elif kind == "content_block_start":
            return self._start(data.get("index"), data.get("content_block"))
        elif kind == "content_block_delta":
            return self._add(data.get("index"), data.get("delta"))
        elif kind == "message_delta":
            delta = data.get("delta")
            self._note((delta if isinstance(delta, dict) else {}) | {"usage": data.get("usage")})
        elif kind == "message_stop":
            self.over = True
        return Delta()

    def body(self) -> dict[str, Any]:
        """The message. Raises nothing: the reader of bodies judges it."""
        blocks = []
        for block in self._index_to_block.values():
            if block["type"] == "tool_use":
                blocks.append(block["block"] | ({"input": "".join(block["parts"])} if block["parts"] else {}))
            elif block["type"] == "text":
                blocks.append({"type": "text", "text": "".join(block["parts"])})
        return self._message | {"content": blocks, "usage": self._usage}

    def input_tokens(self) -> int | None:
        return _input_tokens(self._usage)

    @property
    def complete(self) -> bool:
        """Whether the reply's end was seen."""
        return self.over or "stop_reason" in self._message

    def _note(self, message: dict[str, Any]) -> None:
        kept = ("id", "model", "stop_reason", "stop_details")
        self._message |= {key: message[key] for key in kept if message.get(key) is not None}
        usage = message.get("usage")
        if isinstance(usage, dict):
            self._usage |= {key: value for key, value in usage.items() if value is not None}

    def _start(self, index: object, block: object) -> Delta:
        if not isinstance(index, int) or not isinstance(block, dict):
            raise BadRequest(f"The server's stream holds what is no block: {short(block)}.")
        if index in self._index_to_block:
            # What was shown of the first one cannot be taken back.
            raise BadRequest(f"The server's stream begins block {index} twice: {short(block)}.")
        text = block.get("text") if block.get("type") == "text" else None
        parts = [text] if isinstance(text, str) and text else []
        self._index_to_block[index] = {"type": block.get("type"), "block": block, "parts": parts}
        return Delta("".join(parts), size(text) + size(block.get("name")))

    def _add(self, index: object, delta: object) -> Delta:
        block = self._index_to_block.get(index) if isinstance(index, int) else None
        if block is None or not isinstance(delta, dict):
            raise BadRequest(f"The server's stream holds a piece of no block: {short(delta)}.")
        text, part, thought = delta.get("text"), delta.get("partial_json"), delta.get("thinking")
        written = size(text) + size(part) + size(thought)
        piece = text if block["type"] == "text" else part
        if not isinstance(piece, str):
            return Delta("", written)
        block["parts"].append(piece)
        return Delta(piece if block["type"] == "text" else "", written)


def _names(messages: tuple[Message, ...]) -> list[str]:
    return sorted({call.name for message in messages for call in message.tool_calls})


def _turns(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Turns of one role that follow each other are one: results of tools belong together, and are the user's."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not turns or turns[-1]["role"] != role:
            turns.append({"role": role, "content": []})
        turns[-1]["content"] += _blocks(message)
    return turns


def _blocks(message: Message) -> list[dict[str, Any]]:
    text = clean(message.text)
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": _id(message.call_id or ""), "content": text}]
    # An empty text is refused by the vendor; so is one that its own replies end in.
    shown = text.rstrip() if message.role == "assistant" else text
    blocks: list[dict[str, Any]] = [{"type": "text", "text": shown}] if shown else []
    blocks += map(_image, message.images)
    for call in message.tool_calls:
        given = loads(clean(dumps(dict(call.arguments))))
        blocks.append({"type": "tool_use", "id": _id(call.id), "name": call.name, "input": given or {}})
    return blocks


def _image(image: Image) -> dict[str, Any]:
    if image.url:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data}}


def _id(text: str) -> str:
    """Ids of other vendors may hold what this one refuses."""
    return _FOREIGN.sub("_", text) or "call"


def _text(block: dict[str, Any]) -> str:
    text = block.get("text")
    return clean(text) if block.get("type") == "text" and isinstance(text, str) else ""


def _call(block: dict[str, Any], index: int) -> ToolCall:
    name, given = block.get("name"), block.get("id")
    if not isinstance(name, str) or not name:
        raise BadRequest(f"The server's answer holds a tool call without a name: {short(block)}.")
    call_id = given if isinstance(given, str) and given else f"call_{index}"
    return ToolCall(id=call_id, name=name, arguments=arguments(block.get("input")))


def _usage(data: object, prompt_bound: int, output_bound: int) -> Usage:
    figures = data if isinstance(data, dict) else {}
    details = figures.get("output_tokens_details")
    details = details if isinstance(details, dict) else {}
    given, made = _input_tokens(figures), tokens(figures.get("output_tokens"))
    return Usage(
        input_tokens=prompt_bound if given is None else given,
        output_tokens=output_bound if made is None else made,
        cached_tokens=tokens(figures.get("cache_read_input_tokens")) or 0,
        cache_write_tokens=tokens(figures.get("cache_creation_input_tokens")) or 0,
        reasoning_tokens=tokens(details.get("thinking_tokens")) or 0,
        requests=1,
        estimated=given is None or made is None,
    )


def _input_tokens(figures: dict[str, Any]) -> int | None:
    """The vendor counts cached tokens apart, we among the others."""
    given = tokens(figures.get("input_tokens"))
    cached = (tokens(figures.get(f"cache_{kind}_input_tokens")) or 0 for kind in ("creation", "read"))
    return None if given is None else given + sum(cached)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value
