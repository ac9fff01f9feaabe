"""The form of a SKILL.md's front matter for editors; the reader itself is more lenient, and says more."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orchestra.skills.parse import MAX_COMPATIBILITY, MAX_DESCRIPTION, MAX_NAME, NAME

Said = str | int | float | bool


class SkillMatter(BaseModel):
    """Every field of the Agent Skills standard; any other is refused."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(max_length=MAX_NAME, pattern=f"^{NAME.pattern}$")] = Field(
        description="The name of the folder: lowercase letters, digits and single hyphens."
    )
    description: Annotated[str, StringConstraints(min_length=1, max_length=MAX_DESCRIPTION, pattern=r"\S")] = Field(
        description="What the skill does, and when to use it. It is all that a model sees before it takes the skill up."
    )
    license: str | None = Field(default=None, description="The licence's name, or the file that holds it.")
    compatibility: Annotated[str, StringConstraints(max_length=MAX_COMPATIBILITY)] | None = Field(
        default=None, description="What it needs of its surroundings: programs, a network, a client."
    )
    metadata: dict[str, Said] = Field(
        default={}, description="Texts by key; orchestra.cost_usd and orchestra.latency_s are hints for routers."
    )
    allowed_tools: str | None = Field(
        default=None,
        alias="allowed-tools",
        description="Tools that it asks for, with spaces between. Nothing is granted.",
    )
