"""How far a long work is, on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

SAID_EVERY_S = 5.0


@contextmanager
def ticker(what: str) -> Iterator[Callable[[int, str], None]]:
    """``told(count, text)``: a moving bar with the work at hand; without a terminal, a line now and then."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    shown = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    counts: dict[str, int] = {}
    said = time.monotonic()
    with Progress(*shown, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)

        def told(count: int, text: str) -> None:
            nonlocal said
            new = text not in counts
            counts[text] = counts.get(text, 0) + count
            line = f"{text}: {counts[text]:,}" if counts[text] else text
            progress.update(task, description=f"{what}: {line}")
            if not console.is_terminal and (new or time.monotonic() - said >= SAID_EVERY_S):
                said = time.monotonic()
                typer.echo(line, err=True)

        yield told
