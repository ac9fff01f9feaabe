import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest

from orchestra.core import errors
from orchestra.core.message import assistant, tool_result, user
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.registry import Registry
from orchestra.ports.model import Delta, Model, Request, Streaming, ToolSpec

ASK = Request(messages=(user("hello"),), max_tokens=5)
KEY = "sk-ant-very-secret-key"
FIND = ToolSpec(name="find", description="Finds.", parameters={"type": "object"})


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def said(*blocks: dict[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    usage = {"input_tokens": 7, "output_tokens": 2}
    return {"model": "m", "content": list(blocks), "stop_reason": stop, "usage": usage}


HI = said({"type": "text", "text": "hi"})


def model(answer: Callable[[httpx2.Request], httpx2.Response], **options: Any) -> AnthropicModel:
    url = options.pop("base_url", "http://127.0.0.1:9")
    return AnthropicModel("m", base_url=url, api_key=KEY, transport=httpx2.MockTransport(answer), **options)


@pytest.mark.anyio
@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "http://127.0.0.1:9/", "http://127.0.0.1:9/v1"])
async def test_request_and_reply(base_url: str) -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json=HI)

    client: Model = model(answer, temperature=0.0, base_url=base_url)
    reply = await client.request(ASK)
    assert reply.text == "hi" and reply.usage.tokens == 9 and isinstance(client, Streaming)
    assert seen[0].url.path == "/v1/messages"
    assert seen[0].headers["authorization"] == f"Bearer {KEY}" and seen[0].headers["anthropic-version"]
    body = json.loads(seen[0].content)
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 5, 0.0)
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]


@pytest.mark.anyio
async def test_a_tool_call_and_its_result() -> None:
    bodies: list[dict[str, Any]] = []
    call = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"id": "A"}}
    answers = iter([said(call, stop="tool_use"), HI])

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        return httpx2.Response(200, json=next(answers))

    client = model(answer)
    first = await client.request(Request(messages=ASK.messages, tools=(FIND,)))
    assert first.finish == "tool_calls" and first.tool_calls[0].arguments == {"id": "A"}
    history = (*ASK.messages, assistant(first.text, *first.tool_calls), tool_result("toolu_1", "there"))
    assert (await client.request(Request(messages=history, tools=(FIND,)))).text == "hi"
    assert bodies[0]["tools"][0]["name"] == "find"
    assert bodies[1]["messages"][1]["content"] == [call]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "there"}
    assert bodies[1]["messages"][2] == {"role": "user", "content": [result]}


@pytest.mark.anyio
async def test_anthropic_itself_enforces_schemas_its_own_way() -> None:
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        return httpx2.Response(200, json=said({"type": "text", "text": '{"value": 3}'}))

    client = model(answer, base_url="https://api.anthropic.com")
    reply = await client.request(Request(messages=ASK.messages, schema={"type": "integer"}))
    assert reply.text == "3" and "output_config" in bodies[0] and "tools" not in bodies[0]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (529, "overloaded_error", "Overloaded", errors.Overloaded),
        (500, "api_error", "oops", errors.Overloaded),
        (504, "timeout_error", "late", errors.ModelTimeout),
        (429, "rate_limit_error", "slow down", errors.RateLimited),
        (413, "request_too_large", "big", errors.ContextWindow),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", errors.ContextWindow),
        (400, "invalid_request_error", "Your credit balance is too low.", errors.QuotaExceeded),
        (400, "invalid_request_error", "max_tokens: wrong", errors.BadRequest),
        (402, "billing_error", "pay", errors.QuotaExceeded),
        (401, "authentication_error", f"invalid {KEY}", errors.AuthFailed),
        (403, "permission_error", "no", errors.AuthFailed),
        (404, "not_found_error", "model: m", errors.BadRequest),
    ],
)
async def test_each_error_is_one_call_and_never_tells_the_key(
    status: int, kind: str, message: str, expected: type[errors.ModelError]
) -> None:
    calls: list[httpx2.Request] = []

    def fail(request: httpx2.Request) -> httpx2.Response:
        calls.append(request)
        return httpx2.Response(status, json={"type": "error", "error": {"type": kind, "message": message}})

    client = model(fail)
    with pytest.raises(errors.ModelError) as caught:
        await client.request(ASK)
    assert type(caught.value) is expected and caught.value.facts["status"] == status
    assert len(calls) == 1 and KEY not in str(caught.value) and KEY not in repr(client)


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
async def test_a_forced_answer_streams_as_one_piece() -> None:
    events: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Well: "}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "final_answer"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"n": 2}'}},
        {"type": "message_stop"},
    ]
    content = "".join(f"data: {json.dumps(event)}\n\n" for event in events)

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert json.loads(request.content)["stream"] is True
        return httpx2.Response(200, text=content, headers={"content-type": "text/event-stream"})

    deltas: list[Delta] = []
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    reply = await model(answer).stream(Request(messages=ASK.messages, schema=schema), deltas.append)
    assert json.loads(reply.text) == {"n": 2} and reply.usage.estimated
    assert "".join(delta.text for delta in deltas) == reply.text
    assert sum(delta.output_bytes for delta in deltas) == len('Well: final_answer{"n": 2}')


