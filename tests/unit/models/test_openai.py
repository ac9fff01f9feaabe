import json
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest

from orchestra.core import errors
from orchestra.core.message import user
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Model, Request, ToolSpec

ASK = Request(messages=(user("hello"),), max_tokens=5)
KEY = "sk-very-secret-key"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def answering(content: Any, status: int = 200, **headers: str) -> Callable[[httpx2.Request], httpx2.Response]:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, json=content, headers=headers)

    return answer


def model(answer: Callable[[httpx2.Request], httpx2.Response], **options: Any) -> OpenAIModel:
    url = options.pop("base_url", "http://127.0.0.1:9/v1")
    return OpenAIModel("m", base_url=url, api_key=KEY, transport=httpx2.MockTransport(answer), **options)


def said(text: str) -> dict[str, Any]:
    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    return {"model": "m", "choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": usage}


@pytest.mark.anyio
async def test_request_and_reply() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json=said("hi"))

    client: Model = model(answer, temperature=0.0)
    reply = await client.request(ASK)
    assert reply.text == "hi" and reply.usage.tokens == 9
    assert seen[0].url.path == "/v1/chat/completions"
    assert seen[0].headers["authorization"] == f"Bearer {KEY}"
    body = json.loads(seen[0].content)
    assert body["max_tokens"] == 5 and body["temperature"] == 0.0


@pytest.mark.anyio
async def test_each_attempt_is_one_call() -> None:
    calls: list[httpx2.Request] = []

    def fail(request: httpx2.Request) -> httpx2.Response:
        calls.append(request)
        return httpx2.Response(503, json={})

    with pytest.raises(errors.Overloaded):
        await model(fail).request(ASK)
    assert len(calls) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (httpx2.ConnectError("refused"), errors.ModelUnreachable),
        (httpx2.ReadTimeout("late"), errors.ModelTimeout),
        (httpx2.RemoteProtocolError("cut"), errors.ModelUnreachable),
    ],
)
async def test_transport_errors(cause: Exception, kind: type[errors.ModelError]) -> None:
    def fail(_: httpx2.Request) -> httpx2.Response:
        raise cause

    with pytest.raises(kind):
        await model(fail).request(ASK)


@pytest.mark.anyio
async def test_the_key_is_in_no_error_and_no_repr() -> None:
    client = model(answering({"error": {"message": f"Incorrect key {KEY}"}}, 401))
    with pytest.raises(errors.AuthFailed) as caught:
        await client.request(ASK)
    assert KEY not in str(caught.value) and KEY not in repr(client)


@pytest.mark.anyio
async def test_what_cannot_fit_is_not_sent() -> None:
    def never(_: httpx2.Request) -> httpx2.Response:
        pytest.fail("a request was sent")

    with pytest.raises(errors.ContextWindow):
        await model(never, context_window=10).request(Request(messages=(user("x" * 100),)))


@pytest.mark.anyio
async def test_openai_itself_is_spoken_to_in_its_dialect() -> None:
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        return httpx2.Response(200, json=said('{"value": 3}'))

    client = model(answer, base_url="https://api.openai.com/v1")
    reply = await client.request(Request(messages=ASK.messages, schema={"type": "integer"}, max_tokens=5))
    assert reply.text == "3" and bodies[0]["max_completion_tokens"] == 5


@pytest.mark.anyio
async def test_tools_without_native_ones() -> None:
    client = model(answering(said('{"tool": "find", "arguments": {"id": "A"}}')), native_tools=False)
    tool = ToolSpec(name="find", description="", parameters={"type": "object"})
    reply = await client.request(Request(messages=ASK.messages, tools=(tool,)))
    assert reply.tool_calls[0].arguments == {"id": "A"}


def test_one_client_serves_one_loop_after_another() -> None:
    client = model(answering(said("hi")))

    async def once() -> str:
        text = (await client.request(ASK)).text
        await client.aclose()
        await client.aclose()
        return text

    assert [anyio.run(once), anyio.run(once), anyio.run(once, backend="trio")] == ["hi"] * 3


@pytest.mark.parametrize("url", ["127.0.0.1:80/v1", "ftp://x/v1", ""])
def test_bad_address(url: str) -> None:
    with pytest.raises(errors.BadDefinition, match="base_url"):
        OpenAIModel("m", base_url=url)


def test_count_covers_tools_and_schema() -> None:
    client = OpenAIModel("m", base_url="http://127.0.0.1/v1")
    tool = ToolSpec(name="find", description="d" * 500, parameters={})
    bare = client.count(ASK)
    assert bare >= len("hello")
    assert client.count(Request(messages=ASK.messages, tools=(tool,))) > bare + 500
    assert client.count(Request(messages=ASK.messages, schema={"title": "t" * 500})) > bare + 500
