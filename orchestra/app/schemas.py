"""The JSON Schemas of all definition files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from orchestra.core.errors import BadDefinition
from orchestra.tools.editors import editor_schema
from orchestra.topologies.files import schema as topology_schema

Kind = Literal["agent", "skill", "topology", "orchestra"]
KINDS: tuple[Kind, ...] = ("agent", "skill", "topology", "orchestra")


def schema_of(kind: Kind) -> dict[str, Any]:
    """The schema (JSON Schema, 2020-12) of agent front matter, SKILL.md front matter, topologies or orchestra.toml."""
    from pydantic import TypeAdapter

    if kind == "agent":
        from orchestra.agents.front_matter import FrontMatter

        return editor_schema(TypeAdapter(FrontMatter), "Agent", "The front matter of an agent file.")
    if kind == "skill":
        from orchestra.skills.form import SkillMatter

        return editor_schema(TypeAdapter(SkillMatter), "Skill", "The front matter of a SKILL.md.")
    if kind == "topology":
        return topology_schema()
    from orchestra.app.settings import Settings

    return editor_schema(TypeAdapter(Settings), "orchestra.toml", "The settings of the commands.")


def write_schemas(folder: Path) -> list[str]:
    """Writes every schema into the folder, which is made; returns the files' names. Raises BadDefinition."""
    names = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            path = folder / f"{kind}.schema.json"
            path.write_text(json.dumps(schema_of(kind), indent=2) + "\n", encoding="utf-8")
            names.append(path.name)
    except OSError as error:
        raise BadDefinition(f"{folder} cannot be written: {error.strerror}.", remedy="Name another folder.") from None
    return names
