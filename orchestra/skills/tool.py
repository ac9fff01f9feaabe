"""Skills for a model: one tool that hands out instructions, and then the files they point to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from orchestra.core.catalog import Code, Contract, Node
from orchestra.core.errors import BadDefinition, BadInput, DuplicateName
from orchestra.skills.catalogue import catalogue_text
from orchestra.skills.files import activated, read_resource_text
from orchestra.skills.skill import Skill

TOOL = "use_skill"
DESCRIPTION = (
    "Returns the instructions of a skill. Call it before the work that the skill describes, then follow them. "
    "With resource, returns that file of the skill instead; nothing is run."
)


def skill_tool(skills: Iterable[Skill]) -> Node:
    """The tool ``use_skill(name, resource=None)`` over these skills: put it among an agent's tools.

    The catalogue stands in the description of ``name``, so that the model needs no other word of it. The tool reads
    files and has no other effect.

    Raises: BadDefinition for no skills, DuplicateName for two of one name.
    """
    name_to_skill: dict[str, Skill] = {}
    for skill in skills:
        if name_to_skill.setdefault(skill.name, skill) is not skill:
            raise DuplicateName(f"Two skills are named {skill.name!r}.", remedy="Leave one of them out.")
    if not name_to_skill:
        raise BadDefinition("There are no skills to choose from.", remedy="Leave the tool out.")
    return Node(
        name=TOOL,
        kind="tool",
        body=Code(fn=partial(_use, name_to_skill), context=None, is_async=False),
        contract=Contract(
            bind=partial(_bind, tuple(name_to_skill)),
            names=("name", "resource"),
            schema=_schema(name_to_skill),
            output_type=str,
        ),
        description=DESCRIPTION,
        idempotent=True,
        source=f"{__name__}:{TOOL}",
    )


def _schema(name_to_skill: Mapping[str, Skill]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {
                "type": "string",
                "enum": list(name_to_skill),
                "description": f"The skill to use:\n{catalogue_text(name_to_skill.values())}",
            },
            "resource": {
                "anyOf": [{"type": "string"}, {"type": "null"}],
                "default": None,
                "description": "A file of the skill, such as references/details.md; without it, the instructions.",
            },
        },
        "required": ["name"],
        "additionalProperties": False,
    }


def _bind(names: tuple[str, ...], value: Any) -> dict[str, Any]:
    given = dict(value) if isinstance(value, Mapping) else {"name": value}
    unknown = given.keys() - {"name", "resource"}
    if unknown:
        raise BadInput(f"{TOOL} does not take {', '.join(sorted(map(str, unknown)))}.")
    if given.get("name") not in names:
        raise BadInput(f"There is no skill {given.get('name')!r}; there are {', '.join(names)}.")
    if not isinstance(given.get("resource"), str | None):
        raise BadInput("resource is not text.", remedy="Name a file of the skill, or leave it out.")
    return given


def _use(name_to_skill: Mapping[str, Skill], *, name: str, resource: str | None = None) -> str:
    skill = name_to_skill[name]
    return read_resource_text(skill, resource) if resource else activated(skill)
