"""What is measured: the jobs, their sizes, who takes part, and the rounds in which they take turns."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import contenders as who
from benchmarks.contenders import MISSING, PEERS_PYTHON, ROOT, Contender, Worker

MICRO, MILLI = 1e6, 1e3
FLOORS = (who.ASYNCIO, who.ANYIO)
PEERS = (who.LANGGRAPH, who.AGNO_WORKFLOW, who.AGNO_AGENT)


@dataclass(slots=True, kw_only=True)
class Row:
    """One contender's values in one measurement, a value a round. ``fault`` is why there are none."""

    measure: str
    contender: str
    unit: str
    values: list[float] = field(default_factory=list)
    fault: str | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """``n`` is the job's size, ``per`` by what a sample is divided; ``rounds`` are at most so many."""

    name: str
    title: str
    job: str
    contenders: tuple[Contender, ...]
    n: int
    repeat: int
    per: int = 1
    unit: str = "us"
    cost: str = "cpu_s"
    rounds: int = 100

    def run(self, rounds: int, say: Callable[[str], None]) -> tuple[list[Row], dict[str, str]]:
        """Each contender once a round, in turn; what comes before the first round warms up and is not counted."""
        rows = [Row(measure=self.name, contender=one.name, unit=self.unit) for one in self.contenders]
        versions: dict[str, str] = {}
        scale = {"us": MICRO, "ms": MILLI}.get(self.unit, 1.0) / (self.per * self.repeat)
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(one)) for one in self.contenders]
            for worker in workers:
                versions |= worker.versions
                if self.cost != "bytes":
                    worker.ask(self.job, self.n)
            for number in range(min(rounds, self.rounds)):
                say(f"{self.name}: round {number + 1}")
                for row, worker in zip(rows, workers, strict=True):
                    answer = worker.ask(self.job, self.n, self.repeat)
                    if answer is not None:
                        row.values.append(answer[self.cost] * scale)
            for row, worker in zip(rows, workers, strict=True):
                row.fault = worker.fault
        return rows, versions


_ALL = (*FLOORS, who.OURS, who.OURS_DECIDED, who.OURS_MODEL, *PEERS)
_FAN = (*FLOORS, who.OURS, who.OURS_ANYIO, who.OURS_DECIDED, who.OURS_MODEL, *PEERS)
_CHAIN = (*FLOORS, who.OURS, who.OURS_DECIDED, who.OURS_FRESH, who.OURS_MODEL, *PEERS)

MEASURES: dict[str, tuple[Measure, ...]] = {
    "one": (
        Measure(name="one", title="One run with one step", job="chain", contenders=_ALL, n=1, repeat=50, unit="us"),
    ),
    "chain": (
        Measure(
            name="chain",
            title="A chain of 10 steps, for each step",
            job="chain",
            contenders=_CHAIN,
            n=10,
            repeat=10,
            per=10,
        ),
    ),
    "fanout": tuple(
        Measure(
            name=f"fanout {n}",
            title=f"Fan-out of {n:,}, for each branch",
            job="fanout",
            contenders=_FAN,
            n=n,
            repeat=max(1, 500 // n),
            per=n,
            rounds=rounds,
        )
        for n, rounds in ((100, 100), (1_000, 100), (10_000, 3))
    ),
    "memory": (
        Measure(
            name="memory",
            title="Memory of a waiting branch, of 10,000",
            job="wait",
            contenders=(*FLOORS, who.OURS, who.OURS_ANYIO, *PEERS),
            n=10_000,
            repeat=1,
            per=10_000,
            unit="bytes",
            cost="bytes",
            rounds=1,
        ),
    ),
    "runs": (
        Measure(
            name="runs",
            title="1,000 runs at once, each 10 ms of waiting: wall time",
            job="runs",
            contenders=(*FLOORS, who.OURS, who.OURS_MODEL, *PEERS),
            n=1_000,
            repeat=1,
            unit="ms",
            cost="wall_s",
        ),
    ),
    "journal": (
        Measure(
            name="journal",
            title="A chain of 10 journaled steps, for each step: wall time",
            job="durable",
            contenders=(who.OURS_JOURNAL, who.LANGGRAPH_SQLITE),
            n=10,
            repeat=10,
            per=10,
            cost="wall_s",
        ),
    ),
}

# The package's names are loaded when they are first used, so the second line of ours is what a program pays.
IMPORTS = (
    ("import asyncio", False),
    ("import anyio", False),
    ("import pydantic", False),
    ("import orchestra", False),
    ("from orchestra import *", False),
    ("import langgraph.graph", True),
    ("import agno.workflow", True),
    ("import agno.agent", True),
)
IMPORT = """
import sys, time
began = time.process_time()
{statement}
print([time.process_time() - began, len(sys.modules)])
"""
FIRST = (who.ANYIO, who.OURS, who.OURS_MODEL, *PEERS)


def imports(rounds: int, say: Callable[[str], None]) -> list[Row]:
    """CPU time of an import in a fresh interpreter, and how many modules are loaded after it."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "orchestra")], check=False)
    times = {one: Row(measure="import", contender=one, unit="ms") for one, _ in IMPORTS}
    modules = {one: Row(measure="modules", contender=one, unit="modules") for one, _ in IMPORTS}
    for number in range(rounds + 1):
        say(f"import: round {number}")
        for one, peer in IMPORTS:
            found = _printed(PEERS_PYTHON if peer else sys.executable, IMPORT.format(statement=one))
            if found is None:
                times[one].fault = modules[one].fault = MISSING if peer else "failed"
            elif number:  # the first round may still compile
                times[one].values.append(found[0] * MILLI)
                modules[one].values.append(found[1])
    return [*times.values(), *modules.values()]


def _printed(python: str | None, code: str) -> list[float] | None:
    if not python or not Path(python).exists():
        return None
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    values: list[float] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return values


def first_runs(rounds: int, say: Callable[[str], None]) -> list[Row]:
    """CPU time of a whole process that imports, builds and makes one run of one step, net of a bare interpreter."""
    rows = [Row(measure="first", contender=one.name, unit="ms") for one in FIRST]
    for number in range(rounds + 1):
        say(f"first: round {number}")
        for row, contender in zip(rows, FIRST, strict=True):
            command = contender.command("once", "chain")
            bare = None if command is None else _children_s([command[0], "-c", "pass"])
            spent = None if command is None else _children_s(command)
            if bare is None or spent is None:
                row.fault = MISSING if contender.peer else "failed"
            elif number:
                row.values.append((spent - bare) * MILLI)
    return rows


def _children_s(command: Sequence[str]) -> float | None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, env=who.environment(), capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent if done.returncode == 0 else None
