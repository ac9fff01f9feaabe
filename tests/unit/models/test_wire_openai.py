from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from orchestra.core import errors
from orchestra.core.catalog import required_node
from orchestra.core.message import ToolCall, assistant, system, tool_result, user
from orchestra.models import wire_openai as wire
from orchestra.models.openai import VENDORS_URL, OpenAIModel
from orchestra.models.sse import Event
from orchestra.models.wire import UNPARSED, in_object, is_strict
from orchestra.ports.model import Request, ToolSpec
from orchestra.tools.decorator import tool
from orchestra.tools.structured import OutputSchema

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


class Step(BaseModel):
    what: str
    due: date = Field(description="When.")
    tries: int = Field(default=3, ge=1, le=9, description="How often.")
    code: str | None = Field(default=None, max_length=4)
    after: Step | None = Field(default=None, description="What comes before.")


class Loose(BaseModel):
    parts: list[str] = Field(default_factory=list)  # its default cannot be told


def reads(schema: dict[str, Any], value: Any) -> bool:
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).is_valid(value)


@pytest.mark.parametrize("limits", [(), wire.LIMITS])
def test_dates_limits_and_defaults_are_strict_at_the_vendor(limits: Collection[str]) -> None:
    schema = OutputSchema(Step).schema
    assert schema is not None
    body = wire.body(Request(messages=(user("x"),), schema=schema), "m", hosted=True, limits=limits)
    sent = body["response_format"]["json_schema"]
    assert sent["strict"] is True and is_strict(sent["schema"], limits)
    step = sent["schema"]["$defs"]["Step"]["properties"]
    assert sent["schema"]["$defs"]["Step"]["required"] == [*Step.model_fields]
    if limits:
        assert step["due"] == {"type": "string", "format": "date", "description": "When."}
        assert step["tries"]["minimum"] == 1 and step["tries"]["description"] == "How often. (default: 3)"
    else:
        assert step["due"] == {"type": "string", "description": 'When. (format: "date")'}
        assert step["tries"] == {"type": "integer", "description": "How often. (default: 3, maximum: 9, minimum: 1)"}
    assert "(maxLength: 4)" in str(step["code"]) and "default: null" in str(step["code"])
    assert wire.body(Request(messages=(), schema=schema), "m")["response_format"]["json_schema"]["schema"] == schema
    last = {"what": "b", "due": "2026-11-03", "tries": 3, "code": None, "after": None}
    value = {"value": {**last, "after": last}} if "value" in sent["schema"]["properties"] else {**last, "after": last}
    assert reads(sent["schema"], value) and reads(schema, value), "what fits the narrower schema fits the type's"
    assert not reads(sent["schema"], {"value": {"what": "b", "due": "2026-11-03"}})


def test_what_strict_mode_cannot_say_is_sent_as_it_is() -> None:
    for shape in (Loose, dict[str, int], tuple[int, str]):
        schema = OutputSchema(shape).schema
        assert schema is not None
        sent = wire.body(Request(messages=(), schema=schema), "m", hosted=True)["response_format"]["json_schema"]
        assert sent["strict"] is False and sent["schema"] == in_object(schema)


def test_tools_are_strict_where_their_schema_allows_it() -> None:
    @tool
    def book(day: date, seats: int = 2, note: str | None = None) -> str:
        """Books.  Args: seats: How many."""
        return ""

    @tool
    def now() -> str:
        """Says the time."""
        return ""

    @tool
    def store(values: dict[str, int]) -> str:
        """Stores."""
        return ""

    nodes = [required_node(one) for one in (book, now, store)]
    tools = tuple(ToolSpec(name=n.name, description=n.description, parameters=n.contract.schema) for n in nodes)
    request = Request(messages=(user("x"),), tools=tools)
    first, second, third = (one["function"] for one in wire.body(request, "m", hosted=True)["tools"])
    assert first["strict"] is True and first["parameters"]["required"] == ["day", "seats", "note"]
    assert "default: 2" in first["parameters"]["properties"]["seats"]["description"]
    given = {"day": "2026-11-03", "seats": 2, "note": None}
    assert nodes[0].contract.bind(given) == {**given, "day": date(2026, 11, 3)}, "every default can be written"
    assert second["strict"] is True and second["parameters"]["required"] == []
    assert "strict" not in third and third["parameters"] == dict(nodes[2].contract.schema)
    assert all("strict" not in one["function"] for one in wire.body(request, "m")["tools"]), "others may not know it"


def test_only_the_vendors_own_models_are_held_to_limits() -> None:
    schema = {"type": "object", "properties": {"on": {"type": "string", "format": "date"}}, "required": ["on"]}
    request = Request(messages=(), schema=schema)
    azure = "https://x.openai.azure.com/openai/v1"
    for model, url, held in (("gpt-5", VENDORS_URL, True), ("ft:gpt-5", VENDORS_URL, False), ("gpt-5", azure, False)):
        sent = OpenAIModel(model, base_url=url)._body(request)["response_format"]["json_schema"]
        assert sent["strict"] is True and ("format" in sent["schema"]["properties"]["on"]) is held


def test_without_json_schema_the_model_is_told() -> None:
    body = wire.body(Request(messages=(user("x"),), schema={"type": "object"}), "m", json_schema=False)
    assert "response_format" not in body and '{"type": "object"}' in body["messages"][-1]["content"]


def test_reply_with_usage() -> None:
    reply = wire.reply(completion({"content": "hi"}), HELLO, 50)
    assert (reply.text, reply.finish, reply.model) == ("hi", "stop", "m-1")
    used = reply.usage
    assert (used.input_tokens, used.output_tokens, used.cached_tokens, used.requests) == (11, 3, 4, 1)
    assert not used.estimated


def test_a_reply_has_an_id_and_counts_what_was_thought() -> None:
    usage = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 2}}
    reply = wire.reply(completion({"content": "hi"}, usage=usage) | {"id": "chatcmpl-1"}, HELLO, 50)
    assert (reply.response_id, reply.usage.reasoning_tokens, reply.usage.output_tokens) == ("chatcmpl-1", 2, 3)
    odd = {**USAGE, "completion_tokens_details": {"reasoning_tokens": "2"}}
    found = wire.reply(completion({"content": "hi"}, usage=odd) | {"id": 7}, HELLO, 50)
    assert (found.response_id, found.usage.reasoning_tokens) == ("", 0)
    chunks = wire.CompletionChunks("m")
    for part in ({"id": "c-1", "choices": [{"delta": {"content": "a"}}]}, {"choices": [], "usage": usage}):
        chunks.take(Event("", json.dumps(part)))
    whole = wire.reply(chunks.body(), HELLO, 50)
    assert (whole.response_id, whole.usage.reasoning_tokens) == ("c-1", 2)


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
