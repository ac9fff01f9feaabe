import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core import errors
from orchestra.core.message import Image, ToolCall, assistant, system, tool_result, user
from orchestra.models import wire_anthropic as wire
from orchestra.models.sse import Event
from orchestra.models.wire import UNPARSED
from orchestra.ports.model import Delta, Request, ToolSpec

FIND = ToolSpec(name="find", description="Finds.", parameters={"properties": {"id": {"type": "string"}}})
HELLO = Request(messages=(user("hello"),))
LIMITED = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
OPEN = {"type": "object", "additionalProperties": {"type": "integer"}}
USED = {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 6}}
CLOSED = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
TOLD = {**CLOSED, "properties": {"n": {"type": "integer", "description": "(minimum: 1)"}}}
USAGE = {"input_tokens": 11, "output_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2}


def said(*blocks: dict[str, Any], stop: str = "end_turn", usage: Any = USAGE) -> dict[str, Any]:
    return {"model": "m-1", "content": list(blocks), "stop_reason": stop, "usage": usage}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def used(name: str, value: Any, call_id: str = "t1") -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": value}


def test_body_holds_all_that_was_asked() -> None:
    calls = ToolCall(id="c.1", name="find", arguments={"id": "A-1"}), ToolCall(id="c2", name="find")
    request = Request(
        messages=(
            system("be short"),
            user("where?"),
            assistant("", *calls),
            tool_result("c.1", "shipped"),
            tool_result("c2", ""),
            user("so?"),
            system("be kind"),
        ),
        tools=(FIND,),
        max_tokens=9,
        temperature=0.0,
        seed=7,
        extra={"top_k": 5},
    )
    body = wire.body(request, "m", hosted=True)
    assert body["system"] == "be short\n\nbe kind"
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [block["id"] for block in body["messages"][1]["content"]] == ["c_1", "c2"]
    results = body["messages"][2]["content"]
    assert [block["type"] for block in results] == ["tool_result", "tool_result", "text"]
    assert results[0]["tool_use_id"] == "c_1"
    assert body["tools"][0]["input_schema"]["type"] == "object" and "tool_choice" not in body
    assert (body["max_tokens"], body["temperature"], body["top_k"]) == (9, 0.0, 5)
    assert "seed" not in body


def test_empty_texts_are_left_out() -> None:
    turns = wire.body(Request(messages=(user("a"), assistant("b \n"), user(""), user("c"))), "m")["messages"]
    assert [turn["content"] for turn in turns] == [[text("a")], [text("b")], [text("c")]]


def test_a_history_of_calls_needs_their_tools_on_the_vendors_server() -> None:
    request = Request(messages=(user("?"), assistant("", ToolCall(id="c", name="find")), tool_result("c", "no")))
    hosted = wire.body(request, "m", hosted=True)
    assert [tool["name"] for tool in hosted["tools"]] == ["find"] and hosted["tool_choice"] == {"type": "none"}
    assert "tools" not in wire.body(request, "m")


def test_a_schema_is_told_to_the_vendor_and_forced_elsewhere() -> None:
    closed = Request(messages=HELLO.messages, schema=LIMITED)
    hosted = wire.body(closed, "m", hosted=True)
    assert hosted["output_config"] == {"format": {"type": "json_schema", "schema": TOLD}} and "tools" not in hosted
    for body in (wire.body(closed, "m"), wire.body(Request(messages=HELLO.messages, schema=OPEN), "m", hosted=True)):
        assert "output_config" not in body and body["tools"][0]["name"] == wire.ANSWER
        assert body["tool_choice"] == {"type": "tool", "name": wire.ANSWER, "disable_parallel_tool_use": True}
    dated = {"type": "object", "properties": {"on": {"type": "string", "format": "date", "maxLength": 10}}}
    held = wire.body(Request(messages=HELLO.messages, schema=dated), "m", hosted=True)["output_config"]["format"]
    told = {"type": "string", "format": "date", "description": "(maxLength: 10)"}
    assert held["schema"]["properties"] == {"on": told}
    both = wire.body(Request(messages=HELLO.messages, schema=CLOSED, tools=(FIND,)), "m")
    assert [tool["name"] for tool in both["tools"]] == ["find", wire.ANSWER] and both["tool_choice"]["type"] == "any"


def test_a_forced_answer_is_a_text() -> None:
    request = Request(messages=HELLO.messages, schema=OPEN, tools=(FIND,))
    reply = wire.reply(said(text("Well."), used(wire.ANSWER, {"n": 2}), stop="tool_use"), request, 50)
    assert (json.loads(reply.text), reply.tool_calls, reply.finish) == ({"n": 2}, (), "stop")
    cut = wire.reply(said(used(wire.ANSWER, {}), stop="max_tokens"), request, 50)
    assert cut.finish == "length"
    first = wire.reply(said(used("find", {"id": "A"}), used(wire.ANSWER, {"n": 2}), stop="tool_use"), request, 50)
    assert [call.name for call in first.tool_calls] == ["find"] and first.finish == "tool_calls"


def test_a_schema_that_is_no_object_travels_in_one() -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    request = Request(messages=HELLO.messages, schema=schema)
    assert wire.body(request, "m")["tools"][0]["input_schema"]["properties"]["value"] == schema
    assert wire.reply(said(used(wire.ANSWER, {"value": [1]})), request, 50).text == "[1]"
    assert wire.reply(said(text('{"value": [1]}')), request, 50, hosted=True).text == "[1]"


def test_reply_with_usage() -> None:
    reply = wire.reply(said({"type": "thinking", "thinking": "hm"}, text("h"), text("i")), HELLO, 50)
    assert (reply.text, reply.finish, reply.model) == ("hi", "stop", "m-1")
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.requests) == (17, 3, 4, 1)
    assert not usage.estimated


