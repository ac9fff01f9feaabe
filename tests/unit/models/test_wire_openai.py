import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core import errors
from orchestra.core.message import ToolCall, assistant, system, tool_result, user
from orchestra.models import wire_openai as wire
from orchestra.models.wire import UNPARSED
from orchestra.ports.model import Request, ToolSpec

FIND = ToolSpec(
    name="find", description="Finds.", parameters={"type": "object", "properties": {"id": {"type": "string"}}}
)
HELLO = Request(messages=(user("hello"),))
USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}


def completion(message: dict[str, Any], finish: str = "stop", usage: Any = USAGE) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"message": message, "finish_reason": finish}], "usage": usage}


def test_body_holds_all_that_was_asked() -> None:
    call = ToolCall(id="c1", name="find", arguments={"id": "A-1"})
    request = Request(
        messages=(system("be short"), user("where?"), assistant("", call), tool_result("c1", "shipped")),
        tools=(FIND,),
        max_tokens=9,
        temperature=0.0,
        seed=7,
        extra={"top_p": 0.5},
    )
    body = wire.body(request, "m")
    assert [item["role"] for item in body["messages"]] == ["system", "user", "assistant", "tool"]
    assert json.loads(body["messages"][2]["tool_calls"][0]["function"]["arguments"]) == {"id": "A-1"}
    assert body["messages"][3]["tool_call_id"] == "c1"
    assert body["tools"][0]["function"]["name"] == "find"
    assert (body["max_tokens"], body["temperature"], body["seed"], body["top_p"]) == (9, 0.0, 7, 0.5)
    hosted = wire.body(request, "m", hosted=True)
    assert hosted["max_completion_tokens"] == 9 and "max_tokens" not in hosted


def test_a_schema_that_is_no_object_travels_in_one_to_openai_only() -> None:
    schema = {"type": "array", "items": {"$ref": "#/$defs/N"}, "$defs": {"N": {"type": "integer"}}}
    request = Request(messages=(user("count"),), schema=schema)
    sent = wire.body(request, "m", hosted=True)["response_format"]["json_schema"]
    assert sent["schema"]["properties"]["value"]["items"] == {"$ref": "#/$defs/N"}
    assert sent["schema"]["$defs"] == schema["$defs"] and sent["strict"] is True
    assert wire.body(request, "m")["response_format"]["json_schema"]["schema"] == schema
    reply = wire.reply(completion({"content": '{"value": [1, 2]}'}), request, 50, hosted=True)
    assert json.loads(reply.text) == [1, 2]


def test_without_json_schema_the_model_is_told() -> None:
    body = wire.body(Request(messages=(user("x"),), schema={"type": "object"}), "m", json_schema=False)
    assert "response_format" not in body and '{"type": "object"}' in body["messages"][-1]["content"]


def test_reply_with_usage() -> None:
    reply = wire.reply(completion({"content": "hi"}), HELLO, 50)
    assert (reply.text, reply.finish, reply.model) == ("hi", "stop", "m-1")
    used = reply.usage
    assert (used.input_tokens, used.output_tokens, used.cached_tokens, used.requests) == (11, 3, 4, 1)
    assert not used.estimated


def test_usage_that_is_not_reported_settles_at_its_bound() -> None:
    usage = wire.reply(completion({"content": "grüße"}, usage=None), HELLO, 50).usage
    assert usage.estimated and usage.input_tokens == 50 and usage.output_tokens >= len("grüße".encode())


def test_cut_reply_is_a_reply() -> None:
    assert wire.reply(completion({"content": "hal"}, "length"), HELLO, 50).finish == "length"


def test_tool_calls_and_broken_arguments() -> None:
    calls = [
        {"id": "a", "function": {"name": "find", "arguments": '{"id": "A-1"}'}},
        {"id": "b", "function": {"name": "find", "arguments": '{"id": "A-'}},
        {"function": {"name": "find", "arguments": ""}},
        {"id": "d", "function": {"name": "find", "arguments": '{"id": NaN}'}},
    ]
    reply = wire.reply(completion({"content": None, "tool_calls": calls}), HELLO, 50)
    assert reply.finish == "tool_calls"
    assert [call.arguments for call in reply.tool_calls] == [
        {"id": "A-1"},
        {UNPARSED: '{"id": "A-'},
        {},
        {UNPARSED: '{"id": NaN}'},
    ]
    assert reply.tool_calls[2].id == "call_2"
    again = wire.body(Request(messages=(assistant("", *reply.tool_calls),)), "m")
    assert all(json.loads(item["function"]["arguments"]) is not None for item in again["messages"][0]["tool_calls"])


@pytest.mark.parametrize(
    "data", [completion({"content": "x"}, "content_filter"), completion({"content": None, "refusal": "I will not"})]
)
def test_refusals_raise_with_what_they_used(data: dict[str, Any]) -> None:
    with pytest.raises(errors.ContentRefused) as caught:
        wire.reply(data, HELLO, 50)
    assert caught.value.facts == {"input_tokens": 11, "output_tokens": 3}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["choices", "message", "content", "tool_calls", "function", "name", "arguments", "usage", "refusal"]
)
NEAR = st.recursive(JSON, lambda inner: st.dictionaries(KEYS, inner) | st.lists(inner, max_size=2), max_leaves=12)
COMPLETION = st.fixed_dictionaries(
    {
        "choices": st.lists(st.fixed_dictionaries({"message": NEAR, "finish_reason": JSON}), min_size=1, max_size=1),
        "usage": NEAR,
        "model": JSON,
    }
)


@given(NEAR | COMPLETION)
def test_no_body_crashes_the_parser(data: object) -> None:
    try:
        reply = wire.reply(data, HELLO, 50)
    except (errors.BadRequest, errors.ContentRefused):
        return
    reply.text.encode()
    assert reply.usage.requests == 1 and reply.usage.input_tokens >= 0
    assert all(isinstance(call.arguments, dict) and call.name for call in reply.tool_calls)


@given(st.text(), st.text())
def test_the_bound_is_above_the_bytes(first: str, second: str) -> None:
    request = Request(messages=(system(first), user(second)))
    body = wire.body(request, "m")
    json.dumps(body, ensure_ascii=False).encode()
    assert wire.bound(body) >= len((first + second).encode("utf-8", "replace"))
