"""Skills and topologies as plain data: those that are shipped, and those of files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestra.agents.bundled import bundled_names, bundled_root
from orchestra.agents.skill import known_skills
from orchestra.app.settings import folders_of, settings_in
from orchestra.app.shape import members
from orchestra.core.call import NodeName
from orchestra.core.errors import BadDefinition
from orchestra.skills.discovery import Found
from orchestra.skills.files import load_skill, read_body, resource_names
from orchestra.skills.parse import FILE
from orchestra.skills.skill import Diagnostic
from orchestra.topologies.files import load_topology_file
from orchestra.topologies.layers import ends
from orchestra.topologies.member import Member, Topology
from orchestra.topologies.registry import AUTO, SUFFIXES, topology_of
from orchestra.topologies.sequential import Sequential

GOAL = "goal"
"""What a chart calls the task as it comes in."""


def found_skills(project: Path, *, trust: bool = False) -> Found:
    """The skills of a project (in its usual places, and in the folders of its orchestra.toml), of the user's home, and
    the shipped ones. Without ``trust`` the project's are left out.

    Raises: BadDefinition.
    """
    named = folders_of(settings_in(project).skills.folders, project)
    return known_skills(named, project=project, trust=trust)


def skill_rows(project: Path, *, trust: bool = False) -> tuple[list[dict[str, str]], tuple[Diagnostic, ...]]:
    """Name, scope, source and description of each skill, and what was wrong on the way. Raises BadDefinition."""
    found = found_skills(project, trust=trust)
    rows = [
        {"name": one.name, "scope": scope, "source": _shown(one.folder, project), "description": one.description}
        for one, scope in zip(found.skills, found.scopes, strict=True)
    ]
    return rows, tuple(one for one in found.diagnostics if one.level != "advice")


def skill_facts(name: str, project: Path, *, trust: bool = False) -> dict[str, Any]:
    """Everything of a skill by its name, or of the one in a folder. Raises UnknownName, BadDefinition."""
    if "/" in name or os.sep in name:
        scope, skill = "folder", load_skill(name)
    else:
        found = found_skills(project, trust=trust)
        skill = found.named(name)
        scope = found.scopes[found.skills.index(skill)]
    return {
        "name": skill.name,
        "scope": scope,
        "source": _shown(skill.folder, project),
        "description": skill.description,
        "license": skill.license,
        "compatibility": skill.compatibility,
        "metadata": dict(skill.metadata),
        "allowed_tools": list(skill.allowed_tools),
        "files": list(resource_names(skill)),
        "instructions": read_body(skill),
    }


def valid_skills(paths: Sequence[Path]) -> list[str]:
    """The names of the skills in the folders. Raises BadDefinition with file, line and field."""
    folders = [
        folder
        for path in paths
        for folder in ([path] if (path / FILE).exists() else sorted(file.parent for file in path.glob(f"*/{FILE}")))
    ]
    if not folders:
        raise BadDefinition("There are no skills there.", remedy=f"Name folders that hold a {FILE}.")
    return [load_skill(folder).name for folder in folders]


def topology_rows(project: Path) -> list[dict[str, str]]:
    """Name, scope, source and description of "auto", of each shipped topology and of those in the folders that
    orchestra.toml names. Raises BadDefinition.
    """
    places = dict.fromkeys((AUTO, *bundled_names("topologies")), ("shipped", ""))
    places |= {path.stem: ("project", str(path)) for path in _topology_files(project)}
    rows = []
    for name, (scope, path) in places.items():
        found = _topology(path or name)
        source = _shown(Path(path) if path else bundled_root("topologies") / f"{name}.yaml", project)
        said = getattr(found, "description", "")
        rows.append({"name": name, "scope": scope, "source": "-" if name == AUTO else source, "description": said})
    return rows


def located(name: str, project: Path) -> str:
    """The path of the topology that the project's orchestra.toml knows by this name; else the name. Raises
    BadDefinition.
    """
    return next((str(path) for path in _topology_files(project) if path.stem == name), name)


def topology_facts(name: str, project: Path) -> dict[str, Any]:
    """Everything of a topology by name, or of a file. Raises UnknownName, BadDefinition."""
    return _facts(_topology(located(name, project)))


def topology_chart(name: str, project: Path) -> str:
    """A topology as a Mermaid flowchart. Raises as ``topology_facts``; BadDefinition for "auto", made during a run."""
    found = _topology(located(name, project))
    if not members(found):
        raise BadDefinition(f"{name!r} has no shape before a task is known.", remedy="Look at the trace of a run.")
    numbers = {id(member): f"n{number}" for number, member in enumerate(members(found))}
    boxes = [f'  {numbers[id(member)]}["{_label(member)}"]' for member in members(found)]
    edges = [f"  {GOAL if a is None else numbers[id(a)]} --> {numbers[id(b)]}" for a, b in _edges(found)]
    return "\n".join(["flowchart TD", f"  {GOAL}([{GOAL}])", *boxes, *edges])


def valid_topologies(paths: Sequence[Path]) -> list[str]:
    """The names of the topologies that the files define. Raises BadDefinition with file, line and field."""
    files = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    if not files:
        raise BadDefinition(
            "There are no topology files there.", remedy=f"Name {' or '.join(SUFFIXES)} files, or folders of them."
        )
    return [load_topology_file(file.name, file.parent).name for file in files]


def _topology_files(project: Path) -> list[Path]:
    folders = folders_of(settings_in(project).topologies.folders, project)
    return [path for folder in folders for path in sorted(folder.glob("*.yaml"))]


def _shown(path: Path, project: Path) -> str:
    """The way to a file as a person would write it."""
    for start, sign in ((project, ""), (Path.home(), "~/")):
        if path.is_relative_to(start.absolute()):
            return f"{sign}{path.relative_to(start.absolute())}"
    return str(path)


def _topology(name: str) -> Topology:
    return topology_of(name, bundled_root("topologies"))


def _facts(topology: Topology) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": topology.name,
        "kind": type(topology).__name__.lower(),
        "description": getattr(topology, "description", ""),
    }
    for key in ("join", "on_failure"):
        if hasattr(topology, key):
            facts[key] = getattr(topology, key)
    if getattr(topology, "answer", None) is not None:
        facts["answer"] = sorted(getattr(topology.answer, "__annotations__", {})) or str(topology.answer)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    for key in ("lead", "report", "by"):
        if (member := getattr(topology, key, None)) is not None:
            facts[key] = _member_facts(member)
    return {**facts, "members": [_member_facts(member) for member in getattr(topology, "members", ())]}


def _member_facts(member: Member) -> dict[str, Any]:
    target = member.target
    kind = "capability" if isinstance(target, str) else "agent" if isinstance(target, NodeName) else "topology"
    who = _facts(target) if isinstance(target, Topology) else getattr(target, "name", target)
    return {"name": member.name, kind: who, "task": member.task, "after": list(member.after)}


def _edges(topology: Topology) -> list[tuple[Member | None, Member]]:
    """Who is given whose answer; None is the goal, which goes to those that wait for nobody."""
    parts: tuple[Member, ...] = getattr(topology, "members", ())
    if isinstance(topology, Sequential):
        return list(zip([None, *parts], parts, strict=False))
    named = {member.name: member for member in parts}
    lead: Member | None = getattr(topology, "lead", None)
    found: list[tuple[Member | None, Member]] = [] if lead is None else [(None, lead)]
    for member in parts:
        found += [(named[name], member) for name in member.after] or [(lead, member)]
    last: Member | None = getattr(topology, "report", None) or getattr(topology, "by", None)
    above = parts if lead else ends(parts)
    return found if last is None or (len(above) == 1 and lead is None) else [*found, *((one, last) for one in above)]


def _label(member: Member) -> str:
    who = getattr(member.target, "name", member.target)
    text = member.name if who == member.name else f"{member.name}: {who}"
    return text.replace('"', "#quot;")
