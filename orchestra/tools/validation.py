"""The one place where signatures and replies meet pydantic; it is imported at first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition
from orchestra.core.typed_dicts import readable

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.json_schema import GenerateJsonSchema

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
        hint = readable(hint)
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


def schema_of(adapter: TypeAdapter[Any], owner: str, *, closed: bool = False) -> dict[str, Any]:
    """The JSON Schema, without the titles that only repeat the names. Raises BadDefinition where there is none.

    ``closed``: objects have no further properties, unless their type says that it takes them.
    """
    try:
        return adapter.json_schema(schema_generator=_generator(closed))
    except Exception as error:
        raise BadDefinition(
            f"{owner} has no JSON Schema: {first_line(error)}",
            remedy="Take what a model cannot write from ctx.deps, or annotate it with a type that JSON can hold.",
        ) from error


@cache
def _generator(closed: bool) -> type[GenerateJsonSchema]:
    from pydantic.json_schema import GenerateJsonSchema

    def shut(made: dict[str, Any]) -> dict[str, Any]:
        if closed and "properties" in made:
            made.setdefault("additionalProperties", False)
        return made

    class Plain(GenerateJsonSchema):
        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

        def tagged_union_schema(self, schema: Any) -> dict[str, Any]:
            """The tags keep the branches apart, so anyOf says the same: strict modes take no other."""
            made = super().tagged_union_schema(schema)
            return {"anyOf": made["oneOf"]} if "oneOf" in made else made

        def model_schema(self, schema: Any) -> dict[str, Any]:
            return shut(super().model_schema(schema))

        def dataclass_schema(self, schema: Any) -> dict[str, Any]:
            return shut(super().dataclass_schema(schema))

        def typed_dict_schema(self, schema: Any) -> dict[str, Any]:
            return shut(super().typed_dict_schema(schema))

    return Plain


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
