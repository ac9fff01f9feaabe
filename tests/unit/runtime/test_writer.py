"""The writer thread: what is put is written, and what cannot be written is said."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestra.agents.decorator import agent
from orchestra.core.errors import StateUnusable
from orchestra.core.events import Charged, Event, RunStarted
from orchestra.core.outcome import Done, Failed
from orchestra.core.usage import Usage
from orchestra.ports.store import Entry
from orchestra.runtime.execute import status_of
from orchestra.runtime.writer import Writer
from orchestra.stores.memory import MemoryStore
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import gather, step
from tests.support.runtime import Rig, go, on_every_loop


class Breaking(MemoryStore):
    """Fails every append that holds a row of these keys."""

    def __init__(self, *bad: str, error: Exception | None = None) -> None:
        super().__init__()
        self.bad, self.error, self.groups = bad, error or StateUnusable("The disk is full."), list[int]()

    def append(self, entries: Sequence[Entry], /) -> None:
        if any(entry.event.key.endswith(self.bad) for entry in entries) and self.bad:
            raise self.error
        self.groups.append(len(entries))
        super().append(entries)


def charged(key: str) -> Event:
    return Charged(key, 0.0, Usage())


def started(run_id: str) -> Event:
    return RunStarted(run_id, 0.0, "main", "test", None, 0, {})


@on_every_loop
def test_what_arrives_together_is_committed_together(loop: str, native: bool) -> None:
    store = Breaking()

    async def play() -> None:
        writer = Writer(store)
        for n in range(1000):
            writer.put("r", n, charged("k"), True)
        await writer.flush("r")
        assert len(store.read("r")) == 1000 and len(store.groups) < 500
        assert await writer.call(lambda: threading.current_thread().name) == "orchestra-writer"
        await writer.aclose()
        writer.put("r", 1000, charged("k"), True)
        await writer.flush("r")
        assert len(store.read("r")) == 1001, "it may be used after it was closed"
        await writer.aclose()

    go(loop, play)


@on_every_loop
def test_one_run_that_cannot_be_written_does_not_take_the_others_along(loop: str, native: bool) -> None:
    store = Breaking("bad")

    async def play() -> None:
        writer = Writer(store)
        gate = threading.Event()

        async def three() -> None:
            for n in range(4):
                for run_id in ("a", "b", "c"):
                    bad = run_id == "b" and n == 2
                    writer.put(run_id, n, charged("bad" if bad else "good"), True)
            gate.set()

        async with anyio.create_task_group() as group:
            group.start_soon(writer.call, gate.wait)
            await anyio.lowlevel.checkpoint()
            group.start_soon(three)
        await writer.flush("a")
        await writer.flush("c")
        for _ in range(2):
            with pytest.raises(StateUnusable, match="disk is full"):
                await writer.flush("b")
        assert len(store.read("a")) == len(store.read("c")) == 4
        writer.put("b", 4, charged("good"), True)
        with pytest.raises(StateUnusable):
            await writer.flush("b")
        writer.put("b", 0, started("b"), True)
        await writer.flush("b")
        assert [type(e) for e in store.read("b")] == [RunStarted], "a journal has no holes; a new beginning is written"
        await writer.aclose()

    go(loop, play)


@on_every_loop
def test_a_job_that_raises_is_told_and_the_thread_lives_on(loop: str, native: bool) -> None:
    async def play() -> None:
        writer = Writer(MemoryStore())
        for error in (KeyError("x"), SystemExit(2)):
            with pytest.raises(type(error)):
                await writer.call(lambda error=error: (_ for _ in ()).throw(error))  # type: ignore[misc]
        assert await writer.call(lambda: 7) == 7
        await writer.aclose()

    go(loop, play)


def test_a_loop_that_ends_while_it_waits_does_not_stop_the_thread() -> None:
    writer, gate = Writer(MemoryStore()), threading.Event()

    async def leave() -> None:
        with anyio.move_on_after(0.01):
            await writer.call(lambda: gate.wait(5))

    async def use() -> int:
        return await writer.call(lambda: 7)

    for loop in ("asyncio", "trio", "asyncio"):
        go(loop, leave)
        gate.set()
        assert go(loop, use) == 7
        gate.clear()


def test_closing_and_using_at_the_same_time_loses_nobody() -> None:
    writer = Writer(MemoryStore())

    async def play() -> None:
        for _ in range(50):
            async with anyio.create_task_group() as group:
                group.start_soon(writer.aclose)
                group.start_soon(writer.call, lambda: 1)
                group.start_soon(writer.flush, "r")

    go("asyncio", play)


ran: list[str] = []


@agent
async def work(name: str) -> str:
    ran.append(name)
    return name


@agent(side_effect="payment")
async def pay(name: str) -> str:
    ran.append(name)
    return name


@workflow
async def several(which: str) -> list[Any]:
    first = await step(work, "first")
    try:
        second = await step(pay if which == "pay" else work, "second")
    except Exception:
        second = "went on"
    return [first, second, *await gather(step(work, "third"), step(work, "fourth"))]


@on_every_loop
@pytest.mark.parametrize("bad", ["/main", ".0", "run"])
def test_a_run_whose_journal_breaks_fails_with_the_cause(loop: str, native: bool, bad: str) -> None:
    async def play() -> Any:
        rig = Rig(native=native, writer=Writer(Breaking(bad)))
        return await rig.run(several, "work")

    result, _ = go(loop, play)
    assert isinstance(result, Failed) and result.cause.is_a(StateUnusable) and status_of(result) == "failed"


@on_every_loop
def test_no_effect_before_its_beginning_is_written(loop: str, native: bool) -> None:
    class Full(MemoryStore):
        def append(self, entries: Sequence[Entry], /) -> None:
            if any(getattr(entry.event, "side_effect", None) for entry in entries):
                raise StateUnusable("The disk is full.")
            super().append(entries)

    async def play() -> Any:
        return await Rig(native=native, writer=Writer(Full())).run(several, "pay")

    ran.clear()
    result, _ = go(loop, play)
    assert isinstance(result, Failed) and result.cause.is_a(StateUnusable)
    assert "second" not in ran, "what cannot be written is not done"


SCRIPT = """
import sys, anyio
from orchestra.core.events import Charged
from orchestra.core.usage import Usage
from orchestra.runtime.writer import Writer
from orchestra.stores.sqlite import SqliteStore
writer = Writer(SqliteStore(sys.argv[1]))
for n in range(500):
    writer.put("r", n, Charged("k", 0.0, Usage()), True)
"""


def test_what_was_put_is_written_when_the_process_ends(tmp_path: Path) -> None:
    from orchestra.stores.sqlite import SqliteStore

    path = tmp_path / "journal.db"
    subprocess.run([sys.executable, "-c", SCRIPT, str(path)], check=True, timeout=20, env={**os.environ})
    assert len(SqliteStore(path).read("r")) == 500


@on_every_loop
def test_a_run_without_a_journal_is_written_before_it_returns(loop: str, native: bool) -> None:
    store = MemoryStore()

    async def play() -> None:
        rig = Rig(native=native, writer=Writer(store), journal=False)
        result, _ = await rig.run(work, "x")
        assert isinstance(result, Done)
        assert len(store.read("r1")) == len(rig.last.events)

    go(loop, play)
