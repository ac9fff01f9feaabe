"""From what a user writes as ``state`` to a store."""

from __future__ import annotations

from pathlib import Path

from orchestra.core.errors import BadDefinition
from orchestra.ports.store import Store
from orchestra.stores.memory import MemoryStore
from orchestra.stores.sqlite import SqliteStore

_METHODS = ("append", "read", "runs", "run_of", "add_state", "load_state", "transaction", "close")


def open_store(state: str | Path | Store | None) -> Store:
    """None is memory, a path a SQLite file, 'postgresql://...' a PostgreSQL server (both opened at their first use), a
    store itself. Raises BadDefinition, ExtraMissing.
    """
    if state is None or state == ":memory:":
        return MemoryStore()
    if isinstance(state, Path):
        return SqliteStore(state)
    if isinstance(state, str):
        scheme, found, _ = state.partition("://")
        if found and scheme in ("postgresql", "postgres"):
            from orchestra.stores.postgres import PostgresStore

            return PostgresStore(state)
        if found:
            raise BadDefinition(f"No store answers to {scheme}:// addresses.", remedy="Give a path or a Store object.")
        if not state.strip():
            raise BadDefinition("state='' names no file.", remedy="Give a path, or None to keep nothing.")
        return SqliteStore(state)
    missing = [name for name in _METHODS if not callable(getattr(state, name, None))]
    if missing:
        raise BadDefinition(
            f"state={type(state).__name__} is no store: it has no {', '.join(missing)}.",
            remedy="Give a path, or an object with the methods of ports.store.Store.",
        )
    return state
