"""A function's signature as its contract."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NotRequired, Required

from orchestra.core.catalog import Code, Contract
from orchestra.core.errors import BadDefinition, BadInput
from orchestra.core.typed_dicts import readable
from orchestra.tools.docstring import parameter_docs
from orchestra.tools.hints import (
    ANYTHING,
    described,
    is_anything,
    is_context,
    plain_types,
    resolved,
    takes_mapping,
    takes_str,
)
from orchestra.tools.validation import LazySchema, adapter_of, problems, schema_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_EMPTY = inspect.Parameter.empty
_REFUSED = {
    inspect.Parameter.VAR_POSITIONAL: "Take a list instead: it is bound by name.",
    inspect.Parameter.VAR_KEYWORD: "Name the parameters, or take one dict.",
    inspect.Parameter.POSITIONAL_ONLY: "Remove the '/': parameters are bound by name.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter that a caller or a model fills. ``plain`` are the types that need no validation."""

    name: str
    hint: Any
    default: Any
    plain: frozenset[type] | None

    @property
    def required(self) -> bool:
        return self.default is _EMPTY

    def fits(self, value: Any) -> bool:
        return self.plain is not None and (self.plain is ANYTHING or type(value) in self.plain)


def contract(fn: Callable[..., Any]) -> tuple[Contract, Code]:
    """What a function takes and returns, read from its signature, hints and docstring.

    pydantic is imported when an input first needs validation or the schema is first read.

    Raises: BadDefinition for what is not a plain function, a hint that cannot be resolved, ``*args``, ``**kwargs`` and
    positional-only parameters.
    """
    _must_be_a_function(fn)
    hints = resolved(fn)
    context, parameters = _parameters(fn, hints)
    signature = Signature(fn, parameters)
    output = hints.get("return")
    made = Contract(
        bind=signature.bind,
        names=signature.names,
        schema=LazySchema(signature.schema),
        output_type=None if output is type(None) or is_anything(output) else output,
        takes_text=signature.takes_text,
    )
    return made, Code(fn=fn, context=context, is_async=inspect.iscoroutinefunction(fn))


def _must_be_a_function(fn: Any) -> None:
    name = getattr(fn, "__qualname__", repr(fn))
    if inspect.isclass(fn) or not callable(fn) or not hasattr(fn, "__qualname__"):
        raise BadDefinition(f"{name} is not a function.", remedy="Decorate a function: def or async def.")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise BadDefinition(f"{name} is a generator.", remedy="Return the whole value instead of yielding parts.")


def _parameters(fn: Callable[..., Any], hints: Mapping[str, Any]) -> tuple[str | None, tuple[Parameter, ...]]:
    """The name of the Context's parameter and the other parameters."""
    context: str | None = None
    parameters: list[Parameter] = []
    in_class = "." in fn.__qualname__.rpartition("<locals>.")[2]
    for at, (name, given) in enumerate(inspect.signature(fn).parameters.items()):
        if at == 0 and in_class and name in ("self", "cls"):
            raise BadDefinition(f"{fn.__qualname__} is a method.", remedy="Write a function; take state from ctx.deps.")
        if given.kind in _REFUSED:
            raise BadDefinition(f"{fn.__qualname__}: {given} cannot be filled by name.", remedy=_REFUSED[given.kind])
        if type(given.default).__name__ == "FieldInfo":
            raise BadDefinition(
                f"{fn.__qualname__}: the default of {name!r} is a pydantic Field, which a plain call would pass on.",
                remedy=f"Write {name}: Annotated[..., Field(...)] = default.",
            )
        hint = hints.get(name, _EMPTY)
        if not is_context(hint):
            parameters.append(Parameter(name=name, hint=hint, default=given.default, plain=plain_types(hint)))
        elif context is None:
            context = name
        else:
            raise BadDefinition(f"{fn.__qualname__} takes two Contexts, {context!r} and {name!r}.", remedy="Keep one.")
    return context, tuple(parameters)


