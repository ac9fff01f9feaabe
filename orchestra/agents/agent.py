"""Agent: a model, its instructions and its tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from orchestra.agents.loop import Talk, converse
from orchestra.agents.skill import is_name, skill_named
from orchestra.agents.transfer import Mode, Transfer, fitting, tool_name
from orchestra.core.catalog import Contract, Node, Planning, Risk, node_of, required_node
from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName, NoModel
from orchestra.core.money import finite, nano
from orchestra.skills.catalogue import catalogue_text
from orchestra.skills.files import load_skill
from orchestra.skills.skill import Skill
from orchestra.skills.tool import TOOL, skill_tool
from orchestra.tools.nodes import RISK_TO_SHARE, RISK_TO_TRIALS, checked_name, checked_risk
from orchestra.tools.structured import OutputSchema

USE_SKILLS = f"Where a skill below fits the task, call {TOOL} with its name first and follow what it says."
TASK_SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"task": {"type": "string"}}, "required": ["task"]}


@dataclass(frozen=True, slots=True)
class Handoff:
    """Whom an agent may hand the conversation to: another agent, which is given all that was said so far.

    ``to`` is a capability (the router decides who takes over), the name of an agent or workflow of the team, an Agent,
    or a function with @agent or @workflow. With the mode "return" its answer comes back and the first agent goes on;
    with "pass" its answer is that of the whole task. Where it fails, control comes back in both. ``description`` is
    what the model is told of it, by default what the target says of itself.

    Raises: BadDefinition for another mode or target.
    """

    to: str | Agent | Node | Callable[..., Any]
    mode: Mode = field(kw_only=True)
    description: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if self.mode not in ("return", "pass"):
            raise BadDefinition(f"mode={self.mode!r} is no mode.", remedy='Write mode="return" or mode="pass".')
        if isinstance(self.to, Agent) or (isinstance(self.to, str) and self.to):
            return
        node = node_of(self.to)
        if node is None or node.kind not in ("agent", "workflow"):
            raise BadDefinition(
                f"Nothing can be handed to {self.to!r}.",
                remedy="Give a capability, the name of an agent, or an agent itself; tools go into tools=[...].",
            )

    @property
    def name(self) -> str:
        """What the target is called."""
        if isinstance(self.to, (str, Agent)):
            return self.to if isinstance(self.to, str) else self.to.name
        return required_node(self.to).name


@dataclass(frozen=True, slots=True)
class Agent:
    """A model agent: immutable, safe to share between runs; what happens in a run is kept by the run.

    ``instructions`` is a Jinja2 template over ``task`` (``task.text``, ``task.input``); without one the description
    serves. ``model`` is one 'provider:model' or several, of which one is chosen at every step. ``output_type`` asks
    for a typed answer, with one repair. ``provides`` defaults to the name. ``skills`` are names, paths of folders with
    a SKILL.md, or Skill objects; a name is looked for when the agent joins a team, in the team's folders of skills, the
    user's home and the shipped ones. The model sees their names and descriptions, and reads the instructions of one
    through the tool ``use_skill`` when it takes it up. ``handoffs`` are those that it may hand the
    conversation to, each with its mode: ``Handoff("billing", mode="pass")``. ``risk`` ("low", "medium" or "high"; low
    by default) caps how it is explored while it was never tried: 8, 3 or 1 calls in flight, each for at most .5, .25 or
    .1 of what is left of the budget.

    Units: ``cost_usd`` is what a call is expected to cost in US dollars: a hint for routers, never charged (the model's
    tokens are). ``timeout_s`` in seconds, ``max_tokens`` per reply, ``max_turns`` model calls per task (our default:
    8).
    Raises: BadDefinition, BadNumber, DuplicateName for two skills, tools or hand-offs of one name.
    """

    name: str
    description: str = ""
    instructions: str = field(default="", kw_only=True)
    provides: str | Sequence[str] | None = field(default=None, kw_only=True)
    model: str | Sequence[str] | None = field(default=None, kw_only=True)
    tools: Sequence[Callable[..., Any] | Node | Agent] = field(default=(), kw_only=True)
    skills: Sequence[str | Path | Skill] = field(default=(), kw_only=True)
    handoffs: Sequence[Handoff] = field(default=(), kw_only=True)
    output_type: Any = field(default=None, kw_only=True)
    max_tokens: int = field(default=512, kw_only=True)
    temperature: float | None = field(default=None, kw_only=True)
    max_turns: int = field(default=8, kw_only=True)
    cost_usd: object = field(default=0, kw_only=True)
    latency_s: float = field(default=0.0, kw_only=True)
    timeout_s: float | None = field(default=None, kw_only=True)
    risk: Risk | None = field(default=None, kw_only=True)
    examples: Sequence[str] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        checked_name(self.name)
        checked_risk(self.risk)
        nano(self.cost_usd, "cost_usd")
        for name in ("max_tokens", "max_turns"):
            if finite(getattr(self, name), name) < 1:
                raise BadNumber(f"{name}={getattr(self, name)!r} is not at least 1.")
        for name in ("temperature", "timeout_s", "latency_s"):
            if getattr(self, name) is not None:
                finite(getattr(self, name), name)

        if isinstance(self.skills, str):
            raise BadDefinition(f"skills={self.skills!r} is a text.", remedy=f"Pass a list: [{self.skills!r}].")
        found = tuple(one if isinstance(one, Skill) or is_name(one) else load_skill(one) for one in self.skills)
        object.__setattr__(self, "skills", found)
        names = [one.name if isinstance(one, Skill) else str(one) for one in found]
        if twice := {name for name in names if names.count(name) > 1}:
            raise DuplicateName(f"Two skills are named {min(twice)!r}.", remedy="Leave one of them out.")
        check_handoffs(self.name, self.handoffs, [_name(tool) for tool in self.tools] if self.handoffs else [])

    @property
    def models(self) -> tuple[str, ...]:
        if self.model is None:
            return ()
        return (self.model,) if isinstance(self.model, str) else tuple(self.model)


def node_of_agent(agent: Agent, default_model: str | None, named: Callable[[str], Skill] = skill_named) -> Node:
    """The agent as a node of the catalogue; ``named`` finds a skill by its name.

    Raises: NoModel where neither it nor the team names a model, UnknownName for a skill that is nowhere.
    """
    if not agent.models:
        if default_model is None:
            raise NoModel(f"The agent {agent.name!r} has no model.")
        agent = replace(agent, model=default_model)
    provides = agent.provides if agent.provides is not None else agent.name
    skills = [one if isinstance(one, Skill) else named(str(one)) for one in agent.skills]
    output = None if agent.output_type in (None, str) else OutputSchema(agent.output_type)
    fits = fitting(agent.output_type, output)
    instructions = agent.instructions or agent.description
    talk = Talk(
        name=agent.name,
        instructions="\n\n".join(
            filter(None, [instructions, USE_SKILLS, catalogue_text(skills)]) if skills else [instructions]
        ),
        models=agent.models,
        tools=(
            *(_tool(tool, agent.models[0], named) for tool in agent.tools),
            *([skill_tool(skills)] if skills else ()),
        ),
        transfers=tuple(_transfer(one, _target(one.to, agent.models[0], named), fits) for one in agent.handoffs),
        output=output,
        max_tokens=agent.max_tokens,
        temperature=agent.temperature,
        max_turns=agent.max_turns,
    )
    return Node(
        name=agent.name,
        kind="agent",
        body=Planning(plan=partial(converse, talk), reads_catalog=bool(agent.handoffs)),
        contract=Contract(bind=_bind, names=("task",), schema=TASK_SCHEMA, output_type=agent.output_type),
        description=agent.description,
        provides=(provides,) if isinstance(provides, str) else tuple(provides),
        expected_nano=nano(agent.cost_usd, "cost_usd"),
        latency_s=agent.latency_s,
        timeout_s=agent.timeout_s,
        trial_limit=RISK_TO_TRIALS[checked_risk(agent.risk)],
        trial_share=RISK_TO_SHARE[checked_risk(agent.risk)],
        examples=tuple(agent.examples),
        models=agent.models,
        temperature=agent.temperature,
        tools=tuple(tool for tool in talk.tools if tool.name != TOOL),
        skills=tuple(skill.name for skill in skills),
        hands_to=tuple(one.name for one in agent.handoffs),
        source=f"{agent.name}",
    )


def _tool(tool: Any, model: str, named: Callable[[str], Skill]) -> Node:
    """A tool, or another agent as one: it works under the same budget and trace, and its answer comes back."""
    return node_of_agent(tool, model, named) if isinstance(tool, Agent) else required_node(tool)


def _name(tool: Any) -> str:
    return tool.name if isinstance(tool, Agent) else required_node(tool).name


def _target(to: Any, model: str, named: Callable[[str], Skill]) -> str | Node:
    return to if isinstance(to, str) else _tool(to, model, named)


def _transfer(one: Handoff, to: str | Node, fits: Callable[[Any], Any]) -> Transfer:
    return Transfer(tool=tool_name(one.name), to=to, mode=one.mode, description=one.description, fits=fits)


def check_handoffs(agent: str, handoffs: Sequence[Handoff], tools: Sequence[str] = ()) -> None:
    """Raises BadDefinition for what is no Handoff and for one to the agent itself, DuplicateName for two of one
    name.
    """
    if isinstance(handoffs, str):
        raise BadDefinition(
            f"handoffs={handoffs!r} is a text.", remedy=f"Pass a list: [Handoff({handoffs!r}, mode=...)]."
        )
    taken = set(tools)
    for one in handoffs:
        if not isinstance(one, Handoff):
            shown = one.name if isinstance(one, Agent) else one
            raise BadDefinition(
                f"handoffs of {agent!r}: {shown!r} does not say whether control returns.",
                remedy=f'Write Handoff({shown!r}, mode="return"), or mode="pass".',
            )
        if one.name == agent:
            raise BadDefinition(f"The agent {agent!r} hands over to itself.", remedy="Leave it out.")
        if tool_name(one.name) in taken:
            raise DuplicateName(f"Two tools of {agent!r} are named {tool_name(one.name)!r}.", remedy="Leave one out.")
        taken.add(tool_name(one.name))


def _bind(value: Any) -> dict[str, Any]:
    return {"task": value}
