"""The one place where signatures and replies meet pydantic; it is imported at first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

_SHOWN = 5


class LazySchema(Mapping[str, Any]):
    """A JSON Schema that is built when it is first read. ``dict(schema)`` is what a JSON encoder needs."""

    __slots__ = ("_build", "_built")

    def __init__(self, build: Callable[[], dict[str, Any]]) -> None:
        self._build = build
        self._built: dict[str, Any] | None = None

    def _schema(self) -> dict[str, Any]:
        if self._built is None:
            self._built = self._build()
        return self._built

    def __getitem__(self, key: str) -> Any:
        return self._schema()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._schema())

    def __len__(self) -> int:
        return len(self._schema())

    def __repr__(self) -> str:
        return repr(self._schema())


def adapter_of(hint: Any, owner: str) -> TypeAdapter[Any]:
    """Raises BadDefinition for a type that cannot be validated."""
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter

    try:
        try:
            return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
        except PydanticUserError as error:
            if error.code != "type-adapter-config-unused":
                raise
            return TypeAdapter(hint)
    except Exception as error:
        raise BadDefinition(
            f"{owner}: {hint!r} cannot be validated: {first_line(error)}",
            remedy="Use str, numbers, lists, dicts, enums, dataclasses, TypedDicts or pydantic models.",
        ) from error


def schema_of(adapter: TypeAdapter[Any], owner: str) -> dict[str, Any]:
    """The JSON Schema, without the titles that only repeat the names. Raises BadDefinition where there is none."""
    from pydantic.json_schema import GenerateJsonSchema

    class Untitled(GenerateJsonSchema):
        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

    try:
        return adapter.json_schema(schema_generator=Untitled)
    except Exception as error:
        raise BadDefinition(
            f"{owner} has no JSON Schema: {first_line(error)}",
            remedy="Take what a model cannot write from ctx.deps, or annotate it with a type that JSON can hold.",
        ) from error


def problems(error: ValidationError) -> str:
    """What is wrong and where, one clause a field, without the values."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    shown = [f"{'.'.join(map(str, one['loc'])) or 'value'}: {one['msg']}" for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        shown.append(f"and {len(found) - _SHOWN} more")
    return "; ".join(shown)


def first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}".strip()
