"""What no input may do: the planted world it is let loose in, and the judge of what it did there.

Each target lays its files out, then runs the code of the package inside ``watched()``. There only the package's named
errors may come out; no file outside the allowed roots may be opened, none written, no process begun, no socket opened;
and no text that comes out may hold what was planted.
"""

from __future__ import annotations

import os
import pickle
import resource
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from orchestra.core.errors import OrchestraError

Target = Callable[[bytes], None]

SEPARATOR = b"\x1e"
"""Stands between the parts of an input: no format here has a use for it."""
KEY = "sk-planted-0123456789abcdef"
CANARY = "planted-outside-the-roots"
CPU_S = 6.0
MEMORY_BYTES = 256 * 1024 * 1024
REPOSITORY = Path(__file__).resolve().parent.parent.parent

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_READS = {"open", "os.listdir", "os.scandir"}
_FORBIDDEN = (
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.startfile",
    "shutil.",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.putenv",
    "ctypes.",
    "socket.connect",
    "socket.bind",
    "socket.send",
    "socket.getaddrinfo",
    "socket.gethostby",
    "webbrowser.",
    "urllib.",
    "ftplib.",
    "sqlite3.",
    "pty.",
    "winreg.",
)


class Finding(AssertionError):
    """An input did what no input may."""


class Watch:
    """Python's audit hook: what was touched while it is armed, in any thread."""

    def __init__(self) -> None:
        self.armed = False
        self.seen: list[str] = []
        self.roots: tuple[str, ...] = ()
        self.exact: frozenset[str] = frozenset()
        self._installed = False

    def install(self) -> None:
        # A hook can never be removed again, so there is one.
        if not self._installed:
            self._installed = True
            sys.addaudithook(self.audit)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        if self.armed and (said := self._wrong(event, args)):
            self.seen.append(said)
            raise PermissionError(said)

    def _wrong(self, event: str, args: tuple[Any, ...]) -> str | None:
        if event in _READS:
            return self._read(event, args)
        if event.startswith(_FORBIDDEN):
            return f"{event} {args[:2]!r}"
        # An event loop's own pair of Unix sockets is no network.
        if event == "socket.__new__" and len(args) > 1 and args[1] not in (1, -1):
            return f"{event} family {args[1]}"
        return None

    def _read(self, event: str, args: tuple[Any, ...]) -> str | None:
        path = args[0]
        if path is None or isinstance(path, int):
            return None
        try:
            place = os.path.realpath(os.fsdecode(path))
        except ValueError:
            return None  # NUL: the system will not open it
        if event == "open" and len(args) > 2 and args[2] & _WRITING and "__pycache__" not in place:
            return f"written: {place}"
        if place in self.exact or any(place == root or place.startswith(root + os.sep) for root in self.roots):
            return None
        return f"{event} outside the roots: {place}"


WATCH = Watch()


@cache
def world() -> Path:
    """A temporary folder with ``inside``, where inputs are laid, and ``outside``, which nobody may read."""
    top = Path(tempfile.mkdtemp(prefix="orchestra-fuzz-")).resolve()
    (top / "inside").mkdir()
    outside = top / "outside"
    (outside / "skill").mkdir(parents=True)
    (outside / "secret.txt").write_text(CANARY)
    (outside / "skill" / "SKILL.md").write_text(f"---\nname: skill\ndescription: {CANARY}\n---\n{CANARY}\n")
    (outside / "agent.md").write_text(f"---\ndescription: {CANARY}\n---\n{CANARY}\n")
    shipped = [str(REPOSITORY / name) for name in ("orchestra", "agents", "skills", "topologies")]
    python = [sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")]
    WATCH.roots = tuple(os.path.realpath(one) for one in (str(top / "inside"), *shipped, *python))
    # A late import lists the folders of the import path.
    WATCH.exact = frozenset(map(os.path.realpath, sys.path))
    WATCH.install()
    return top


def fresh(name: str) -> Path:
    """An empty folder inside, of this name."""
    folder = world() / "inside" / name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    return folder


@contextmanager
def watched() -> Iterator[None]:
    """Where the package's code runs. Its named errors end the block and are looked at; any other error goes on."""
    world()
    WATCH.seen.clear()
    WATCH.armed = True
    caught: OrchestraError | None = None
    try:
        yield
    except OrchestraError as error:
        caught = error
    finally:
        WATCH.armed = False
    if WATCH.seen:
        raise Finding("; ".join(WATCH.seen))
    if caught is not None:
        told(caught)


def told(error: OrchestraError) -> None:
    """A named error: it can be printed, pickled and shown to anybody."""
    clean(str(error), repr(error.facts))
    chained: BaseException | None = error
    while chained is not None:
        clean(str(chained))
        chained = chained.__cause__ or (None if chained.__suppress_context__ else chained.__context__)
    again = pickle.loads(pickle.dumps(error))
    if (type(again), str(again)) != (type(error), str(error)):
        raise Finding(f"{type(error).__name__} is another after pickling")


def clean(*texts: str) -> None:
    """No text may hold what was planted, and every text can be printed."""
    for text in texts:
        for planted in (KEY, CANARY):
            if planted in text:
                raise Finding(f"{planted!r} came out: {text[:300]!r}")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Finding(f"a text cannot be printed: {text[:300]!r}") from None


def judge(target: Target, data: bytes, cpu_s: float = CPU_S) -> None:
    """Runs one input. Raises Finding, or whatever came out that should not, for what no input may do.

    Units: ``cpu_s`` seconds of the processor: the wall's clock would measure the neighbours.
    """
    began, peak = time.process_time(), _peak()
    target(data)
    took, grown = time.process_time() - began, _peak() - peak
    if took > cpu_s:
        raise Finding(f"it took {took:.1f} s of the processor")
    if grown > MEMORY_BYTES:
        raise Finding(f"it took {grown >> 20} MiB of memory")


def parts(data: bytes, count: int) -> list[bytes]:
    """Exactly so many parts of an input, the missing ones empty, the last with the rest."""
    found = data.split(SEPARATOR, count - 1)
    return found + [b""] * (count - len(found))


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _peak() -> int:
    # Kilobytes, but on macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
