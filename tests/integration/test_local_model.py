"""The embedded model for real: protocol, shapes, usage; never the quality of its answers."""

import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestra.core import errors
from orchestra.core.message import assistant, system, tool_result, user
from orchestra.models import local
from orchestra.models.local import LlamaServer, LocalModel
from orchestra.models.registry import Registry
from orchestra.ports.model import Request, ToolSpec

pytestmark = [pytest.mark.local_model, pytest.mark.timeout(60)]
FIND = ToolSpec(
    name="find_order",
    description="Looks an order up by its id.",
    parameters={"type": "object", "properties": {"order_id": {"enum": ["A-17", "B-2"]}}, "required": ["order_id"]},
)
COLOUR = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "sure": {"type": "boolean"}},
    "required": ["colour", "sure"],
    "additionalProperties": False,
}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    """Keeps the server of this file up from test to test."""
    local.require(local.weights({}))
    keeper = LocalModel()
    yield
    anyio.run(keeper.aclose)


@pytest.fixture
async def model() -> AsyncIterator[LocalModel]:
    model = LocalModel()
    yield model
    await model.aclose()


@pytest.mark.anyio
async def test_text_usage_and_determinism(model: LocalModel) -> None:
    request = Request(messages=(system("Be brief."), user("Say hello.")), max_tokens=12)
    first, second = await model.request(request), await model.request(request)
    assert first.text and first == replace(second, response_id=first.response_id)
    usage = first.usage
    assert not usage.estimated and usage.requests == 1
    assert 0 < usage.input_tokens <= model.count(request)
    assert 0 < usage.output_tokens <= 12


@pytest.mark.anyio
async def test_the_count_covers_the_templates_own_system_turn(model: LocalModel) -> None:
    request = Request(messages=(user("?"),), max_tokens=1)
    reply = await model.request(request)
    assert reply.usage.input_tokens <= model.count(request)
    assert reply.finish == "length"


@pytest.mark.anyio
async def test_json_by_schema(model: LocalModel) -> None:
    request = Request(messages=(user("What colour is the sky?"),), schema=COLOUR, max_tokens=60)
    data = json.loads((await model.request(request)).text)
    assert data.keys() == {"colour", "sure"} and data["colour"] in ("red", "blue")


@pytest.mark.anyio
async def test_a_tool_call_and_its_result(model: LocalModel) -> None:
    question = user("Where is order A-17? Look it up with find_order.")
    reply = await model.request(Request(messages=(question,), tools=(FIND,), max_tokens=80))
    (call,) = reply.tool_calls
    assert reply.finish == "tool_calls" and call.name == "find_order"
    assert call.arguments["order_id"] in ("A-17", "B-2")
    history = (question, assistant("", *reply.tool_calls), tool_result(call.id, "It was shipped."))
    final = await model.request(Request(messages=history, max_tokens=12))
    assert final.text and not final.tool_calls


@pytest.mark.anyio
async def test_too_long_for_the_window(model: LocalModel) -> None:
    for words in (5_000, 50_000):
        with pytest.raises(errors.ContextWindow):
            await model.request(Request(messages=(user("word " * words),), max_tokens=5))


def test_many_at_once_are_all_answered() -> None:
    texts: list[str] = []

    async def ask(model: LocalModel, i: int) -> None:
        reply = await model.request(Request(messages=(system("Count."), user(str(i))), max_tokens=1))
        texts.append(reply.text)

    async def all_of_them() -> None:
        model = LocalModel()
        async with anyio.create_task_group() as group:
            for i in range(20):
                group.start_soon(ask, model, i)
        await model.aclose()

    anyio.run(all_of_them)
    assert len(texts) == 20 and all(texts)


def test_one_server_is_shared_restarted_and_stopped_with_its_last_client() -> None:
    path = local.weights({})
    server = local._servers[path]
    before = server.clients
    first, second = LocalModel(), Registry(env={}).get("local:smollm2")
    assert isinstance(second, LocalModel) and server.clients == before + 2
    ask = Request(messages=(user("Hi"),), max_tokens=2)

    async def talk(model: LocalModel) -> str:
        return (await model.request(ask)).text

    assert anyio.run(talk, first) == anyio.run(talk, second, backend="trio")
    process = server._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert anyio.run(talk, first)
    anyio.run(first.aclose)
    anyio.run(first.aclose)
    anyio.run(second.aclose)
    assert server.clients == before


def test_a_file_that_is_no_model_says_why(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"not a model")
    server = LlamaServer(path, "broken")
    with pytest.raises(errors.ModelUnreachable, match="did not start"):
        server.url()
    assert server.running == ""


def test_a_start_that_hangs_is_given_up() -> None:
    server = LlamaServer(local.weights({}), "slow", start_s=0.01)
    with pytest.raises(errors.ModelUnreachable, match=r"not ready after 0\.01 s"):
        server.url()
