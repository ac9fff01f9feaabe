"""A run that is killed (SIGKILL) at its n-th event and taken up again, for every n, each time in a new process.

``python -m tests.support.killing FOLDER LOOP NATIVE`` prints one JSON line for each n. Processes are forked from one
that has imported everything and started nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio.lowlevel

from orchestra.agents.decorator import agent
from orchestra.core.errors import UnknownRun
from orchestra.core.events import CallEnded, CallStarted, Event
from orchestra.core.outcome import Done, Outcome, Paused
from orchestra.ports.scope import Context
from orchestra.runtime.writer import Writer
from orchestra.stores.sqlite import SqliteStore
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import gather, step
from tests.support.runtime import Rig, go

folder = Path()


def note(name: str, line: str) -> None:
    """One write to a file opened with O_APPEND: whole or not at all."""
    handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def lines(name: str) -> list[str]:
    path = folder / name
    return path.read_text().split("\n")[:-1] if path.exists() else []


@agent
async def look(ctx: Context[None], what: str) -> str:
    note("bodies", ctx.scope.path)
    await anyio.lowlevel.checkpoint()
    return what.upper()


@agent(provides="pay", side_effect="payment")
async def pay(ctx: Context[None], order: str) -> str:
    note("bodies", ctx.scope.path)
    note("effects", ctx.effect_key)
    await anyio.lowlevel.checkpoint()
    return f"paid {order}"


@agent(provides="mail", side_effect="mail")
def mail(ctx: Context[None], text: str) -> str:
    note("bodies", ctx.scope.path)
    note("effects", ctx.effect_key)
    return f"sent {text}"


@agent
async def nested(ctx: Context[None], what: str) -> list[str]:
    note("bodies", ctx.scope.path)
    return [await ctx.call(look, what=what), await step("mail", what)]


@workflow
async def several(order: str) -> list[Any]:
    first = await step(look, order)
    three = await gather(*(step(look, f"{first}{n}") for n in range(3)))
    paid = await step("pay", order)
    inside = await step(nested, "inside")
    return [first, *three, paid, *inside]


@agent
async def warm() -> dict[str, int]:
    import sqlite3  # noqa: F401

    return {"a": 1}


EXPECTED = ["A", "A0", "A1", "A2", "paid a", "INSIDE", "sent inside"]


class Killer:
    """A sink that kills its own process at the n-th event."""

    def __init__(self, at: int | None) -> None:
        self.left = at

    def __call__(self, run_id: str, event: Event) -> None:
        if self.left is not None:
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1


def finished(past: list[Event]) -> set[str]:
    return {e.key for e in past if isinstance(e, CallEnded) and isinstance(e.outcome, Done)}


async def part(native: bool, kill_at: int | None) -> dict[str, Any]:
    """One process: begins the run or takes it up, answers what is asked by looking whether it happened."""
    rig = Rig((look, pay, mail, nested), native=native, writer=Writer(SqliteStore(folder / "journal.db")))
    rig.sinks = (Killer(kill_at),)
    assert rig.writer is not None
    store = rig.writer.store
    try:
        past: list[Event] = await rig.writer.call(lambda: store.read("r1"))
    except UnknownRun:
        past = []
    before = finished(past)
    started = {e.effect for e in past if isinstance(e, CallStarted) and e.side_effect}
    begun = len(lines("bodies"))
    lost = sorted(set(lines("effects")) - started)
    outcome: Outcome = (await rig.run(several, "a", past=past, mode="resume" if past else "live"))[0]
    asked: list[str] = []
    while isinstance(outcome, Paused):
        ((key, _),) = outcome.asks
        asked.append(key)
        value = {"pay": "paid a", "mail": "sent inside"}["pay" if "/pay:" in key else "mail"]
        answer = value if key in lines("effects") else "not done"
        outcome = (await rig.resume(several, "a", answers={key: answer}))[0]
    await rig.writer.aclose()
    return {
        "output": outcome.output if isinstance(outcome, Done) else str(outcome),
        "asked": asked,
        "unknown_without_a_start": lost,
        "repeated": sorted(before & set(lines("bodies")[begun:])),
        "effects": lines("effects"),
    }


def forked(work: Callable[[], None]) -> int:
    """The status of a child process that did the work: negative if a signal ended it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed_at(top: Path, loop: str, native: bool, kills: list[int]) -> dict[str, Any]:
    global folder
    folder = top / "-".join(map(str, kills))
    folder.mkdir()

    def one(kill_at: int | None) -> None:
        report = go(loop, part, native, kill_at)
        (folder / "report.json").write_text(json.dumps(report))

    statuses = [forked(lambda at=at: one(at)) for at in kills]  # type: ignore[misc]
    statuses.append(forked(lambda: one(None)))
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return {"kills": kills, "statuses": statuses, **report}


def main() -> None:
    top, loop, native = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "True"
    go(loop, Rig().run, warm)  # what is imported at first use is imported once
    for n in range(1000):
        report = killed_at(top, loop, native, [n])
        print(json.dumps(report), flush=True)
        if report["statuses"][0] == 0:
            return
        if n % 3 == 0:
            print(json.dumps(killed_at(top, loop, native, [n, n // 2 + 1])), flush=True)


if __name__ == "__main__":
    main()
