"""A model that is a function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from orchestra.models.scripted import Answer, by_words, prompt_tokens, replied
from orchestra.ports.model import OnDelta, Reply, Request


class FunctionModel:
    """Answers with what ``fn`` makes of the request, sync or async: a text, a Reply or a ToolCall.

    Remembers the ``requests``. Tokens are counted as by Scripted. Raises: what ``fn`` raises.
    """

    context_window: int | None = None

    def __init__(self, fn: Callable[[Request], Answer | Awaitable[Answer]], *, name: str = "test:function") -> None:
        self.name = name
        self.requests: list[Request] = []
        self._fn = fn

    def count(self, request: Request, /) -> int:
        return prompt_tokens(request)

    async def request(self, request: Request, /) -> Reply:
        self.requests.append(request)
        made = self._fn(request)
        return replied(await made if isawaitable(made) else made, request, self.name)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """As ``request``, word by word."""
        return by_words(await self.request(request), on_delta)
