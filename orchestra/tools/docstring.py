"""What a docstring says about the function and its parameters: Google, NumPy and Sphinx style."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

_ARGS = re.compile(r"^(\s*)(?:Args|Arguments|Parameters|Params):[ \t]*(.*)$")
_INLINE_ARGS = re.compile(r"\s(?:Args|Arguments|Parameters|Params):\s")
_SECTION = re.compile(r"^\s*(?:Returns?|Raises|Yields?|Examples?|Notes?|Shapes?|Units?|Sources?|See Also|Warnings?):")
_ENTRY = re.compile(r"^(\s*)\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:(?:\s+|$)(.*)$")
_NUMPY_ENTRY = re.compile(r"^(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?$")
_SPHINX = re.compile(r"^\s*:(?:param|parameter|arg|argument)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_FIELD = re.compile(r"^\s*:\w+[^:]*:")


def summary(doc: str | None) -> str:
    """The first paragraph on one line, without a parameter section that begins in it."""
    text = inspect.cleandoc(doc or "")
    paragraph = re.split(r"\n\s*\n", text, maxsplit=1)[0]
    lines = []
    for line in paragraph.splitlines():
        if _ARGS.match(line) or _SECTION.match(line) or _FIELD.match(line):
            break
        lines.append(line)
    return " ".join(_INLINE_ARGS.split(" ".join(lines) + " ", maxsplit=1)[0].split())


def parameter_docs(doc: str | None, names: Sequence[str]) -> dict[str, str]:
    """What is said about each parameter; those that nothing is said about are left out."""
    if not doc or not names:
        return {}
    lines = inspect.cleandoc(doc).splitlines()
    found = {**_google(lines, names), **_numpy(lines), **_sphinx(lines)}
    return {name: text for name in names if (text := " ".join(found.get(name, "").split()))}


def _google(lines: list[str], names: Sequence[str]) -> dict[str, str]:
    for at, line in enumerate(lines):
        if head := _ARGS.match(line):
            body = _section(lines[at + 1 :], len(head[1]))
            return _one_line(" ".join([head[2], *body]), names) if head[2].strip() else _entries(body)
        if inline := _INLINE_ARGS.search(line):
            return _one_line(" ".join([line[inline.end() :], *_section(lines[at + 1 :], -1)]), names)
    return {}


def _section(lines: list[str], indent: int) -> list[str]:
    """The lines up to the next section, or up to the first one that is not indented deeper after a blank one."""
    body: list[str] = []
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if _SECTION.match(line) or (line.strip() and depth <= indent) or (not line.strip() and indent < 0):
            break
        body.append(line)
    return body


def _one_line(text: str, names: Sequence[str]) -> dict[str, str]:
    """``a: the first, b: the second`` on one line: only known names begin an entry."""
    begin = re.compile(r"(?:^|(?<=[\s,;]))(" + "|".join(map(re.escape, names)) + r")\s*(?:\([^)]*\))?:\s+")
    hits = list(begin.finditer(text))
    ends = [*(hit.start() for hit in hits[1:]), len(text)]
    return {hit[1]: text[hit.end() : end].strip().rstrip(",;") for hit, end in zip(hits, ends, strict=True)}


def _entries(body: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    depth, name = None, ""
    for line in body:
        entry = _ENTRY.match(line)
        if entry and depth in (None, len(entry[1])):
            depth, name = len(entry[1]), entry[2]
            found[name] = entry[3]
        elif name:
            found[name] += " " + line.strip()
    return found


def _numpy(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for at in range(len(lines) - 1):
        if lines[at].strip() in ("Parameters", "Other Parameters") and re.fullmatch(r"\s*-{3,}\s*", lines[at + 1]):
            found |= _numpy_entries(lines[at + 2 :], len(lines[at]) - len(lines[at].lstrip()))
    return found


def _numpy_entries(lines: list[str], indent: int) -> dict[str, str]:
    found: dict[str, str] = {}
    current: list[str] = []
    for at, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if at + 1 < len(lines) and re.fullmatch(r"\s*-{3,}\s*", lines[at + 1]):
            break
        if depth <= indent and line.strip():
            head = _NUMPY_ENTRY.match(line.strip())
            if head is None:
                break
            current = [name.strip() for name in head[1].split(",")]
            found |= dict.fromkeys(current, "")
        else:
            for name in current:
                found[name] += " " + line.strip()
    return found


def _sphinx(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if head := _SPHINX.match(line):
            name = head[1]
            found[name] = head[2]
        elif _FIELD.match(line) or not line.strip():
            name = ""
        elif name:
            found[name] += " " + line.strip()
    return found
