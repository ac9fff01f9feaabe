"""An embedder that remembers: the last texts in memory, and all of them in a file if one is named."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from orchestra.core.errors import BadNumber, StateUnusable
from orchestra.core.ids import digest
from orchestra.embeddings.batch import matrix_of
from orchestra.ports.embedder import Embedder

if TYPE_CHECKING:
    import sqlite3

    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

T = TypeVar("T")

KEPT_TEXTS = 4096
KEPT_ROWS = 200_000
MADE_TOGETHER = 512
ASKED_TOGETHER = 500
BUSY_S = 30.0
TABLE = "CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, vector BLOB NOT NULL)"


def cache_folder(env: Mapping[str, str]) -> Path:
    """Where vectors are kept by default: $XDG_CACHE_HOME/orchestra/embeddings, below ~/.cache without the variable."""
    base = env.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "orchestra" / "embeddings"


class Cached:
    """Another embedder, asked once for each text; it keeps that one's ``name`` and ``d``.

    In memory the last ``kept`` texts stay. With a ``folder``, a SQLite file there, named after the embedder, keeps the
    vectors of the last ``rows`` new texts, by the sha256 of each; the texts themselves are not written. Several
    processes may share it. It holds nothing that cannot be made again: delete it when you like. Vectors that are not
    finite, or not d long, are handed on and not kept.

    Shapes: ``embed`` (d,), ``matrix`` (n, d) float32.
    Raises: BadNumber for a limit below 1, StateUnusable where the file cannot be read or written.
    """

    def __init__(
        self, embedder: Embedder, folder: Path | None = None, *, kept: int = KEPT_TEXTS, rows: int = KEPT_ROWS
    ) -> None:
        if kept < 1 or rows < 1:
            raise BadNumber(f"kept={kept!r}, rows={rows!r}.", remedy="Give numbers from 1.")
        self.name, self.d = embedder.name, embedder.d
        self.path = None if folder is None else folder / _file_of(embedder.name)
        self._embedder, self._kept, self._rows = embedder, kept, rows
        self._text_to_vector: OrderedDict[str, Array] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, text: str, /) -> Sequence[float]:
        values: list[float] = self.matrix([text])[0].tolist()
        return values

    def matrix(self, texts: Sequence[str], /) -> Array:
        """``embed`` of each text; those not known are made 512 at a time, and written after each."""
        import numpy as np

        found = self._remembered(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing and self.path is not None:
            found |= self._read(self.path, missing)
            missing = [text for text in missing if text not in found]
        for start in range(0, len(missing), MADE_TOGETHER):
            part = missing[start : start + MADE_TOGETHER]
            made = matrix_of(self._embedder, part)
            new = dict(zip(part, made, strict=True))
            found |= new
            if self.path is not None and made.shape == (len(part), self.d):
                self._write(self.path, {text: row for text, row in new.items() if np.isfinite(row).all()})
        self._remember(found)
        return np.stack([found[text] for text in texts]) if texts else np.zeros((0, self.d), dtype=np.float32)

    def clear(self) -> None:
        """Forgets everything, the file too."""
        with self._lock:
            self._text_to_vector.clear()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _remembered(self, texts: Sequence[str]) -> dict[str, Array]:
        with self._lock:
            return {text: self._text_to_vector[text] for text in texts if text in self._text_to_vector}

    def _remember(self, found: Mapping[str, Array]) -> None:
        import numpy as np

        with self._lock:
            for text, row in found.items():
                if row.shape == (self.d,) and np.isfinite(row).all():
                    self._text_to_vector[text] = row
                    self._text_to_vector.move_to_end(text)
            while len(self._text_to_vector) > self._kept:
                self._text_to_vector.popitem(last=False)

    def _read(self, path: Path, texts: Sequence[str]) -> dict[str, Array]:
        import numpy as np

        if not path.is_file():
            return {}
        key_to_text = {_key(text): text for text in texts}
        keys = list(key_to_text)

        def read(database: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
            rows: list[tuple[bytes, bytes]] = []
            for start in range(0, len(keys), ASKED_TOGETHER):
                part = keys[start : start + ASKED_TOGETHER]
                places = ",".join("?" * len(part))
                rows += database.execute(f"SELECT key, vector FROM vectors WHERE key IN ({places})", part)
            return rows

        rows = _with(path, read)
        wrong = next((vector for _, vector in rows if not isinstance(vector, bytes) or len(vector) != 4 * self.d), None)
        if wrong is not None:
            raise _unusable(path, f"it holds a vector that is not {self.d} numbers long")
        return {key_to_text[key]: np.frombuffer(vector, dtype="<f4").astype(np.float32) for key, vector in rows}

    def _write(self, path: Path, new: Mapping[str, Array]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        entries = [(_key(text), row.astype("<f4").tobytes()) for text, row in new.items()]

        def write(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR IGNORE INTO vectors (key, vector) VALUES (?, ?)", entries)
            last = "SELECT id FROM vectors ORDER BY id DESC LIMIT 1 OFFSET ?"
            database.execute(f"DELETE FROM vectors WHERE id <= ({last})", (self._rows,))

        _with(path, write)


def _with(path: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Does the work in one transaction on a connection of its own, so that threads and processes may meet here."""
    import sqlite3

    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S)) as database, database:
            database.execute(TABLE)
            return work(database)
    except sqlite3.Error as error:
        raise _unusable(path, str(error)) from error


def _unusable(path: Path, why: str) -> StateUnusable:
    return StateUnusable(
        f"The vectors kept in {path} cannot be used: {why}.",
        remedy="Delete the file: it holds nothing that cannot be made again.",
    )


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _file_of(name: str) -> str:
    """A file name that no two embedders share."""
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', name)[:80]}-{digest(name, 4)}.db"
