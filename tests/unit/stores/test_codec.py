"""Values through the journal's door."""

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from orchestra.core.decision import Decision, Option
from orchestra.core.errors import NotSerialisable
from orchestra.core.message import ToolCall
from orchestra.core.outcome import Cause, Done, Failed, Outcome
from orchestra.core.usage import Usage
from orchestra.ports.model import Reply, Request, ToolSpec
from orchestra.stores.codec import JsonCodec

codec = JsonCodec()


class Colour(Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Box(TypedDict):
    width: int
    colour: Colour


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    total: Decimal
    at: datetime
    tags: tuple[str, ...] = ()
    corners: list[Point] = field(default_factory=list)


class Receipt(BaseModel):
    number: int = Field(alias="no")
    order: Order | None = None
    by: Mapping[int, Colour] = {}


def type_name(value: Any) -> str:
    """Names a case; the value itself may be too long to write."""
    return type(value).__name__


order = Order("A-17", Decimal("0.10"), datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), ("a",), [Point(1, 2.5)])
decision = Decision(
    key="r/run/decide",
    capability="refund",
    policy="linucb",
    version=2,
    options=(Option("stripe", score=0.1, probability=0.98), Option("adyen", filtered="breaker open")),
    chosen=("stripe",),
    probability=0.98,
    x=(1.0, 0.25),
)
reply = Reply(text="hi", tool_calls=(ToolCall(id="1", name="find", arguments={"id": 3}),), usage=Usage(requests=1))


@pytest.mark.parametrize(
    ("value", "output_type"),
    [
        ("text", str),
        (3, int),
        (None, str | None),
        (order, Order),
        ([order], list[Order]),
        (Receipt(no=3, order=order, by={7: Colour.RED}), Receipt),
        ({"width": 3, "colour": Colour.RED}, Box),
        (Point(3, 1.5), Point),
        (Decimal("1.10"), Decimal),
        (date(2026, 1, 2), date),
        (timedelta(days=1, microseconds=3), timedelta),
        (UUID(int=7), UUID),
        (Path("a/b"), Path),
        ({1, 2}, set[int]),
        ((1, "a"), tuple[int, str]),
        (3, int | str),
        ("3", int | str),
        (Colour.RED, Colour),
        (b"bytes", bytes),
        (decision, Decision),
        (reply, Reply),
        (Done(output=[1]), Outcome),
        (Failed(cause=Cause(kind="E", message="m")), Outcome),
    ],
)
def test_a_value_comes_back_as_its_type(value: Any, output_type: Any) -> None:
    plain = codec.plain(value)
    back = codec.typed(plain, output_type)
    assert back == value
    assert type(back) is type(value)
    assert codec.plain(plain) is plain  # what is JSON already is not copied


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (float("nan"), "float"),
        ({"a": [float("inf")]}, "inf"),
        (Decimal("NaN"), "NaN"),
        (io.StringIO("open"), "StringIO"),
        ([io.StringIO("open")], "StringIO"),
        (Done(output=io.StringIO("open")), "StringIO"),
        ((number for number in (1, 2)), "generator"),
        (print, "builtin_function"),
        (partial(print), "partial"),
        ([threading.Lock()], "lock"),
        ({object()}, "object"),
        (Order, "type"),
        (ValueError("x"), "ValueError"),
        ({1: "a", "1": "b"}, "keys"),
        (b"\xff", "bytes"),
        (10**5000, "int"),
    ],
    ids=type_name,
)
def test_what_json_cannot_hold_is_refused_by_name(value: Any, named: str) -> None:
    with pytest.raises(NotSerialisable, match=named):
        codec.plain(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(NotSerialisable, match="contains itself"):
        codec.plain(loop)


def test_none_and_any_leave_the_value_alone() -> None:
    value = {"a": [1]}
    assert codec.typed(value, None) is value
    assert codec.typed(value, Any) is value


def test_a_misfit_names_the_place_and_not_the_content() -> None:
    with pytest.raises(NotSerialisable) as caught:
        codec.typed({"number": "secret-value"}, Receipt)
    assert "number" in str(caught.value)
    assert "secret-value" not in str(caught.value)


def test_a_type_without_a_json_form_is_refused() -> None:
    with pytest.raises(NotSerialisable, match="lock"):
        codec.typed({}, type(threading.Lock()))


def test_unions_keep_the_order_of_their_members() -> None:
    @dataclass
    class Left:
        a: int

    @dataclass
    class Right:
        a: int

    assert type(codec.typed({"a": 1}, Left | Right)) is Left
    assert type(codec.typed({"a": 1}, Right | Left)) is Right


def test_a_request_with_read_only_mappings_is_json() -> None:
    schema = MappingProxyType({"type": "object", "properties": MappingProxyType({})})
    request = Request(messages=(), tools=(ToolSpec(name="t", description="", parameters=schema),))
    assert codec.plain(request)["tools"][0]["parameters"] == {"type": "object", "properties": {}}
