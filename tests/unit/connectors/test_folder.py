"""Which files of a folder are to be read, and which are gone: two looks that agree."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from orchestra.connectors.folder import RETRY_S, SETTLED_S, Folder, Watch
from orchestra.core.errors import BadDefinition
from tests.support.runtime import go, on_every_loop

NOW_S = 1_000_000.0


def written(path: Path, text: str = "x", age_s: float = 0.0) -> Path:
    """A file that was last written to ``age_s`` before NOW_S."""
    path.write_text(text, encoding="utf-8")
    at_ns = int((NOW_S - age_s) * 1e9)
    os.utime(path, ns=(at_ns, at_ns))
    return path


def ready(folder: Folder, now_s: float = NOW_S) -> list[str]:
    return [path.name for path, _ in folder.look(now_s).ready]


def test_a_fresh_file_is_taken_when_two_looks_agree_and_told_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert ready(folder) == [] and not folder.pending
    written(tmp_path / "a.md", "half")
    assert ready(folder) == [] and folder.pending
    written(tmp_path / "a.md", "half and more")
    assert ready(folder) == []
    assert ready(folder) == ["a.md"] and not folder.pending
    assert ready(folder) == []
    written(tmp_path / "a.md", "changed")
    assert ready(folder) == []
    assert ready(folder) == ["a.md"]


def test_an_old_file_is_taken_at_first_sight(tmp_path: Path) -> None:
    written(tmp_path / "old.md", age_s=SETTLED_S)
    written(tmp_path / "new.md", age_s=SETTLED_S - 0.1)
    written(tmp_path / "ahead.md", age_s=-60)
    assert ready(Folder(tmp_path)) == ["old.md"]


def test_a_file_is_gone_when_two_looks_miss_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.md", age_s=9)
    folder = Folder(tmp_path)
    assert ready(folder) == ["a.md"]
    path.unlink()
    assert folder.look(NOW_S).gone == () and folder.pending
    assert folder.look(NOW_S).gone == (path,) and not folder.pending
    assert folder.look(NOW_S).gone == ()
    written(path, age_s=9)
    assert ready(folder) == ["a.md"]


def test_a_file_that_is_away_for_a_moment_is_not_gone(tmp_path: Path) -> None:
    path = written(tmp_path / "a.md", age_s=9)
    folder = Folder(tmp_path)
    folder.look(NOW_S)
    path.rename(tmp_path / "a.bak")
    assert folder.look(NOW_S).gone == ()
    (tmp_path / "a.bak").rename(path)
    assert folder.look(NOW_S).gone == ()
    assert folder.look(NOW_S).gone == ()


def test_what_could_not_be_used_is_told_again(tmp_path: Path) -> None:
    path = written(tmp_path / "a.md", age_s=9)
    folder = Folder(tmp_path)
    folder.look(NOW_S)
    folder.again(path, NOW_S + RETRY_S)
    assert ready(folder) == []
    assert ready(folder, NOW_S + RETRY_S) == ["a.md"]
    assert ready(folder, NOW_S + 9 * RETRY_S) == []


def test_hidden_files_other_suffixes_and_deeper_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    for name in (".hidden.md", "a.md~", "a.txt", ".a.md.swp", "deeper/b.md"):
        written(tmp_path / name, age_s=9)
    assert ready(Folder(tmp_path)) == []


def test_a_link_to_nowhere_is_told_so_that_reading_it_can_complain(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to(tmp_path / "nowhere.md")
    folder = Folder(tmp_path)
    folder.look(NOW_S)
    assert ready(folder) == ["a.md"]


def test_a_folder_has_to_be_one(tmp_path: Path) -> None:
    for path in (tmp_path / "none", written(tmp_path / "file")):
        with pytest.raises(BadDefinition):
            Folder(path)
    (tmp_path / "later").mkdir()
    folder = Folder(tmp_path / "later")
    (tmp_path / "later").rmdir()
    with pytest.raises(OSError):
        folder.look(NOW_S)


@on_every_loop
def test_a_watch_looks_until_it_is_left(loop: str, native: bool) -> None:
    looks: list[int] = []

    async def main() -> None:
        with pytest.raises(KeyError):
            async with Watch(lambda: looks.append(1)):
                assert looks == [1]
                with anyio.fail_after(5):
                    while len(looks) < 3:
                        await anyio.sleep(0.02)
                raise KeyError
        seen = len(looks)
        await anyio.sleep(0.05)
        assert len(looks) == seen

    go(loop, main)
