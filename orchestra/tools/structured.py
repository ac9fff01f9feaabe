"""Output types: the JSON Schema that a reply must have, and the value that a reply stands for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from orchestra.core.errors import BadReply
from orchestra.tools.hints import bare, is_anything
from orchestra.tools.validation import adapter_of, problems, schema_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

WRAPPER = "value"
_FENCE = re.compile(r"```[ \t]*(?:json)?[ \t]*\r?\n?(.*?)```", re.DOTALL | re.IGNORECASE)


class OutputSchema:
    """How a reply becomes a value of ``output_type``.

    ``schema`` is the JSON Schema of an object, as engines with constrained decoding want it: a type whose JSON is no
    object is wrapped as ``{"value": ...}``, and objects are closed unless their type takes further properties. It is
    None for str, Any and None, whose reply is the text itself.

    Raises: BadDefinition for a type that cannot be validated or has no JSON Schema.
    """

    __slots__ = ("_adapter", "_wrapped", "output_type", "schema")

    def __init__(self, output_type: Any) -> None:
        self.output_type: Any = output_type
        self.schema: dict[str, Any] | None = None
        self._adapter: TypeAdapter[Any] | None = None
        self._wrapped = False
        if output_type is None or bare(output_type) is str or is_anything(output_type):
            return
        owner = f"The output type {getattr(output_type, '__name__', output_type)}"
        self._adapter = adapter_of(output_type, owner)
        found = _inlined(schema_of(self._adapter, owner, closed=True))
        self._wrapped = found.get("type") != "object"
        self.schema = _wrapped(found) if self._wrapped else found

    def parse(self, text: str) -> Any:
        """The value of a reply; fences around the JSON are no fault, nor is a missing wrapper.

        Raises: BadReply; its ``what`` can be shown to the model that is to correct its reply.
        """
        if self._adapter is None:
            return text
        from pydantic import ValidationError

        value = _loaded(text)
        readings = [value]
        if self._wrapped and isinstance(value, dict) and value.keys() == {WRAPPER}:
            readings.insert(0, value[WRAPPER])
        fault: ValidationError | None = None
        for reading in readings:
            try:
                # As JSON, so that dates, tuples and enums are read leniently even by strict models.
                return self._adapter.validate_json(json.dumps(reading))
            except ValidationError as error:
                fault = fault or error
        assert fault is not None
        raise BadReply(f"The reply does not fit its schema: {problems(fault)}.") from None


def _loaded(text: str) -> Any:
    stripped = text.strip()
    fenced = _FENCE.search(stripped)
    if fenced and not stripped.startswith(("{", "[", '"')):
        stripped = fenced[1].strip()
    try:
        return json.loads(stripped, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadReply(f"The reply is not JSON: {error}. Reply with one JSON value and nothing else.") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A top-level reference replaced by what it stands for: engines look for ``type`` at the top."""
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    return {**schema["$defs"][name], "$defs": schema["$defs"]} if name else schema


def _wrapped(schema: dict[str, Any]) -> dict[str, Any]:
    inner = {key: value for key, value in schema.items() if key != "$defs"}
    outer = {
        "type": "object",
        "properties": {WRAPPER: inner},
        "required": [WRAPPER],
        "additionalProperties": False,
    }
    return {**outer, "$defs": schema["$defs"]} if "$defs" in schema else outer
