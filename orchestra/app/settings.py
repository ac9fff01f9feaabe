"""What orchestra.toml says, with every fault named by its line and field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestra.core.errors import BadDefinition
from orchestra.tools.yamlfile import Place, first_problem, line_of, read, refuse

FILE = "orchestra.toml"
Folders = list[str]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AppTable(Table):
    team: str = Field(
        pattern=r"^[^:]+:[^:]+$", description="The team of the commands, as module:attribute: shop.team:team."
    )


class AgentsTable(Table):
    folders: Folders = Field(default=[], description="Folders of agent files (*.md) that join the team.")


class SkillsTable(Table):
    folders: Folders = Field(
        default=[],
        description="Folders of skills, each a folder with a SKILL.md. They are read where --trust is given.",
    )


class TopologiesTable(Table):
    folders: Folders = Field(default=[], description="Folders of topology files (*.yaml), known by their names.")


class Settings(Table):
    """Paths begin where the file lies."""

    app: AppTable | None = Field(default=None, description="The team.")
    agents: AgentsTable = Field(default=AgentsTable(), description="Agents in files.")
    skills: SkillsTable = Field(default=SkillsTable(), description="Skills in folders.")
    topologies: TopologiesTable = Field(default=TopologiesTable(), description="Topologies in files.")


def settings_in(folder: Path) -> Settings:
    """What the folder's orchestra.toml says, nothing where there is none.

    Raises: BadDefinition that names the file, the line and the field.
    """
    path = folder / FILE
    if not path.is_file():
        return Settings()
    text = read(path)
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        at = re.search(r"line (\d+)", str(error))
        line = int(at[1]) if at else len(text.splitlines())  # else: at the end of the document
        refuse(path, line, None, f"it is not TOML: {error}")
    lines = _lines(text, content)
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        place, fault, problem = first_problem(error, lines)
        if fault == "extra_forbidden":
            problem = f"there is no such field; there are {', '.join(_fields(place[:-1]))}"
        refuse(path, line_of(place, lines), ".".join(map(str, place)) or None, problem)


def folders_of(names: Folders, start: Path) -> list[Path]:
    """Raises BadDefinition for one that is not there."""
    found = [start / name for name in names]
    for folder in found:
        if not folder.is_dir():
            raise BadDefinition(f"{FILE} names the folder {folder}, which is not there.", remedy="Correct the path.")
    return found


def _fields(place: Place) -> list[str]:
    form: Any = Settings
    for part in place:
        form = {"app": AppTable, "agents": AgentsTable, "skills": SkillsTable, "topologies": TopologiesTable}.get(
            str(part)
        )
    return list(form.model_fields)


def _lines(text: str, content: Mapping[str, Any]) -> dict[Place, int]:
    """The line of every table and key, as they are usually written: tomllib does not tell."""
    found: dict[Place, int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        head = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        key = re.match(r"\s*([A-Za-z0-9_.-]+|\"[^\"]*\")\s*=", line)
        if head:
            table = tuple(part.strip().strip("\"'") for part in head[1].split("."))
            found.setdefault(table, number)
        elif key:
            found.setdefault((*table, *key[1].strip('"').split(".")), number)
    for one, value in content.items():  # inline tables and items: the nearest line above
        found.setdefault((one,), 1)
        for inner, items in value.items() if isinstance(value, dict) else ():
            found.setdefault((one, inner), found[one,])
            for index in range(len(items) if isinstance(items, list) else 0):
                found.setdefault((one, inner, index), found[one, inner])
    return found