def test_usage_that_is_not_reported_settles_at_its_bound() -> None:
    usage = wire.reply(said(text("grüße"), usage=None), HELLO, 50).usage
    assert usage.estimated and usage.input_tokens == 50 and usage.output_tokens >= len("grüße".encode())


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
    ],
)
def test_stop_reasons(stop: str, finish: str) -> None:
    assert wire.reply(said(text("x"), stop=stop), HELLO, 50).finish == finish


def test_tool_calls_and_broken_arguments() -> None:
    blocks = used("find", {"id": "A"}), used("find", '{"id": "A-', ""), used("find", None)
    reply = wire.reply(said(*blocks, stop="tool_use"), HELLO, 50)
    assert reply.finish == "tool_calls"
    assert [call.arguments for call in reply.tool_calls] == [{"id": "A"}, {UNPARSED: '{"id": "A-'}, {}]
    assert [call.id for call in reply.tool_calls] == ["t1", "call_1", "t1"]


def test_a_refusal_raises_with_what_it_used() -> None:
    data = said(stop="refusal") | {"stop_details": {"explanation": "I will not"}}
    with pytest.raises(errors.ContentRefused, match="I will not") as caught:
        wire.reply(data, HELLO, 50)
    assert caught.value.facts == {"input_tokens": 17, "output_tokens": 3}


def test_images() -> None:
    request = Request(messages=(user("what?", Image.of(b"png" * 999, "image/png"), Image(url="https://x.test/a")),))
    content = wire.body(request, "m")["messages"][0]["content"]
    assert [block["type"] for block in content] == ["text", "image", "image"]
    assert content[1]["source"]["media_type"] == "image/png" and content[2]["source"]["url"] == "https://x.test/a"
    bare = wire.bound(wire.body(Request(messages=(user("what?"),)), "m"))
    assert wire.bound(wire.body(request, "m")) == bare + 2 * wire.PER_IMAGE


def streamed(*events: dict[str, Any]) -> tuple[wire.MessageChunks, list[Delta]]:
    chunks = wire.MessageChunks("m")
    return chunks, [chunks.take(Event("", json.dumps(event))) for event in events]


