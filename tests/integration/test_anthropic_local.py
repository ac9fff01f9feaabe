"""Both vendors' clients against one real server that speaks both protocols: whole replies and streams."""

import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import anyio
import pytest

from orchestra.core import errors
from orchestra.core.message import Image, ToolCall, assistant, system, tool_result, user
from orchestra.models import local
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.local import LocalModel
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Delta, Reply, Request, Streaming, ToolSpec

pytestmark = [pytest.mark.local_model, pytest.mark.timeout(60)]
HELLO = Request(messages=(system("Be brief."), user("Say hello.")), max_tokens=12)
FIND = ToolSpec(
    name="find_order",
    description="Looks an order up by its id.",
    parameters={"type": "object", "properties": {"order_id": {"enum": ["A-17", "B-2"]}}, "required": ["order_id"]},
)
COLOUR = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    local.require(local.weights({}))
    keeper = LocalModel()
    yield keeper._server.url()
    anyio.run(keeper.aclose)


@pytest.fixture
async def openai(url: str) -> AsyncIterator[OpenAIModel]:
    model = OpenAIModel("smollm2", base_url=url, temperature=0.0)
    yield model
    await model.aclose()


@pytest.fixture
async def anthropic(url: str) -> AsyncIterator[AnthropicModel]:
    model = AnthropicModel("smollm2", base_url=url, temperature=0.0)
    yield model
    await model.aclose()


def left(scope: anyio.CancelScope, _: Delta) -> None:
    scope.cancel()


async def agrees(model: Streaming, request: Request) -> str:
    """The text of the stream, which is that of the whole reply, as are its usage and its end."""
    deltas: list[Delta] = []
    reply = await model.stream(request, deltas.append)
    whole = await model.request(request)
    assert (whole.text, whole.usage, whole.finish) == (reply.text, reply.usage, reply.finish)
    assert not reply.usage.estimated and 0 < reply.usage.input_tokens <= model.count(request)
    assert 0 < reply.usage.output_tokens <= request.max_tokens
    assert [call.arguments for call in whole.tool_calls] == [call.arguments for call in reply.tool_calls]
    assert "".join(delta.text for delta in deltas) == reply.text
    assert len(deltas) > 1 or reply.usage.output_tokens == 1
    return reply.text


@pytest.mark.anyio
async def test_both_clients_get_the_same_text(openai: OpenAIModel, anthropic: AnthropicModel) -> None:
    assert await agrees(openai, HELLO) == await agrees(anthropic, HELLO) != ""


@pytest.mark.anyio
async def test_anthropic_with_tools_and_their_results(anthropic: AnthropicModel) -> None:
    question = user("Where is order A-17?")
    first = await anthropic.request(Request(messages=(question,), tools=(FIND,), max_tokens=8))
    assert first.text or first.tool_calls
    call = ToolCall(id="call_0", name="find_order", arguments={"order_id": "A-17"})
    history = (question, assistant("I look.", call), tool_result("call_0", "It was shipped."))
    assert await agrees(anthropic, Request(messages=history, max_tokens=8))


@pytest.mark.anyio
async def test_too_long_for_the_window(openai: OpenAIModel, anthropic: AnthropicModel) -> None:
    request = Request(messages=(user("word " * 5_000),), max_tokens=5)
    deltas: list[Delta] = []
    for model in (openai, anthropic):
        for ask in (model.request(request), model.stream(request, deltas.append)):
            with pytest.raises(errors.ContextWindow):
                await ask


@pytest.mark.anyio
async def test_the_local_model_streams_typed_replies_and_tool_calls() -> None:
    model = LocalModel()
    typed = Request(messages=(user("What colour is the sky?"),), schema=COLOUR, max_tokens=40)
    assert json.loads(await agrees(model, typed)).keys() == {"colour"}
    tooled = Request(messages=(user("Where is order A-17? Look it up."),), tools=(FIND,), max_tokens=80)
    deltas: list[Delta] = []
    reply = await model.stream(tooled, deltas.append)
    if reply.tool_calls:
        assert not any(delta.text for delta in deltas)
    assert sum(delta.output_bytes for delta in deltas) >= reply.usage.output_tokens - 1
    with pytest.raises(errors.BadRequest, match="no images"):
        await model.request(Request(messages=(user("?", Image(url="https://x.test/a")),)))
    await model.aclose()


