"""Reading what is over: a state file, without a team."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestra.app.config import team_named
from orchestra.core.errors import BadDefinition
from orchestra.ports.store import RunRow, Store
from orchestra.stores.registry import open_store


@dataclass(frozen=True, slots=True)
class History:
    """The runs of one store."""

    store: Store

    def runs(self) -> list[RunRow]:
        """The newest first."""
        return self.store.runs(50)

    def tree(self, run_id: str) -> tuple[list[dict[str, Any]], str]:
        """The spans as data and as text. Raises UnknownRun."""
        from orchestra.telemetry.tree import render_tree, tree

        events = self.store.read(run_id)
        return [branch.to_dict() for branch in tree(events, run_id)], render_tree(events, run_id)

    def explain(self, run_id: str) -> tuple[dict[str, Any], str]:
        """The explanation as data and as text. Raises UnknownRun."""
        from orchestra.telemetry.explain import explain

        why = explain(self.store.read(run_id))
        return why.to_dict(), str(why)


def history_of(state: Path | None, team: str | None, folder: Path) -> History:
    """The history in a state file, or in that of the named team; a file that is not there is not made.

    Raises: BadDefinition.
    """
    if state is not None:
        return History(open_store(_there(state)))
    kept = team_named(team, folder).state
    if kept is None:
        raise BadDefinition("The team keeps no state.", remedy="Build it with state='team.db', or pass --state.")
    return History(open_store(_there(Path(kept)) if isinstance(kept, str | Path) else kept))


def _there(path: Path) -> Path:
    if not path.is_file():
        raise BadDefinition(f"There is no state file {path}.", remedy="Run something first, or pass --state.")
    return path
