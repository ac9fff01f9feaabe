"""The rules of the Agent Skills standard for a SKILL.md: a text becomes a skill and what is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.money import finite
from orchestra.skills.front_matter import MAX_MATTER, Field, fields, split
from orchestra.skills.skill import Diagnostic, Level, Skill, shown

FILE = "SKILL.md"
MAX_NAME = 64
MAX_DESCRIPTION = 1024
MAX_COMPATIBILITY = 500
ADVISED_LINES = 500
ADVISED_TOKENS = 5000
CHARACTERS_A_TOKEN = 4
"""A rule of thumb for English; only an advice rests on it."""
MAX_HINT = 1_000_000
COST_HINT = "orchestra.cost_usd"
LATENCY_HINT = "orchestra.latency_s"
FIELDS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TOOL = re.compile(r"[^\s(]+(?:\([^)]*\))?|\S+")


def parse(text: str, folder: Path) -> tuple[Skill | None, tuple[Diagnostic, ...]]:
    """The skill that the text of ``folder``'s SKILL.md describes, read leniently, and every fault in the file's order.

    A bad name only warns; without a description or with front matter that is not YAML there is no skill.

    Source: the Agent Skills specification (agentskills.io) for the limits, its guide for clients for the leniency.
    """
    reading = _Reading(folder)
    try:
        matter, body = split(text)
        found = reading.once(fields(matter))
    except BadDefinition as error:
        reading.note("skipped", error.what, line=error.facts.get("line"))
        return None, reading.diagnostics
    for key in found.keys() - set(FIELDS):
        known = ", ".join(FIELDS)
        reading.note("warning", f"there is no such field; there are {known}", key=key, line=found[key].line)
    skill = reading.skill(found)
    reading.advise(body)
    return skill, reading.diagnostics


class _Reading:
    """One file, and the faults found in it so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = shown(f"{folder.name}/{FILE}")
        self._found: list[Diagnostic] = []

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self._found, key=lambda one: (one.line or 0, one.key or "")))

    def note(self, level: Level, problem: str, *, key: str | None = None, line: int | None = None) -> None:
        self._found.append(Diagnostic(path=self._path, problem=problem, level=level, line=line, key=key))

    def once(self, pairs: tuple[tuple[str, Field], ...], prefix: str = "") -> dict[str, Field]:
        found: dict[str, Field] = {}
        for key, value in pairs:
            if key in found:
                self.note("warning", "it is given twice; the last one counts", key=prefix + key, line=value.line)
            found[key] = value
        return found

    def skill(self, found: dict[str, Field]) -> Skill | None:
        name = self._name(found.get("name"))
        described = found.get("description")
        description = self._text(found, "description", MAX_DESCRIPTION, "skipped")
        if not description:
            if described is None or described.kind == "text":
                line = described.line if described else 1
                self.note("skipped", "the description is missing", key="description", line=line)
            return None
        metadata = self._metadata(found.get("metadata"))
        return Skill(
            name=name,
            description=description,
            folder=self._folder,
            license=self._text(found, "license"),
            compatibility=self._text(found, "compatibility", MAX_COMPATIBILITY),
            metadata={key: one.text for key, one in metadata.items()},
            allowed_tools=self._allowed_tools(found),
            cost_usd=self._hint(metadata, COST_HINT),
            latency_s=float(self._hint(metadata, LATENCY_HINT)),
        )

    def _name(self, given: Field | None) -> str:
        folder = shown(self._folder.name)
        if given is None or given.kind != "text" or not given.text.strip():
            self.note("warning", "the name is missing", key="name", line=given.line if given else 1)
            return folder
        name = given.text
        if len(name) > MAX_NAME or NAME.fullmatch(name) is None:
            rule = f"1 to {MAX_NAME} lowercase letters, digits and single hyphens, none at an edge"
            self.note("warning", f"{name[:MAX_NAME]!r} is not {rule}", key="name", line=given.line)
        elif name != folder:
            self.note("warning", f"{name!r} is not the folder's name, {folder!r}", key="name", line=given.line)
        return name if len(name) <= MAX_NAME else folder

    def _text(self, found: dict[str, Field], key: str, limit: int = MAX_MATTER, level: Level = "warning") -> str | None:
        given = found.get(key)
        if given is None:
            return None
        if given.kind != "text":
            self.note(level, "it is not text", key=key, line=given.line)
            return None
        text = given.text.strip()
        if len(text) > limit:
            said = f"it has {len(text)} characters, {limit} are allowed"
            self.note("warning", said, key=key, line=given.line)
        return text

    def _metadata(self, given: Field | None) -> dict[str, Field]:
        if given is None:
            return {}
        if given.kind != "mapping":
            self.note("warning", "it is not a mapping of text to text", key="metadata", line=given.line)
            return {}
        found = self.once(given.parts, "metadata.")
        for key, one in found.items():
            if one.kind != "text":
                self.note("warning", "it is not text", key=f"metadata.{key}", line=one.line)
        return {key: one for key, one in found.items() if one.kind == "text"}

    def _hint(self, metadata: dict[str, Field], key: str) -> str:
        given = metadata.get(key)
        if given is None:
            return "0"
        try:
            fits = finite(given.text, key) <= MAX_HINT
        except BadNumber:
            fits = False
        if not fits:
            said = f"{given.text[:MAX_NAME]!r} is not a number from 0 to {MAX_HINT}"
            self.note("warning", said, key=f"metadata.{key}", line=given.line)
        return given.text if fits else "0"

    def _allowed_tools(self, found: dict[str, Field]) -> tuple[str, ...]:
        given = found.get("allowed-tools")
        if given is not None and given.kind == "list" and all(one.kind == "text" for _, one in given.parts):
            self.note("warning", "it is a list, not text with spaces between", key="allowed-tools", line=given.line)
            return tuple(one.text for _, one in given.parts)
        return tuple(_TOOL.findall(self._text(found, "allowed-tools") or ""))

    def advise(self, body: str) -> None:
        text = body.strip()
        lines, tokens = text.count("\n") + 1, len(text) // CHARACTERS_A_TOKEN
        if not text:
            self.note("advice", "there are no instructions below the front matter")
        if lines > ADVISED_LINES:
            self.note("advice", f"the instructions have {lines} lines, {ADVISED_LINES} are advised")
        if tokens > ADVISED_TOKENS:
            self.note("advice", f"the instructions have about {tokens} tokens, {ADVISED_TOKENS} are advised")
