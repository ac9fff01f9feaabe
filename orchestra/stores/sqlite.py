"""The event table and the learned state in one SQLite file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import JournalVersion, NotSerialisable, StateUnusable, UnknownRun
from orchestra.core.events import Event
from orchestra.ports.store import Entry, RunRow
from orchestra.stores.codec import JsonCodec
from orchestra.stores.rows import FORMAT, LATE, decode, dumps, loads, tables

if TYPE_CHECKING:
    import sqlite3

BUSY_S = 10.0
LOG_PAGES = 4000
"""How long the log may grow (16 MB) before it is copied into the file: a page that changes often is copied once."""

_SCHEMA = (
    "CREATE TABLE meta (version INTEGER NOT NULL)",
    "CREATE TABLE runs (run_id TEXT PRIMARY KEY, at REAL NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL)",
    "CREATE INDEX runs_at ON runs (at)",
    """CREATE TABLE events (run_id TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
        at REAL NOT NULL, facts TEXT NOT NULL, PRIMARY KEY (run_id, seq))""",
    """CREATE TABLE payloads (run_id TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (run_id, seq))""",
    "CREATE TABLE decisions (decision TEXT PRIMARY KEY, run_id TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE state (policy TEXT NOT NULL, option TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (policy, option))""",
)
_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)"
_NEXT = f"SELECT MAX({LATE}, COALESCE(MAX(seq), -1) + 1) FROM events WHERE run_id = ?"
_PAYLOAD = "INSERT INTO payloads VALUES (?, ?, ?)"
_DECISION = "INSERT OR REPLACE INTO decisions VALUES (?, ?)"
_STARTED = """INSERT INTO runs VALUES (?, ?, ?, 'running')
    ON CONFLICT (run_id) DO UPDATE SET name = excluded.name, status = excluded.status"""
_ENDED = "UPDATE runs SET status = ? WHERE run_id = ?"
_READ = """SELECT kind, key, at, facts, body FROM events LEFT JOIN payloads USING (run_id, seq)
    WHERE run_id = ? ORDER BY seq"""
_STATE = """INSERT INTO state VALUES (?, ?, ?)
    ON CONFLICT (policy, option) DO UPDATE SET body = excluded.body"""


