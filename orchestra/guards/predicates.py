"""What has to hold, as data: a small closed set over a goal's facts, a call's input and its output."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

ROOTS = ("facts", "input", "output")
"""Where a path begins: the goal's facts, the call's arguments, what it returned."""
SIGN_TO_TEXT = {"at_least": ">=", "at_most": "<=", "more_than": ">", "less_than": "<"}
_SIGN_TO_TEST: dict[str, Callable[[float, float], bool]] = {
    "at_least": lambda a, b: a >= b,
    "at_most": lambda a, b: a <= b,
    "more_than": lambda a, b: a > b,
    "less_than": lambda a, b: a < b,
}
MISSING = object()

World = Mapping[str, Any]
"""``facts``, ``input`` and, once the call is done, ``output``: JSON values."""


class Predicate(Protocol):
    """Whether something holds; its text is what a blocked call is told."""

    def holds(self, world: World, /) -> bool: ...

    @property
    def paths(self) -> tuple[str, ...]:
        """What it reads, as far as that is known."""
        ...


@dataclass(frozen=True, slots=True)
class Present:
    """There is a value, and it is not None."""

    path: str

    def holds(self, world: World) -> bool:
        value = found(world, self.path)
        return value is not MISSING and value is not None

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def __str__(self) -> str:
        return f"{self.path} is present"


@dataclass(frozen=True, slots=True)
class Among:
    """The value is one of these JSON values; True is not 1. A value that is not there is none of them."""

    path: str
    values: tuple[Any, ...]

    def holds(self, world: World) -> bool:
        value = found(world, self.path)
        return value is not MISSING and any(same(value, one) for one in self.values)

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{self.path} is {self.values[0]!r}"
        return f"{self.path} is one of {', '.join(map(repr, self.values))}"


@dataclass(frozen=True, slots=True)
class Compared:
    """The value is a number on the right side of ``bound``: a number, or the path of one.

    What is no number, NaN and True among it, compares with nothing.
    """

    path: str
    sign: str
    bound: float | str

    def holds(self, world: World) -> bool:
        value = found(world, self.path)
        bound = found(world, self.bound) if isinstance(self.bound, str) else self.bound
        return _is_number(value) and _is_number(bound) and _SIGN_TO_TEST[self.sign](value, bound)

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path, self.bound) if isinstance(self.bound, str) else (self.path,)

    def __str__(self) -> str:
        return f"{self.path} {SIGN_TO_TEXT[self.sign]} {self.bound}"


@dataclass(frozen=True, slots=True)
class Every:
    """All of them hold."""

    parts: tuple[Predicate, ...]

    def holds(self, world: World) -> bool:
        return all(part.holds(world) for part in self.parts)

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple([path for part in self.parts for path in part.paths])

    def __str__(self) -> str:
        return f"({' and '.join(map(str, self.parts))})"


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of them holds."""

    parts: tuple[Predicate, ...]

    def holds(self, world: World) -> bool:
        return any(part.holds(world) for part in self.parts)

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple([path for part in self.parts for path in part.paths])

    def __str__(self) -> str:
        return f"({' or '.join(map(str, self.parts))})"


@dataclass(frozen=True, slots=True)
class Negated:
    """It does not hold: of a comparison with what is not there, that is true."""

    part: Predicate

    def holds(self, world: World) -> bool:
        return not self.part.holds(world)

    @property
    def paths(self) -> tuple[str, ...]:
        return self.part.paths

    def __str__(self) -> str:
        if isinstance(self.part, Present):
            return f"{self.part.path} is absent"
        return f"not {self.part}"


@dataclass(frozen=True, slots=True)
class Check:
    """A function of the program, with a name: data can name it, never bring it. It is given the world.

    Anything but True, an exception included, is a no.
    """

    name: str
    fn: Callable[[World], bool]

    def holds(self, world: World) -> bool:
        try:
            return self.fn(world) is True
        except Exception:
            return False

    @property
    def paths(self) -> tuple[str, ...]:
        return ()

    def __str__(self) -> str:
        return f"the check {self.name!r} passes"


def begins_in(path: str, roots: Sequence[str]) -> bool:
    """Whether a path begins in one of these and goes on."""
    root, dot, rest = path.partition(".")
    return root in roots and ((bool(dot) and "" not in rest.split(".")) or (root == "output" and not dot))


def unmet(parts: Sequence[Predicate], world: World) -> list[Predicate]:
    """Those that do not hold; of an Every in the list, its own parts."""
    flat = [one for part in parts for one in (part.parts if isinstance(part, Every) else (part,))]
    return [part for part in flat if not part.holds(world)]


def found(world: World, path: str) -> Any:
    """The value at a dotted path, through mappings only; MISSING if there is none."""
    value: Any = world
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value


def same(a: Any, b: Any) -> bool:
    """Equality of JSON values: 1 is 1.0 and is not True, on every level."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
