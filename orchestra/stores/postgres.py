"""The event table and the learned state in a PostgreSQL database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, LiteralString

from orchestra.core.errors import (
    BadDefinition,
    ExtraMissing,
    JournalVersion,
    NotSerialisable,
    StateUnusable,
    UnknownRun,
)
from orchestra.core.events import Event
from orchestra.ports.store import Entry, RunRow
from orchestra.stores.codec import JsonCodec
from orchestra.stores.rows import FORMAT, LATE, decode, dumps, loads, tables

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

CHECK_AFTER_S = 30.0
"""A connection that was idle for longer is tried before it is used, and made anew if it is dead. Our default."""
CONNECT_S = 10
"""How long connecting may take, unless the address says connect_timeout. Our default."""

_SCHEMA: tuple[LiteralString, ...] = (
    "CREATE TABLE orchestra_meta (version BIGINT NOT NULL)",
    """CREATE TABLE orchestra_runs (run_id TEXT COLLATE "C" PRIMARY KEY, at FLOAT8 NOT NULL, name TEXT NOT NULL,
        status TEXT NOT NULL)""",
    "CREATE INDEX orchestra_runs_at ON orchestra_runs (at)",
    """CREATE TABLE orchestra_events (run_id TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL, kind TEXT NOT NULL,
        key TEXT NOT NULL, at FLOAT8 NOT NULL, facts TEXT NOT NULL, PRIMARY KEY (run_id, seq))""",
    """CREATE TABLE orchestra_payloads (run_id TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (run_id, seq))""",
    'CREATE TABLE orchestra_decisions (decision TEXT COLLATE "C" PRIMARY KEY, run_id TEXT NOT NULL)',
    """CREATE TABLE orchestra_state (policy TEXT COLLATE "C" NOT NULL, option TEXT COLLATE "C" NOT NULL,
        body TEXT NOT NULL, PRIMARY KEY (policy, option))""",
)
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.orchestra', 0))"
_EVENTS: LiteralString = """INSERT INTO orchestra_events
    SELECT * FROM unnest(%b::text[], %b::int8[], %b::text[], %b::text[], %b::float8[], %b::text[])"""
_PAYLOADS: LiteralString = """INSERT INTO orchestra_payloads
    SELECT * FROM unnest(%b::text[], %b::int8[], %b::text[])"""
_DECISIONS: LiteralString = """INSERT INTO orchestra_decisions SELECT * FROM unnest(%b::text[], %b::text[])
    ON CONFLICT (decision) DO UPDATE SET run_id = excluded.run_id"""
_LATE: LiteralString = """INSERT INTO orchestra_events
    SELECT %s, GREATEST(%s, COALESCE(MAX(seq), -1) + 1), %s, %s, %s, %s
    FROM orchestra_events WHERE run_id = %s"""
_STARTED: LiteralString = """INSERT INTO orchestra_runs VALUES (%s, %s, %s, 'running')
    ON CONFLICT (run_id) DO UPDATE SET name = excluded.name, status = excluded.status"""
_ENDED: LiteralString = "UPDATE orchestra_runs SET status = %s WHERE run_id = %s"
_READ: LiteralString = """SELECT kind, key, at, facts, body
    FROM orchestra_events LEFT JOIN orchestra_payloads USING (run_id, seq) WHERE run_id = %s ORDER BY seq"""
_RUNS: LiteralString = """SELECT run_id, at, name, status FROM orchestra_runs WHERE %(status)s::text IS NULL
    OR status = %(status)s ORDER BY at DESC, run_id DESC LIMIT %(limit)s"""
_STATE: LiteralString = "SELECT option, body FROM orchestra_state WHERE policy = %s ORDER BY option"
_SOME: LiteralString = "SELECT option, body FROM orchestra_state WHERE policy = %s AND option = ANY(%s)"
_ADD: LiteralString = """INSERT INTO orchestra_state SELECT %s, * FROM unnest(%b::text[], %b::text[])
    ON CONFLICT (policy, option) DO UPDATE SET body = excluded.body"""


class PostgresStore:
    """A store in the database at ``address``, 'postgresql://user@host:5432/name', opened at its first use.

    Its tables bear the prefix ``orchestra_`` and lie in the first schema of the search path, which the address may
    set. What was committed survives as the server's ``synchronous_commit`` says; the death of this process it survives
    in any case. Processes append side by side; those that write sums or late rows take turns, by an advisory lock. One
    thread at a time is let in, over one connection.

    Raises: ExtraMissing without psycopg; BadDefinition for an address that is none; JournalVersion for tables of
    another format, which are left as they are; StateUnusable for a server that cannot be reached or refuses, without
    the password in its message; NotSerialisable for a NUL in a name or a key, which it cannot hold.
    """

    def __init__(self, address: str) -> None:
        psycopg = _driver()
        try:
            self._options = psycopg.conninfo.conninfo_to_dict(address)
        except psycopg.Error:  # its words may hold the password
            raise BadDefinition(
                "state='postgresql://...' is no address of a PostgreSQL database.",
                remedy="Write postgresql://user@host:5432/name, with % escapes for what URLs do not allow.",
            ) from None
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._within = False
        self._used_at = 0.0

    def open(self) -> None:
        """Connects now, so that what is wrong is known."""
        with self._using():
            pass

    def append(self, entries: Sequence[Entry], /) -> None:
        """All entries in one transaction, committed when it returns. Raises NotSerialisable, StateUnusable."""
        rows = tables(entries)
        with self._writing(bool(rows.late), pipelined=True) as connection:
            if rows.events:
                connection.execute(_EVENTS, [*map(list, zip(*rows.events, strict=True))])
            if rows.payloads:
                connection.execute(_PAYLOADS, [*map(list, zip(*rows.payloads, strict=True))])
            if decisions := dict(rows.decisions):
                connection.execute(_DECISIONS, [[*decisions], [*decisions.values()]])
            for mark in rows.marks:
                connection.execute(_STARTED if len(mark) == 3 else _ENDED, mark)
            for run_id, *row in rows.late:
                connection.execute(_LATE, (run_id, LATE, *row, run_id))

    def read(self, run_id: str, /) -> list[Event]:
        """In order of ``seq``. Raises UnknownRun."""
        with self._using() as connection:
            rows = connection.execute(_READ, (run_id,)).fetchall()
        if not rows:
            raise UnknownRun(f"The database holds no run {run_id!r}.")
        return [decode(*row) for row in rows]

    def runs(self, limit: int = 50, status: str | None = None, /) -> list[RunRow]:
        """The newest first; a run that has not ended, or was killed, is 'running'."""
        with self._using() as connection:
            return [RunRow(*row) for row in connection.execute(_RUNS, {"status": status, "limit": limit})]

    def run_of(self, decision: str, /) -> str | None:
        with self._using() as connection:
            found = connection.execute("SELECT run_id FROM orchestra_decisions WHERE decision = %s", (decision,))
            row = found.fetchone()
        return None if row is None else str(row[0])

    def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
        """Reads, adds and writes in one transaction that keeps other writers out, so that no process's sum is lost."""
        codec = JsonCodec()
        with self._writing(True) as connection:
            held = dict(connection.execute(_SOME, (policy, list(delta))).fetchall())
            new = {
                option: dumps(codec.plain(add(loads(held[option]) if option in held else None, change)))
                for option, change in delta.items()
            }
            if new:
                connection.execute(_ADD, (policy, [*new], [*new.values()]))

    def load_state(self, policy: str, /) -> dict[str, Any]:
        with self._using() as connection:
            return {option: loads(body) for option, body in connection.execute(_STATE, (policy,))}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside is one transaction, and no other process writes sums or late rows meanwhile."""
        with self._writing(True):
            yield

    def close(self) -> None:
        """Closes the connection; the next use opens another."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextmanager
    def _using(self) -> Iterator[Connection]:
        psycopg = _driver()
        with self._lock:
            try:
                connection = self._connected()
                yield connection
            except psycopg.Error as error:
                raise self._explained(error) from error
            except UnicodeEncodeError as error:
                raise NotSerialisable(f"A key or a name holds half a surrogate pair: {error}.") from None
            finally:
                self._used_at = time.monotonic()

    @contextmanager
    def _writing(self, alone: bool, *, pipelined: bool = False) -> Iterator[Connection]:
        with self._using() as connection:
            if self._within:  # a part of what is under way
                yield connection
                return
            self._within = True
            try:
                with connection.pipeline() if pipelined else nullcontext(), connection.transaction():
                    if alone:
                        connection.execute(_LOCK)
                    yield connection
            finally:
                self._within = False

    def _connected(self) -> Connection:
        psycopg = _driver()
        connection = self._connection
        if connection is not None and not self._within and time.monotonic() - self._used_at > CHECK_AFTER_S:
            try:
                connection.execute("SELECT 1")
            except psycopg.OperationalError:
                connection.close()
        if connection is None or connection.closed:
            self._connection = None
            options = {"connect_timeout": CONNECT_S, "application_name": "orchestra", **self._options}
            connection = psycopg.connect(autocommit=True, **options)
            try:
                _check(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return connection

    def _explained(self, error: psycopg.Error) -> StateUnusable | NotSerialisable:
        psycopg = _driver()
        if self._connection is not None and self._connection.broken:
            self._connection.close()
        if isinstance(error, psycopg.errors.UniqueViolation):
            remedy = "A row of this run was written already: let one process write a run."
        elif isinstance(error, psycopg.DataError):
            return NotSerialisable(f"PostgreSQL cannot hold a row, which may have a NUL in a name or a key: {error}")
        elif isinstance(error, psycopg.errors.InsufficientPrivilege):
            remedy = "Let this user create tables in the schema, or name another in the address."
        else:
            remedy = (
                "Check that the server runs, and the address, the user and the database in state='postgresql://...'."
            )
        return StateUnusable(f"The PostgreSQL state cannot be used: {str(error).strip()}", remedy=remedy)


def _driver() -> Any:
    """psycopg, imported when a store is made. Raises ExtraMissing."""
    try:
        import psycopg
    except ImportError as error:
        raise ExtraMissing(
            f"PostgreSQL needs psycopg: {error}.", remedy="Run: pip install 'orchestra-router[postgres]'"
        ) from None
    return psycopg


def _check(connection: Connection) -> None:
    """Makes the tables where they are not. Raises JournalVersion for those of another format."""
    if _version(connection) is None:
        with connection.transaction():
            connection.execute(_LOCK)
            if _version(connection) is None:  # another process may have been faster
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.execute("INSERT INTO orchestra_meta VALUES (%s)", (FORMAT,))
    found = _version(connection)
    if found != FORMAT:
        raise JournalVersion(f"The database has format {found}; this version of orchestra writes format {FORMAT}.")


def _version(connection: Connection) -> int | None:
    row = connection.execute("SELECT to_regclass('orchestra_meta')").fetchone()
    if row is None or row[0] is None:
        return None
    found = connection.execute("SELECT version FROM orchestra_meta").fetchone()
    return None if found is None else int(found[0])
