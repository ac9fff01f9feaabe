"""What a language model is to us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

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
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply. ``usage`` holds tokens and requests=1; its price is added by the runtime. ``model`` is who really
    answered.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = ZERO
    finish: Finish = "stop"
    model: str = ""


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


class Models(Protocol):
    """Names to clients. Raises UnknownModel, UnknownProvider, MissingKey, LocalModelMissing."""

    def get(self, name: str, /) -> Model: ...
