"""What every command prints, and what its exit code says.

Exit codes: 0 done · 1 failed · 2 wrong input or configuration · 3 stopped by the budget · 4 paused for a person; 130 on
an interrupt, which stops the run and keeps its record.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from orchestra.core.errors import NotSerialisable, OrchestraError
from orchestra.core.ids import plain

STATUS_TO_CODE = {"done": 0, "abandoned": 0, "failed": 1, "stopped": 3, "paused": 4}
WRONG_INPUT = 2
WIDE = 10_000


def show(data: Any, text: str, as_json: bool) -> None:
    """The data as JSON, or the text."""
    typer.echo(as_text(data) if as_json else text)


def columns(rows: Sequence[Mapping[str, str]]) -> str:
    """A table with a row for each; lines are wrapped on a terminal only, so that other programs can read them."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in rows[0] if rows else ():
        table.add_column(name.upper(), no_wrap=name in ("name", "scope"), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row.values()))
    return _rendered(table)


def facts_text(facts: Mapping[str, Any]) -> str:
    """One line a fact; several values with commas between, several sentences one below the other."""
    return "\n".join(f"{key}: {_said(value)}" for key, value in facts.items())


def tree_text(facts: Mapping[str, Any]) -> str:
    """A topology: its facts, then who works in it, as a tree."""
    from rich.tree import Tree

    plain_facts = {key: value for key, value in facts.items() if key not in ("lead", "members", "by", "report")}
    tree = Tree(str(facts["name"]))
    _grow(tree, facts)
    return f"{facts_text(plain_facts)}\n\n{_rendered(tree)}"


def _grow(tree: Any, facts: Mapping[str, Any]) -> None:
    from rich.text import Text

    for key in ("lead", "members", "by", "report"):
        found = facts.get(key) or []
        for one in found if isinstance(found, list) else [found]:
            kind = next(kind for kind in ("capability", "agent", "topology") if kind in one)
            inner = one[kind]
            who = f"{inner['kind']} {inner['name']}" if kind == "topology" else f"{kind} {inner}"
            after = f", after {', '.join(one['after'])}" if one["after"] else ""
            role = "" if key == "members" else f" ({key})"
            branch = tree.add(Text(f"{one['name']}{role}: {who}{after}"))
            if one["task"]:
                branch.add(Text(" ".join(one["task"].split())))
            if kind == "topology":
                _grow(branch, inner)


def _rendered(thing: Any) -> str:
    from io import StringIO

    from rich.console import Console

    live = sys.stdout.isatty()
    file = StringIO()
    console = Console(file=file, width=None if live else WIDE, no_color=True, highlight=False, force_terminal=False)
    console.print(thing)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def _said(value: Any) -> str:
    if not isinstance(value, (list, tuple)) or any(isinstance(one, (dict, list)) for one in value):
        return "" if value is None else str(value)
    items = list(map(str, value))
    return "".join(f"\n  - {one}" for one in items) if any(" " in one for one in items) else ", ".join(items)


def as_text(value: Any) -> str:
    """JSON, indented; what has no JSON form as its text."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    try:
        return plain(value)
    except NotSerialisable:
        return str(value)


@contextmanager
def one_clear_line() -> Iterator[None]:
    """What the user can mend ends in one line on stderr and exit code 2, without a traceback."""
    try:
        yield
    except OrchestraError as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        print(line, file=sys.stderr)
        raise typer.Exit(WRONG_INPUT) from None
