"""Who there is: the shipped agents, or those of a team, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from orchestra.agents.agent import Agent
from orchestra.agents.bundled import bundled_names
from orchestra.agents.files import AgentFile, load_agent_file
from orchestra.agents.skill import skill_named
from orchestra.app.config import team_named
from orchestra.app.members import agent_from_file, shipped
from orchestra.app.settings import folders_of, settings_in
from orchestra.app.shelf import found_skills
from orchestra.core.catalog import Node
from orchestra.core.errors import BadDefinition
from orchestra.core.money import dollars
from orchestra.skills.skill import Skill


def roster(team: str | None, folder: Path, *, trust: bool = False) -> list[dict[str, str]]:
    """Name, scope and description of each: of the named team, of that of orchestra.toml, or of the shipped agents and
    those in the folders that orchestra.toml names, which find the project's skills by name if it is trusted.

    Raises: BadDefinition.
    """
    if (team := team or _configured(folder)) is not None:
        with closing(team_named(team, folder)) as found:
            return [_row(node, "team") for node in found.catalog.nodes.values()]
    return [
        *(_row(shipped(name), "shipped") for name in bundled_names("agents")),
        *(_row(file, "project") for file in _agent_files(folder, trust)),
    ]


def described(name: str, team: str | None, folder: Path, *, trust: bool = False) -> dict[str, Any]:
    """Everything of one agent, looked for as in ``roster``. Raises UnknownAgent, BadDefinition."""
    if (team := team or _configured(folder)) is not None:
        with closing(team_named(team, folder)) as found:
            return _node_facts(found.catalog.named(name))
    found_file = next((file for file in _agent_files(folder, trust) if file.name == name), None)
    agent = shipped(name) if found_file is None else agent_from_file(found_file)
    return {
        "name": agent.name,
        "description": agent.description,
        "provides": agent.provides or agent.name,
        "models": list(agent.models),
        "skills": [skill.name if isinstance(skill, Skill) else str(skill) for skill in agent.skills],
        "max_tokens": agent.max_tokens,
        "examples": list(agent.examples),
        "instructions": agent.instructions,
    }


def _row(one: Node | Agent | AgentFile, scope: str) -> dict[str, str]:
    return {"name": one.name, "scope": scope, "description": one.description}


def _configured(folder: Path) -> str | None:
    app = settings_in(folder).app
    return app.team if app is not None else None


def _agent_files(folder: Path, trust: bool) -> list[AgentFile]:
    named = partial(_named, folder, trust)
    folders = folders_of(settings_in(folder).agents.folders, folder)
    return [load_agent_file(path, path.parent, named) for one in folders for path in sorted(one.glob("*.md"))]


def _named(project: Path, trust: bool, name: str) -> Skill:
    return found_skills(project, trust=trust).named(name)


def _node_facts(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": node.kind,
        "description": node.description,
        "provides": list(node.provides),
        "cost_usd": str(dollars(node.cost_nano + node.expected_nano)),
        "side_effect": node.side_effect,
        "idempotent": node.idempotent,
        "models": list(node.models),
        "examples": list(node.examples),
        "input": dict(node.contract.schema),
    }


def validated(paths: Sequence[Path], folder: Path | None = None, *, trust: bool = False) -> list[str]:
    """The names of the agents that the files define; the skills that they name may be those of the project in
    ``folder``, if it is trusted. Raises BadDefinition with file, line and field.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.md")) if path.is_dir() else [path])]
    if not files:
        raise BadDefinition("There are no agent files there.", remedy="Name .md files, or folders that hold them.")
    named = skill_named if folder is None else partial(_named, folder, trust)
    return [load_agent_file(file, file.parent, named).name for file in files]
