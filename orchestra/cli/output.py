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

STATUS_TO_CODE = {"done": 0, "failed": 1, "stopped": 3, "paused": 4}
WRONG_INPUT = 2


def show(data: Any, text: str, as_json: bool) -> None:
    """The data as JSON, or the text."""
    typer.echo(as_text(data) if as_json else text)


def columns(rows: Sequence[Mapping[str, str]]) -> str:
    """One line a row: its name and its description."""
    width = max((len(row["name"]) for row in rows), default=0)
    return "\n".join(f"{row['name']:<{width}}  {row['description']}" for row in rows)


def facts_text(facts: Mapping[str, Any]) -> str:
    """One line a fact."""
    return "\n".join(f"{key}: {value}" for key, value in facts.items())


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
