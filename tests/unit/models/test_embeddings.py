"""The client of embedding endpoints, and what it costs."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from orchestra.core.errors import BadDefinition, BadRequest, MissingKey, RateLimited, UnknownPrice, UnknownProvider
from orchestra.core.message import user
from orchestra.models.embeddings import OpenAIEmbeddings, remote_of
from orchestra.models.pricing import PriceTable
from orchestra.models.registry import Registry
from orchestra.ports.embedder import Remote
from orchestra.ports.model import Model, Request

ASK = Request(messages=(user("one"), user("\ud800"), user("")), max_tokens=0)
ROWS = [{"index": at, "embedding": [at, 1.5]} for at in (2, 0, 1)]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def client(answer: Callable[[httpx2.Request], httpx2.Response], model: str = "m", **more: Any) -> OpenAIEmbeddings:
    url = "http://127.0.0.1:9/v1"
    return OpenAIEmbeddings(
        model, base_url=url, api_key="sk-secret-key", transport=httpx2.MockTransport(answer), **more
    )


@pytest.mark.anyio
async def test_one_vector_for_each_text_in_their_order() -> None:
    bodies: list[Any] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/v1/embeddings" and request.headers["authorization"] == "Bearer sk-secret-key"
        bodies.append(json.loads(request.content))
        return httpx2.Response(200, json={"data": ROWS, "model": "m-1", "usage": {"prompt_tokens": 5}})

    made: Model = client(answer)
    reply = await made.request(ASK)
    assert json.loads(reply.text) == [[0, 1.5], [1, 1.5], [2, 1.5]] and reply.model == "m-1"
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.requests) == (5, 0, 1)
    await client(answer, "text-embedding-3-small", d=256).request(ASK)
    await client(answer, "other", d=256).request(ASK)
    assert bodies[0] == {"model": "m", "input": ["one", "?", " "], "encoding_format": "float"}
    assert bodies[1]["dimensions"] == 256 and "dimensions" not in bodies[2], "others would refuse it"


@pytest.mark.anyio
async def test_tokens_that_are_not_told_are_bounded() -> None:
    made = client(lambda _: httpx2.Response(200, json={"data": ROWS}))
    usage = (await made.request(ASK)).usage
    assert usage.input_tokens == made.count(ASK) == 3 + 1 + 1 + 6 and usage.estimated


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answer",
    [
        {"data": ROWS[:2]},
        {"data": [*ROWS[:2], {"index": 1, "embedding": [1.0]}]},
        {"data": [{"index": at, "embedding": []} for at in range(3)]},
        {"data": [{"index": at, "embedding": ["x"]} for at in range(3)]},
        {"choices": []},
        [],
        "no JSON",
    ],
)
async def test_an_answer_without_the_vectors_is_refused(answer: Any) -> None:
    with pytest.raises(BadRequest, match="3 vectors of one length"):
        await client(lambda _: httpx2.Response(200, json=answer)).request(ASK)


@pytest.mark.anyio
async def test_errors_are_those_of_models() -> None:
    with pytest.raises(RateLimited):
        await client(lambda _: httpx2.Response(429, json={})).request(ASK)
    with pytest.raises(BadRequest, match="no list"):
        await client(lambda _: httpx2.Response(200, text='{"data": [{"index": 0, "embedding": [NaN]}]}')).request(ASK)


def test_names_and_dimensions() -> None:
    assert remote_of("openai:text-embedding-3-small") == Remote(name="openai:text-embedding-3-small", d=1536)
    assert remote_of("openai:text-embedding-3-large@256") == Remote(name="openai:text-embedding-3-large", d=256)
    assert remote_of("lab:a/b:c") == Remote(name="lab:a/b:c", d=None)
    for name in ("openai", ":m", "openai:"):
        with pytest.raises(BadDefinition, match="names no embedding model"):
            remote_of(name)


def test_the_registry_builds_a_client_for_vectors() -> None:
    name = "lab:m"
    env = {"LAB_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    registry = Registry(base_urls={"lab": "http://127.0.0.1:8/v1"}, embedders={name: 7, "openai:e": None}, env=env)
    made = registry.get(name)
    assert isinstance(made, OpenAIEmbeddings) and (made.d, made.api_key, made.name) == (7, "k", name)
    other = registry.get("openai:e")
    assert isinstance(other, OpenAIEmbeddings) and other.base_url == env["OPENAI_BASE_URL"]
    assert not isinstance(registry.get("lab:chat"), OpenAIEmbeddings)
    with pytest.raises(UnknownProvider, match="embeds no texts"):
        Registry(embedders={"anthropic:m": None}, env={}).check("anthropic:m")
    with pytest.raises(MissingKey, match="OPENAI_API_KEY"):
        Registry(embedders={"openai:e": None}, env={}).check("openai:e")


def test_an_embedder_needs_no_price_of_output() -> None:
    name = "openai:text-embedding-3-small"
    price = PriceTable(silent={name}).price(name)
    assert price is not None and price.input_nano == Decimal(20) and price.output_nano == 0
    with pytest.raises(UnknownPrice):
        PriceTable().price(name)
    with pytest.raises(UnknownPrice):
        PriceTable(silent={"openai:nothing"}).price("openai:nothing")
