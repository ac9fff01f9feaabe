"""Skills on disk, a tier at a time: the catalogue entry, the instructions on activation, other files on demand.

No file outside a skill's folder is read, also when links are followed, and none is run.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import NoReturn

from orchestra.core.errors import BadDefinition, BadInput
from orchestra.skills.front_matter import split
from orchestra.skills.parse import FILE, parse
from orchestra.skills.skill import Diagnostic, Skill, shown

MAX_BYTES = 256 * 1024
"""What one file may hold. Our default."""
MAX_LISTED = 200
MAX_PATH = 512


def load_skill(folder: str | Path) -> Skill:
    """The skill of a folder, held to the standard.

    Raises: BadDefinition that names the file, the line and the field of the first fault.
    """
    skill, diagnostics = read_skill(folder)
    for one in diagnostics:
        if one.level != "advice":
            raise one.error
    assert skill is not None  # a skipped skill has a diagnostic
    return skill


def read_skill(folder: str | Path) -> tuple[Skill | None, tuple[Diagnostic, ...]]:
    """The skill of a folder read leniently, None where it cannot be used, and all that is wrong with it."""
    # A name with NUL would be cut by abspath; as it is, it is refused when it is opened.
    place = Path(folder) if "\0" in str(folder) else Path(os.path.abspath(folder))
    try:
        text = _skill_file(place)
    except BadInput as error:
        path = shown(f"{place.name}/{FILE}")
        return None, (Diagnostic(path=path, problem=error.what, level="skipped", line=error.facts.get("line")),)
    return parse(text, place)


def read_body(skill: Skill) -> str:
    """The second tier: the instructions. Raises BadDefinition where the file is gone or broken since."""
    try:
        return split(_skill_file(skill.folder))[1].strip()
    except (BadInput, BadDefinition) as error:
        raise BadDefinition(f"The skill {skill.name!r} cannot be read: {error.what}.") from None


def activated(skill: Skill) -> str:
    """What a model is shown that takes up a skill: the instructions and the names of the files beside them."""
    names = resource_names(skill)
    beside = "\n".join(["", "", "Files of this skill, to be read when the instructions ask for them:", *names])
    return read_body(skill) + (beside if names else "")


def resource_names(skill: Skill) -> tuple[str, ...]:
    """The third tier by name: files in the skill's folder and one folder below, sorted, at most 200.

    Left out are hidden files and those that links lead out of the folder to.
    """
    names: list[str] = []
    for entry in _entries(skill.folder):
        path = _inside(skill.folder, entry)
        if path is not None and path.is_dir():
            names += [f"{entry}/{name}" for name in _entries(path)]
        elif entry != FILE:
            names.append(entry)
    return tuple(name for name in names[:MAX_LISTED] if (path := _inside(skill.folder, name)) and path.is_file())


def read_resource(skill: Skill, path: str, max_bytes: int = MAX_BYTES) -> bytes:
    """A file of the skill. ``path`` is relative to its folder, at most one folder deep.

    Raises: BadInput for any other path, a file outside the folder, one that is missing or too large.
    """
    return _read(skill.folder, _parts(path), max_bytes)


def read_resource_text(skill: Skill, path: str, max_bytes: int = MAX_BYTES) -> str:
    """A file of the skill that is UTF-8 text. Raises BadInput as ``read_resource`` does, and for other encodings."""
    return _decoded(read_resource(skill, path, max_bytes))


def _skill_file(folder: Path) -> str:
    return _decoded(_read(folder, (FILE,), MAX_BYTES)).removeprefix("\ufeff")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput("it is not UTF-8 text", line=data.count(b"\n", 0, error.start) + 1) from None


def _parts(path: str) -> tuple[str, ...]:
    parts = tuple(path.removeprefix("./").split("/"))
    # Colons and backslashes lead elsewhere on Windows: drives, streams, parents.
    plain = all(part not in ("", ".", "..") for part in parts) and not any(one in path for one in "\0\\:")
    if not plain or len(path) > MAX_PATH or len(parts) > 2:
        raise BadInput(
            f"{path[:64]!r} is not a path inside the skill.",
            remedy="Name a file of the skill relative to its folder, such as references/details.md.",
        )
    return parts


def _read(folder: Path, parts: tuple[str, ...], max_bytes: int) -> bytes:
    name = "/".join(parts)
    try:
        root = folder.resolve(strict=True)
        path = root.joinpath(*parts).resolve(strict=True)
        if not path.is_relative_to(root):
            _refuse(name, "it lies outside the skill's folder")
        if not path.is_file():
            _refuse(name, "it is not a file")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except (OSError, ValueError, RuntimeError) as error:
        # Without the system's own text, which tells where the folder lies.
        _refuse(name, getattr(error, "strerror", None) or "it cannot be opened")
    if len(data) > max_bytes:
        _refuse(name, f"it is larger than {max_bytes} bytes")
    return data


def _refuse(name: str, problem: str) -> NoReturn:
    raise BadInput(f"{shown(name)[:64]!r} cannot be read: {problem}")


def _entries(folder: Path) -> list[str]:
    """The names in a folder, sorted; none for what is no folder."""
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in islice(found, MAX_LISTED)]
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith(".") and name.isprintable())


def _inside(folder: Path, name: str) -> Path | None:
    """Where a name of the folder leads, None for outside and for nowhere."""
    try:
        path = (folder / name).resolve(strict=True)
        return path if path.is_relative_to(folder.resolve()) else None
    except (OSError, RuntimeError):
        return None
