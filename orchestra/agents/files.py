"""Agents as files: YAML front matter and a Jinja2 prompt. Data only; nothing in a file is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from orchestra.agents.agent import Handoff, check_handoffs
from orchestra.agents.prompt import check
from orchestra.agents.skill import is_name, skill_named
from orchestra.core.catalog import Risk
from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName, UnknownName
from orchestra.core.money import nano
from orchestra.skills.files import load_skill
from orchestra.skills.parse import FILE
from orchestra.skills.skill import Skill
from orchestra.tools.nodes import checked_name
from orchestra.tools.yamlfile import Place, confined, first_problem, line_of, mapping, read, refuse

if TYPE_CHECKING:
    from pydantic import ValidationError

PROMPT_NAMES = frozenset({"task"})
_FENCE = "---"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFile:
    """What a file says; the fields are those of Agent, ``tools`` by name, ``cost_usd`` as it was written.

    ``skills`` are given by name, or by folders below the file's root; a relative path begins at the file's folder.

    Units: ``cost_usd`` in US dollars, ``latency_s`` and ``timeout_s`` in seconds.
    """

    name: str
    description: str
    instructions: str
    provides: tuple[str, ...] | None = None
    model: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    skills: tuple[Skill, ...] = ()
    handoffs: tuple[Handoff, ...] = ()
    output_type: Any = None
    max_tokens: int = 512
    temperature: float | None = None
    max_turns: int = 8
    cost_usd: float | str = 0
    latency_s: float = 0.0
    timeout_s: float | None = None
    risk: Risk | None = None
    examples: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    path: Path


def load_agent_file(path: str | Path, root: str | Path, named: Callable[[str], Skill] = skill_named) -> AgentFile:
    """Reads an agent from ``path``, which must lie below ``root``, also when links are followed.

    A relative path is taken from ``root``. The name defaults to the file's; aliases and repeated keys are refused.
    ``named`` finds a skill by its name: by default the user's, or a shipped one.

    Raises: BadDefinition that names the file, the line and the field.
    """
    found = confined(path, root)
    matter, first_line, body = _split(read(found), found)
    data, lines = mapping(matter, found, what="its front matter", first_line=2)
    said = _validated(data, lines, found)
    said["name"] = said["name"] or found.stem
    for key, problem in (("name", checked_name), ("cost_usd", nano)):
        try:
            problem(said[key])
        except (BadDefinition, BadNumber) as error:
            refuse(found, line_of((key,), lines), key, error.what)
    said["skills"] = _skills(said["skills"], lines, found, Path(root), named)
    said["handoffs"] = tuple(Handoff(one.to, mode=one.mode, description=one.description) for one in said["handoffs"])
    try:
        check_handoffs(said["name"], said["handoffs"], said["tools"])
    except (BadDefinition, DuplicateName) as error:
        refuse(found, line_of(("handoffs",), lines), "handoffs", error.what)
    if not body.strip():
        refuse(found, first_line, None, "the prompt below the front matter is missing")
    try:
        check(body, PROMPT_NAMES)
    except BadDefinition as error:
        refuse(found, first_line + error.facts.get("line", 1) - 1, None, error.what)
    return AgentFile(instructions=body.strip(), path=found, **said)


def _skills(
    names: tuple[str, ...], lines: Mapping[Place, int], path: Path, root: Path, named: Callable[[str], Skill]
) -> tuple[Skill, ...]:
    found: list[Skill] = []
    for index, name in enumerate(names):
        line = line_of(("skills", index), lines)
        try:
            if is_name(name):
                found.append(named(name))
                continue
            confined(path.parent / name / FILE, root)
            found.append(load_skill(path.parent / name))
        except (BadDefinition, UnknownName) as error:
            refuse(path, line, "skills", error.what)
    if len({skill.name for skill in found}) < len(found):
        refuse(path, line_of(("skills",), lines), "skills", "one is named twice")
    return tuple(found)


def _split(text: str, path: Path) -> tuple[str, int, str]:
    """The front matter, the line that the prompt begins at, and the prompt."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != _FENCE:
        refuse(path, 1, None, "it does not begin with front matter: a line ---, then YAML, then a line ---")
    for at, line in enumerate(lines[1:], start=1):
        if line.rstrip() == _FENCE:
            return "\n".join(lines[1:at]), at + 2, "\n".join(lines[at + 1 :])
    refuse(path, 1, None, "its front matter is not closed by a line ---")


def _validated(data: dict[str, Any], lines: Mapping[Place, int], path: Path) -> dict[str, Any]:
    """The fields of AgentFile that the front matter gives."""
    from pydantic import ValidationError

    from orchestra.agents.front_matter import FrontMatter

    try:
        matter = FrontMatter.model_validate(data)
    except ValidationError as error:
        _refuse_field(error, lines, path)
    said = {key: tuple(value) if isinstance(value, list) else value for key, value in matter if key != "output"}
    for key in ("provides", "model"):
        said[key] = (said[key],) if isinstance(said[key], str) else said[key]
    return {**said, "model": said["model"] or (), "output_type": matter.output_type}


def _refuse_field(error: ValidationError, lines: Mapping[Place, int], path: Path) -> NoReturn:
    from orchestra.agents.front_matter import FrontMatter, HandoffMatter

    place, fault, problem = first_problem(error, lines)
    if fault == "extra_forbidden":
        form = FrontMatter if len(place) == 1 else HandoffMatter
        problem = f"there is no such field; there are {', '.join(form.model_fields)}"
    refuse(path, line_of(place, lines), ".".join(map(str, place)) or None, problem)
