"""Finding a team by name: what is wrong is said with its place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra.app.config import team_named
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
    file = folder / "orchestra.toml"
    file.write_text('[app]\nteam = "shop_ok:team"\n', encoding="utf-8")
    assert [*team_named(None, folder).catalog.nodes] == ["one"]
    assert roster(None, folder) == [{"name": "one", "scope": "team", "description": "Says it."}]
    for text in (b"[app\n", b"", b"app = 3\n", b"[app]\nteam = 3\n", b"\xff\xfe"):
        file.write_bytes(text)
        with pytest.raises(BadDefinition, match=r"orchestra\.toml"):
            team_named(None, folder)


def test_a_file_without_a_team(folder: Path) -> None:
    """Commands that need a team say what is missing; those that do not go on."""
    with pytest.raises(BadDefinition, match=r"No team is named: there is no orchestra\.toml in "):
        team_named(None, folder)
    (folder / "crew").mkdir()
    (folder / "crew/clerk.md").write_text("---\ndescription: D.\nmodel: openai:gpt-5\n---\nAnswer.\n", encoding="utf-8")
    (folder / "orchestra.toml").write_text('[agents]\nfolders = ["crew"]\n', encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"No team is named: orchestra\.toml has no \[app\] table") as caught:
        team_named(None, folder)
    assert "--app module:attribute" in caught.value.fix
    assert "clerk" in {row["name"] for row in roster(None, folder)}


def test_skills_of_the_project_are_for_the_agents_of_its_team(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    for place in ("skills/returns", ".agents/skills/house-style"):
        (folder / place).mkdir(parents=True)
        text = f"---\nname: {Path(place).name}\ndescription: D.\n---\nDo it.\n"
        (folder / place / "SKILL.md").write_text(text, encoding="utf-8")
    (folder / "crew").mkdir()
    clerk = "---\ndescription: D.\nmodel: openai:gpt-5\nskills: [returns, house-style]\n---\nAnswer.\n"
    (folder / "crew/clerk.md").write_text(clerk, encoding="utf-8")
    toml = folder / "orchestra.toml"
    toml.write_text(
        '[app]\nteam = "shop_ok:make"\n[agents]\nfolders = ["crew"]\n[skills]\nfolders = ["skills"]\n', encoding="utf-8"
    )
    team = team_named(None, folder)
    assert not team.problems and set(team.catalog.nodes) == {"one", "clerk"}
    team.close()
    toml.write_text('[agents]\nfolders = ["crew"]\n[skills]\nfolders = ["skills"]\n', encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"clerk.md, line 4, field 'skills': No skill is named 'returns'") as caught:
        roster(None, folder)
    assert "not trusted" in str(caught.value) and str(folder / "skills") in str(caught.value)
    assert described("clerk", None, folder, trust=True)["skills"] == ["returns", "house-style"]
    assert validated([folder / "crew"], folder, trust=True) == ["clerk"]
    with pytest.raises(BadDefinition, match="not trusted"):
        validated([folder / "crew"], folder)
    toml.write_text('[app]\nteam = "shop_ok:make"\n[skills]\nfolders = ["gone"]\n', encoding="utf-8")
    with pytest.raises(BadDefinition, match="gone, which is not there"):
        team_named(None, folder)


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
