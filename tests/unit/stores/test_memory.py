"""The store without a file."""

import pytest

from orchestra.core.decision import Decision
from orchestra.core.errors import UnknownRun
from orchestra.core.events import Decided, RunEnded, RunStarted
from orchestra.core.usage import ZERO
from orchestra.ports.store import Entry
from orchestra.stores.memory import MemoryStore


def start(store: MemoryStore, run_id: str) -> None:
    decision = Decision(
        key=f"{run_id}/d", capability="c", policy="p", version=1, options=(), chosen=(), probability=None
    )
    started = RunStarted("run", 1.0, "w", "m:w", None, 0, {})
    store.append([Entry(run_id, 0, started, True), Entry(run_id, 1, Decided("d", 1.0, decision), True)])


def end(store: MemoryStore, run_id: str) -> None:
    store.append([Entry(run_id, 2, RunEnded("run", 2.0, "done", ZERO), True)])


def test_only_the_last_ended_runs_are_kept_and_all_that_go_on() -> None:
    store = MemoryStore(keep_runs=1)
    for run_id in ("open", "old", "new"):
        start(store, run_id)
    end(store, "old")
    end(store, "new")
    assert [row.run_id for row in store.runs()] == ["open", "new"]
    assert store.run_of("old/d") is None
    assert store.run_of("new/d") == "new"
    with pytest.raises(UnknownRun):
        store.read("old")


def test_what_was_written_does_not_change_with_its_source() -> None:
    store, output = MemoryStore(), {"list": [1]}
    store.append([Entry("r", 0, RunEnded("run", 1.0, "done", ZERO, output=output), True)])
    output["list"].append(2)
    (event,) = store.read("r")
    assert isinstance(event, RunEnded)
    assert event.output == {"list": [1]}
