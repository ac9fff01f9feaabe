"""Every shape of value, through each door that JSON passes: replies, arguments, steps and the journal."""

import datetime as dt
import enum
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict, TypeVar
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter
from typing_extensions import TypeAliasType
from typing_extensions import TypedDict as ExtendedTypedDict

from orchestra.agents.agent import Agent, node_of_agent
from orchestra.agents.decorator import agent
from orchestra.core.call import NodeName
from orchestra.core.catalog import required_node
from orchestra.core.errors import BadInput, BadReply
from orchestra.core.message import ToolCall
from orchestra.core.outcome import Done, Failed
from orchestra.core.typed_dicts import readable
from orchestra.models.constrained import constrained
from orchestra.models.scripted import Scripted
from orchestra.models.wire import in_object, is_strict
from orchestra.models.wire_openai import body
from orchestra.ports.model import Request, ToolSpec
from orchestra.ports.scope import Context
from orchestra.tools.decorator import tool
from orchestra.tools.structured import WRAPPER, OutputSchema
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import step
from tests.support.runtime import Rig, go

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Unit(enum.StrEnum):
    METRE = "m"


class Item(BaseModel):
    sku: str
    count: int = 1


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    colour: Colour
    on: dt.date
    many: tuple[int, ...]
    who: UUID
    data: bytes = b""


class Aliased(BaseModel):
    order_id: str = Field(alias="orderId")


class Card(BaseModel):
    kind: Literal["card"]
    number: str


class Cash(BaseModel):
    kind: Literal["cash"]
    amount: Decimal


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


class Box(BaseModel, Generic[T]):
    content: T


class Numbers(RootModel[list[int]]):
    pass


@dataclass
class Address:
    street: str
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    at: dt.datetime


@dataclass
class Link:
    value: int
    rest: Optional["Link"] = None


@dataclass
class Pair(Generic[T]):
    left: T
    right: T


class Options(TypedDict):
    gift: bool
    wrap: NotRequired[str]


class Filters(TypedDict, total=False):
    colour: Colour
    inner: Options
    again: "Filters"


class Extended(ExtendedTypedDict):
    point: "Point"


class Point(NamedTuple):
    x: float
    y: float = 0.0


OrderId = NewType("OrderId", int)
Items = TypeAliasType("Items", list[Item])
Nest = TypeAliasType("Nest", "dict[str, Nest] | int")
Tagged = Annotated[Card | Cash, Field(discriminator="kind")]
NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
STRICT = Strict(colour=Colour.RED, on=dt.date(2026, 1, 2), many=(1, 2), who=UUID(int=7), data=b"abc")

SHAPES: list[tuple[Any, Any]] = [
    (Item, Item(sku="A")),
    (Strict, STRICT),
    (list[Strict], [STRICT]),
    (Aliased, Aliased(orderId="A")),
    (Tagged, Cash(kind="cash", amount=Decimal("1.10"))),
    (list[Tagged], [Card(kind="card", number="1")]),
    (Card | Cash, Card(kind="card", number="1")),
    (Item | Address, Address("S")),
    (Item | None, None),
    (Item | None, Item(sku="A")),
    (int | str, 3),
    (int | str, "3"),
    (str | None, "null"),
    (Tree, Tree(name="a", children=[Tree(name="b")])),
    (Box[int], Box[int](content=1)),
    (Box[Item], Box[Item](content=Item(sku="A"))),
    (Numbers, Numbers([1, 2])),
    (Address, Address("S", ["a"])),
    (Frozen, Frozen(at=NOON)),
    (Link, Link(1, Link(2))),
    (Pair[int], Pair(1, 2)),
    (Options, {"gift": True}),
    (Options, {"gift": True, "wrap": "red"}),
    (Filters, {}),
    (Filters, {"colour": Colour.RED, "inner": {"gift": False}, "again": {}}),
    (list[Options] | None, [{"gift": True}]),
    (dict[str, Annotated[Options, Field(description="how")]], {"a": {"gift": True}}),
    (Extended, {"point": Point(1.0)}),
    (Point, Point(1.0, 2.0)),
    (list[Point], [Point(1.0)]),
    (OrderId, OrderId(3)),
    (Items, [Item(sku="A")]),
    (Nest, {"a": {"b": 1}}),
    (Colour, Colour.BLUE),
    (Level, Level.LOW),
    (Unit, Unit.METRE),
    (Literal["a", 1, None], 1),
    (Annotated[int, Field(ge=1, description="how many")], 3),
    (dict[str, list[Item]], {"a": [Item(sku="A")]}),
    (dict[int, str], {1: "a"}),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1, 2)),
    (set[int], {1, 2}),
    (frozenset[Colour], frozenset({Colour.RED})),
    (dt.date, dt.date(2026, 1, 2)),
    (dt.datetime, NOON),
    (dt.time, dt.time(1, 2)),
    (dt.timedelta, dt.timedelta(days=1, microseconds=3)),
    (Decimal, Decimal("1.10")),
    (UUID, UUID(int=3)),
    (bytes, b"abc"),
    (bool, True),
    (float, 1.5),
]
named = pytest.mark.parametrize(("shape", "value"), SHAPES, ids=[f"{i}" for i in range(len(SHAPES))])


