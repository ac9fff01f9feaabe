"""JSON Schemas of definition files, for editors: they mark a fault while it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestra.tools.nodes import NAME

if TYPE_CHECKING:
    from pydantic import TypeAdapter

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME_SCHEMA: dict[str, Any] = {"pattern": f"^{NAME.pattern}$"}


def editor_schema(adapter: TypeAdapter[Any], title: str, description: str) -> dict[str, Any]:
    """The schema of the form that the loader itself reads a file with."""
    return {**adapter.json_schema(), "$schema": DIALECT, "title": title, "description": description}
