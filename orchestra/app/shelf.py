"""Skills and topologies as plain data: those that are shipped, and those of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestra.agents.bundled import bundled_names, bundled_root
from orchestra.agents.skill import skill_folder
from orchestra.app.shape import members
from orchestra.core.call import NodeName
from orchestra.core.errors import BadDefinition
from orchestra.skills.files import load_skill, read_body, resource_names
from orchestra.skills.parse import FILE
from orchestra.topologies.files import load_topology_file
from orchestra.topologies.layers import ends
from orchestra.topologies.member import Member, Topology
from orchestra.topologies.registry import AUTO, SUFFIXES, topology_of
from orchestra.topologies.sequential import Sequential

GOAL = "goal"
"""What a chart calls the task as it comes in."""


def skill_rows() -> list[dict[str, str]]:
    """Name and description of each shipped skill."""
    found = [load_skill(bundled_root("skills") / name) for name in bundled_names("skills")]
    return [{"name": skill.name, "description": skill.description} for skill in found]


def skill_facts(name: str) -> dict[str, Any]:
    """Everything of a shipped skill, or of the one in a folder. Raises UnknownName, BadDefinition."""
    skill = load_skill(skill_folder(name, Path()))
    return {
        "name": skill.name,
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


def topology_rows() -> list[dict[str, str]]:
    """Name and description of "auto" and of each shipped topology."""
    found = [_topology(name) for name in (AUTO, *bundled_names("topologies"))]
    return [{"name": one.name, "description": getattr(one, "description", "")} for one in found]


def topology_facts(name: str) -> dict[str, Any]:
    """Everything of a shipped topology, or of a file. Raises UnknownName, BadDefinition."""
    return _facts(_topology(name))


def topology_chart(name: str) -> str:
    """A topology as a Mermaid flowchart. Raises as ``topology_facts``; BadDefinition for "auto", made during a run."""
    found = _topology(name)
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
