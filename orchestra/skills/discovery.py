"""Which skills there are below a project and in a user's home: bounded, confined, and with a gate on trust."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from orchestra.core.errors import UnknownName
from orchestra.skills.files import read_skill
from orchestra.skills.parse import FILE
from orchestra.skills.skill import Diagnostic, Level, Skill, shown

Scope = Literal["project", "user", "shipped"]
FOLDERS = (".orchestra/skills", ".agents/skills")
"""Where a project and a home keep skills: ours, then the one that clients share. The earlier one wins."""
MAX_DEPTH = 5
MAX_FOLDERS = 2000
"""Both bounds are for one root. Source: the range that the standard's guide for clients gives."""
MAX_ENTRIES = 10_000
SKIPPED = frozenset({".git", "node_modules"})
_PRECEDENCE: tuple[Scope, ...] = ("project", "user", "shipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A folder to look in, and whose skills it holds. A root that is not there holds none."""

    folder: Path
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Skills of different names, those of a project first, and what was wrong on the way. ``scopes`` says of each skill
    whose it is, ``places`` are the folders that were looked through.
    """

    skills: tuple[Skill, ...]
    diagnostics: tuple[Diagnostic, ...]
    scopes: tuple[Scope, ...] = ()
    places: tuple[Path, ...] = ()

    def named(self, name: str) -> Skill:
        """Raises UnknownName, which tells where was looked, and what is wrong with a skill of that name."""
        found = next((skill for skill in self.skills if skill.name == name), None)
        if found is not None:
            return found
        there = ", ".join(skill.name for skill in self.skills) or "none"
        looked = "; ".join(shown(place) for place in self.places) or "nowhere"
        faults = [one for one in self.diagnostics if one.untrusted or name in Path(one.path).parts]
        raise UnknownName(
            " ".join([f"No skill is named {name!r}; there are {there}. Looked in: {looked}.", *map(str, faults)]),
            remedy="Correct the name, or give the path of the skill's folder.",
        )


def roots(project: Path | None = None, home: Path | None = None) -> tuple[Root, ...]:
    """The usual places below a project's folder and a user's home."""
    given: tuple[tuple[Scope, Path | None], ...] = (("project", project), ("user", home))
    return tuple(
        Root(folder=base / folder, scope=scope) for scope, base in given if base is not None for folder in FOLDERS
    )


def discover(places: Sequence[Root], *, trust: bool = False) -> Found:
    """Every usable skill below the roots, read leniently.

    A project's skills come with a checkout and may be anyone's: without ``trust`` they are not even read. Of two skills
    of one name the project's goes before the user's, the user's before a shipped one, and else the one found first;
    the other is named in a warning. A folder with a SKILL.md is not searched further; links that lead out of their root
    are not followed.
    """
    taken: dict[str, Skill] = {}
    scopes: list[Scope] = []
    diagnostics: list[Diagnostic] = []
    looked: list[Path] = []
    for place in sorted(places, key=lambda root: _PRECEDENCE.index(root.scope)):
        if not place.folder.is_dir():
            continue
        if place.scope == "project" and not trust:
            said = "the project's skills are left out, as the project is not trusted"
            diagnostics.append(replace(_said(place.folder, said), untrusted=True))
            continue
        looked.append(place.folder)
        for folder in _walk(place.folder, diagnostics):
            skill, wrong = read_skill(folder)
            diagnostics += wrong
            if skill is None:
                continue
            first = taken.setdefault(skill.name, skill)
            if first is skill:
                scopes.append(place.scope)
            else:
                said = f"{skill.name!r} is hidden by the skill of that name in {shown(first.folder)}"
                diagnostics.append(_said(folder, said, "warning"))
    skills = tuple(taken.values())
    return Found(skills=skills, diagnostics=tuple(diagnostics), scopes=tuple(scopes), places=tuple(looked))


def _walk(root: Path, diagnostics: list[Diagnostic]) -> Iterator[Path]:
    """The folders with a SKILL.md, level by level."""
    top = root.resolve()
    waiting = deque([(root, 0)])
    seen = {top}
    while waiting:
        folder, depth = waiting.popleft()
        if (folder / FILE).is_file():
            yield folder
            continue
        if depth == MAX_DEPTH:
            continue
        for child in _folders(folder):
            resolved = _resolved(child)
            if resolved is None or resolved in seen:
                continue
            if not resolved.is_relative_to(top):
                diagnostics.append(_said(child, "it is a link that leads out of its root"))
                continue
            if len(seen) == MAX_FOLDERS:
                diagnostics.append(_said(root, f"only its first {MAX_FOLDERS} folders were searched", "warning"))
                yield from (path for path, _ in waiting if (path / FILE).is_file())
                return
            seen.add(resolved)
            waiting.append((child, depth + 1))


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in islice(found, MAX_ENTRIES) if entry.is_dir() and entry.name not in SKIPPED]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _said(path: Path, problem: str, level: Level = "skipped") -> Diagnostic:
    return Diagnostic(path=shown(path), problem=problem, level=level)
