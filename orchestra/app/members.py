"""What users hand in, as nodes of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from orchestra.agents.agent import Agent, node_of_agent
from orchestra.agents.bundled import find_bundled
from orchestra.agents.files import AgentFile, load_agent_file
from orchestra.agents.skill import skill_named
from orchestra.core.catalog import Catalog, Node, node_of
from orchestra.core.errors import BadDefinition
from orchestra.skills.skill import Skill


def node_from(member: Any, default_model: str | None, named: Callable[[str], Skill] = skill_named) -> Node:
    """A decorated function, an Agent, a Node, or the name of a shipped agent; ``named`` finds a skill by its name.

    Raises: BadDefinition, UnknownAgent, UnknownName, NoModel.
    """
    node = node_of(member)
    if node is not None:
        return node
    if isinstance(member, str):
        member = shipped(member)
    if isinstance(member, Agent):
        return node_of_agent(member, default_model, named)
    raise BadDefinition(
        f"{member!r} is no agent.",
        remedy="Pass functions with @agent, @tool or @workflow, Agent objects, or names of shipped agents.",
    )


def shipped(name: str) -> Agent:
    """The shipped agent of this name. Raises UnknownAgent."""
    path = find_bundled("agents", name)
    return agent_from_file(load_agent_file(path, path.parent))


def agent_from_file(file: AgentFile) -> Agent:
    """The Agent that a definition file describes. Raises BadDefinition where it names tools, which need code."""
    if file.tools:
        raise BadDefinition(
            f"{file.path.name}, field 'tools': {', '.join(file.tools)} cannot be found, tools are code.",
            remedy="Build the Agent in Python and pass the functions as tools=[...].",
            path=str(file.path),
            key="tools",
        )
    return Agent(
        file.name,
        file.description,
        instructions=file.instructions,
        provides=file.provides,
        model=file.model or None,
        skills=file.skills,
        handoffs=file.handoffs,
        output_type=file.output_type,
        max_tokens=file.max_tokens,
        temperature=file.temperature,
        max_turns=file.max_turns,
        cost_usd=file.cost_usd,
        latency_s=file.latency_s,
        timeout_s=file.timeout_s,
        risk=file.risk,
        examples=file.examples,
    )


def catalog_of(
    members: Iterable[Any], default_model: str | None, named: Callable[[str], Skill] = skill_named
) -> Catalog:
    """Raises DuplicateName where two different members share a name."""
    catalog = Catalog()
    for member in members:
        catalog = catalog.with_node(node_from(member, default_model, named))
    return catalog
