"""Output types and the replies that stand for them."""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from orchestra.core.errors import BadDefinition, BadReply
from orchestra.tools.structured import OutputSchema


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Verdict(BaseModel):
    model_config = ConfigDict(strict=True)
    mood: Mood
    on: date


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


@dataclass
class Point:
    x: int


@pytest.mark.parametrize("output_type", [None, str, Any, Annotated[str, Field(description="a text")]])
def test_text_needs_no_schema(output_type: Any) -> None:
    schema = OutputSchema(output_type)
    assert schema.schema is None and schema.parse(" as it is ") == " as it is "


@pytest.mark.parametrize("output_type", [Verdict, Tree, Point, dict[str, int]])
def test_objects_are_their_own_schema(output_type: Any) -> None:
    schema = OutputSchema(output_type).schema
    assert schema is not None and schema["type"] == "object" and "value" not in schema.get("properties", {})


@pytest.mark.parametrize(
    ("output_type", "text", "value"),
    [
        (int, '{"value": 3}', 3),
        (int, "3", 3),
        (list[int], '{"value": [1, 2]}', [1, 2]),
        (list[int], "[1, 2]", [1, 2]),
        (tuple[int, str], '{"value": [1, "a"]}', (1, "a")),
        (Mood, '{"value": "good"}', Mood.GOOD),
        (int | None, '{"value": null}', None),
        (Point | None, '{"value": {"x": 1}}', Point(1)),
        (list[Point], '{"value": [{"x": 1}]}', [Point(1)]),
    ],
)
def test_other_types_are_wrapped(output_type: Any, text: str, value: Any) -> None:
    schema = OutputSchema(output_type)
    assert schema.schema is not None
    assert schema.schema["type"] == "object" and schema.schema["required"] == ["value"]
    assert schema.parse(text) == value


def test_definitions_stay_at_the_top() -> None:
    schema = OutputSchema(list[Point]).schema
    assert schema is not None
    assert schema["properties"]["value"]["items"] == {"$ref": "#/$defs/Point"} and "Point" in schema["$defs"]


@pytest.mark.parametrize(
    "text",
    [
        '{"mood": "good", "on": "2026-01-02"}',
        '```json\n{"mood": "good", "on": "2026-01-02"}\n```',
        'Here it is:\n```\n{"mood": "good", "on": "2026-01-02"}\n```\nDone.',
    ],
)
def test_fences_are_no_fault(text: str) -> None:
    assert OutputSchema(Verdict).parse(text) == Verdict(mood=Mood.GOOD, on=date(2026, 1, 2))


def test_a_fence_inside_a_value_is_kept() -> None:
    assert OutputSchema(dict[str, str]).parse('{"code": "```json\\n1\\n```"}') == {"code": "```json\n1\n```"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("good", "not JSON"),
        ('{"mood": "good"', "not JSON"),
        ('{"mood": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"mood": "so so"}', "mood: Input should be 'good' or 'bad'; on: Field required"),
        ("3", "does not fit its schema"),
    ],
)
def test_a_bad_reply_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(BadReply, match=said):
        OutputSchema(Verdict).parse(text)


def test_a_type_without_json_is_refused() -> None:
    class Opaque:
        pass

    with pytest.raises(BadDefinition, match="Opaque"):
        OutputSchema(Opaque)


reader = OutputSchema(Verdict)


@given(text=st.text() | st.text(alphabet='{}[]":,`0en \n'))
def test_any_text_is_a_value_or_a_bad_reply(text: str) -> None:
    with pytest.raises(BadReply):
        reader.parse(text)
