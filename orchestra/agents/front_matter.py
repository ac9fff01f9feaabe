"""The form of an agent file's front matter. It needs pydantic, so it is imported when a file is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from orchestra.core.catalog import Risk
from orchestra.tools.answer import Answer, answer_type
from orchestra.tools.editors import NAME_SCHEMA

COST_SCHEMA = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}]}


class HandoffMatter(BaseModel):
    """One hand-off: whom to, and whether control returns."""

    model_config = ConfigDict(extra="forbid", strict=True)

    to: str = Field(min_length=1, description="The agent that is handed the task, by name.")
    mode: Literal["return", "pass"] = Field(
        description="return: its answer comes back to this agent; pass: its answer is the answer."
    )
    description: str = Field(default="", description="When to hand off; the model reads it.")

    @model_validator(mode="before")
    @classmethod
    def _with_a_mode(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"say whether control returns: {{to: {value}, mode: return}}, or mode: pass")
        return value


class FrontMatter(BaseModel):
    """Every field that may be written; any other is refused. ``output`` maps the answer's fields to their types."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    name: Annotated[str, Field(json_schema_extra=NAME_SCHEMA)] | None = Field(
        default=None, description="Unique in its team; by default the file's name without .md."
    )
    description: str = Field(
        min_length=1, description="One sentence: what it does and what it does not do. Routers compare tasks with it."
    )
    provides: str | list[str] | None = Field(
        default=None, description="The capabilities that steps ask for; by default its name."
    )
    model: str | list[str] | None = Field(
        default=None, description="provider:model, or several, of which one is chosen at every turn."
    )
    tools: list[str] = Field(default=[], description="Names of tools. Tools are code: the program passes them.")
    skills: list[str] = Field(
        default=[], description="Shipped skills by name, or paths of folders below this file's, such as ./my-skill."
    )
    handoffs: list[HandoffMatter] = Field(default=[], description="Agents to whom it may hand the task.")
    output: dict[str, Answer] | None = Field(
        default=None, description="The fields of a typed answer with their types; without it the answer is text."
    )
    max_tokens: int = Field(default=512, ge=1, description="The longest reply, in tokens.")
    temperature: float | None = Field(
        default=None, ge=0, description="0 for the same answer each time, as far as it goes."
    )
    max_turns: int = Field(default=8, ge=1, description="Model calls for one task.")
    cost_usd: Annotated[int | float | str, WithJsonSchema(COST_SCHEMA)] = Field(
        default=0, description="What a call is expected to cost in US dollars: a hint for routers, never charged."
    )
    latency_s: float = Field(default=0.0, ge=0, description="What to expect at least, in seconds: a hint for routers.")
    timeout_s: float | None = Field(default=None, ge=0, description="After so many seconds a call has failed.")
    risk: Risk | None = Field(
        default=None, description="How careful routers are with it while they know nothing of it."
    )
    examples: list[str] = Field(default=[], description="Tasks that it is for, as users write them. Routers use them.")
    tags: list[str] = Field(default=[], description="Free words for people; nothing is decided by them.")

    @property
    def output_type(self) -> Any:
        """What ``output`` names, None without it."""
        return answer_type(self.output)
