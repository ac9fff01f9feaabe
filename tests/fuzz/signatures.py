"""Tools of a dozen shapes, for arguments that no model should write."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from orchestra.core.catalog import Node, required_node
from orchestra.tools.decorator import tool

ROOT = PurePosixPath("/")


class Colour(Enum):
    RED = "red"
    BLUE = 2


@dataclass
class Point:
    x: float
    y: float = 0.0
    tags: list[str] = field(default_factory=list)


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    number: int
    when: datetime | None = None
    text: Annotated[str, Field(pattern=r"^[a-z]+$", max_length=8)] = "a"


class Row(TypedDict, total=False):
    id: int
    values: dict[str, float]


@tool
def nothing() -> str:
    return "nothing"


@tool
def one_text(text: str) -> str:
    return text


@tool
def plain(a: int, b: float = 1.0, c: bool = False, d: str = "d") -> list[Any]:
    return [a, b, c, d]


@tool
def whole(data: dict[str, Any]) -> dict[str, Any]:
    return data


@tool
def untyped(value, other=None):  # type: ignore[no-untyped-def]
    return [value, other]


@tool
def nested(rows: list[Row], grid: list[list[int]] | None = None) -> int:
    return len(rows) + len(grid or [])


@tool
def union(value: int | str | list[Point] | None, colour: Colour = Colour.RED) -> Any:
    return [value, colour]


@tool
def literal(mode: Literal["r", "w", 3], where: PurePosixPath = ROOT) -> str:
    return f"{mode} {where}"


@tool
def recursive(tree: Tree) -> Tree:
    return tree


@tool
def strict(given: Strict, also: Strict | None = None) -> Strict:
    return given


@tool
def exact(money: Decimal, at: date, wait: timedelta, who: UUID) -> str:
    return f"{money} {at} {wait} {who}"


@tool
def collections(pair: tuple[int, str], names: set[str], raw: bytes, seen: frozenset[int] = frozenset()) -> int:
    return len(names) + len(raw) + len(seen) + pair[0]


@tool
def limited(
    percent: Annotated[int, Field(ge=0, le=100)], items: Annotated[list[int], Field(min_length=1, max_length=3)]
) -> int:
    return percent + sum(items)


TOOLS: tuple[Node, ...] = tuple(
    required_node(one)
    for one in (
        nothing,
        one_text,
        plain,
        whole,
        untyped,
        nested,
        union,
        literal,
        recursive,
        strict,
        exact,
        collections,
        limited,
    )
)
