"""Type hints of a user's function: resolved where it was written, and asked simple questions."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Annotated, Any, NewType, Union, get_args, get_origin

from orchestra.core.errors import BadDefinition
from orchestra.ports.scope import Context

ANYTHING: frozenset[type] = frozenset()
_PLAIN = (str, int, float, bool, dict, list, type(None))
_UNIONS = (Union, types.UnionType)


def resolved(fn: Callable[..., Any]) -> dict[str, Any]:
    """The hints of a function with every string evaluated. Raises BadDefinition that names the parameter."""
    local = _written_among(fn)
    try:
        return typing.get_type_hints(fn, localns=local, include_extras=True)
    except Exception as error:
        name, why = _unresolved(fn, local) or ("a type hint", str(error))
        raise BadDefinition(
            f"{fn.__qualname__}: the type hint of {name} cannot be resolved: {why}.",
            remedy="Import the type at run time (not under TYPE_CHECKING) and define it above the function.",
        ) from error


def _written_among(fn: Callable[..., Any]) -> dict[str, Any] | None:
    """The local names around a function that is being decorated, so that types defined in a function are found."""
    written = getattr(inspect.unwrap(fn), "__globals__", None)
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals is not written:
        frame = frame.f_back
    return None if frame is None or frame.f_locals is written else dict(frame.f_locals)


def _unresolved(fn: Callable[..., Any], local: dict[str, Any] | None) -> tuple[str, str] | None:
    plain = inspect.unwrap(fn)
    for name, hint in getattr(plain, "__annotations__", {}).items():
        one = types.SimpleNamespace(__annotations__={name: hint})
        try:
            typing.get_type_hints(one, getattr(plain, "__globals__", {}), local, include_extras=True)
        except Exception as error:
            return repr(name), f"{hint!r}: {error}"
    return None


def bare(hint: Any) -> Any:
    """The hint without Annotated, NewType and type aliases around it."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif isinstance(hint, NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        else:
            return hint


def described(hint: Any) -> str | None:
    """What ``Annotated[..., "a text"]`` or ``Annotated[..., Doc("a text")]`` says, None where nothing is said."""
    while get_origin(hint) is Annotated:
        hint, *said = get_args(hint)
        for one in said:
            text = one if isinstance(one, str) else getattr(one, "documentation", None)
            if isinstance(text, str):
                return text
    return None


def members(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the hint alone; each one bare."""
    hint = bare(hint)
    if get_origin(hint) in _UNIONS:
        return tuple(m for arg in get_args(hint) for m in members(arg))
    return (hint,)


def is_context(hint: Any) -> bool:
    """Whether the hint is Context, Context[X], or a union with one."""
    return any(isinstance(c := get_origin(m) or m, type) and issubclass(c, Context) for m in members(hint))


def is_anything(hint: Any) -> bool:
    return bare(hint) in (Any, object, inspect.Parameter.empty)


def takes_str(hint: Any) -> bool:
    return is_anything(hint) or str in members(hint)


def takes_mapping(hint: Any) -> bool:
    """Whether a whole mapping can be a value of it: a dict, pydantic model, dataclass or TypedDict."""
    for member in members(hint):
        cls = get_origin(member) or member
        if not isinstance(cls, type):
            continue
        if issubclass(cls, Mapping) or is_dataclass(cls) or typing.is_typeddict(cls):
            return True
        if hasattr(cls, "model_validate") or type(cls).__name__ == "_TypedDictMeta":
            return True
    return False


def plain_types(hint: Any) -> frozenset[type] | None:
    """The exact types that need no validation: ANYTHING where all do, None where validation is needed."""
    if hint in (Any, object, inspect.Parameter.empty):
        return ANYTHING
    parts = get_args(hint) if get_origin(hint) in _UNIONS else (hint,)
    return frozenset(parts) if all(part in _PLAIN for part in parts) else None
