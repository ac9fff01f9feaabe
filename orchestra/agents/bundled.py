"""Where the shipped definitions lie: in the installed wheel, or at the top of a checkout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from orchestra.core.errors import UnknownAgent, UnknownName

Folder = Literal["agents", "skills", "topologies"]
_PACKAGE = Path(__file__).resolve().parent.parent
_KIND_TO_PATTERN = {"agents": "*.md", "skills": "*/SKILL.md", "topologies": "*.yaml"}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def bundled_root(kind: Folder) -> Path:
    """The folder that holds the shipped definitions of a kind."""
    shipped = _PACKAGE / "bundled" / kind
    checkout = _PACKAGE.parent
    # Other distributions put an `agents` package beside ours: only a checkout has the project file.
    if not shipped.is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / kind
    return shipped


def bundled_names(kind: Folder) -> tuple[str, ...]:
    """The names of what is shipped, sorted."""
    return tuple(sorted(_name(path) for path in bundled_root(kind).glob(_KIND_TO_PATTERN[kind])))


def find_bundled(kind: Folder, name: str) -> Path:
    """The file of a shipped agent or topology, the folder of a shipped skill.

    Raises: UnknownAgent, for a skill or topology UnknownName; the message lists what there is.
    """
    path = bundled_root(kind) / _KIND_TO_PATTERN[kind].replace("*", name)
    if _NAME.fullmatch(name) and path.is_file():
        return path.parent if kind == "skills" else path
    there = ", ".join(bundled_names(kind)) or "none"
    error = UnknownAgent if kind == "agents" else UnknownName
    raise error(f"No shipped file in {kind}/ is named {name!r}; there are {there}.")


def _name(path: Path) -> str:
    return path.parent.name if path.name == "SKILL.md" else path.stem
