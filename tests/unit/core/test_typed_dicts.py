"""typing.TypedDict, also where annotations are kept as text: what is required stays required."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, NotRequired, Required, TypedDict

import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from orchestra.core.typed_dicts import readable
from orchestra.tools.structured import OutputSchema


class Base(TypedDict):
    a: int
    b: NotRequired[str]
    c: Annotated[NotRequired[int], "a text"]


class More(Base, total=False):
    d: int
    e: Required[int]
    again: More


class Shut(TypedDict):
    a: int


Shut.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]


class Broken(TypedDict):
    a: Nowhere  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("kind", "required", "optional"), [(Base, {"a"}, {"b", "c"}), (More, {"a", "e"}, {"b", "c", "d", "again"})]
)
def test_what_is_required(kind: Any, required: set[str], optional: set[str]) -> None:
    schema = OutputSchema(kind).schema
    assert schema is not None
    assert set(schema["required"]) == required and set(schema["properties"]) == required | optional


def test_it_may_name_itself() -> None:
    value = {"a": 1, "e": 2, "again": {"a": 3, "e": 4}}
    assert OutputSchema(More).parse(json.dumps(value)) == value


@pytest.mark.parametrize(
    "hint",
    [list[Shut], dict[str, Shut], Shut | None, tuple[Shut, ...], Annotated[Shut, "one"], list[list[Shut] | int]],
)
def test_it_is_found_inside_other_types(hint: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(readable(hint))
    assert '"additionalProperties": false' in json.dumps(adapter.json_schema()), "with its own configuration"


@pytest.mark.parametrize("hint", [int, list[int], int | None, None, Any, Annotated[int, "n"], dict, "text", 3])
def test_all_else_is_left_as_it_is(hint: Any) -> None:
    assert readable(hint) is hint


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="nothing is made again there")
def test_one_is_made_once() -> None:
    assert readable(Shut) is readable(Shut) is not Shut
    with pytest.raises(ValidationError):
        TypeAdapter(readable(Shut)).validate_python({"a": 1, "b": 2})


def test_a_name_that_cannot_be_found_is_said() -> None:
    from orchestra.core.errors import BadDefinition

    with pytest.raises(BadDefinition, match="Broken"):
        OutputSchema(Broken)
