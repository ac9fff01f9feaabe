"""A signature becomes a contract."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from orchestra.core.catalog import Contract
from orchestra.core.errors import BadDefinition, BadInput
from orchestra.ports.scope import Context
from orchestra.tools.schema import contract


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    sku: str
    count: int = 1


@dataclass
class Address:
    street: str


class Options(TypedDict):
    gift: bool


class Opaque:
    """No JSON stands for it."""


def of(fn: Callable[..., Any]) -> Contract:
    return contract(fn)[0]


def order(ctx: Context[int], item: Item, colour: Colour, to: Address, options: Options, n: int = 2) -> str:
    """Orders.

    Args:
        item: what to send
        n: how many
    """
    return f"{item.sku} {colour} {to} {options} {n}"


def search(query: str, limit: int = 3, kind: Literal["page", "order"] = "page", exact: bool | None = None) -> list[str]:
    """Searches."""
    return [query, str(limit), kind, str(exact)]


def anything(value, other=None):  # type: ignore[no-untyped-def]
    return value, other


def whole(data: dict[str, int], note: str = "") -> None: ...


def nothing() -> None: ...


def test_the_schema_is_a_json_schema_without_the_context() -> None:
    schema = dict(of(order).schema)
    assert schema["required"] == ["item", "colour", "to", "options"]
    assert schema["additionalProperties"] is False and "title" not in schema
    assert schema["properties"]["item"] == {"$ref": "#/$defs/Item", "description": "what to send"}
    assert schema["properties"]["n"] == {"type": "integer", "description": "how many", "default": 2}
    assert schema["$defs"]["Colour"]["enum"] == ["red", "blue"]
    json.dumps(schema)


def test_annotated_descriptions_and_limits_win() -> None:
    def f(n: Annotated[int, Field(gt=0, description="a positive count")]) -> None:
        """F.  Args: n: something else"""

    assert dict(of(f).schema)["properties"]["n"] == {
        "type": "integer",
        "exclusiveMinimum": 0,
        "description": "a positive count",
    }
    with pytest.raises(BadInput, match="n: Input should be greater than 0"):
        of(f).bind(0)


def test_what_the_contract_says() -> None:
    made, code = contract(order)
    assert (made.names, made.output_type, made.takes_text) == (("item", "colour", "to", "options", "n"), str, False)
    assert (code.fn, code.context, code.is_async) == (order, "ctx", False)
    assert of(search).output_type == list[str] and of(search).takes_text
    assert of(anything).output_type is None and of(anything).takes_text
    assert of(whole).output_type is None and not of(whole).takes_text


def test_json_becomes_the_annotated_types() -> None:
    value = {
        "item": {"sku": "A"},
        "colour": "red",
        "to": {"street": "S"},
        "options": {"gift": "yes"},
        "n": "3",
    }
    assert of(order).bind(value) == {
        "item": Item(sku="A"),
        "colour": Colour.RED,
        "to": Address("S"),
        "options": {"gift": True},
        "n": 3,
    }


def test_ready_values_are_passed_as_they_are() -> None:
    item, address = Item(sku="A"), Address("S")
    bound = of(order).bind({"item": item, "colour": Colour.RED, "to": address, "options": {"gift": True}})
    assert bound["item"] is item and bound["to"] == address and "n" not in bound


@pytest.mark.parametrize(
    ("fn", "value", "bound"),
    [
        (search, "q", {"query": "q"}),
        (search, {"query": "q", "limit": 1}, {"query": "q", "limit": 1}),
        (anything, [1], {"value": [1]}),
        (anything, None, {"value": None}),
        (whole, {"a": 1}, {"data": {"a": 1}}),
        (whole, {"data": {"a": 1}}, {"data": {"a": 1}}),
        (whole, {"data": 1, "b": 2}, {"data": {"data": 1, "b": 2}}),
        (nothing, None, {}),
        (nothing, "", {}),
        (nothing, {}, {}),
    ],
)
def test_a_mapping_binds_by_name_and_anything_else_to_the_first(
    fn: Callable[..., Any], value: Any, bound: Mapping[str, Any]
) -> None:
    assert of(fn).bind(value) == bound


@pytest.mark.parametrize("hint", [Item, Address, Options, dict, Mapping[str, Any], Optional[Item], "Item | str"])  # noqa: UP045
def test_a_whole_mapping_may_be_the_first_parameter(hint: Any) -> None:
    def f(given: Any, more: int = 1) -> None: ...

    f.__annotations__["given"] = hint
    value = {"sku": "A", "street": "S", "gift": True}
    if hint in (Address, Options):
        value = {key: value[key] for key in ("street" if hint is Address else "gift",)}
    assert of(f).bind(value).keys() == {"given"}


@pytest.mark.parametrize(
    ("fn", "value", "said"),
    [
        (search, {"query": "q", "colour": 1, "size": 2}, "does not take colour, size; it takes query"),
        (search, {"limit": 1}, "is missing query"),
        (search, {"q": 1}, "does not take q and is missing query"),
        (search, {1: "q"}, "does not take 1 and is missing query"),
        (search, {"query": "q", "limit": "many"}, "limit: Input should be a valid integer"),
        (search, {"query": "q", "kind": "else"}, "kind: Input should be 'page' or 'order'"),
        (search, 7, "query: Input should be a valid string"),
        (order, "text", "is missing colour, to, options"),
        (order, {"item": {"sku": 1}, "colour": "red", "to": {}, "options": {}}, "item.sku: .*; to.street: .*"),
        (nothing, "text", "takes no input"),
        (nothing, {"x": 1}, "does not take x; it takes nothing"),
        (anything, {"valu": 1}, "does not take valu and is missing value"),
    ],
)
def test_what_does_not_fit_is_named(fn: Callable[..., Any], value: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        of(fn).bind(value)


def test_a_bad_value_is_not_repeated_in_the_message() -> None:
    with pytest.raises(BadInput) as caught:
        of(search).bind({"query": "q", "limit": "sk-secret"})
    assert "secret" not in str(caught.value)


def test_types_defined_in_a_function_are_found() -> None:
    class Local(BaseModel):
        n: int

    def f(one: Local, ctx: Context[Local] | None = None) -> Local:
        return one

    made, code = contract(f)
    assert made.output_type is Local and code.context == "ctx"
    assert made.bind({"n": 1}) == {"one": Local(n=1)}


def test_any_parameter_name_may_be_used() -> None:
    def f(json: str, model_config: int, copy: float, _x: str = "", self: int = 0) -> None: ...

    assert of(f).bind({"json": "j", "model_config": "1", "copy": 2, "_x": "x"}) == {
        "json": "j",
        "model_config": 1,
        "copy": 2.0,
        "_x": "x",
    }
    assert list(dict(of(f).schema)["properties"]) == ["json", "model_config", "copy", "_x", "self"]


def test_a_hint_that_cannot_be_resolved_is_named() -> None:
    def f(a: int, b: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(BadDefinition, match=r"f: the type hint of 'b' cannot be resolved: .*Missing.*TYPE_CHECKING"):
        contract(f)


def test_what_cannot_be_filled_by_name_is_refused() -> None:
    def star(*args: int) -> None: ...

    def stars(**kwargs: int) -> None: ...

    def slash(a: int, /) -> None: ...

    def two(a: Context[int], b: Context[str]) -> None: ...

    def field(a: int = Field(default=1)) -> None: ...

    def generator() -> Any:
        yield 1

    class Method:
        def f(self, a: int) -> None: ...

    for fn, said in [
        (star, r"\*args: .*list"),
        (stars, r"\*\*kwargs: .*dict"),
        (slash, "Remove the '/'"),
        (two, "two Contexts, 'a' and 'b'"),
        (field, "Annotated"),
        (generator, "generator"),
        (Method.f, "is a method"),
        (Method, "not a function"),
        (3, "not a function"),
    ]:
        with pytest.raises(BadDefinition, match=said):
            contract(fn)  # type: ignore[arg-type]


def test_a_type_without_json_is_named_when_the_schema_is_read() -> None:
    def f(a: str, thing: Opaque) -> None: ...

    thing = Opaque()
    assert of(f).bind({"a": "x", "thing": thing}) == {"a": "x", "thing": thing}
    with pytest.raises(BadInput, match="thing: Input should be an instance of Opaque"):
        of(f).bind({"a": "x", "thing": 1})
    with pytest.raises(BadDefinition, match="no JSON Schema"):
        dict(of(f).schema)


def test_a_type_that_cannot_be_validated_is_named() -> None:
    def f(a: str, broken: list[1]) -> None: ...  # type: ignore[valid-type]

    with pytest.raises(BadDefinition, match="parameter 'broken'"):
        of(f).bind({"a": "x", "broken": []})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["query", "data"]), inner),
    max_leaves=8,
)
bound_by = {fn: of(fn) for fn in (order, search, anything, whole, nothing)}


@given(value=values, fn=st.sampled_from(list(bound_by)))
def test_bind_gives_known_names_or_bad_input(value: Any, fn: Callable[..., Any]) -> None:
    made = bound_by[fn]
    try:
        bound = made.bind(value)
    except BadInput:
        return
    assert set(bound) <= set(made.names)
    assert made.bind(bound).keys() == bound.keys()


@given(query=st.text(), limit=st.integers())
def test_bind_keeps_what_already_fits(query: str, limit: int) -> None:
    assert bound_by[search].bind({"query": query, "limit": limit}) == {"query": query, "limit": limit}
