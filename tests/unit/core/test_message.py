"""Messages as JSON: what is written, and where a fault is said to lie."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestra import Message
from orchestra.core.errors import BadDefinition
from orchestra.core.message import Image, ToolCall, assistant, checked_history, messages_of, system, tool_result, user

PIXEL = Image.of(b"png", "image/png")
CALL = ToolCall(id="c1", name="find", arguments={"order": "A-17", "lines": [1, 2.5, None, {"open": True}]})


@pytest.mark.parametrize(
    ("message", "value"),
    [
        (system("Be brief."), {"role": "system", "text": "Be brief."}),
        (user(""), {"role": "user", "text": ""}),
        (
            user("Look.", PIXEL, Image(url="https://example.org/a.png")),
            {
                "role": "user",
                "text": "Look.",
                "images": [{"media_type": "image/png", "data": "cG5n"}, {"url": "https://example.org/a.png"}],
            },
        ),
        (
            assistant("One moment.", CALL),
            {
                "role": "assistant",
                "text": "One moment.",
                "tool_calls": [{"id": "c1", "name": "find", "arguments": CALL.arguments}],
            },
        ),
        (tool_result("c1", "found"), {"role": "tool", "text": "found", "call_id": "c1"}),
    ],
)
def test_the_form_of_each_role(message: Message, value: dict[str, Any]) -> None:
    assert message.to_json() == value
    assert Message.from_json(json.loads(json.dumps(value))) == message


def test_what_is_written_is_a_copy() -> None:
    arguments = {"lines": [1]}
    written = assistant("", ToolCall(id="c", name="f", arguments=arguments)).to_json()
    arguments["lines"].append(2)
    assert written["tool_calls"][0]["arguments"] == {"lines": [1]}


@pytest.mark.parametrize(
    ("value", "place", "problem"),
    [
        ("hello", "history[1]", "is a str, not an object"),
        ({"text": "x"}, "history[1].role", "is None, not one of system, user, assistant, tool"),
        ({"role": "bot"}, "history[1].role", "'bot'"),
        ({"role": ["user"]}, "history[1].role", "['user']"),
        ({"role": "user", "text": 5}, "history[1].text", "is a int, not a text"),
        ({"role": "user", "content": "x"}, "history[1].content", "is unknown"),
        ({"role": "tool", "call_id": 5}, "history[1].call_id", "is a int"),
        ({"role": "assistant", "tool_calls": {}}, "history[1].tool_calls", "is a dict, not a list"),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "history[1].tool_calls[0].name", "is missing"),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "name": "f", "arguments": "{}"}]},
            "history[1].tool_calls[0].arguments",
            "is a str, not an object",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "name": "f", "arguments": {"a": [float("nan")]}}]},
            "history[1].tool_calls[0].arguments.a[0]",
            "is nan, which JSON cannot hold",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "name": "f", "extra": 1}]},
            "history[1].tool_calls[0].extra",
            "is unknown",
        ),
        ({"role": "user", "images": [{"data": "cG5n"}]}, "history[1].images[0]", "An image is one of image/png"),
        ({"role": "user", "images": [{"size": 1}]}, "history[1].images[0].size", "is unknown"),
        ({"role": "tool", "images": [{"url": "https://a.b"}]}, "history[1].images", "not the user's"),
    ],
)
def test_a_fault_is_named_with_its_place(value: Any, place: str, problem: str) -> None:
    with pytest.raises(BadDefinition) as caught:
        messages_of([user("fine"), value])
    assert caught.value.what.startswith(f"{place} ") and problem in caught.value.what
    assert caught.value.facts["place"] == place


@pytest.mark.parametrize("value", ["hello", b"x", {"role": "user"}, 5, None])
def test_a_conversation_is_a_list(value: Any) -> None:
    with pytest.raises(BadDefinition, match="not a list of messages"):
        messages_of(value)


@pytest.mark.parametrize("wrong", [(1, 2), {1: "a"}, object(), float("inf")])
def test_arguments_that_are_no_json_are_not_written(wrong: Any) -> None:
    with pytest.raises(BadDefinition, match=r"message\.tool_calls\[0\]\.arguments"):
        assistant("", ToolCall(id="c", name="f", arguments={"a": wrong})).to_json()


def test_what_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(BadDefinition, match="nested too deeply, or contains itself"):
        assistant("", ToolCall(id="c", name="f", arguments={"a": loop})).to_json()


@pytest.mark.parametrize(
    ("history", "problem"),
    [
        ([system("x")], r"history\[0\] is a system turn"),
        ([assistant("", CALL)], "history ends before the result of the tool call 'c1'"),
        ([assistant("", CALL), user("and?")], r"history\[1\] comes before the result of the tool call 'c1'"),
        ([user("hi"), tool_result("c1", "x")], r"history\[1\]\.call_id is 'c1', which no call before it has"),
        ([assistant("", CALL), tool_result("c1", "x"), tool_result("c1", "x")], r"history\[2\]\.call_id"),
        ([Message(role="user", tool_calls=(CALL,))], r"history\[0\]\.tool_calls stand on a turn that is not"),
        ([assistant("", ToolCall(id="c", name="f", arguments={"a": (1,)}))], r"arguments\.a is a tuple"),
    ],
)
def test_a_history_that_nobody_could_go_on_with_is_refused(history: list[Message], problem: str) -> None:
    with pytest.raises(BadDefinition, match=problem):
        checked_history(history)


def test_a_history_of_messages_and_json_is_taken() -> None:
    two = ToolCall(id="c2", name="find", arguments={})
    history = [user("hi"), assistant("", CALL, two), tool_result("c2", "b"), tool_result("c1", "a"), assistant("ok")]
    assert checked_history([history[0].to_json(), *history[1:]]) == tuple(history)
