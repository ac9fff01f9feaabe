"""Our stores keep the laws; stores that break one are found out."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestra.core.errors import UnknownRun
from orchestra.core.events import Event
from orchestra.ports.store import Entry, RunRow, Store
from orchestra.stores.memory import MemoryStore
from orchestra.stores.sqlite import SqliteStore
from orchestra.testing import store_laws
from tests.unit.testing.broken import broken_by


def test_our_stores_keep_the_laws(tmp_path: Path) -> None:
    numbers = itertools.count()
    store_laws(MemoryStore)
    store_laws(lambda: SqliteStore(tmp_path / f"{next(numbers)}.db"))


class Backwards(MemoryStore):
    def read(self, run_id: str, /) -> list[Event]:
        return super().read(run_id)[::-1]


class Leaking(MemoryStore):
    """Knows every run."""

    def read(self, run_id: str, /) -> list[Event]:
        try:
            return super().read(run_id)
        except UnknownRun:
            return []


class Indiscreet(MemoryStore):
    def append(self, entries: Sequence[Entry], /) -> None:
        super().append([entry._replace(content=True) for entry in entries])


class Piecemeal(MemoryStore):
    def append(self, entries: Sequence[Entry], /) -> None:
        for entry in entries:
            super().append([entry])


class Punctual(MemoryStore):
    """Late rows take the next number of the run."""

    def append(self, entries: Sequence[Entry], /) -> None:
        for entry in entries:
            next_seq = len(self._events.get(entry.run_id, {}))
            super().append([entry._replace(seq=next_seq if entry.seq is None else entry.seq)])


class Oldest(MemoryStore):
    def runs(self, limit: int = 50, status: str | None = None, /) -> list[RunRow]:
        return super().runs(10**6, status)[::-1][:limit]


class Aimless(MemoryStore):
    def run_of(self, decision: str, /) -> str | None:
        return None


class Replacing(MemoryStore):
    def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
        super().add_state(policy, delta, lambda old, change: add(None, change))


class OneByOne(MemoryStore):
    def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
        for option, change in delta.items():
            super().add_state(policy, {option: change}, add)


class Open:
    """A lock that locks nothing."""

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...


class Unlocked(MemoryStore):
    def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
        held, self._lock = self._lock, Open()  # type: ignore[assignment]
        try:
            super().add_state(policy, delta, add)
        finally:
            self._lock = held if not isinstance(held, Open) else threading.Lock()


class Sharing(MemoryStore):
    """Gives everybody the same list."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[str, list[Event]] = {}

    def read(self, run_id: str, /) -> list[Event]:
        return self._kept.setdefault(run_id, super().read(run_id))


class Loose(MemoryStore):
    """Every step of a transaction stands by itself."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            yield


class Ajar(MemoryStore):
    """A transaction that lets others in."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield


FAULTS: list[tuple[Callable[[], Store], str]] = [
    (Backwards, "events_come_back_in_order"),
    (Leaking, "runs_are_apart"),
    (Indiscreet, "without_content_none_is_kept"),
    (Piecemeal, "append_is_all_or_nothing"),
    (Punctual, "late_rows_come_last"),
    (Oldest, "runs_are_listed_newest_first"),
    (Aimless, "a_decision_knows_its_run"),
    (Replacing, "state_is_the_sum_of_its_deltas"),
    (OneByOne, "add_state_is_all_or_nothing"),
    (Unlocked, "no_sum_is_lost_between_threads"),
    (Sharing, "what_is_handed_out_is_a_copy"),
    (Loose, "a_transaction_is_all_or_nothing"),
    (Ajar, "nobody_writes_between_in_a_transaction"),
]


@pytest.mark.parametrize(("make", "law"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_store_is_found_out(make: Callable[[], Store], law: str) -> None:
    assert law in broken_by(lambda: store_laws(make))


def test_one_fault_breaks_one_law() -> None:
    for make in (Leaking, OneByOne):
        assert len(broken_by(lambda make=make: store_laws(make))) == 1, make  # type: ignore[misc]
