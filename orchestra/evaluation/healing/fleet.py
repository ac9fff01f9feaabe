"""Child processes that serve tools: begun, killed, begun again, and gone in the end whatever happened."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

SERVER = Path(__file__).with_name("server.py")
KILLED = 0.05
"""How likely it is that a look at them kills somebody."""
ALL = 0.3
"""How likely it is that a kill meets everybody who can do the same."""


class Fleet:
    """One process for each name in each group. ``port`` is where a tool listens now.

    One that died is begun again by ``mend``, with which a thread goes round, killing others now and then. As a context
    manager it kills every process at the end, on errors too. Their effects are lines in ``ledger``.
    Units: ``every_s`` seconds from one look at them to the next.
    """

    def __init__(
        self, groups: Sequence[Sequence[str]], ledger: Path, seed: int, chance: float, every_s: float = 0.02
    ) -> None:
        self._groups, self._ledger, self._chance, self._every_s = groups, ledger, chance, every_s
        self._rng = random.Random(seed)
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._ports: dict[str, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._trouble, name="fleet", daemon=True)
        self._error: Exception | None = None
        self.started = self.killed = 0

    def port(self, name: str) -> int:
        return self._ports[name]

    def __enter__(self) -> Self:
        try:
            for group in self._groups:
                for name in group:
                    self._start(name)
        except BaseException:
            self._stop()
            raise
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self._stop()
        if self._error is not None and kind is None:
            raise self._error

    def mend(self) -> None:
        """Begins anew what has died."""
        for name, process in list(self._processes.items()):
            if process.poll() is not None:
                self._reap(process)
                self._start(name)

    def _trouble(self) -> None:
        """Until the end: what is dead comes back a little later, and sometimes another one is killed."""
        try:
            while not self._over.wait(self._every_s):
                self.mend()
                if self._rng.random() < KILLED:
                    self._kill(self._rng.choice(self._groups))
        except Exception as error:
            self._error = error

    def _kill(self, group: Sequence[str]) -> None:
        """One of a group, or all who can do the same."""
        names = group if self._rng.random() < ALL else [self._rng.choice(group)]
        for name in names:
            self._processes[name].kill()
            self.killed += 1

    def _start(self, name: str) -> None:
        self.started += 1
        given = [name, str(self._ledger), f"{self._rng.random()}", str(self._chance)]
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SERVER), *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._processes[name] = process
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said:
            raise RuntimeError(f"The server of {name} did not come up.")
        self._ports[name] = int(said)

    def _stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            self._reap(process)

    def _reap(self, process: subprocess.Popen[str]) -> None:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
