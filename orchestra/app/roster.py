"""Who there is: the shipped agents, or those of a team, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestra.agents.bundled import bundled_names
from orchestra.agents.files import load_agent_file
from orchestra.app.config import configured, team_named
from orchestra.app.members import shipped
from orchestra.core.catalog import Node
from orchestra.core.errors import BadDefinition
from orchestra.core.money import dollars
from orchestra.skills.skill import Skill


def roster(team: str | None, folder: Path) -> list[dict[str, str]]:
    """Name and description of each: of the named team, of that of orchestra.toml, or of the shipped agents.

    Raises: BadDefinition.
    """
    if (team := team or configured(folder)) is not None:
        nodes = team_named(team, folder).catalog.nodes.values()
        return [{"name": node.name, "description": node.description} for node in nodes]
    agents = [shipped(name) for name in bundled_names("agents")]
    return [{"name": agent.name, "description": agent.description} for agent in agents]


def described(name: str, team: str | None, folder: Path) -> dict[str, Any]:
    """Everything of one agent, looked for as in ``roster``. Raises UnknownAgent, BadDefinition."""
    if (team := team or configured(folder)) is not None:
        return _node_facts(team_named(team, folder).catalog.named(name))
    agent = shipped(name)
    return {
        "name": agent.name,
        "description": agent.description,
        "provides": agent.provides or agent.name,
        "models": list(agent.models),
        "skills": [skill.name for skill in agent.skills if isinstance(skill, Skill)],
        "max_tokens": agent.max_tokens,
        "examples": list(agent.examples),
        "instructions": agent.instructions,
    }


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


def validated(paths: Sequence[Path]) -> list[str]:
    """The names of the agents that the files define. Raises BadDefinition with file, line and field."""
    files = [file for path in paths for file in (sorted(path.glob("*.md")) if path.is_dir() else [path])]
    if not files:
        raise BadDefinition("There are no agent files there.", remedy="Name .md files, or folders that hold them.")
    return [load_agent_file(file, file.parent).name for file in files]
