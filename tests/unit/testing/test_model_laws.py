"""Our models keep the laws; models that break one are found out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest

from orchestra.core.usage import Usage
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.cache import Cached
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Delta, Model, OnDelta, Reply, Request
from orchestra.testing import Echo, Failing, FunctionModel, LawBroken, Slow, model_laws


def function() -> Model:
    return FunctionModel(lambda request: f"{len(request.messages)} turns.")


def completed(request: httpx2.Request) -> httpx2.Response:
    usage = {"prompt_tokens": 7, "completion_tokens": 1}
    choice = {"message": {"content": "7"}, "finish_reason": "stop"}
    return httpx2.Response(200, json={"model": "m", "choices": [choice], "usage": usage})


def messaged(request: httpx2.Request) -> httpx2.Response:
    usage = {"input_tokens": 7, "output_tokens": 1}
    content = [{"type": "text", "text": "7"}]
    return httpx2.Response(
        200, json={"model": "m", "content": content, "stop_reason": "end_turn", "usage": usage, "role": "assistant"}
    )


OURS: list[Callable[[], Model]] = [
    function,
    lambda: Slow(function(), 0.0),
    lambda: Cached(function()),
    lambda: OpenAIModel("m", transport=httpx2.MockTransport(completed)),
    lambda: AnthropicModel("m", transport=httpx2.MockTransport(messaged)),
]


@pytest.mark.parametrize("make", OURS, ids=["function", "slow", "cached", "openai", "anthropic"])
def test_our_models_keep_the_laws(make: Callable[[], Model]) -> None:
    anyio.run(model_laws, make)


def test_the_laws_run_on_trio() -> None:
    anyio.run(model_laws, lambda: Cached(function()), backend="trio")


class Changed(Echo):
    """A good model, but for one thing."""

    def changed(self, reply: Reply, request: Request) -> Reply:
        return reply

    async def request(self, request: Request, /) -> Reply:
        good = replace(await super().request(request), text="7")
        return self.changed(good, request)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        reply = await self.request(request)
        on_delta(Delta(reply.text, 1))
        return reply


class Nameless(Changed):
    def __init__(self) -> None:
        super().__init__(name="")


class Unsteady(Changed):
    asked = 0

    def count(self, request: Request, /) -> int:
        self.asked += 1
        return super().count(request) + self.asked


class Flat(Changed):
    def count(self, request: Request, /) -> int:
        return 10_000


class Silent(Changed):
    def changed(self, reply: Reply, request: Request) -> Reply:
        return replace(reply, text="")


class Low(Changed):
    def changed(self, reply: Reply, request: Request) -> Reply:
        return replace(reply, usage=replace(reply.usage, input_tokens=self.count(request) + 1))


class Priced(Changed):
    def changed(self, reply: Reply, request: Request) -> Reply:
        return replace(reply, usage=reply.usage + Usage(nano_usd=5))


class Verbose(Changed):
    def changed(self, reply: Reply, request: Request) -> Reply:
        return replace(reply, usage=replace(reply.usage, output_tokens=request.max_tokens + 1))


class Crashing(Changed):
    def changed(self, reply: Reply, request: Request) -> Reply:
        return replace(reply, text=str(request.messages[0].text and 7))


class Repeating(Changed):
    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        on_delta(Delta("7", 1))
        return await super().stream(request, on_delta)


FAULTS: list[tuple[Callable[[], Model], str]] = [
    (Nameless, "it_is_named"),
    (Unsteady, "count_is_steady"),
    (Flat, "count_is_steady"),
    (Silent, "it_replies"),
    (Low, "usage_is_within_count"),
    (Priced, "usage_is_of_one_request"),
    (Verbose, "output_is_within_max_tokens"),
    (Crashing, "errors_are_of_the_tree"),
    (Repeating, "pieces_make_the_text"),
]


def broken_by(make: Callable[[], Model]) -> set[str]:
    try:
        anyio.run(model_laws, make)
    except LawBroken as error:
        return set(error.laws)
    return set()


def test_the_pattern_of_the_faults_is_good() -> None:
    assert broken_by(Changed) == set()


@pytest.mark.parametrize(("make", "law"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_model_is_found_out(make: Callable[[], Model], law: str) -> None:
    assert broken_by(make) == {law}


def test_a_model_that_never_answers_keeps_no_law_of_replies() -> None:
    assert {"it_replies", "usage_is_within_count"} <= broken_by(Failing)


def test_the_models_are_closed() -> None:
    closed: list[Any] = []

    class Closing(Changed):
        async def aclose(self) -> None:
            closed.append(self)

    assert broken_by(Closing) == set()
    assert len(closed) == 8
