"""The tools of a scenario: they act, or they are down and say so before they do anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from orchestra.core.catalog import Code, Contract, Node
from orchestra.core.errors import NoEffect
from orchestra.models.scripted import prompt_tokens, replied
from orchestra.ports.model import Reply, Request

NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(slots=True)
class World:
    """What really happens, noted where it happens: ``attempts`` are all calls of tools, ``acted`` those that worked."""

    down: frozenset[str]
    attempts: list[str] = field(default_factory=list)
    acted: list[str] = field(default_factory=list)

    def tools(self, names: Iterable[str]) -> dict[str, Node]:
        return {name: self._tool(name) for name in names}

    def _tool(self, name: str) -> Node:
        async def body() -> str:
            self.attempts.append(name)
            if name in self.down:
                raise NoEffect(f"{name} is down.")
            self.acted.append(name)
            return f"{name} ok"

        return Node(
            name=name,
            kind="tool",
            body=Code(fn=body, context=None, is_async=True),
            contract=Contract(bind=lambda value: {}, schema=NO_ARGUMENTS),
            description=f"Calls {name}.",
            side_effect=name,
        )


class Answering:
    """A model that is a function of the request, and counts its ``calls``."""

    context_window: int | None = None

    def __init__(self, fn: Callable[[Request], Any], name: str) -> None:
        self.name = name
        self.calls = 0
        self._fn = fn

    def count(self, request: Request, /) -> int:
        return prompt_tokens(request)

    async def request(self, request: Request, /) -> Reply:
        self.calls += 1
        return replied(self._fn(request), request, self.name)
