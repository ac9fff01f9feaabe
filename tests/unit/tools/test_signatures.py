"""The sixty signatures of the comparison with other libraries, and what was found wrong by it."""

import json
from typing import Any

import pytest

from benchmarks import schemas
from benchmarks.schemas import ABSENT, IDENTICAL, REASONS, SAME, UNEXPLAINED, compared
from orchestra.core.catalog import required_node
from orchestra.tools.decorator import tool
from tests.unit.tools.test_shapes import refs

MADE = schemas.ours()
REFUSED = {"field_as_default", "var_arguments"}


def test_all_but_two_have_a_schema() -> None:
    assert len(MADE) == 60
    assert {name for name, schema in MADE.items() if "refused" in schema} == REFUSED


@pytest.mark.parametrize("name", sorted(MADE.keys() - REFUSED))
def test_every_schema_is_closed_and_whole(name: str) -> None:
    schema = json.loads(json.dumps(MADE[name]))
    assert schema["type"] == "object" and schema["additionalProperties"] is False
    assert set(schema.get("required", ())) == {n for n, one in schema["properties"].items() if "default" not in one}
    assert all(ref.removeprefix("#/$defs/") in schema["$defs"] for ref in refs(schema))


def test_nested_types_take_further_keys_by_their_own_rule() -> None:
    assert "additionalProperties" not in MADE["one_dataclass"]["$defs"]["Address"]
    assert "additionalProperties" not in MADE["typed_dict"]["$defs"]["Options"]
    assert MADE["closed_and_open"]["$defs"]["Closed"]["additionalProperties"] is False


def test_every_default_that_json_can_hold_is_shown() -> None:
    assert MADE["times"]["properties"]["during"]["default"] == "PT1H"
    assert MADE["enum_default"]["properties"]["colour"]["default"] == "red"

    nothing = object()

    @tool
    def f(a: Any = nothing, b: float = float("inf"), c: bytes = b"\xff") -> None: ...

    assert all("default" not in one for one in dict(required_node(f).contract.schema)["properties"].values())


def test_a_text_in_annotated_is_the_description() -> None:
    assert MADE["annotated_text"]["properties"]["city"]["description"] == "the city's name"
    assert MADE["described_twice"]["properties"]["tree"]["description"] == "by the annotation"


def test_a_tagged_union_is_one_that_strict_modes_take() -> None:
    assert MADE["tagged_union"]["properties"]["by"] == {"anyOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Cash"}]}


def row(a: dict[str, Any], b: dict[str, Any]) -> str:
    shell = {"type": "object", "additionalProperties": False}
    first, second = ({**shell, **one} for one in (a, b))
    return compared({"f": first}, "other", {"f": second})[0].cell


NUMBER = {"properties": {"n": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("other", "cell"),
    [
        (NUMBER, IDENTICAL),
        ({"properties": {"n": {"type": "integer", "title": "N"}}, "required": []}, SAME),
        ({"properties": {"n": {"$ref": "#/$defs/N"}}, "$defs": {"N": {"type": "integer", "title": "N"}}}, SAME),
        ({**NUMBER, "required": ["n"]}, "required"),
        ({"properties": {"n": {"type": "number"}}}, UNEXPLAINED),
        ({"properties": {"m": {"type": "integer"}}}, UNEXPLAINED),
        ({"properties": {"n": {"type": "integer", "minimum": 1}}}, UNEXPLAINED),
        ({"properties": {"n": {"type": "integer", "default": 1}}}, UNEXPLAINED),
        ({**NUMBER, "additionalProperties": True}, UNEXPLAINED),
    ],
)
def test_a_difference_is_explained_or_reported(other: dict[str, Any], cell: str) -> None:
    assert row(NUMBER, other) == cell


def test_a_property_named_like_a_keyword_is_a_property() -> None:
    titled = {"properties": {"title": {"type": "string"}, "required": {"type": "string"}}}
    assert row(titled, {"properties": {"required": {"type": "string"}}}) == UNEXPLAINED
    assert list(schemas.differences({"a": 1}, {})) == [(("a",), 1, ABSENT)]


def test_a_summary_names_each_reason_and_its_places() -> None:
    text = schemas.summary(compared({"f": NUMBER}, "other", {"f": {**NUMBER, "required": ["n"]}}))
    assert "| other | 0 | 0 | 1 | required: 1 |" in text and REASONS["required"] in text and "other: `f`" in text
