"""A folder of definition files, looked at again and again: which files have come, changed or gone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from orchestra.core.errors import BadDefinition

LOOK_S = 0.2
"""How long it is from one look to the next. A large folder is looked at less often: looking takes a tenth of the time.
Our default."""
SETTLED_S = 1.0
"""A file that was written to this long ago is taken at first sight. Our default."""
RETRY_S = 2.0
"""How soon a file that could not be used is tried again though nothing of it changed. Our default."""


class Mark(NamedTuple):
    """What tells one state of a file from another. Units: times in nanoseconds, ``size`` in bytes."""

    inode: int
    size: int
    written_ns: int
    touched_ns: int


class Seen(NamedTuple):
    """What a look found: files to be read now, each with its mark, and files that are gone."""

    ready: tuple[tuple[Path, Mark], ...] = ()
    gone: tuple[Path, ...] = ()


class Folder:
    """The files of one suffix directly in a folder, without hidden ones. It reads no file, and blocks while it looks.

    A file is ready when two looks running find the same mark, or when it was last written to at least a second ago; so
    what is half-written is left alone. It is gone when two looks running do not find it: some editors take a file away
    for a moment when they save it. What is ready is told once, and again when it changes or ``again`` was called.

    Units: ``now_s`` in seconds since 1970, as the file system counts.
    Raises: BadDefinition where the folder is none; ``look`` raises OSError where it cannot be listed.
    """

    def __init__(self, path: str | Path, suffix: str = ".md") -> None:
        try:
            self.path = Path(path).resolve(strict=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise BadDefinition(f"The folder {str(path)!r} cannot be opened: {error}.", remedy="Make it.") from None
        if not self.path.is_dir():
            raise BadDefinition(f"{str(path)!r} is not a folder.", remedy="Name the folder that holds the files.")
        self._suffix = suffix
        self._last: dict[Path, Mark] = {}
        self._told: dict[Path, Mark] = {}
        self._missing: set[Path] = set()
        self._path_to_retry_s: dict[Path, float] = {}

    def look(self, now_s: float) -> Seen:
        found = self._listed()
        ready = []
        for path, mark in found.items():
            settled = self._last.get(path) == mark or now_s - mark.written_ns / 1e9 >= SETTLED_S
            if settled and (self._told.get(path) != mark or now_s >= self._path_to_retry_s.get(path, now_s + 1)):
                ready.append((path, mark))
                self._told[path] = mark
                self._path_to_retry_s.pop(path, None)
        missing = self._told.keys() - found.keys()
        gone = tuple(sorted(missing & self._missing))
        for path in gone:
            del self._told[path]
            self._path_to_retry_s.pop(path, None)
        self._last, self._missing = found, missing - set(gone)
        return Seen(tuple(ready), gone)

    @property
    def pending(self) -> bool:
        """Whether the last look left something for the next one: a file that is new, or not to be found."""
        return bool(self._missing) or any(self._told.get(path) != mark for path, mark in self._last.items())

    def again(self, path: Path, at_s: float) -> None:
        """Tells the file once more, from that time on, even if it stays as it is."""
        self._path_to_retry_s[path] = at_s

    def mark(self, path: Path) -> Mark | None:
        """The file's mark now, None where it cannot be found."""
        try:
            status = path.stat()
        except (OSError, ValueError):
            try:
                status = path.lstat()  # a link to nowhere: reading it will say so
            except OSError:
                return None
        return Mark(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def _listed(self) -> dict[Path, Mark]:
        names = [name for name in os.listdir(self.path) if name.endswith(self._suffix) and not name.startswith(".")]
        marks = {path: self.mark(path) for path in map(self.path.joinpath, sorted(names))}
        return {path: mark for path, mark in marks.items() if mark is not None}


class Watch:
    """Calls ``look`` in a worker thread, again and again, while its ``async with`` block is open.

    ``look`` must not raise. What the block raises goes on as it is.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._group: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(self._look)
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._watch)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        group, self._group = self._group, None
        if group is not None:
            group.cancel_scope.cancel()
            await group.__aexit__(None, None, None)

    async def _watch(self) -> None:
        limiter = anyio.CapacityLimiter(1)  # busy user code never keeps the watch from a thread
        before_s = took_s = 0.0
        while True:
            await anyio.sleep(max(LOOK_S, 9 * min(before_s, took_s)))  # one slow look read something, two are the rule
            began_s = anyio.current_time()
            await anyio.to_thread.run_sync(self._look, limiter=limiter)
            before_s, took_s = took_s, anyio.current_time() - began_s