class SqliteStore:
    """A store in the file at ``path``, opened at its first use.

    The log is written ahead (WAL) with synchronous=NORMAL: what was committed survives the death of the process,
    kill -9 included; after a loss of power the last commits may be missing, the file stays whole. Several processes may
    write side by side; each waits up to 10 seconds for the others. One thread at a time is let in.

    Raises: JournalVersion for a file of another format, which is opened for reading only and left byte for byte as it
    is; StateUnusable for a file that is no database, is damaged, locked, full or has no folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Opens the file now, so that what is wrong with it is known."""
        with self._using():
            pass

    def append(self, entries: Sequence[Entry], /) -> None:
        """All entries in one transaction, committed when it returns. Raises NotSerialisable, StateUnusable."""
        rows = tables(entries)
        with self._writing() as connection:
            connection.executemany(_EVENT, rows.events)
            connection.executemany(_PAYLOAD, rows.payloads)
            connection.executemany(_DECISION, rows.decisions)
            for mark in rows.marks:
                connection.execute(_STARTED if len(mark) == 3 else _ENDED, mark)
            for run_id, *row in rows.late:
                (seq,) = connection.execute(_NEXT, (run_id,)).fetchone()
                connection.execute(_EVENT, (run_id, seq, *row))

    def read(self, run_id: str, /) -> list[Event]:
        """In order of ``seq``. Raises UnknownRun."""
        with self._using() as connection:
            rows = connection.execute(_READ, (run_id,)).fetchall()
        if not rows:
            raise UnknownRun(f"{self.path} holds no run {run_id!r}.")
        return [decode(*row) for row in rows]

    def runs(self, limit: int = 50, status: str | None = None, /) -> list[RunRow]:
        """The newest first; a run that has not ended, or was killed, is 'running'."""
        with self._using() as connection:
            found = connection.execute(
                "SELECT run_id, at, name, status FROM runs WHERE ?2 IS NULL OR status = ?2 "
                "ORDER BY at DESC, run_id DESC LIMIT ?1",
                (limit, status),
            )
            return [RunRow(*row) for row in found]

    def run_of(self, decision: str, /) -> str | None:
        with self._using() as connection:
            row = connection.execute("SELECT run_id FROM decisions WHERE decision = ?", (decision,)).fetchone()
        return None if row is None else str(row[0])

    def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
        """Reads, adds and writes in one transaction that keeps other writers out, so that no process's sum is lost."""
        codec = JsonCodec()
        with self._writing() as connection:
            for option, change in delta.items():
                row = connection.execute(
                    "SELECT body FROM state WHERE policy = ? AND option = ?", (policy, option)
                ).fetchone()
                new = add(None if row is None else loads(row[0]), change)
                connection.execute(_STATE, (policy, option, dumps(codec.plain(new))))

    def load_state(self, policy: str, /) -> dict[str, Any]:
        with self._using() as connection:
            found = connection.execute("SELECT option, body FROM state WHERE policy = ? ORDER BY option", (policy,))
            return {option: loads(body) for option, body in found}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside is one transaction, and no other process writes meanwhile."""
        with self._writing():
            yield

    def close(self) -> None:
        """Closes the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        import sqlite3

        with self._lock:
            try:
                if self._connection is None:
                    self._connection = _connected(self.path)
                yield self._connection
            except sqlite3.Error as error:
                raise _explained(self.path, error) from error
            except UnicodeEncodeError as error:
                raise NotSerialisable(f"A key or a name holds half a surrogate pair: {error}.") from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._using() as connection:
            if connection.in_transaction:  # a part of what is under way
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


def _connected(path: Path) -> sqlite3.Connection:
    import sqlite3

    if not path.parent.is_dir():
        raise StateUnusable(f"The folder of the state file {path} does not exist.", remedy="Make the folder first.")
    if path.is_dir():
        raise StateUnusable(f"{path} is a folder.", remedy="Give the path of a file as state=...")
    known = False
    if path.exists() and path.stat().st_size:
        uri = path.absolute().as_uri() + "?mode=ro"  # a reader changes no byte, not even of a log left by a crash
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)) as reader:
            known = _known(path, reader)
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        _write_ahead(connection)
        if not known:
            _create(path, connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turns the log on. SQLite does not wait by itself while another process does the same."""
    import sqlite3

    give_up = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _create(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not _known(path, connection):  # another process may have been faster
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES (?)", (FORMAT,))
    connection.execute("COMMIT")


def _known(path: Path, connection: sqlite3.Connection) -> bool:
    """Whether the tables are there. Raises JournalVersion for another format, StateUnusable for foreign tables."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return False
    if not {"meta", "events", "payloads", "state"} <= tables:
        raise StateUnusable(f"{path} is a database of something else.", remedy="Give state=... a file of its own.")
    version = connection.execute("SELECT * FROM meta").fetchone()[0]
    if version != FORMAT:
        raise JournalVersion(f"{path} has format {version}; this version of orchestra writes format {FORMAT}.")
    return True


def _explained(path: Path, error: sqlite3.Error) -> StateUnusable:
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        remedy = "Another process holds it for longer than 10 s: end that one, or give each its own file."
    elif code.startswith("SQLITE_CONSTRAINT"):
        remedy = "A row of this run was written already: let one process write a run."
    elif code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        remedy = "It is no database or is damaged, and was left as it is: restore a copy, or give state=... a new file."
    elif code.startswith("SQLITE_FULL"):
        remedy = "Make room on the disk; what was committed before is safe."
    else:
        remedy = "Check that the file and its folder may be read and written."
    return StateUnusable(f"The state file {path} cannot be used: {error}.", remedy=remedy)
