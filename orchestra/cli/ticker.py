"""How far a long work is, on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

SAID_EVERY_S = 5.0


@contextmanager
def ticker(what: str, stages: int | None = None) -> Iterator[Callable[[int, str], None]]:
    """``told(count, text)``: a bar with the work at hand; without a terminal, a line now and then.

    A count of 0 says that a stage of the work begins, of which there are ``stages``; any other is of things done in it.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    counted = [MofNCompleteColumn()] if stages else []
    shown = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), *counted, TimeElapsedColumn()]
    counts: dict[str, int] = {}
    begun = 0
    said = time.monotonic()
    with Progress(*shown, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=stages)

        def told(count: int, text: str) -> None:
            nonlocal said, begun
            new = text not in counts or count == 0
            if count == 0:
                progress.update(task, completed=begun)
                begun += 1
            counts[text] = counts.get(text, 0) + count
            line = f"{text}: {counts[text]:,}" if counts[text] else text
            progress.update(task, description=f"{what}: {line}")
            if not console.is_terminal and (new or time.monotonic() - said >= SAID_EVERY_S):
                said = time.monotonic()
                typer.echo(f"[{begun}/{stages}] {line}" if stages else line, err=True)

        yield told