def delta(index: int, **piece: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": piece}


def test_events_make_the_message() -> None:
    counts = {"input_tokens": 11, "cache_read_input_tokens": 4, "output_tokens": 1}
    start = {"id": "msg_1", "model": "m-1", "usage": counts}
    chunks, deltas = streamed(
        {"type": "message_start", "message": start},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        delta(0, type="thinking_delta", thinking="hm"),
        {"type": "content_block_start", "index": 1, "content_block": text("a")},
        delta(1, type="text_delta", text="é"),
        {"type": "content_block_start", "index": 2, "content_block": used("find", {})},
        delta(2, type="input_json_delta", partial_json='{"id": '),
        delta(2, type="input_json_delta", partial_json='"A"}'),
        {"type": "content_block_stop", "index": 2},
        {"type": "something new"},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": USED},
        {"type": "message_stop"},
    )
    assert chunks.over and chunks.input_tokens() == 15
    assert [item for item in deltas if item != Delta()] == [
        Delta("", 2), Delta("a", 1), Delta("é", 2), Delta("", 4), Delta("", 7), Delta("", 4),
    ]  # fmt: skip
    reply = wire.reply(chunks.body(), HELLO, 50)
    assert (reply.text, reply.tool_calls[0].arguments, reply.finish) == ("aé", {"id": "A"}, "tool_calls")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.estimated) == (15, 9, False)
    assert (reply.response_id, reply.usage.reasoning_tokens) == ("msg_1", 6)
    bad = {**USED, "input_tokens": 1, "output_tokens_details": [6]}
    odd = wire.reply(said(text("x"), usage=bad) | {"id": 3}, HELLO, 50)
    assert (odd.response_id, odd.usage.reasoning_tokens) == ("", 0)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", errors.Overloaded),
        ("api_error", errors.Overloaded),
        ("rate_limit_error", errors.RateLimited),
        ("billing_error", errors.QuotaExceeded),
        ("authentication_error", errors.AuthFailed),
        ("request_too_large", errors.ContextWindow),
        ("timeout_error", errors.ModelTimeout),
        ("new_error", errors.BadRequest),
    ],
)
def test_errors_in_the_stream(kind: str, expected: type[errors.ModelError]) -> None:
    with pytest.raises(errors.ModelError) as caught:
        streamed({"type": "error", "error": {"type": kind, "message": "sorry"}})
    assert type(caught.value) is expected and "sorry" in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NEAR = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "thinking", "text_delta", "input_json_delta"])},
    optional={"text": JSON, "id": JSON, "name": JSON, "input": JSON, "partial_json": JSON, "thinking": JSON},
)
EVENT = st.fixed_dictionaries(
    {
        "type": JSON
        | st.sampled_from(
            ["message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop"]
        )
    },
    optional={
        "index": st.sampled_from([0, 1, 1, "x", None]),
        "delta": NEAR,
        "content_block": NEAR,
        "message": NEAR,
        "usage": JSON | st.fixed_dictionaries({"input_tokens": JSON, "output_tokens": JSON}),
    },
)
TYPED = Request(messages=(user("?"),), schema=OPEN)


@given(NEAR | st.fixed_dictionaries({"content": st.lists(NEAR) | JSON, "usage": JSON, "stop_reason": JSON}))
def test_no_body_crashes_the_parser(data: object) -> None:
    for request in (HELLO, TYPED):
        try:
            reply = wire.reply(data, request, 50)
        except (errors.BadRequest, errors.ContentRefused):
            continue
        reply.text.encode()
        assert reply.usage.requests == 1 and reply.usage.input_tokens >= 0


@given(st.lists(EVENT.map(json.dumps) | st.text(max_size=9), max_size=8))
def test_no_event_crashes_the_stream(events: list[str]) -> None:
    chunks = wire.MessageChunks("m")
    shown = ""
    try:
        for item in events:
            shown += chunks.take(Event("", item)).text
        reply = wire.reply(chunks.body(), HELLO, 50)
    except errors.ModelError:
        return
    assert reply.text == shown
