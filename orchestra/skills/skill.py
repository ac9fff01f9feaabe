"""A skill's first tier: what is known of it before its instructions are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from orchestra.core.errors import BadDefinition

Level = Literal["skipped", "warning", "advice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """A folder with a SKILL.md. The instructions and the other files stay on disk until they are asked for.

    ``allowed_tools`` is what the author asks for; nothing is granted by it. ``cost_usd`` and ``latency_s`` are the
    hints ``orchestra.cost_usd`` and ``orchestra.latency_s`` of the metadata.

    Units: ``cost_usd`` in US dollars, as it was written; ``latency_s`` in seconds.
    """

    name: str
    description: str
    folder: Path
    license: str | None = None
    compatibility: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    allowed_tools: tuple[str, ...] = ()
    cost_usd: str = "0"
    latency_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One thing that is wrong with a skill.

    ``level`` says what follows: "skipped" (the skill cannot be used), "warning" (the standard forbids it; it is used
    all the same, except where strictness is asked for), "advice" (allowed, and better otherwise). ``untrusted``: it is
    about a folder that was not read, as nobody trusts it.
    """

    path: str
    problem: str
    level: Level
    line: int | None = None
    key: str | None = None
    untrusted: bool = False

    def __str__(self) -> str:
        place = [self.path, f"line {self.line}" if self.line else "", f"field {self.key!r}" if self.key else ""]
        return f"{', '.join(part for part in place if part)}: {self.problem.rstrip('.')}."

    @property
    def error(self) -> BadDefinition:
        return BadDefinition(str(self), remedy="Correct the skill.", path=self.path, line=self.line, key=self.key)


def shown(path: Path | str) -> str:
    """A path as text that can always be printed: names on disk need not be Unicode."""
    return str(path).encode("utf-8", "backslashreplace").decode()
