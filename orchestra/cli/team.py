"""The team that a command works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestra.app.orchestra import Orchestra


@contextmanager
def opened(name: str | None) -> Iterator[Orchestra]:
    """The named team, or that of orchestra.toml here; closed at the end, whatever happens."""
    from orchestra.app.config import team_named

    team = team_named(name, Path.cwd())
    try:
        yield team
    finally:
        team.close()