def written(shape: Any, value: Any) -> Any:
    """What a model would write for the value."""
    return TypeAdapter(readable(shape)).dump_python(value, mode="json", by_alias=True)


def reply(shape: Any, value: Any) -> str:
    schema = OutputSchema(shape).schema
    assert schema is not None
    wrapped = list(schema.get("properties", ())) == [WRAPPER]
    return json.dumps({WRAPPER: written(shape, value)} if wrapped else written(shape, value))


@named
def test_a_reply_becomes_the_value(shape: Any, value: Any) -> None:
    found = OutputSchema(shape).parse(reply(shape, value))
    assert found == value and type(found) is type(value)
    bare = OutputSchema(shape).parse(json.dumps(written(shape, value)))
    assert bare == value, "a missing wrapper is no fault"


@named
def test_an_argument_becomes_the_value(shape: Any, value: Any) -> None:
    def take(one: Any, note: str = "") -> None: ...

    take.__annotations__["one"] = shape
    bind = required_node(tool(take)).contract.bind
    for given in (written(shape, value), value):
        found = bind({"one": given})["one"]
        assert found == value and type(found) is type(value)
    json.dumps(dict(required_node(take).contract.schema))


@named
def test_a_step_gives_live_what_its_record_gives(shape: Any, value: Any) -> None:
    def make() -> Any:
        return value

    make.__annotations__["return"] = shape
    plain = agent(name="plain", provides="plain")(lambda: value)
    made = agent(make)
    seen: list[Any] = []

    @workflow
    async def both() -> int:
        seen.append([await step(made), await step("plain", output_type=shape)])
        return 1 // (len(seen) - 1)  # fails at first, so that it is taken up again

    async def main() -> None:
        rig = Rig((plain,))
        assert type((await rig.run(both))[0]) is Failed
        assert type((await rig.resume(both))[0]) is Done

    go("asyncio", main)
    (live, recalled) = seen
    assert live == recalled == [value, value]
    assert [type(one) for one in (*live, *recalled)] == [type(value)] * 4


@named
def test_a_model_that_first_answers_wrongly_is_asked_once_more(shape: Any, value: Any) -> None:
    clerk = Agent("clerk", "Answers.", instructions="Answer.", output_type=shape, model="test:clerk")

    async def main() -> None:
        model = Scripted('{"nothing": of the kind', reply(shape, value))
        outcome, _ = await Rig((), {"test:clerk": model}).run(node_of_agent(clerk, None), "What is it?")
        assert type(outcome) is Done and outcome.output == value and type(outcome.output) is type(value)
        (correction,) = model.requests[1].messages[-1:]
        assert correction.text.startswith("That is not valid: The reply is not JSON")

    go("asyncio", main)


def test_the_repair_is_bounded() -> None:
    clerk = Agent("clerk", "Answers.", instructions="Answer.", output_type=list[Item], model="test:clerk")

    async def main() -> None:
        model = Scripted("no", '{"value": [{"sku": 1}]}')
        outcome, _ = await Rig((node_of_agent(clerk, None),), {"test:clerk": model}).run(NodeName(name="clerk"), "?")
        assert type(outcome) is Failed and outcome.cause.is_a(BadReply)
        assert "0.sku: Input should be a valid string" in outcome.cause.message and len(model.requests) == 2

    go("asyncio", main)


