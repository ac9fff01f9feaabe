"""What may be written as state=..."""

import sys
from pathlib import Path

import pytest

from orchestra.core.errors import BadDefinition, ExtraMissing
from orchestra.stores.memory import MemoryStore
from orchestra.stores.postgres import PostgresStore
from orchestra.stores.registry import open_store
from orchestra.stores.sqlite import SqliteStore


def test_none_is_memory_a_path_a_file_and_a_store_itself(tmp_path: Path) -> None:
    assert isinstance(open_store(None), MemoryStore)
    for state in (tmp_path / "a.db", str(tmp_path / "a.db")):
        store = open_store(state)
        assert isinstance(store, SqliteStore)
        assert store.path == tmp_path / "a.db"
    mine = MemoryStore()
    assert open_store(mine) is mine


@pytest.mark.parametrize("state", ["mysql://user:secret@host/db", "", 3, object()])
def test_anything_else_is_named_without_its_secrets(state: object) -> None:
    with pytest.raises(BadDefinition) as caught:
        open_store(state)  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


def test_a_postgresql_address_is_not_connected_to_before_its_use() -> None:
    assert isinstance(open_store("postgresql://user:secret@nowhere.invalid/db"), PostgresStore)


def test_without_psycopg_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ExtraMissing, match="postgres"):
        open_store("postgresql://user@host/db")
