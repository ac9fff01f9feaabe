"""Agent: a model, its instructions and its tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from orchestra.agents.loop import Talk, converse
from orchestra.agents.skill import skill_folder
from orchestra.core.catalog import Contract, Node, Planning, required_node
from orchestra.core.errors import BadDefinition, BadNumber, NoModel
from orchestra.core.money import finite, nano
from orchestra.skills.catalogue import catalogue_text
from orchestra.skills.files import load_skill
from orchestra.skills.skill import Skill
from orchestra.skills.tool import TOOL, skill_tool
from orchestra.tools.nodes import checked_name
from orchestra.tools.structured import OutputSchema

USE_SKILLS = f"Where a skill below fits the task, call {TOOL} with its name first and follow what it says."
TASK_SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"task": {"type": "string"}}, "required": ["task"]}


@dataclass(frozen=True, slots=True)
class Agent:
    """A model agent: immutable, safe to share between runs; what happens in a run is kept by the run.

    ``instructions`` is a Jinja2 template over ``task`` (``task.text``, ``task.input``); without one the description
    serves. ``model`` is one 'provider:model' or several, of which one is chosen at every step. ``output_type`` asks
    for a typed answer, with one repair. ``provides`` defaults to the name. ``skills`` are names of shipped skills,
    paths of folders with a SKILL.md, or Skill objects: the model sees their names and descriptions, and reads the
    instructions of one through the tool ``use_skill`` when it takes it up.

    Units: ``cost_usd`` is what a call is expected to cost in US dollars: a hint for routers, never charged (the model's
    tokens are). ``timeout_s`` in seconds, ``max_tokens`` per reply, ``max_turns`` model calls per task (our default:
    8).
    Raises: BadDefinition, BadNumber, UnknownName for a skill that is not shipped, DuplicateName for two of one name.
    """

    name: str
    description: str = ""
    instructions: str = field(default="", kw_only=True)
    provides: str | Sequence[str] | None = field(default=None, kw_only=True)
    model: str | Sequence[str] | None = field(default=None, kw_only=True)
    tools: Sequence[Callable[..., Any] | Node | Agent] = field(default=(), kw_only=True)
    skills: Sequence[str | Path | Skill] = field(default=(), kw_only=True)
    output_type: Any = field(default=None, kw_only=True)
    max_tokens: int = field(default=512, kw_only=True)
    temperature: float | None = field(default=None, kw_only=True)
    max_turns: int = field(default=8, kw_only=True)
    cost_usd: object = field(default=0, kw_only=True)
    latency_s: float = field(default=0.0, kw_only=True)
    timeout_s: float | None = field(default=None, kw_only=True)
    examples: Sequence[str] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        checked_name(self.name)
        nano(self.cost_usd, "cost_usd")
        for name in ("max_tokens", "max_turns"):
            if finite(getattr(self, name), name) < 1:
                raise BadNumber(f"{name}={getattr(self, name)!r} is not at least 1.")
        for name in ("temperature", "timeout_s", "latency_s"):
            if getattr(self, name) is not None:
                finite(getattr(self, name), name)

        if isinstance(self.skills, str):
            raise BadDefinition(f"skills={self.skills!r} is a text.", remedy=f"Pass a list: [{self.skills!r}].")
        found = tuple(one if isinstance(one, Skill) else load_skill(skill_folder(one, Path())) for one in self.skills)
        object.__setattr__(self, "skills", found)
        if found:
            skill_tool(found)  # two of one name are refused now, not when the agent joins a team

    @property
    def models(self) -> tuple[str, ...]:
        if self.model is None:
            return ()
        return (self.model,) if isinstance(self.model, str) else tuple(self.model)


def node_of_agent(agent: Agent, default_model: str | None) -> Node:
    """The agent as a node of the catalogue. Raises NoModel where neither it nor the team names a model."""
    if not agent.models:
        if default_model is None:
            raise NoModel(f"The agent {agent.name!r} has no model.")
        agent = replace(agent, model=default_model)
    provides = agent.provides if agent.provides is not None else agent.name
    skills = [one for one in agent.skills if isinstance(one, Skill)]
    instructions = agent.instructions or agent.description
    talk = Talk(
        name=agent.name,
        instructions="\n\n".join(
            filter(None, [instructions, USE_SKILLS, catalogue_text(skills)]) if skills else [instructions]
        ),
        models=agent.models,
        tools=(*(_tool(tool, agent.models[0]) for tool in agent.tools), *([skill_tool(skills)] if skills else ())),
        output=None if agent.output_type in (None, str) else OutputSchema(agent.output_type),
        max_tokens=agent.max_tokens,
        temperature=agent.temperature,
        max_turns=agent.max_turns,
    )
    return Node(
        name=agent.name,
        kind="agent",
        body=Planning(plan=partial(converse, talk)),
        contract=Contract(bind=_bind, names=("task",), schema=TASK_SCHEMA, output_type=agent.output_type),
        description=agent.description,
        provides=(provides,) if isinstance(provides, str) else tuple(provides),
        expected_nano=nano(agent.cost_usd, "cost_usd"),
        latency_s=agent.latency_s,
        timeout_s=agent.timeout_s,
        examples=tuple(agent.examples),
        models=agent.models,
        source=f"{agent.name}",
    )


def _tool(tool: Any, model: str) -> Node:
    """A tool, or another agent as one: it works under the same budget and trace, and its answer comes back."""
    return node_of_agent(tool, model) if isinstance(tool, Agent) else required_node(tool)


def _bind(value: Any) -> dict[str, Any]:
    return {"task": value}
