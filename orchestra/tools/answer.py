"""The types that a definition file may name for the fields of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Answer = Literal["str", "int", "float", "bool", "list[str]", "list[int]", "list[float]"]
_ANSWER_TO_TYPE: dict[Answer, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list[str]": list[str],
    "list[int]": list[int],
    "list[float]": list[float],
}


def answer_type(fields: Mapping[str, Answer] | None) -> Any:
    """A TypedDict of the named types, so that the answer stays plain JSON; None without fields."""
    from typing_extensions import TypedDict

    if not fields:
        return None
    typed_dict: Any = TypedDict
    return typed_dict("Output", {name: _ANSWER_TO_TYPE[kind] for name, kind in fields.items()})
