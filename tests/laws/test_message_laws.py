"""Any conversation comes back from JSON as it was."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition
from orchestra.core.message import IMAGE_TYPES, Image, Message, ToolCall, messages_of

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
tool_calls = st.builds(ToolCall, id=st.text(), name=st.text(), arguments=st.dictionaries(st.text(), json_values))
images = st.builds(Image.of, st.binary(min_size=1, max_size=20), st.sampled_from(IMAGE_TYPES)) | st.builds(
    lambda path, kind: Image(url=f"https://example.org/{path}", media_type=kind), st.text(), st.sampled_from(["", "a"])
)
messages = st.one_of(
    st.builds(Message, role=st.just("system"), text=st.text()),
    st.builds(Message, role=st.just("user"), text=st.text(), images=st.lists(images, max_size=2).map(tuple)),
    st.builds(
        Message, role=st.just("assistant"), text=st.text(), tool_calls=st.lists(tool_calls, max_size=3).map(tuple)
    ),
    st.builds(Message, role=st.just("tool"), text=st.text(), call_id=st.text()),
)


@given(st.lists(messages, max_size=6))
def test_a_conversation_round_trips(conversation: list[Message]) -> None:
    text = json.dumps([message.to_json() for message in conversation])
    again = messages_of(json.loads(text))
    assert again == tuple(conversation)
    assert json.dumps([message.to_json() for message in again]) == text


@given(json_values)
def test_anything_else_is_refused_with_a_named_error(value: Any) -> None:
    try:
        made = Message.from_json(value)
    except BadDefinition as error:
        assert error.facts["place"].startswith("message")
    else:
        assert made.to_json()["role"] == value["role"]
