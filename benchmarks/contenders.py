"""Who is measured, each in a process of its own, and how it is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parent.parent
PEERS_PYTHON = os.environ.get("PEERS_PYTHON")
MISSING = "not installed"
# No library compared with may reach a network, ours needs none; one thread, as there are two cores.
QUIET = {"AGNO_TELEMETRY": "false", "LANGSMITH_TRACING": "false", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Contender(NamedTuple):
    """``module`` and its arguments, run by this interpreter or by that of the peers."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    peer: bool = False

    def command(self, *more: str) -> list[str] | None:
        python = PEERS_PYTHON if self.peer else sys.executable
        return [python, "-m", self.module, *self.arguments, *more] if python and Path(python).exists() else None


ASYNCIO = Contender("asyncio task group", "benchmarks.floor", ("asyncio",))
ANYIO = Contender("anyio task group", "benchmarks.floor", ("anyio",))
OURS = Contender("orchestra, fixed agent", "benchmarks.ours", ("fixed",))
OURS_ANYIO = Contender("orchestra, fixed agent, native tasks off", "benchmarks.ours", ("anyio",))
OURS_DECIDED = Contender("orchestra, LinUCB over 10 agents", "benchmarks.ours", ("decided",))
OURS_FRESH = Contender("orchestra, LinUCB over 10 agents, new text each step", "benchmarks.ours", ("fresh",))
OURS_MODEL = Contender("orchestra, model agent", "benchmarks.ours", ("model",))
OURS_JOURNAL = Contender("orchestra, journal on SQLite", "benchmarks.ours", ("journal",))
LANGGRAPH = Contender("langgraph graph", "benchmarks.peers.langgraph_graph", peer=True)
LANGGRAPH_SQLITE = Contender("langgraph graph, saver on SQLite", "benchmarks.peers.langgraph_graph", peer=True)
AGNO_WORKFLOW = Contender("agno workflow", "benchmarks.peers.agno_agent", ("workflow",), peer=True)
AGNO_AGENT = Contender("agno agent", "benchmarks.peers.agno_agent", ("agent",), peer=True)


def environment() -> dict[str, str]:
    return {**os.environ, **QUIET}


class Worker:
    """A contender's process. ``fault`` says why it cannot be asked, None if it can."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self.fault: str | None = None
        self.versions: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed with the worker
        command = contender.command()
        if command is None:
            self.fault = MISSING
            return
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            cwd=ROOT,
            env=environment(),
        )
        hello = self._read()
        self.jobs: Sequence[str] = hello.get("jobs", ())
        self.versions = hello.get("versions", {})

    def ask(self, job: str, n: int, repeat: int = 1) -> dict[str, float] | None:
        """What the job cost, None where the contender cannot do it (``fault`` says why)."""
        if self.fault is None and job not in self.jobs:
            self.fault = MISSING
        if self.fault is not None or self._process is None:
            return None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"job": job, "n": n, "repeat": repeat}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self.fault = "ended early"
            return None
        answer = self._read()
        if "error" in answer:
            self._failed(str(answer["error"]))
        return None if self.fault else answer

    def _failed(self, why: str) -> None:
        """The table shows the kind of failure, which names no path; the whole goes to the error output."""
        print(f"{self.contender.name}: {why}", file=sys.stderr, flush=True)
        self.fault = f"failed: {why.partition(':')[0]}"

    def _read(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._process.wait()
        self._said.seek(0)
        last = (self._said.read().strip().splitlines() or ["ended without a word"])[-1]
        if self.contender.peer and last.startswith("ModuleNotFoundError"):
            self.fault = MISSING
        else:
            self._failed(last)
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._process is not None:
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.close()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
        self._said.close()
