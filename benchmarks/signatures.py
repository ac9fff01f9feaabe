"""Sixty signatures as people write tools: what their JSON Schemas are compared on. Imports neither us nor a peer.

``Context`` is what each library passes to a tool that asks for it: set it before the hints are read.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, HttpUrl
from typing_extensions import TypeAliasType, TypedDict

Context: Any = None
SIGNATURES: list[Callable[..., Any]] = []
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def signature(fn: F) -> F:
    SIGNATURES.append(fn)
    return fn


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Unit(enum.StrEnum):
    METRE = "m"
    FOOT = "ft"


class Item(BaseModel):
    sku: str
    count: int = 1


class Order(BaseModel):
    id: int
    items: list[Item]
    notes: dict[str, str] = {}


class Described(BaseModel):
    """A thing with words to it."""

    name: str = Field(description="what it is called")
    weight_kg: float = Field(gt=0, description="in kilograms", examples=[1.5])


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Aliased(BaseModel):
    order_id: str = Field(alias="orderId")


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


class Card(BaseModel):
    kind: Literal["card"]
    number: str


class Cash(BaseModel):
    kind: Literal["cash"]
    amount: float


class Box(BaseModel, Generic[T]):
    content: T


@dataclass
class Address:
    """Where somebody lives.

    Args:
        street: with the number
        town: without the postcode
    """

    street: str
    town: str = "Bern"


@dataclass
class Parcel:
    to: Address
    tags: list[str] = field(default_factory=list)


@dataclass
class Link:
    value: int
    rest: Optional["Link"] = None


class Options(TypedDict):
    gift: bool
    wrap: NotRequired[str]


class Filters(TypedDict, total=False):
    colour: Colour
    size: int


class Point(NamedTuple):
    x: float
    y: float = 0.0


OrderId = NewType("OrderId", str)
Items = TypeAliasType("Items", list[Item])
Share = Annotated[float, Field(ge=0, le=1)]
LAMP = Item(sku="A")


@signature
def one_string(query: str) -> None: ...
@signature
def four_primitives(a: int, b: float, c: bool, d: str) -> None: ...
@signature
def no_parameters() -> None: ...
@signature
def no_annotations(value, other): ...  # type: ignore[no-untyped-def]
@signature
def unannotated_default(value, limit=3): ...  # type: ignore[no-untyped-def]
@signature
def defaults(text: str = "x", n: int = 3, share: float = 0.5, exact: bool = False) -> None: ...
@signature
def none_by_default(query: str, limit: int | None = None) -> None: ...
@signature
def optional_but_required(limit: Optional[int]) -> None: ...  # noqa: UP045 - as people write it
@signature
def union(value: int | str) -> None: ...
@signature
def union_with_none(value: int | str | None = None) -> None: ...
@signature
def literals(kind: Literal["page", "order"], mode: Literal["only"] = "only") -> None: ...
@signature
def mixed_literals(value: Literal[1, "a", None]) -> None: ...
@signature
def enum_values(colour: Colour, unit: Unit, level: Level) -> None: ...
@signature
def enum_default(colour: Colour = Colour.RED, level: Level = Level.LOW) -> None: ...
@signature
def list_of_numbers(items: list[int]) -> None: ...
@signature
def bare_containers(items: list, data: dict) -> None: ...  # type: ignore[type-arg]
@signature
def mapping(counts: dict[str, int]) -> None: ...
@signature
def numbered_mapping(names: dict[int, str]) -> None: ...
@signature
def tuples(pair: tuple[int, str], many: tuple[int, ...] = ()) -> None: ...
@signature
def sets(names: set[str], fixed: frozenset[int] = frozenset()) -> None: ...
@signature
def nested_lists(matrix: list[list[float]], rows: Sequence[Mapping[str, int]]) -> None: ...
@signature
def model(item: Item) -> None: ...
@signature
def nested_model(order: Order) -> None: ...
@signature
def one_model_twice(first: Item, second: Item) -> None: ...
@signature
def recursive_model(tree: Tree) -> None: ...
@signature
def list_of_models(items: list[Item], limit: int = 3) -> None: ...
@signature
def optional_model(query: str, item: Item | None = None) -> None: ...
@signature
def model_default(item: Item = LAMP) -> None: ...
@signature
def described_model(thing: Described, n: int) -> None: ...
@signature
def closed_and_open(closed: Closed, open: Open) -> None: ...
@signature
def aliased_model(order: Aliased, n: int = 1) -> None: ...
@signature
def tagged_union(by: Annotated[Card | Cash, Field(discriminator="kind")]) -> None: ...
@signature
def plain_union(by: Card | Cash, n: int = 1) -> None: ...
@signature
def generic_model(box: Box[int], boxes: list[Box[Item]]) -> None: ...
@signature
def one_dataclass(to: Address, n: int) -> None: ...
@signature
def nested_dataclass(parcel: Parcel, n: int) -> None: ...
@signature
def recursive_dataclass(link: Link, n: int) -> None: ...
@signature
def typed_dict(options: Options, n: int) -> None: ...
@signature
def partial_typed_dict(query: str, filters: Filters) -> None: ...
@signature
def named_tuple(at: Point, n: int) -> None: ...
@signature
def new_type_and_alias(order: OrderId, items: Items) -> None: ...
@signature
def limits(n: Annotated[int, Field(ge=1, le=10)], share: Share, text: Annotated[str, Field(pattern="^a")]) -> None: ...
@signature
def list_limits(names: Annotated[list[str], Field(min_length=1, max_length=3)], n: int = 0) -> None: ...
@signature
def annotated_default(n: Annotated[int, Field(description="how many", ge=0)] = 3) -> None: ...
@signature
def annotated_text(city: Annotated[str, "the city's name"], n: int = 1) -> None: ...
@signature
def field_as_default(query: str, n: int = Field(default=3, ge=1, description="how many")) -> None: ...
@signature
def times(at: datetime, on: date, when: time, during: timedelta = timedelta(hours=1)) -> None: ...
@signature
def exact_numbers(amount: Decimal, id: UUID) -> None: ...
@signature
def texts(data: bytes, path: Path, url: HttpUrl) -> None: ...
@signature
def anything(value: Any, other: object, more: Any = None) -> None: ...
@signature
def keyword_only(*, query: str, limit: int = 3) -> None: ...
@signature
def context_first(ctx: "Context[Any]", query: str, limit: int = 3) -> None: ...
@signature
def forward_reference(item: "Item", others: "list[Item] | None" = None) -> None: ...
@signature
async def asynchronous(query: str) -> None: ...
@signature
def any_names(json: str, schema: int, copy: float, model_config: str = "", validate: bool = False) -> None: ...
@signature
def var_arguments(first: int, *args: int, **kwargs: str) -> None: ...


@signature
def google_style(query: str, limit: int = 3, item: Item | None = None) -> None:
    """Searches the shop.

    It looks at what is sold today.

    Args:
        query: what to look for,
            in plain words
        limit (int): how many at most
        item: like this one

    Returns:
        What was found.
    """


@signature
def numpy_style(query: str, limit: int = 3, item: Item | None = None) -> None:
    """Searches the shop.

    Parameters
    ----------
    query : str
        what to look for,
        in plain words
    limit : int, optional
        how many at most
    item
        like this one

    Returns
    -------
    str
        What was found.
    """


@signature
def sphinx_style(query: str, limit: int = 3, item: Item | None = None) -> None:
    """Searches the shop.

    :param query: what to look for,
        in plain words
    :param int limit: how many at most
    :param item: like this one
    :returns: what was found
    """


@signature
def described_twice(item: Item, tree: Annotated[int, Field(description="by the annotation")]) -> None:
    """Searches the shop.

    Args:
        item: by the docstring
        tree: by the docstring
    """
