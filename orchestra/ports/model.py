"""What a language model is to us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from orchestra.core.message import Message, ToolCall
from orchestra.core.usage import ZERO, Usage

Finish = Literal["stop", "length", "tool_calls", "refusal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as a model sees it. ``parameters`` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. ``schema`` asks for a reply that is JSON of this schema; ``max_tokens`` is always sent."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 512
    temperature: float | None = None
    seed: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply. ``usage`` holds tokens and requests=1; its price is added by the runtime. ``model`` is who really
    answered, ``response_id`` what the provider calls the reply, ``by`` the name that was chosen among several.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = ZERO
    finish: Finish = "stop"
    model: str = ""
    response_id: str = ""
    by: str = ""


class Delta(NamedTuple):
    """A piece of a reply as it comes. ``text`` is what it adds to the reply's text, often nothing.

    Units: ``output_bytes`` UTF-8 bytes of all that the model wrote for it, tool calls and reasoning included; their sum
    is an upper bound of the output tokens so far.
    """

    text: str = ""
    output_bytes: int = 0


OnDelta = Callable[[Delta], None]


class Model(Protocol):
    """A client of one model. Raises the errors of ModelError's tree, each attempt once: retries have one owner, the
    runtime.
    """

    name: str
    context_window: int | None

    async def request(self, request: Request, /) -> Reply: ...

    def count(self, request: Request, /) -> int:
        """An upper bound of the prompt's tokens: an exact tokeniser, or UTF-8 bytes."""
        ...


@runtime_checkable
class Streaming(Model, Protocol):
    """A model that can hand over its reply in pieces."""

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """The reply of ``request``, its pieces given to ``on_delta`` as they come; that must be quick and not raise.

        The texts joined are the reply's text, unless it was cut off. An error after the first piece bears the facts
        ``streamed_chars``, ``input_tokens`` and ``output_tokens``: what has to be paid, or its upper bound.
        """
        ...


async def streamed(model: Model, request: Request, on_delta: OnDelta) -> Reply:
    """The model's reply in pieces, in a single one from a model that cannot stream."""
    if isinstance(model, Streaming):
        return await model.stream(request, on_delta)
    reply = await model.request(request)
    on_delta(Delta(reply.text, 0))
    return reply


class Models(Protocol):
    """Names to clients. Raises UnknownModel, UnknownProvider, MissingKey, LocalModelMissing."""

    def get(self, name: str, /) -> Model: ...
