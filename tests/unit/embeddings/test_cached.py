"""The cache of vectors: in memory, in a file, shared, bounded, damaged."""

import math
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from orchestra.core.errors import BadNumber, StateUnusable
from orchestra.embeddings.cached import Cached, cache_folder
from tests.unit.embeddings.kit import Letters


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        found: int = database.execute("SELECT count(*) FROM vectors").fetchone()[0]
    return found


def test_each_text_is_asked_for_once_and_the_oldest_go() -> None:
    letters = Letters()
    cached = Cached(letters, kept=2)
    assert (cached.name, cached.d) == ("letters", 3)
    assert cached.matrix(["a", "b", "a"]).tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert cached.embed("a") == [1.0, 0.0, 0.0] and letters.asked == ["a", "b"]
    cached.embed("c")
    cached.embed("a")
    assert letters.asked == ["a", "b", "c"], "a was used more lately than b"
    cached.embed("b")
    assert letters.asked == ["a", "b", "c", "b"]
    assert cached.matrix([]).shape == (0, 3)


def test_a_file_is_found_again_and_holds_no_text(tmp_path: Path) -> None:
    first = Cached(Letters(), tmp_path / "new")
    made = first.matrix(["abc", "a secret \ud800", ""])
    letters = Letters()
    again = Cached(letters, tmp_path / "new")
    assert (again.matrix(["", "abc", "a secret \ud800"]) == made[[2, 0, 1]]).all() and letters.asked == []
    assert again.path is not None and b"secret" not in again.path.read_bytes() and rows(again.path) == 3
    again.clear()
    assert not again.path.exists()
    assert again.embed("abc") == made[0].tolist() and letters.asked == ["abc"]


def test_embedders_of_other_names_share_nothing(tmp_path: Path) -> None:
    paths = {Cached(Letters(name), tmp_path).path for name in ("a/b", "a:b", "../a", "x" * 300)}
    assert len(paths) == 4 and {path.parent for path in paths if path} == {tmp_path}


def test_the_file_keeps_the_last_rows(tmp_path: Path) -> None:
    cached = Cached(Letters(), tmp_path, kept=1, rows=3)
    for text in ("a", "b", "c", "ab", "bc"):
        cached.embed(text)
    assert cached.path is not None and rows(cached.path) == 3
    letters = Letters()
    Cached(letters, tmp_path, rows=3).matrix(["bc", "ab", "c", "b"])
    assert letters.asked == ["b"]


@pytest.mark.parametrize("vector", [(math.nan, 0.0, 0.0), (1.0, 0.0)])
def test_what_cannot_be_right_is_not_kept(vector: tuple[float, ...], tmp_path: Path) -> None:
    cached = Cached(wrong := Letters(then=vector), tmp_path)
    assert np.array_equal(cached.embed("a"), vector, equal_nan=True)
    assert cached.path is not None and (not cached.path.exists() or rows(cached.path) == 0)
    wrong.then = None
    assert cached.embed("a") == [1.0, 0.0, 0.0]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    cached = Cached(Letters(), tmp_path)
    assert cached.path is not None
    cached.path.write_bytes(b"no database" * 100)
    with pytest.raises(StateUnusable, match="Delete the file"):
        cached.embed("a")
    cached.path.unlink()
    cached.embed("a")
    with closing(sqlite3.connect(cached.path)) as database, database:
        database.execute("UPDATE vectors SET vector = x'00000000'")
    with pytest.raises(StateUnusable, match="3 numbers long"):
        Cached(Letters(), tmp_path).embed("a")


def test_several_may_write_at_once(tmp_path: Path) -> None:
    errors: list[Exception] = []

    def work(start: int) -> None:
        try:
            cached = Cached(Letters(), tmp_path)
            for n in range(start, start + 10):
                assert cached.embed("a" * n + "b") == pytest.approx(Letters().embed("a" * n + "b"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=[start]) for start in (0, 5, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path = Cached(Letters(), tmp_path).path
    assert not errors and path is not None and rows(path) == 15


def test_limits_and_the_default_folder(tmp_path: Path) -> None:
    with pytest.raises(BadNumber, match="kept=0"):
        Cached(Letters(), kept=0)
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "orchestra" / "embeddings"
    assert cache_folder({}) == Path.home() / ".cache" / "orchestra" / "embeddings"