class Signature:
    """The parameters of a function, and how an input becomes keyword arguments."""

    __slots__ = ("_adapter", "_by_name", "_fn", "_whole", "names", "parameters", "required", "takes_text")

    def __init__(self, fn: Callable[..., Any], parameters: tuple[Parameter, ...]) -> None:
        self._fn = fn
        self._adapter: TypeAdapter[Any] | None = None
        self._by_name = {p.name: p for p in parameters}
        self.parameters = parameters
        self.names = tuple(self._by_name)
        self.required = frozenset(p.name for p in parameters if p.required)
        alone = bool(parameters) and self.required <= {parameters[0].name}
        self._whole = alone and takes_mapping(parameters[0].hint)
        self.takes_text = alone and takes_str(parameters[0].hint)

    def bind(self, value: Any) -> dict[str, Any]:
        """Validated keyword arguments; parameters that are not given keep the function's defaults.

        Raises: BadInput for unknown, missing and unfit arguments; BadDefinition for a type that cannot be validated.
        """
        given = self._given(value)
        by_name = self._by_name
        if all(by_name[name].fits(one) for name, one in given.items()):
            return given
        return self._validated(given)

    def _given(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Mapping):
            if value.keys() <= self._by_name.keys() and self.required <= value.keys():
                return dict(value)
            if self._whole:
                return {self.names[0]: value}
            raise self._misfit(value.keys())
        if value is None and not self.required:
            return {}
        if not self.names:
            if value == "":
                return {}
            raise BadInput(f"{self._fn.__name__} takes no input.", remedy="Call it with None or an empty mapping.")
        if not self.required <= {self.names[0]}:
            raise self._misfit({self.names[0]})
        return {self.names[0]: value}

    def _misfit(self, keys: Any) -> BadInput:
        unknown = [str(key) for key in keys if key not in self._by_name]
        missing = [p.name for p in self.parameters if p.required and p.name not in keys]
        said = [f"does not take {', '.join(unknown)}"] if unknown else []
        said += [f"is missing {', '.join(missing)}"] if missing else []
        takes = ", ".join(p.name if p.required else f"{p.name} (optional)" for p in self.parameters) or "nothing"
        return BadInput(f"{self._fn.__name__} {' and '.join(said)}; it takes {takes}.", names=[*unknown, *missing])

    def _validated(self, given: dict[str, Any]) -> dict[str, Any]:
        from pydantic import ValidationError

        validator = self._validator()
        try:
            validated: dict[str, Any] = validator.validate_python(given)
        except ValidationError as error:
            fault, text = error, _as_json(given)
            if text is not None:
                try:
                    # Strict types take enums, dates and tuples from JSON only as JSON.
                    validated = validator.validate_json(text)
                    return validated
                except ValidationError as again:
                    if all(one["type"] != "needs_python_object" for one in again.errors()):
                        fault = again
            raise BadInput(f"{self._fn.__name__}: {problems(fault)}.", remedy="Correct the arguments.") from None
        return validated

    def _validator(self) -> TypeAdapter[Any]:
        if self._adapter is None:
            self._adapter = self._build()
        return self._adapter

    def _build(self) -> TypeAdapter[Any]:
        """One adapter for all arguments. A TypedDict, as its keys may be any name, those of BaseModel's methods too."""
        import typing_extensions

        fields: dict[str, Any] = {}
        for p in self.parameters:
            hint = Any if p.hint is _EMPTY else readable(p.hint)
            fields[p.name] = Required[hint] if p.required else NotRequired[hint]
        typed_dict: Any = typing_extensions.TypedDict
        arguments = typed_dict("arguments", fields)
        # Only what nested types may inherit: they take or refuse further keys by their own rule.
        arguments.__pydantic_config__ = {"arbitrary_types_allowed": True}
        try:
            return adapter_of(arguments, self._fn.__qualname__)
        except BadDefinition:
            for p in self.parameters:
                adapter_of(p.hint, f"{self._fn.__qualname__}, parameter {p.name!r}")
            raise

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments. Raises BadDefinition where a type has none."""
        made = schema_of(self._validator(), self._fn.__qualname__)
        made.pop("title", None)
        made["additionalProperties"] = False
        said = parameter_docs(self._fn.__doc__, self.names)
        for name, one in made["properties"].items():
            text = described(self._by_name[name].hint) or said.get(name)
            if text:
                one.setdefault("description", text)
            if self._by_name[name].default is not _EMPTY and "default" not in one:
                one.update(_default(self._by_name[name].default))
        return made


def _as_json(given: dict[str, Any]) -> str | None:
    """The text of what is JSON as it stands; None for all else."""
    try:
        text = json.dumps(given, allow_nan=False)
        return text if json.loads(text) == given else None
    except (ValueError, TypeError, RecursionError):
        return None


def _default(value: Any) -> dict[str, Any]:
    """The default as the schema says it, if JSON can hold it."""
    from pydantic_core import to_jsonable_python

    try:
        written = to_jsonable_python(value)
        json.dumps(written, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return {}
    return {"default": written}
