"""The store on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import psycopg
import pytest

from orchestra import Orchestra, agent
from orchestra.core.errors import BadDefinition, JournalVersion, NotSerialisable, StateUnusable, UnknownRun
from orchestra.core.events import Recalled, RunStarted
from orchestra.ports.store import Entry
from orchestra.stores import postgres as module
from orchestra.stores.postgres import PostgresStore
from orchestra.stores.registry import open_store
from orchestra.testing import store_laws

Make = Callable[[], str]


@agent(provides="answer")
def clerk(text: str) -> str:
    """Files things."""
    return text


@pytest.mark.timeout(60)
def test_it_keeps_the_laws(postgres: Make) -> None:
    store_laws(lambda: PostgresStore(postgres()))


def test_a_team_keeps_its_state_there(postgres: Make) -> None:
    state = postgres()

    async def main() -> None:
        async with Orchestra(agents=[clerk], state=state, journal=True) as team:
            result = await team.run("file this", to="answer")
            assert await team.feedback(result.run_id, 0.5) == 1
        async with Orchestra(agents=[clerk], state=state, journal=True) as other:
            assert other.route("file this", to="answer").options[0].tries == 1
            assert (await other.replay(result.run_id)).output == "file this"
            assert await other.feedback(result.run_id, 0.5) == 0

    anyio.run(main)


def test_names_are_ordered_as_bytes_whatever_the_database_thinks(postgres: Make) -> None:
    store = PostgresStore(postgres())
    for name in ("b", "A", "a", "B", "ä"):
        store.append([Entry(name, 0, RunStarted("run", 1.0, name, "m:w", None, 0, {}), False)])
    assert [row.run_id for row in store.runs()] == ["ä", "b", "a", "B", "A"]
    store.close()


def test_another_format_is_refused_and_left_alone(postgres: Make) -> None:
    state = postgres()
    store = PostgresStore(state)
    store.open()
    store.close()
    with psycopg.connect(state, autocommit=True) as connection:
        connection.execute("UPDATE orchestra_meta SET version = 99")
        with pytest.raises(JournalVersion, match="99"):
            PostgresStore(state).open()
        assert connection.execute("SELECT version FROM orchestra_meta").fetchall() == [(99,)]


def test_a_nul_is_refused_by_name_and_a_broken_batch_leaves_nothing(postgres: Make) -> None:
    store = PostgresStore(postgres())
    good = Entry("r", 0, Recalled("run", 1.0), True)
    with pytest.raises(NotSerialisable, match="NUL"):
        store.append([good, Entry("r", 1, Recalled("run/\0", 1.0), True)])
    with pytest.raises(UnknownRun):
        store.read("r")
    with pytest.raises(NotSerialisable, match="surrogate"):
        store.append([Entry("\ud800", 0, Recalled("run", 1.0), True)])
    store.append([good])
    assert store.read("r") == [good.event]
    store.close()


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    store = open_store("postgresql://me:secret@127.0.0.1:1/db")
    with pytest.raises(StateUnusable) as caught:
        store.load_state("p")
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(BadDefinition) as refused:
        open_store("postgresql://me:secret@host/db?no_such_option=secret")
    assert "secret" not in str(refused.value)


def test_a_user_without_rights_is_told_so(postgres_server: str, postgres: Make) -> None:
    address = postgres()
    name = address.rpartition("%3D")[2]
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{name}" LOGIN')
    with pytest.raises(StateUnusable, match="schema"):
        PostgresStore(address.replace("postgres@", f"{name}@")).open()


def test_a_lost_connection_fails_once_and_an_idle_one_not_at_all(
    postgres: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = postgres()
    store = PostgresStore(state)

    def cut() -> None:
        with psycopg.connect(state, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'orchestra'"
            )

    store.append([Entry("r", 0, Recalled("run", 1.0), True)])
    cut()
    with pytest.raises(StateUnusable, match="server runs"):
        store.append([Entry("r", 1, Recalled("run", 2.0), True)])
    store.append([Entry("r", 1, Recalled("run", 2.0), True)])
    assert len(store.read("r")) == 2
    monkeypatch.setattr(module, "CHECK_AFTER_S", 0.0)
    cut()
    store.append([Entry("r", 2, Recalled("run", 3.0), True)])
    assert len(store.read("r")) == 3
    store.close()


def test_events_go_the_same_ways_as_in_a_file(postgres: Make, tmp_path: Path) -> None:
    """A whole run, journalled, is read from both alike."""
    found = []
    for state in (postgres(), str(tmp_path / "team.db")):

        async def main(state: str = state) -> None:
            async with Orchestra(agents=[clerk], state=state, journal=True) as team:
                result = await team.run("file this", to="answer", seed=1)
                events = await team.events(result.run_id)
                found.append([(type(event).__name__, event.key.replace(result.run_id, "")) for event in events])
                assert events[-1] == result.events[-1]

        anyio.run(main)
    assert found[0] == found[1]
