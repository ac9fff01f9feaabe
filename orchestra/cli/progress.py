"""What is going on, on stderr, while a run works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from orchestra.app.orchestra import Orchestra
from orchestra.core.events import CallStarted, Event, Filed


@contextmanager
def progress(team: Orchestra, quiet: bool) -> Iterator[None]:
    """One line that changes on a terminal; one line a call elsewhere; nothing when quiet."""
    if quiet:
        yield
        return
    live = sys.stderr.isatty()

    def tell(run_id: str, event: Event) -> None:
        if isinstance(event, CallStarted):
            text = f"{event.kind} {event.name}"
        elif isinstance(event, Filed):
            text = f"{event.name} failed ({event.cause.kind}): {event.how} to {event.to}"
        else:
            return
        print(f"\r\x1b[K{text}" if live else text, end="" if live else "\n", file=sys.stderr, flush=True)

    team.watch(tell)
    try:
        yield
    finally:
        if live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