def test_a_tool_of_the_loop_is_given_the_values() -> None:
    seen: list[Any] = []

    @tool
    def take(ctx: Context[Any], strict: Strict, by: Tagged, options: Options, at: Point, n: Level = Level.LOW) -> str:
        seen.append([strict, by, options, at, n])
        return "taken"

    values: list[Any] = [STRICT, Cash(kind="cash", amount=Decimal("2")), {"gift": True}, Point(1.0), Level.LOW]
    arguments = {
        name: written(shape, value)
        for name, shape, value in zip(("strict", "by", "options", "at"), (Strict, Tagged, Options, Point), values[:-1],
                                      strict=True)
    }  # fmt: skip
    clerk = Agent("clerk", "Takes.", instructions="Take.", tools=[take], model="test:clerk")

    async def main() -> None:
        wrong = ToolCall(id="1", name="take", arguments={**arguments, "by": {"kind": "cheque"}})
        model = Scripted(wrong, ToolCall(id="2", name="take", arguments=arguments), "Done.")
        outcome, _ = await Rig((node_of_agent(clerk, None),), {"test:clerk": model}).run(NodeName(name="clerk"), "?")
        assert type(outcome) is Done and outcome.output == "Done."
        assert "does not match any of the expected tags" in model.requests[1].messages[-1].text

    go("asyncio", main)
    assert len(seen) == 1 and [one if i != 4 else Level.LOW for i, one in enumerate(seen[0])] == values


@pytest.mark.parametrize("given", [{1: "a"}, {"a": (1, 2)}])
def test_what_is_no_json_is_not_read_as_json(given: Any) -> None:
    def take(strict: dict[str, str], n: int = 0) -> None: ...

    with pytest.raises(BadInput):
        required_node(tool(take)).contract.bind({"strict": given})


def test_strictness_is_kept() -> None:
    def take(strict: Strict, n: int = 0) -> None: ...

    bind = required_node(tool(take)).contract.bind
    with pytest.raises(BadInput, match=r"strict\.many"):
        bind({"strict": {**written(Strict, STRICT), "many": ["1"]}})


def refs(schema: Any) -> list[str]:
    """Every reference in a schema, and whether it leads anywhere is for the caller to ask."""
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [ref for value in schema.values() for ref in refs(value)]
    return [ref for one in schema for ref in refs(one)] if isinstance(schema, list) else []


@named
def test_engines_can_use_the_schema(shape: Any, value: Any) -> None:
    schema = OutputSchema(shape).schema
    assert schema is not None and schema["type"] == "object" and "oneOf" not in json.dumps(schema)
    request = Request(messages=(), schema=schema, tools=(ToolSpec(name="t", description="", parameters=schema),))
    decoded = constrained(request).schema
    sent = body(request, "m", hosted=True)["response_format"]["json_schema"]["schema"]
    for one in (schema, decoded, sent):
        text = json.loads(json.dumps(one))
        for ref in refs(text):
            assert ref.removeprefix("#/$defs/") in text["$defs"], ref


@pytest.mark.parametrize("shape", [Card, list[Card], Card | None, Box[int], Pair[int], Colour, int | None, Numbers])
def test_what_has_no_optional_part_fits_a_strict_mode(shape: Any) -> None:
    schema = OutputSchema(shape).schema
    assert schema is not None and is_strict(in_object(schema))


def test_objects_that_take_more_stay_open() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int

    for shape in (Open, dict[str, int]):
        schema = OutputSchema(shape).schema
        assert schema is not None and schema["additionalProperties"] is not False


def test_a_value_that_looks_like_a_wrapper() -> None:
    class Only(BaseModel):
        value: int

    schema = OutputSchema(Only | None)
    for text in ('{"value": {"value": 1}}', '{"value": 1}'):
        assert schema.parse(text) == Only(value=1)
    assert schema.parse('{"value": null}') is None
    with pytest.raises(BadReply):
        schema.parse('{"value": "x"}')
