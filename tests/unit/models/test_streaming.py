"""Streams: chunks to completions, the words inside constrained replies, and the models that need no network."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core import errors
from orchestra.core.message import ToolCall, user
from orchestra.models.cache import Cached
from orchestra.models.constrained import Answer, unconstrained
from orchestra.models.openai import OpenAIModel
from orchestra.models.scripted import Echo, Failing, Scripted, Slow
from orchestra.models.sse import Event
from orchestra.models.wire_openai import CompletionChunks, reply
from orchestra.ports.model import Delta, Model, Reply, Request, Streaming, ToolSpec, streamed

ASK = Request(messages=(user("hello dear  world"),), temperature=0.0)
FIND = ToolSpec(name="find", description="Finds.", parameters={"type": "object"})
TOOLED = Request(messages=ASK.messages, tools=(FIND,))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def chunk(delta: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"delta": delta, "finish_reason": finish}], **more}


def taken(*chunks: dict[str, Any]) -> tuple[CompletionChunks, list[Delta]]:
    made = CompletionChunks("m")
    return made, [made.take(Event("", json.dumps(item))) for item in chunks]


def calling(**call: Any) -> dict[str, Any]:
    return {"tool_calls": [call]}


def test_chunks_make_the_completion() -> None:
    chunks, deltas = taken(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "hm"}),
        chunk({"content": "é"}),
        chunk(calling(index=0, id="a", function={"name": "find", "arguments": ""})),
        chunk(calling(index=1, id="b", function={"name": "find", "arguments": "{}"})),
        chunk(calling(index=0, function={"arguments": '{"id": '})),
        chunk(calling(index=0, function={"arguments": "1}"})),
        chunk({}, "tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 9}},
    )
    assert not chunks.over and chunks.complete
    assert chunks.take(Event("", "[DONE]")) == Delta() and chunks.over
    assert [item for item in deltas if item != Delta()] == [
        Delta("", 2), Delta("é", 2), Delta("", 4), Delta("", 6), Delta("", 7), Delta("", 2)
    ]  # fmt: skip
    found = reply(chunks.body(), ASK, 50)
    assert [(call.id, call.arguments) for call in found.tool_calls] == [("a", {"id": 1}), ("b", {})]
    assert (found.text, found.finish, found.usage.tokens, found.usage.estimated) == ("é", "tool_calls", 13, False)


def test_calls_without_an_index() -> None:
    chunks, _ = taken(
        chunk(calling(id="a", function={"name": "find", "arguments": '{"id"'})),
        chunk(calling(function={"arguments": ": 1}"})),
        chunk(calling(id="b", function={"name": "find", "arguments": "{}"})),
    )
    assert [call.arguments for call in reply(chunks.body(), ASK, 50).tool_calls] == [{"id": 1}, {}]


def test_a_refusal_in_pieces() -> None:
    chunks, _ = taken(chunk({"refusal": "I "}), chunk({"refusal": "will not"}, "stop"))
    with pytest.raises(errors.ContentRefused, match="I will not"):
        reply(chunks.body(), ASK, 50)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": 500, "type": "server_error", "message": "oops"}, errors.Overloaded),
        ({"code": "rate_limit_exceeded", "message": "slow"}, errors.RateLimited),
        ({"code": "insufficient_quota", "message": "pay"}, errors.QuotaExceeded),
        ({"code": 400, "type": "exceed_context_size_error", "message": "long"}, errors.ContextWindow),
        ({"message": "who knows"}, errors.BadRequest),
        ("text", errors.BadRequest),
    ],
)
def test_errors_in_the_stream(error: Any, expected: type[errors.ModelError]) -> None:
    with pytest.raises(errors.ModelError) as caught:
        taken({"error": error})
    assert type(caught.value) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FUNCTION = JSON | st.fixed_dictionaries({}, optional={"name": JSON, "arguments": JSON})
CALL = JSON | st.fixed_dictionaries({}, optional={"index": JSON, "id": JSON, "function": FUNCTION})
DELTA = JSON | st.fixed_dictionaries(
    {}, optional={"content": JSON, "refusal": JSON, "tool_calls": JSON | st.lists(CALL, max_size=2)}
)
CHOICE = JSON | st.fixed_dictionaries({}, optional={"delta": DELTA, "finish_reason": JSON})
CHUNK = JSON | st.fixed_dictionaries({"choices": st.lists(CHOICE, max_size=2)}, optional={"usage": JSON})


@given(st.lists(CHUNK.map(json.dumps) | st.text(max_size=9), max_size=6))
def test_no_chunk_crashes_the_stream(chunks: list[str]) -> None:
    made, shown = CompletionChunks("m"), ""
    try:
        for item in chunks:
            shown += made.take(Event("", item)).text
        found = reply(made.body(), ASK, 50)
    except errors.ModelError:
        return
    assert found.text == shown


@given(st.text() | st.sampled_from(['"\\/\b\n', "😀é\u2028", ""]), st.booleans(), st.integers(1, 9))
def test_the_words_of_an_answer_come_as_they_are(text: str, ascii_only: bool, step: int) -> None:
    raw = json.dumps({"answer": text}, ensure_ascii=ascii_only, indent=step % 3 or None)
    view = Answer()
    shown = "".join(view(raw[i : i + step]) for i in range(0, len(raw), step))
    assert shown == unconstrained(Reply(text=raw), TOOLED).text == text


@given(st.text() | st.dictionaries(st.sampled_from(["tool", "answer"]), JSON).map(json.dumps), st.integers(1, 9))
def test_no_text_crashes_the_view_and_calls_stay_unseen(raw: str, step: int) -> None:
    view = Answer()
    shown = "".join(view(raw[i : i + step]) for i in range(0, len(raw), step))
    shown.encode()
    assert not shown or '"answer"' in raw


def serving(*chunks: dict[str, Any], **options: Any) -> OpenAIModel:
    content = "".join(f"data: {json.dumps(item)}\n\n" for item in chunks) + "data: [DONE]\n\n"

    def answer(request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        assert body["stream"] is True and body["stream_options"] == {"include_usage": True}
        return httpx2.Response(200, text=content, headers={"content-type": "text/event-stream"})

    url = options.pop("base_url", "http://127.0.0.1:9/v1")
    return OpenAIModel("m", base_url=url, transport=httpx2.MockTransport(answer), **options)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("pieces", "text", "calls"),
    [
        (['{"answer": "so', " be ", 'it"}'], "so be it", ()),
        (['{"tool": "find", ', '"arguments": {}}'], "", (ToolCall(id="call_0", name="find"),)),
    ],
)
async def test_constrained_replies(pieces: list[str], text: str, calls: tuple[ToolCall, ...]) -> None:
    model = serving(*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop"), native_tools=False)
    deltas: list[Delta] = []
    found = await model.stream(TOOLED, deltas.append)
    assert (found.text, found.tool_calls) == (text, calls)
    assert "".join(delta.text for delta in deltas) == text
    assert sum(delta.output_bytes for delta in deltas) == len("".join(pieces))


@pytest.mark.anyio
async def test_what_is_not_the_models_own_words_comes_at_the_end() -> None:
    deltas: list[Delta] = []
    parts = [chunk({"content": piece}) for piece in ('{"value": ', "[1]}")]
    hosted = serving(*parts, base_url="https://api.openai.com/v1")
    schema = {"type": "array", "items": {"type": "integer"}}
    assert (await hosted.stream(Request(messages=ASK.messages, schema=schema), deltas.append)).text == "[1]"
    assert [delta.text for delta in deltas if delta.text] == ["[1]"]


MODELS: list[Callable[[], Model]] = [
    Echo,
    lambda: Scripted("hello dear  world"),
    lambda: Slow(Echo(), 0.001),
    lambda: Slow(Mute(), 0.001),
    lambda: Cached(Echo()),
    lambda: Mute(),
]


class Mute:
    """A model that cannot stream."""

    name = "test:mute"
    context_window: int | None = None

    def count(self, request: Request, /) -> int:
        return 1

    async def request(self, request: Request, /) -> Reply:
        return Reply(text=request.messages[0].text)


@pytest.mark.anyio
@pytest.mark.parametrize("make", MODELS)
async def test_every_model_can_be_asked_for_pieces(make: Callable[[], Model]) -> None:
    deltas: list[Delta] = []
    found = await streamed(make(), ASK, deltas.append)
    assert "".join(delta.text for delta in deltas) == found.text == "hello dear  world"


@pytest.mark.anyio
async def test_word_by_word_and_from_memory_at_once() -> None:
    model, deltas = Cached(Echo()), list[Delta]()
    await model.stream(ASK, deltas.append)
    assert [delta.text for delta in deltas] == ["hello ", "dear  ", "world"]
    await model.stream(ASK, deltas.append)
    assert deltas[3:] == [Delta("hello dear  world")] and (model.hits, model.misses) == (1, 1)


@pytest.mark.anyio
async def test_failures_pass_through() -> None:
    assert not isinstance(Failing(), Streaming)
    with pytest.raises(errors.Overloaded):
        await streamed(Failing(), ASK, lambda _: None)
