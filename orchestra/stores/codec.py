"""Values to JSON and back, by pydantic."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import NotSerialisable
from orchestra.core.typed_dicts import readable

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_AS_IS = frozenset((str, int, float, bool))
# Python refuses to read a longer whole number back.
_LARGEST = 10**4299


class JsonCodec:
    """The journal's door. It keeps nothing, and imports or runs nothing that a record names.

    Raises: NotSerialisable for what JSON cannot hold (NaN, infinity, an open file, a generator, a function, a lock),
    and where a value does not fit the type that is asked for.
    """

    def plain(self, value: Any, /) -> Any:
        """The JSON value; one that is JSON already comes back as it is, not copied."""
        try:
            return value if _is_json(value) else _converted(value)
        except RecursionError:
            raise NotSerialisable(f"This {type(value).__name__} contains itself, or is nested too deeply.") from None

    def typed(self, value: Any, output_type: Any, /) -> Any:
        """The value of this type: a JSON value is validated, with names or aliases as keys. None and Any: as it is."""
        if output_type is None or output_type is Any:
            return value
        if type(value) is output_type and output_type in _AS_IS:
            return value
        from pydantic import ValidationError

        reader = adapter(output_type)
        try:
            return reader.validate_python(value, by_name=True, by_alias=True)
        except ValidationError as error:
            if type(value) in (str, list, dict) and _is_json(value):
                # Strict types take enums, dates and tuples from JSON only as JSON.
                with suppress(ValidationError):
                    return reader.validate_json(json.dumps(value), by_name=True, by_alias=True)
            problems = error.errors(include_input=False, include_url=False, include_context=False)
            where = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'the value'}: {p['msg']}" for p in problems[:3])
            raise NotSerialisable(f"The value does not fit {_name(output_type)}: {where}.") from None


def adapter(output_type: Any) -> TypeAdapter[Any]:
    """The type's validator, built once. Raises NotSerialisable for a type that has none."""
    from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

    # `A | B` equals `B | A`, but prefers another member: the text tells them apart.
    text = "" if isinstance(output_type, type) else repr(output_type)
    try:
        return _adapter(output_type, text)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise NotSerialisable(f"{_name(output_type)} has no JSON form: {str(error).splitlines()[0]}") from None


@lru_cache(maxsize=1024)
def _cached(output_type: Any, text: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(readable(output_type))


def _adapter(output_type: Any, text: str) -> TypeAdapter[Any]:
    try:
        hash(output_type)
    except TypeError:  # Annotated with a list, for example
        return _cached.__wrapped__(output_type, text)
    return _cached(output_type, text)


def _is_json(value: Any) -> bool:
    """Whether it is JSON as it stands. Exact types: a subclass of str or dict may mean more than it shows."""
    kind: object = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-_LARGEST < value < _LARGEST)
    if kind is float:
        return isfinite(value)
    if kind is list:
        return all(map(_is_json, value))
    if kind is dict:
        return all(type(key) is str for key in value) and all(map(_is_json, value.values()))
    return False


def _converted(value: Any) -> Any:
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    _check(value)
    try:
        result = to_jsonable_python(value, by_alias=False, round_trip=True, fallback=_fallback)
    except (PydanticSerializationError, ValueError) as error:
        if isinstance(error, NotSerialisable):
            raise
        raise NotSerialisable(f"This {type(value).__name__} cannot be written as JSON: {error}.") from None
    if not _is_json(result):
        raise NotSerialisable(f"This {type(value).__name__} holds NaN, infinity or a number that JSON cannot hold.")
    return result


def _fallback(value: Any) -> Any:
    """What pydantic does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return list(value)
    raise _refusal(value)


def _check(value: Any) -> None:
    """Refuses what pydantic would write as something else: it reads streams empty and lets two keys become one."""
    if isinstance(value, (str, bytes, int)) or value is None:
        return
    if isinstance(value, (float, Decimal)):
        if not isfinite(value):
            raise NotSerialisable(f"The {type(value).__name__} {value} has no JSON form.")
    elif isinstance(value, Iterator):
        raise _refusal(value)
    elif isinstance(value, Mapping):
        _check_keys(value)
        for item in value.values():
            _check(item)
    elif isinstance(value, (list, tuple, AbstractSet)):
        for item in value:
            _check(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _check(getattr(value, field.name))
    elif hasattr(value, "__pydantic_serializer__") and not isinstance(value, type):
        for item in vars(value).values():
            _check(item)


def _check_keys(value: Mapping[Any, Any]) -> None:
    if all(type(key) is str for key in value):
        return
    from pydantic_core import to_jsonable_python

    for key in value:
        if isinstance(key, float) and not isfinite(key):
            raise NotSerialisable(f"The key {key} has no JSON form.")
    if len(to_jsonable_python(dict.fromkeys(value), fallback=_fallback)) != len(value):
        raise NotSerialisable(f"Two keys of this {type(value).__name__} are the same text in JSON.")


def _refusal(value: Any) -> NotSerialisable:
    return NotSerialisable(f"A value of type {type(value).__module__}.{type(value).__qualname__} has no JSON form.")


def _name(output_type: Any) -> str:
    return output_type.__name__ if isinstance(output_type, type) else str(output_type)
