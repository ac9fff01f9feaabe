"""Every Python block of the README and the documentation runs."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.blocks import blocks, contains, program, run_page, shown, steady

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PRELUDES = Path(__file__).parent / "preludes"


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).with_suffix("").as_posix()


def build_site(folder: Path, site: Path) -> str:
    """Builds the pages and returns what mkdocs complains of, if it does."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return process.stdout + process.stderr if process.returncode else ""


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_page(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's program runs, and what the page shows as text is what it prints."""
    monkeypatch.chdir(tmp_path)
    run_page(page, PRELUDES / f"{page.stem}.py", monkeypatch)
    printed = steady(capsys.readouterr().out)
    for block in shown(page.read_text(encoding="utf-8")):
        place = f"{page.name}, line {block.line}: the page prints"
        assert contains(printed, steady(block.code)), "\n".join([place, *printed])


def test_every_page_can_be_reached(repository: Path) -> None:
    """Each page stands in the navigation; decisions are reached through their index."""
    listed = str(yaml.safe_load((repository / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    pages = [page.relative_to(repository / "docs").as_posix() for page in (repository / "docs").rglob("*.md")]
    index = (repository / "docs/decisions/index.md").read_text(encoding="utf-8")
    unreachable = [page for page in pages if page not in listed and page.removeprefix("decisions/") not in index]
    assert unreachable == []


PAGE = """# A page

```python
import shop

value = shop.price
```

```console
$ make demo
```

<!-- no-run: it needs a key -->
```python
raise SystemExit("shown only")
```

- In a list:

    ```py
    async def double(number: int) -> int:
        return number * 2


    answer = await double(value)
    main = __name__
    ```
"""


def test_blocks_run_in_order_as_one_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "shop.py").write_text("price = 20", encoding="utf-8")
    (tmp_path / "prelude.py").write_text("given = 1", encoding="utf-8")
    module = run_page(tmp_path / "page.md", tmp_path / "prelude.py", monkeypatch)
    assert (module.given, module.answer, module.main) == (1, 40, "__main__")


def test_a_block_that_fails_says_the_page_and_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError) as caught:
        run_page(page, tmp_path / "none.py", monkeypatch)
    assert (caught.traceback[-1].path, caught.traceback[-1].lineno + 1) == (page, 8)


def test_blocks_know_their_language_and_place() -> None:
    assert [(block.line, block.language, block.run) for block in blocks(PAGE)] == [
        (4, "python", True),
        (10, "console", True),
        (15, "python", False),
        (21, "py", True),
    ]
    assert "make demo" not in program(PAGE)


def test_modules_of_one_page_are_gone_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    for price in (20, 30):
        folder = tmp_path / str(price)
        folder.mkdir()
        (folder / "shop.py").write_text(f"price = {price}", encoding="utf-8")
        assert run_page(tmp_path / "page.md", folder / "prelude.py", monkeypatch).answer == 2 * price


def test_output_is_compared_without_times_and_ids() -> None:
    printed = steady("start\nrun 0123456789ab took 12.5 ms, $0.01\nwork:0123456789ab.0\nend")
    assert contains(printed, steady("run ba9876543210 took 3 s, $0.01\nwork:0123456789ab.0"))
    assert not contains(printed, steady("run ba9876543210 took 3 s, $0.02"))
    assert not contains(printed, steady("work:ba9876543210.0"))
    assert not contains(printed, steady("start\nend"))


def test_an_unclosed_block_is_seen() -> None:
    with pytest.raises(ValueError, match="line 2"):
        blocks("text\n```python\nx = 1\n")


@pytest.mark.timeout(60)
def test_the_site_builds(repository: Path, tmp_path: Path) -> None:
    """Strictly: every page of the navigation is there and every link between pages resolves."""
    assert build_site(repository, tmp_path / "site") == ""
    assert (tmp_path / "site/index.html").is_file()


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# Home\n\n[gone](gone.md)\n", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text("site_name: stub\nstrict: true\n", encoding="utf-8")
    assert "gone.md" in build_site(tmp_path, tmp_path / "site")
