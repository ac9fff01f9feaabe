"""The API reference names every public name and shows what the docstrings say."""

import html
import re
from pathlib import Path

import pytest

import orchestra
import orchestra.core.errors
import orchestra.core.events
import orchestra.testing
from tests.docs.test_pages import build_site
from tests.shape.surface import public_errors

ELSEWHERE = re.compile(r"""<(?:script|img|iframe)[^>]+src=["']?(?:https?:)?//|<link[^>]+href=["']?(?:https?:)?//""")


def text_of(page: Path) -> str:
    """What a reader sees of a page, in one line."""
    without_tags = re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8"))
    return re.sub(r"\s+", " ", html.unescape(without_tags))


def test_every_export_is_in_the_reference(repository: Path) -> None:
    pages = [page.read_text(encoding="utf-8") for page in (repository / "docs/reference").glob("*.md")]
    shown = {name for page in pages for name in re.findall(r"^::: ([\w.]+)$", page, re.M)}
    wanted = {f"orchestra.{name}" for name in orchestra.__all__}
    assert wanted - shown == {"orchestra.errors", "orchestra.Outcome"}
    assert {"orchestra.core.errors", "orchestra.core.events", "orchestra.testing"} <= shown
    assert "`Outcome[T]` is `Done[T] | Failed | Cancelled | Paused`" in " ".join(pages)


@pytest.mark.timeout(60)
def test_the_site_shows_what_the_docstrings_say(repository: Path, tmp_path: Path) -> None:
    assert build_site(repository, tmp_path / "site") == ""
    page = {path.parent.name: text_of(path) for path in (tmp_path / "site/reference").rglob("index.html")}
    for error in public_errors(orchestra.core.errors):
        assert f" {error.__name__} " in page["errors"]
        assert " ".join(vars(error).get("remedy", "").split()).replace("`", "") in page["errors"].replace("`", "")
    for name in [name for name, value in vars(orchestra.core.events).items() if hasattr(value, "_fields")]:
        assert f" {name} " in page["events"]
    assert "side_effect str | None None" in page["events"], "a record's fields are a table: name, type, default"
    assert "after list[Text] [] names of members whose answers it is given" in page["files"]
    assert "Units : usd dollars" in page["data"], "what follows a label is a paragraph of its own"
    assert "Budget ( * , usd : Decimal | float" in page["data"], "a dataclass has its signature"
    for name in orchestra.testing.__all__:
        assert f" {name} " in page["testing"]
    pages = (tmp_path / "site").rglob("*.html")
    assert [one.name for one in pages if ELSEWHERE.search(one.read_text(encoding="utf-8"))] == []


@pytest.mark.timeout(60)
def test_a_name_that_is_gone_is_seen(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# Home\n\n::: orchestra.Gone\n", encoding="utf-8")
    settings = (repository / "mkdocs.yml").read_text(encoding="utf-8")
    plugins = settings[settings.index("plugins:") :].replace("[.]", f"[{repository}]")
    plugins = plugins.replace(".ci/reference.py", str(repository / ".ci/reference.py"))
    (tmp_path / "mkdocs.yml").write_text(f"site_name: stub\nstrict: true\n{plugins}", encoding="utf-8")
    assert "orchestra.Gone" in build_site(tmp_path, tmp_path / "site")


def test_what_is_loaded_from_elsewhere_is_seen() -> None:
    assert ELSEWHERE.search('<script defer src="https://example.com/a.js"></script>')
    assert ELSEWHERE.search("<link rel=stylesheet href='//example.com/a.css'>")
    assert not ELSEWHERE.search('<a href="https://example.com">there</a> <script src="../a.js">')
