from pathlib import Path

from tests.shape.sizes import oversized
from tests.shape.tree import strays

# "path[:function] kind" -> (measured size, reason). Only ever made shorter; MOST_EXCEPTIONS falls with it.
EXCEPTIONS: dict[str, tuple[int, str]] = {
    "orchestra/agents/decorator.py:agent parameters": (14, "a decorator's options are its API, and typed one by one"),
    "orchestra/tools/decorator.py:tool parameters": (10, "a decorator's options are its API, and typed one by one"),
}
MOST_EXCEPTIONS = 2


def test_sizes(repository: Path) -> None:
    folders = [repository / name for name in (".ci", "orchestra", "skills", "examples", "tests", "benchmarks")]
    assert oversized(repository, [folder for folder in folders if folder.is_dir()], EXCEPTIONS) == []


def test_the_exceptions_only_shrink() -> None:
    assert len(EXCEPTIONS) <= MOST_EXCEPTIONS


LONG_FUNCTION = "def long():\n" + "    pass\n" * 60
WIDE_METHOD = "class C:\n    async def wide(self, a, b, c, d, *e, f, g, h, **i): ...\n"
FITS = "class C:\n    def fits(self, a, b, c, d, e, *, f, g, h): ...\n\ndef short():\n" + "    pass\n" * 59


def test_what_is_too_large_is_seen(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(FITS, encoding="utf-8")
    (tmp_path / "long_file.py").write_text("x = 1\n" * 401, encoding="utf-8")
    (tmp_path / "long_function.py").write_text(LONG_FUNCTION, encoding="utf-8")
    (tmp_path / "wide.py").write_text(WIDE_METHOD, encoding="utf-8")
    assert oversized(tmp_path, [tmp_path], {}) == [
        "long_file.py file lines: 401, allowed 400; split it",
        "long_function.py:long function lines: 61, allowed 60; split it",
        "wide.py:C.wide parameters: 9, allowed 8; split it",
    ]


def test_exceptions_cover_what_they_measured_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * 401, encoding="utf-8")
    reason = "generated from a standard's table"
    assert oversized(tmp_path, [tmp_path], {"long.py file lines": (401, reason)}) == []
    assert len(oversized(tmp_path, [tmp_path], {"long.py file lines": (400, reason)})) == 1
    assert len(oversized(tmp_path, [tmp_path], {"long.py file lines": (402, reason)})) == 1
    assert len(oversized(tmp_path, [tmp_path], {"long.py file lines": (401, "")})) == 1


def test_stale_exceptions_fail(tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text("x = 1\n", encoding="utf-8")
    found = oversized(tmp_path, [tmp_path], {"short.py file lines": (401, "it was long once")})
    assert found == ["short.py file lines: within the limit or gone; strike the exception"]


def test_the_layout(repository: Path) -> None:
    assert strays(repository) == []


def test_strays_are_seen(tmp_path: Path) -> None:
    for name in ("orchestra", "agents", "src", ".cache", "build"):
        (tmp_path / name).mkdir()
    (tmp_path / "agents/__init__.py").touch()
    assert strays(tmp_path) == [
        "src: not part of the layout",
        "agents/__init__.py: agents/ holds data and is never imported",
    ]