@pytest.mark.anyio
async def test_a_stream_that_is_left_frees_the_server(openai: OpenAIModel, anthropic: AnthropicModel) -> None:
    long = Request(messages=(user("Tell me a long story."),), max_tokens=2_000)
    for model in (openai, anthropic):
        with anyio.fail_after(30), anyio.CancelScope() as scope:
            await model.stream(long, partial(left, scope))
        assert scope.cancelled_caught
        with anyio.fail_after(10):
            assert (await model.request(HELLO)).text


SEND = ToolSpec(
    name="send",
    description="Sends a letter.",
    parameters={
        "type": "object",
        "properties": {"to": {"$ref": "#/$defs/To"}, "copies": {"type": "integer"}},
        "required": ["to"],
        "additionalProperties": False,
        "$defs": {"To": {"enum": ["ann", "bob"]}},
    },
)
EITHER = {"anyOf": [COLOUR, {"enum": ["none", "many"]}]}


def is_either(text: str) -> bool:
    value = json.loads(text)
    return value in ("none", "many") or (value.keys() == {"colour"} and value["colour"] in ("red", "blue"))


async def both_ways(request: Request) -> tuple[Reply, Reply, list[Delta]]:
    model = LocalModel()
    pieces: list[Delta] = []
    try:
        return await model.request(request), await model.stream(request, pieces.append), pieces
    finally:
        await model.aclose()


@pytest.mark.parametrize(
    ("question", "schema"), [("Send it to bob.", None), ("Where is order A-17?", EITHER), ("Which colour?", EITHER)]
)
def test_whatever_the_local_model_wants_is_a_call_or_an_answer(url: str, question: str, schema: Any) -> None:
    """Tools by constrained decoding: names that exist, arguments and answers of their schemas, whole and in pieces."""
    request = Request(messages=(user(question),), tools=(FIND, SEND), schema=schema, max_tokens=60)
    whole, streamed, pieces = anyio.run(both_ways, request)
    assert (whole.text, whole.tool_calls, whole.finish) == (streamed.text, streamed.tool_calls, streamed.finish)
    assert "".join(piece.text for piece in pieces) == streamed.text
    if whole.finish == "length":
        return
    assert bool(whole.tool_calls) is (whole.finish == "tool_calls") is not bool(whole.text)
    for call in whole.tool_calls:
        if call.name == "send":
            assert call.arguments.keys() <= {"to", "copies"} and call.arguments["to"] in ("ann", "bob")
        else:
            assert call.name == "find_order" and call.arguments["order_id"] in ("A-17", "B-2")
    if whole.text and schema is not None:
        assert is_either(whole.text)


@pytest.mark.anyio
async def test_a_union_at_the_top_is_held_to(openai: OpenAIModel) -> None:
    request = Request(messages=(user("What colour is the sky?"),), schema=EITHER, max_tokens=40)
    assert is_either(await agrees(openai, request))


@pytest.mark.anyio
async def test_a_server_that_drops_forced_tools_is_no_surprise(anthropic: AnthropicModel) -> None:
    """This model's template has no tools: what comes is a text for the reader of replies to refuse, whole or not."""
    request = Request(messages=(user("What colour is the sky?"),), schema=COLOUR, max_tokens=8)
    pieces: list[Delta] = []
    whole, streamed = await anthropic.request(request), await anthropic.stream(request, pieces.append)
    assert whole.text == streamed.text == "".join(piece.text for piece in pieces) != "" and not whole.tool_calls


@pytest.mark.anyio
async def test_openai_with_tools_and_their_results(openai: OpenAIModel) -> None:
    """Native calls are dropped by this model's template: the history still goes through, and an answer comes."""
    question = user("Where is order A-17?")
    first = await openai.request(Request(messages=(question,), tools=(FIND,), max_tokens=8))
    assert first.text or first.tool_calls
    call = ToolCall(id="call_0", name="find_order", arguments={"order_id": "A-17"})
    history = (question, assistant("I look.", call), tool_result("call_0", "It was shipped."))
    assert await agrees(openai, Request(messages=history, max_tokens=8))
