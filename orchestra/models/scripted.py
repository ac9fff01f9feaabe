"""Models that answer by a script: deterministic, free, without a network.

A token is four UTF-8 bytes, rounded up, of the canonical JSON of what is sent or answered; ``count`` is exact for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from types import TracebackType

from orchestra.core.errors import BadRequest, Overloaded
from orchestra.core.ids import canonical
from orchestra.core.message import ToolCall
from orchestra.core.usage import ZERO, Usage
from orchestra.ports.model import Delta, Model, OnDelta, Reply, Request, streamed

Answer = str | Reply | ToolCall
Step = Answer | Exception | Callable[[Request], Answer]


def tokens(value: object) -> int:
    """Four UTF-8 bytes of canonical JSON, rounded up."""
    return -(-len(canonical(value).encode("utf-8", "surrogatepass")) // 4)


def prompt_tokens(request: Request) -> int:
    return tokens([request.messages, request.tools, request.schema])


def replied(answer: Answer, request: Request, name: str, usage: Usage | None = None) -> Reply:
    """The reply with ``usage``, its own, or else the rule's; reported output never passes max_tokens."""
    if isinstance(answer, ToolCall):
        answer = Reply(tool_calls=(answer,), finish="tool_calls")
    reply = Reply(text=answer) if isinstance(answer, str) else answer
    if reply.usage is ZERO:
        made = min(tokens([reply.text, reply.tool_calls]), request.max_tokens)
        rule = Usage(input_tokens=prompt_tokens(request), output_tokens=made, requests=1)
        reply = replace(reply, usage=rule if usage is None else usage)
    return reply if reply.model else replace(reply, model=name)


def by_words(reply: Reply, on_delta: OnDelta) -> Reply:
    """The reply, its text handed over word by word."""
    for word in re.findall(r"\S*\s*", reply.text):
        if word:
            on_delta(Delta(word, len(word.encode("utf-8", "replace"))))
    return reply


class Scripted:
    """Answers with its steps, one each, in order, and remembers the ``requests``.

    A step is a text, a Reply, a ToolCall, an exception to raise, or a function of the request that gives one of the
    first three. As a context manager it fails at the end if a step was not asked for, unless the block raised.
    Raises: BadRequest when it is asked more often than it has steps; AssertionError from ``assert_consumed``.
    """

    context_window: int | None = None

    def __init__(self, *steps: Step, name: str = "test:scripted", usage: Usage | None = None) -> None:
        self.name = name
        self.requests: list[Request] = []
        self._steps = steps
        self._usage = usage

    def count(self, request: Request, /) -> int:
        return prompt_tokens(request)

    async def request(self, request: Request, /) -> Reply:
        self.requests.append(request)
        if len(self.requests) > len(self._steps):
            raise BadRequest(
                f"{self.name} has {len(self._steps)} steps and was asked {len(self.requests)} times.",
                remedy="Give it a step for each request.",
            )
        step = self._steps[len(self.requests) - 1]
        if isinstance(step, Exception):
            raise step
        answer = step if isinstance(step, (str, Reply, ToolCall)) else step(request)
        return replied(answer, request, self.name, self._usage)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """As ``request``, word by word."""
        return by_words(await self.request(request), on_delta)

    def assert_consumed(self) -> None:
        """Raises AssertionError if steps are left."""
        left = len(self._steps) - len(self.requests)
        if left > 0:
            raise AssertionError(
                f"{self.name} was not asked for {left} of {len(self._steps)} steps; next is {self._steps[-left]!r}."
            )

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.assert_consumed()


class Echo:
    """Answers with the last user turn."""

    context_window: int | None = None

    def __init__(self, name: str = "test:echo") -> None:
        self.name = name

    def count(self, request: Request, /) -> int:
        return prompt_tokens(request)

    async def request(self, request: Request, /) -> Reply:
        text = next((item.text for item in reversed(request.messages) if item.role == "user"), "")
        return replied(text, request, self.name)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """As ``request``, word by word."""
        return by_words(await self.request(request), on_delta)


class Failing:
    """Raises ``error`` on every request, and counts them in ``calls``."""

    context_window: int | None = None

    def __init__(self, error: Exception | None = None, name: str = "test:failing") -> None:
        self.name = name
        self.calls: int = 0
        self._error = error

    def count(self, request: Request, /) -> int:
        return prompt_tokens(request)

    async def request(self, request: Request, /) -> Reply:
        self.calls += 1
        if self._error is None:
            raise Overloaded(f"{self.name} always fails.")
        # A raised exception collects tracebacks and context: each call raises one of its own.
        raise copy(self._error)


class Slow:
    """Another model after a delay. Units: ``delay_s`` seconds."""

    def __init__(self, model: Model, delay_s: float) -> None:
        self.name: str = model.name
        self.context_window: int | None = model.context_window
        self._model = model
        self._delay_s = delay_s

    def count(self, request: Request, /) -> int:
        return self._model.count(request)

    async def request(self, request: Request, /) -> Reply:
        from anyio import sleep

        await sleep(self._delay_s)
        return await self._model.request(request)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        from anyio import sleep

        await sleep(self._delay_s)
        return await streamed(self._model, request, on_delta)
