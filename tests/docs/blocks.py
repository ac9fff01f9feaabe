"""Runs the Python blocks of a Markdown page, in order, as one program."""

import ast
import asyncio
import inspect
import os
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

import pytest

FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<ticks>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$")
NO_RUN = re.compile(r"^\s*<!--\s*no-run\b.*-->\s*$")
PYTHON = {"python", "py"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: the line its code begins on, its language, its code, and whether it is to be run."""

    line: int
    language: str
    code: str
    run: bool


def blocks(text: str) -> list[Block]:
    """Every fenced block of a page. A block after `<!-- no-run -->` is shown to readers only."""
    lines = text.splitlines()
    found = []
    start = 0
    while start < len(lines):
        opening = FENCE.match(lines[start])
        if opening is None:
            start += 1
            continue
        ticks = opening["ticks"]
        end = start + 1
        while end < len(lines) and not re.fullmatch(rf"\s*{re.escape(ticks)}{re.escape(ticks[0])}*\s*", lines[end]):
            end += 1
        if end == len(lines):
            raise ValueError(f"line {start + 1}: this block is never closed")
        before = next((line for line in reversed(lines[:start]) if line.strip()), "")
        language = re.split(r"[\s{,]", opening["info"].strip().lstrip("{."), maxsplit=1)[0].rstrip("}").lower()
        code = textwrap.dedent("\n".join(lines[start + 1 : end]))
        found.append(Block(line=start + 2, language=language, code=code, run=not NO_RUN.match(before)))
        start = end + 1
    return found


def program(text: str) -> str:
    """The page's Python blocks as one source whose line numbers are those of the page."""
    source = ""
    for block in blocks(text):
        if block.language in PYTHON and block.run:
            source += "\n" * (block.line - 1 - source.count("\n")) + block.code + "\n"
    return source


def compiled(source: str, name: str) -> CodeType:
    """Compiles a page's program; blocks may `await` at the top, as in a notebook."""
    code: CodeType = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


def run_page(page: Path, prelude: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Runs a page's program as `__main__`.

    `prelude`: a Python file that runs first in the same module, where it exists. It stands in for what the page's
    reader has: a key, a module of their own beside the program (its folder is importable). It finds `monkeypatch` among
    its names.
    """
    module = ModuleType("__main__")
    vars(module)["monkeypatch"] = monkeypatch
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.syspath_prepend(prelude.parent)
    try:
        if prelude.is_file():
            exec(compiled(prelude.read_text(encoding="utf-8"), str(prelude)), vars(module))
        code = compiled(program(page.read_text(encoding="utf-8")), str(page))
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, vars(module)))
        else:
            exec(code, vars(module))
    finally:
        forget(prelude.parent)
    return module


def forget(folder: Path) -> None:
    """The next page may have a module of the same name in its own folder."""
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}") and "." not in name:
            del sys.modules[name]


def shown(text: str) -> list[Block]:
    """The blocks of a page that say what its program prints."""
    return [block for block in blocks(text) if block.language == "text"]


def steady(output: str) -> list[str]:
    """Lines without what differs from run to run: durations and ids of runs."""
    without_times = re.sub(r"\b\d[\d.e+-]* (?:ms|s)\b", "TIME", output)
    return re.sub(r"\b[0-9a-f]{12}\b(?!\.\d)", "ID", without_times).splitlines()


def contains(output: list[str], lines: list[str]) -> bool:
    """Whether the lines stand in the output, one after the other."""
    return any(output[start : start + len(lines)] == lines for start in range(len(output)))
