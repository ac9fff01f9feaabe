import json

from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.message import ToolCall, assistant, system, tool_result, user
from orchestra.models.constrained import constrained, unconstrained
from orchestra.ports.model import Reply, Request, ToolSpec

PLACE = {"type": "object", "properties": {"at": {"$ref": "#/$defs/P"}}, "$defs": {"P": {"type": "string"}}}
FIND = ToolSpec(name="find", description="Finds\n an order.", parameters={"type": "object", "properties": {}})
SHIP = ToolSpec(name="ship", description="Ships.", parameters=PLACE)
ASK = Request(messages=(user("where?"),), tools=(FIND, SHIP))


def test_tools_become_one_schema_and_one_system_text() -> None:
    request = constrained(ASK)
    assert request.tools == () and request.schema is not None
    find, ship, answer = request.schema["anyOf"]
    assert find["properties"]["tool"]["enum"] == ["find"] and find["required"] == ["tool", "arguments"]
    assert ship["properties"]["arguments"]["properties"]["at"] == {"$ref": "#/$defs/ship-P"}
    assert request.schema["$defs"] == {"ship-P": {"type": "string"}}
    assert answer["properties"] == {"answer": {"type": "string"}}
    assert request.messages[0].role == "system" and "- find: Finds an order." in request.messages[0].text


def test_the_answer_carries_the_schema_and_definitions_of_one_name_stay_apart() -> None:
    schema = {"type": "object", "properties": {"p": {"$ref": "#/$defs/P"}}, "$defs": {"P": {"type": "integer"}}}
    made = constrained(Request(messages=ASK.messages, tools=(SHIP,), schema=schema)).schema
    assert made is not None
    assert made["$defs"] == {"ship-P": {"type": "string"}, "answer-P": {"type": "integer"}}
    assert made["anyOf"][1]["properties"]["answer"]["properties"]["p"] == {"$ref": "#/$defs/answer-P"}


def test_history_is_told_as_text_also_without_tools() -> None:
    call = ToolCall(id="c", name="find", arguments={"id": 1})
    history = (system("be kind"), user("where?"), assistant("", call), tool_result("c", "shipped"))
    flat = constrained(Request(messages=history))
    assert flat.schema is None and [item.role for item in flat.messages] == ["system", "user", "assistant", "user"]
    assert json.loads(flat.messages[2].text) == {"tool": "find", "arguments": {"id": 1}}
    assert flat.messages[3].text == "Result of find: shipped"
    merged = constrained(Request(messages=history, tools=(FIND,)))
    assert [item.role for item in merged.messages].count("system") == 1
    assert merged.messages[0].text.startswith("be kind\n")


def test_branches_are_read_back() -> None:
    call = unconstrained(Reply(text='{"tool": "find", "arguments": {"id": 2}}'), ASK)
    assert call.tool_calls == (ToolCall(id="call_0", name="find", arguments={"id": 2}),)
    assert (call.finish, call.text) == ("tool_calls", "")
    assert unconstrained(Reply(text='{"answer": "there"}'), ASK).text == "there"
    typed = Request(messages=ASK.messages, tools=ASK.tools, schema={"type": "string"})
    assert unconstrained(Reply(text='{"answer": "there"}'), typed).text == '"there"'


def test_ids_count_on_through_the_conversation() -> None:
    call = ToolCall(id="call_0", name="find")
    request = Request(messages=(user("?"), assistant("", call), tool_result("call_0", "no")), tools=(FIND,))
    assert unconstrained(Reply(text='{"tool": "find", "arguments": {}}'), request).tool_calls[0].id == "call_1"


def test_what_is_neither_branch_stays() -> None:
    cut = Reply(text='{"answer": "the', finish="length")
    assert unconstrained(cut, ASK) is cut
    free = Reply(text='{"answer": "x"}')
    assert unconstrained(free, Request(messages=ASK.messages)) is free


@given(st.text() | st.dictionaries(st.sampled_from(["tool", "arguments", "answer"]), st.text()).map(json.dumps))
def test_no_text_crashes_the_reader(text: str) -> None:
    reply = unconstrained(Reply(text=text), ASK)
    assert isinstance(reply.text, str)
