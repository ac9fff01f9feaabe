"""A store that lives and dies with the process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from orchestra.core.errors import StateUnusable, UnknownRun
from orchestra.core.events import Decided, Event, RunEnded, RunStarted
from orchestra.ports.store import Entry, RunRow
from orchestra.stores.codec import JsonCodec
from orchestra.stores.rows import LATE, dumps, joined, loads, payload, split

KEEP_RUNS = 1000


class MemoryStore:
    """Events in dictionaries, content as JSON text, so that a reader gets what a file would give.

    It keeps the last ``keep_runs`` runs that have ended, and every run that has not, or waits for a person; an older
    one is forgotten whole.
    Source: our default.
    """

    def __init__(self, keep_runs: int = KEEP_RUNS) -> None:
        self.keep_runs = keep_runs
        self._lock = threading.RLock()
        self._depth = 0
        self._events: dict[str, dict[int, tuple[Event, str | None]]] = {}
        self._runs: dict[str, RunRow] = {}
        self._ended: dict[str, None] = {}
        self._decisions: dict[str, str] = {}
        self._state: dict[str, dict[str, str]] = {}

    def append(self, entries: Sequence[Entry], /) -> None:
        """All or nothing. Raises NotSerialisable, and StateUnusable for a row that is there already."""
        rows: dict[tuple[str, int], tuple[Event, str | None]] = {}
        late: list[Entry] = []
        for entry in entries:
            run_id, seq, event, content = entry
            if seq is None:
                late.append(entry)
                continue
            bare, held = split(event)
            rows[run_id, seq] = bare, payload(event, held) if content else None
        with self._lock:
            if len(rows) + len(late) < len(entries) or any(seq in self._events.get(run_id, ()) for run_id, seq in rows):
                raise StateUnusable("A row of this run was written already.", remedy="Let one process write a run.")
            if self._depth:  # what may have to come back is not changed in place
                self._events |= {run_id: dict(self._events.get(run_id, ())) for run_id, *_ in entries}
            for (run_id, seq), row in rows.items():
                self._events.setdefault(run_id, {})[seq] = row
                self._index(run_id, row[0])
            for run_id, _, event, _ in late:
                table = self._events.setdefault(run_id, {})
                table[max(LATE, max(table, default=-1) + 1)] = split(event)[0], None
            while len(self._ended) > self.keep_runs:
                self._forget(next(iter(self._ended)))

    def _index(self, run_id: str, event: Event) -> None:
        if isinstance(event, Decided):
            self._decisions[event.decision.key] = run_id
        elif isinstance(event, RunStarted):
            first = self._runs.get(run_id)
            self._runs[run_id] = RunRow(run_id, first.at if first else event.at, event.name, "running")
            self._ended.pop(run_id, None)
        elif isinstance(event, RunEnded) and run_id in self._runs:
            self._runs[run_id] = self._runs[run_id]._replace(status=event.status)
            if event.status != "paused":
                self._ended[run_id] = None

    def _forget(self, run_id: str) -> None:
        del self._ended[run_id], self._runs[run_id]
        for event, _ in self._events.pop(run_id).values():
            if isinstance(event, Decided):
                self._decisions.pop(event.decision.key, None)

    def read(self, run_id: str, /) -> list[Event]:
        """In order. Raises UnknownRun."""
        with self._lock:
            rows = sorted(self._events.get(run_id, {}).items())
        if not rows:
            raise UnknownRun(f"There is no run {run_id!r}.")
        return [joined(event, None if body is None else loads(body)) for _, (event, body) in rows]

    def runs(self, limit: int = 50, status: str | None = None, /) -> list[RunRow]:
        """The newest first; a run that has not ended, or was killed, is 'running'."""
        with self._lock:
            rows = [row for row in self._runs.values() if status in (None, row.status)]
            newest = sorted(rows, key=lambda row: (row.at, row.run_id), reverse=True)
        return newest[:limit]

    def run_of(self, decision: str, /) -> str | None:
        return self._decisions.get(decision)

    def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
        """state[option] = add(state.get(option), delta[option]), for all options or, if one raises, for none."""
        codec = JsonCodec()
        with self._lock:
            old = self._state.get(policy, {})
            new = {
                option: dumps(codec.plain(add(loads(old[option]) if option in old else None, change)))
                for option, change in delta.items()
            }
            self._state[policy] = {**old, **new}

    def load_state(self, policy: str, /) -> dict[str, Any]:
        with self._lock:
            held = dict(self._state.get(policy, {}))
        return {option: loads(body) for option, body in held.items()}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside stands or, where an error leaves it, is undone; other threads wait."""
        with self._lock:
            events, runs, ended = dict(self._events), dict(self._runs), dict(self._ended)
            decisions, state = dict(self._decisions), dict(self._state)
            self._depth += 1
            try:
                yield
            except BaseException:
                self._events, self._runs, self._ended = events, runs, ended
                self._decisions, self._state = decisions, state
                raise
            finally:
                self._depth -= 1

    def close(self) -> None:
        """Nothing to do."""
