"""The form of an agent file's front matter. It needs pydantic, so it is imported when a file is read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

Answer = Literal["str", "int", "float", "bool", "list[str]", "list[int]", "list[float]"]
_ANSWER_TO_TYPE: dict[Answer, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list[str]": list[str],
    "list[int]": list[int],
    "list[float]": list[float],
}


class FrontMatter(BaseModel):
    """Every field that may be written; any other is refused. ``output`` maps the answer's fields to their types."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    name: str | None = None
    description: str = Field(min_length=1)
    provides: str | list[str] | None = None
    model: str | list[str] | None = None
    tools: list[str] = []
    skills: list[str] = []
    output: dict[str, Answer] | None = None
    max_tokens: int = Field(default=512, ge=1)
    temperature: float | None = Field(default=None, ge=0)
    max_turns: int = Field(default=8, ge=1)
    cost_usd: int | float | str = 0
    latency_s: float = Field(default=0.0, ge=0)
    timeout_s: float | None = Field(default=None, ge=0)
    examples: list[str] = []
    tags: list[str] = []

    @property
    def output_type(self) -> Any:
        """A TypedDict of the named types, so that the answer stays plain JSON; None without ``output``."""
        if not self.output:
            return None
        typed_dict: Any = TypedDict
        return typed_dict("Output", {name: _ANSWER_TO_TYPE[kind] for name, kind in self.output.items()})