def test_one_client_serves_one_loop_after_another() -> None:
    client = model(lambda _: httpx2.Response(200, json=HI))

    async def once() -> str:
        text = (await client.request(ASK)).text
        await client.aclose()
        await client.aclose()
        return text

    assert [anyio.run(once), anyio.run(once), anyio.run(once, backend="trio")] == ["hi"] * 3


def test_bad_address() -> None:
    with pytest.raises(errors.BadDefinition, match="base_url"):
        AnthropicModel("m", base_url="127.0.0.1:80")


def test_count_covers_system_tools_and_schema() -> None:
    client = AnthropicModel("m", base_url="http://127.0.0.1")
    bare = client.count(ASK)
    assert bare >= len("hello")
    tool = ToolSpec(name="find", description="d" * 500, parameters={})
    assert client.count(Request(messages=ASK.messages, tools=(tool,))) > bare + 500
    assert client.count(Request(messages=ASK.messages, schema={"title": "t" * 500})) > bare + 500


def test_missing_key_says_which() -> None:
    for ask in (Registry(env={}).get, Registry(env={}).check):
        with pytest.raises(errors.MissingKey, match="ANTHROPIC_API_KEY"):
            ask("anthropic:claude-opus-4-5")


def test_by_environment() -> None:
    client = Registry(env={"ANTHROPIC_API_KEY": " key\n"}).get("anthropic:claude-opus-4-5")
    assert isinstance(client, AnthropicModel) and client.hosted and client.api_key == "key"
    other = Registry(env={"ANTHROPIC_BASE_URL": "http://127.0.0.1:8080"}).get("anthropic:llama")
    assert isinstance(other, AnthropicModel) and not other.hosted and other.base_url == "http://127.0.0.1:8080"


SPANS = """
import anyio, httpx2
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from orchestra.core.message import user
from orchestra.models.anthropic import AnthropicModel
from orchestra.ports.model import Request
kept = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
seen = []
def answer(request):
    seen.append(request.headers)
    return httpx2.Response(200, json={"content": [], "usage": {}})
client = AnthropicModel("m", base_url="http://127.0.0.1:9", transport=httpx2.MockTransport(answer))
with trace.get_tracer("ours").start_as_current_span("ours"):
    anyio.run(client.request, Request(messages=(user("hello"),)))
print([span.name for span in kept.get_finished_spans()], "traceparent" in seen[0])
"""


@pytest.mark.timeout(60)
def test_the_vendors_own_spans_are_off() -> None:
    done = subprocess.run([sys.executable, "-c", SPANS], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['ours'] False"
