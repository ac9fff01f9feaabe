"""For types made up at random: value -> JSON -> value, through a reply, an argument and the journal's codec."""

from __future__ import annotations

import enum
import json
from dataclasses import make_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict, Field, TypeAdapter, create_model

from orchestra.core.catalog import required_node
from orchestra.core.typed_dicts import readable
from orchestra.stores.codec import JsonCodec
from orchestra.tools.decorator import tool
from orchestra.tools.structured import WRAPPER, OutputSchema


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    name: str


Shape = tuple[Any, st.SearchStrategy[Any]]
"""A type, and values of it."""
NAMES = st.sampled_from(["a", "value", "items", "type", "kind", "properties", "copy"])
texts = st.text(max_size=5)

LEAVES: list[Shape] = [
    (int, st.integers(-(2**70), 2**70)),
    (bool, st.booleans()),
    (str, texts),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (type(None), st.none()),
    (Colour, st.sampled_from(Colour)),
    (Literal["x", 2], st.sampled_from(["x", 2])),
    (date, st.dates()),
    (datetime, st.datetimes(timezones=st.just(UTC))),
    (timedelta, st.timedeltas(timedelta(days=-999), timedelta(days=999))),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=3)),
    (UUID, st.uuids()),
    (bytes, texts.map(str.encode)),
    (Annotated[int, Field(ge=0, description="a count")], st.integers(0, 9)),
    (Point, st.builds(Point, st.integers(), texts)),
]
KEYS = [shape for shape in LEAVES if shape[0] in (int, str, date, UUID)]


def many(inner: Shape) -> st.SearchStrategy[Shape]:
    kind, values = inner
    shapes: list[Shape] = [
        (list[kind], st.lists(values, max_size=3)),  # type: ignore[valid-type]
        (tuple[kind, ...], st.lists(values, max_size=3).map(tuple)),  # type: ignore[valid-type]
        (tuple[kind, int], st.tuples(values, st.integers())),  # type: ignore[valid-type]
        (kind | None, st.none() | values),
        (Annotated[kind, Field(description="one")], values),
    ]
    return st.sampled_from(shapes)


def mapped(key: Shape, inner: Shape) -> Shape:
    made: Any = dict
    return made[key[0], inner[0]], st.dictionaries(key[1], inner[1], max_size=3)


def fields(parts: dict[str, Shape], how: str) -> Shape:
    kinds = {name: kind for name, (kind, _) in parts.items()}
    given = st.fixed_dictionaries({name: values for name, (_, values) in parts.items()})
    if how == "typed":
        typed_dict: Any = TypedDict
        made = typed_dict("Made", {**kinds, "perhaps": NotRequired[int]})
        return made, given | given.map(lambda one: {**one, "perhaps": 1})
    if how == "dataclass":
        made = make_dataclass("Made", list(kinds.items()))
        return made, given.map(lambda one: made(**one))
    made_model: Any = create_model
    model = made_model(
        "Made",
        __config__=ConfigDict(strict=how == "strict"),
        **{f"f_{name}": (kind, ...) for name, kind in kinds.items()},
    )
    return model, given.map(lambda one: model(**{f"f_{name}": value for name, value in one.items()}))


def deeper(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    parts = st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    return (
        inner.flatmap(many)
        | st.builds(mapped, st.sampled_from(KEYS), inner)
        | st.builds(fields, parts, st.sampled_from(["dataclass", "model", "strict"]))
    )


# A dataclass or model with a typing.TypedDict inside is refused by pydantic itself before Python 3.12.
shapes = st.recursive(st.sampled_from(LEAVES), deeper, max_leaves=5)
dicts = st.builds(fields, st.dictionaries(NAMES, shapes, min_size=1, max_size=3), st.just("typed"))
dicts = dicts | dicts.flatmap(many) | st.builds(fields, st.dictionaries(NAMES, dicts, min_size=1), st.just("typed"))
codec = JsonCodec()


def same(a: Any, b: Any) -> bool:
    return bool(a == b) and type(a) is type(b)


@settings(max_examples=60, deadline=None)
@given(shape=shapes | dicts, data=st.data())
def test_a_value_survives_every_door(shape: Shape, data: st.DataObject) -> None:
    kind, values = shape
    value = data.draw(values)
    written = TypeAdapter(readable(kind)).dump_python(value, mode="json", by_alias=True)

    door = OutputSchema(kind)
    if door.schema is not None:
        wrapped = list(door.schema.get("properties", ())) == [WRAPPER] and door.schema["required"] == [WRAPPER]
        is_wrapper = wrapped and door._wrapped
        assert same(door.parse(json.dumps({WRAPPER: written} if is_wrapper else written)), value)

    record = json.loads(json.dumps(codec.plain(value)))
    live = codec.typed(codec.plain(value), kind)
    assert same(live, codec.typed(record, kind)) and same(live, value)

    def take(one: Any, more: int = 0) -> None: ...

    take.__annotations__["one"] = kind
    contract = required_node(tool(take)).contract
    assert same(contract.bind({"one": json.loads(json.dumps(written))})["one"], value)
    json.dumps(dict(contract.schema))
