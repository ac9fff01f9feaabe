"""Finding a team by name: what is wrong is said with its place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra.app.config import configured, team_named
from orchestra.app.history import history_of
from orchestra.app.roster import described, roster, validated
from orchestra.core.errors import BadDefinition, OrchestraError, UnknownAgent, UnknownProvider

SHOP = """
from orchestra import Orchestra, agent

@agent
def one(text: str) -> str:
    "Says it."
    return text

def fails():
    return 1 / 0

team = Orchestra(agents=[one])
make = lambda: Orchestra(agents=[one])
other = 3
"""
MODULES = {
    "shop_ok": SHOP,
    "shop_needs": "import orchestra\nimport not_there_at_all\n",
    "shop_syntax": "def team(:\n",
    "shop_raises": "x = 1\nraise RuntimeError('no light')\n",
    "shop_model": "from orchestra import Agent, Orchestra\nteam = Orchestra(agents=[Agent('a', model='nowhere:x')])\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    yield tmp_path
    for name in MODULES:
        sys.modules.pop(name, None)


def test_a_team_by_name(folder: Path) -> None:
    assert [*team_named("shop_ok:team", folder).catalog.nodes] == ["one"]
    assert [*team_named("shop_ok:make", folder).catalog.nodes] == ["one"]


@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        (None, BadDefinition, "No team is named"),
        ("", BadDefinition, "names no team"),
        ("shop_ok", BadDefinition, "module:attribute"),
        ("shop_ok:", BadDefinition, "names no team"),
        ("shop_ok:gone", BadDefinition, "has no 'gone'"),
        ("shop_ok:other", BadDefinition, "is a int, not an Orchestra"),
        ("shop_ok:fails", BadDefinition, r"shop_ok.py:10: ZeroDivisionError"),
        ("gone:team", BadDefinition, "There is no module 'gone'"),
        ("gone.deep:team", BadDefinition, "There is no module 'gone'"),
        ("shop_needs:team", BadDefinition, r"shop_needs.py:2: ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("shop_syntax:team", BadDefinition, r"SyntaxError: .*shop_syntax.py, line 1"),
        ("shop_raises:team", BadDefinition, r"shop_raises.py:2: RuntimeError: no light"),
        ("shop_model:team", UnknownProvider, "nowhere"),
    ],
)
def test_a_team_that_cannot_be_had(folder: Path, place: str | None, error: type[OrchestraError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        team_named(place, folder)
    assert caught.value.fix


def test_the_file(folder: Path) -> None:
    assert configured(folder) is None
    file = folder / "orchestra.toml"
    file.write_text('[app]\nteam = "shop_ok:team"\n', encoding="utf-8")
    assert configured(folder) == "shop_ok:team"
    assert [*team_named(None, folder).catalog.nodes] == ["one"]
    assert roster(None, folder) == [{"name": "one", "description": "Says it."}]
    for text in ("[app\n", "", "app = 3\n", "[app]\nteam = 3\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(BadDefinition, match=r"orchestra\.toml"):
            configured(folder)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadDefinition, match=r"orchestra\.toml"):
        configured(folder)


def test_the_roster(folder: Path) -> None:
    assert {"refiner", "summarizer"} <= {row["name"] for row in roster(None, folder)}
    assert described("summarizer", None, folder)["instructions"]
    assert described("one", "shop_ok:team", folder)["provides"] == ["one"]
    for team in (None, "shop_ok:team"):
        with pytest.raises(UnknownAgent):
            described("nobody", team, folder)


def test_agent_files(folder: Path, repository: Path) -> None:
    assert "summarizer" in validated([repository / "agents"])
    with pytest.raises(BadDefinition, match="no agent files"):
        validated([folder])
    (folder / "bad.md").write_text("---\nname: bad\nprice: 3\n---\nHello.\n", encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"bad\.md"):
        validated([folder / "bad.md"])
    with pytest.raises(BadDefinition):
        validated([folder / "gone.md"])


def test_a_history_is_not_made_by_looking(folder: Path) -> None:
    with pytest.raises(BadDefinition, match="no state file"):
        history_of(folder / "gone.db", None, folder)
    with pytest.raises(BadDefinition, match="keeps no state"):
        history_of(None, "shop_ok:team", folder)
    assert not (folder / "gone.db").exists()
