"""The file: what survives, what is refused, what is left as it was."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from orchestra.core.errors import ConfigError, JournalVersion, NotSerialisable, StateUnusable
from orchestra.core.events import Recalled
from orchestra.ports.store import Entry
from orchestra.stores.sqlite import SqliteStore

WRITER = """
import sys
from orchestra.core.events import Recalled
from orchestra.ports.store import Entry
from orchestra.stores.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
for n in range(1_000_000):
    event = Recalled(f"run/{n}", 1.0)
    store.append([Entry("r", 2 * n, event, True), Entry("r", 2 * n + 1, event, True)])
    print(n, flush=True)
"""
ADDER = """
import sys
from orchestra.stores.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(50):
    store.add_state("p", {"a": 1, "b": 2}, lambda old, delta: (old or 0) + delta)
store.close()
"""


def python(code: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def some(n: int) -> list[Entry]:
    return [Entry("r", n, Recalled("run", 1.0), False)]


def test_kill_9_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    with python(WRITER, path) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        told += [int(line) for line in process.stdout if line.endswith("\n")]
    read = SqliteStore(path).read("r")
    assert len(read) % 2 == 0  # a transaction is there whole or not at all
    assert len(read) // 2 in (told[-1] + 1, told[-1] + 2)
    SqliteStore(path).append(some(len(read)))


def test_two_processes_add_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    with python(ADDER, path) as one, python(ADDER, path) as two:
        for process in (one, two):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
    assert (one.returncode, two.returncode) == (0, 0)
    assert SqliteStore(path).load_state("p") == {"a": 100, "b": 200}


def test_many_may_make_the_file_at_once(tmp_path: Path) -> None:
    failed: list[BaseException] = []
    for n in range(5):
        path, gate = tmp_path / f"{n}.db", threading.Barrier(4)

        def create(path: Path = path, gate: threading.Barrier = gate) -> None:
            store = SqliteStore(path)
            gate.wait()
            try:
                store.open()
            except BaseException as error:
                failed.append(error)
            finally:
                store.close()

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []


@pytest.mark.parametrize("crashed", [False, True])
def test_another_version_is_refused_and_left_as_it_was(tmp_path: Path, crashed: bool) -> None:
    path, live = tmp_path / "team.db", tmp_path / "live.db"
    store = SqliteStore(live)
    store.append(some(0))
    with closing(sqlite3.connect(live)) as other:
        other.execute("UPDATE meta SET version = 99")
        other.commit()
        if crashed:  # the version that a crash left stands in the log, not yet in the file
            (tmp_path / "team.db-wal").write_bytes((tmp_path / "live.db-wal").read_bytes())
    if not crashed:
        store.close()
    path.write_bytes(live.read_bytes())
    store.close()
    before = digest(path)
    for _ in range(2):
        refused = SqliteStore(path)
        with pytest.raises(JournalVersion, match="format 99"):
            refused.append(some(1))
        refused.close()
    assert digest(path) == before


def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes.\n" * 50)
    before = digest(path)
    with pytest.raises(StateUnusable, match="no database or is damaged") as caught:
        SqliteStore(path).runs()
    assert isinstance(caught.value, ConfigError)
    assert digest(path) == before


def test_the_database_of_something_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as shop:
        shop.execute("CREATE TABLE orders (id TEXT)")
        shop.commit()
    before = digest(path)
    with pytest.raises(StateUnusable, match="something else"):
        SqliteStore(path).append(some(0))
    assert digest(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["shop.db"]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    store = SqliteStore(path)
    store.append([Entry("r", n, Recalled("run/" + "x" * 200, 1.0), False) for n in range(200)])
    store.close()
    body = bytearray(path.read_bytes())
    body[4096:] = b"\x5a" * (len(body) - 4096)
    path.write_bytes(body)
    with pytest.raises(StateUnusable, match="damaged"):
        SqliteStore(path).read("r")


def test_a_missing_folder_is_named_when_it_is_used(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "nowhere" / "team.db")
    with pytest.raises(StateUnusable, match="folder"):
        store.open()
    with pytest.raises(StateUnusable, match="is a folder"):
        SqliteStore(tmp_path).open()


def test_a_key_that_sqlite_cannot_hold_is_named(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "team.db")
    with pytest.raises(NotSerialisable, match="surrogate"):
        store.append([Entry("r", 0, Recalled("\ud800", 1.0), False)])
    store.append(some(0))
    store.close()


def test_content_stays_out_of_the_file_unless_asked_for(tmp_path: Path) -> None:
    from orchestra.core.events import CallStarted

    path = tmp_path / "team.db"
    store = SqliteStore(path)
    event = CallStarted("run/a", 1.0, "agent", "a", input="my secret question")
    store.append([Entry("r", 0, event, False)])
    store.close()
    assert b"secret question" not in path.read_bytes()
    store.append([Entry("r", 1, event, True)])
    assert [getattr(e, "input", None) for e in store.read("r")] == [None, "my secret question"]
    store.close()


def test_a_closed_store_opens_again(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "team.db")
    assert not store.path.exists()  # nothing is made before it is needed
    store.append(some(0))
    store.close()
    store.append(some(1))
    assert len(store.read("r")) == 2
    store.close()
