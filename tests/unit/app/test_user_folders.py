"""orchestra.toml and a user's own folders: what the commands find, whose it is, and what a fault says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from orchestra import Agent
from orchestra.app.settings import settings_in
from orchestra.app.shelf import found_skills
from orchestra.cli.main import app
from orchestra.core.errors import BadDefinition, UnknownName


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a skill, in a project with agents, skills and topologies of its own."""
    home, project = tmp_path / "home", tmp_path / "project"
    monkeypatch.setenv("HOME", str(home))
    skill(home / ".agents/skills/house-style", "The user's.")
    skill(project / ".agents/skills/house-style", "The project's.")
    skill(project / "skills/returns", "Handles returns.")
    (project / "team").mkdir()
    (project / "team/clerk.md").write_text("---\ndescription: Answers letters.\n---\nAnswer.\n")
    (project / "shapes").mkdir()
    (project / "shapes/desk.yaml").write_text(
        "kind: sequential\ndescription: Reads, answers.\nmembers: [read, write]\n"
    )
    (project / "shapes/hybrid.yaml").write_text("kind: parallel\nmembers: [read]\n")
    (project / "orchestra.toml").write_text(
        '[agents]\nfolders = ["team"]\n[skills]\nfolders = ["skills"]\n[topologies]\nfolders = ["shapes"]\n'
    )
    monkeypatch.chdir(project)
    return home


def skill(folder: Path, description: str) -> None:
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(f"---\nname: {folder.name}\ndescription: {description}\n---\nDo it.\n")


def call(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [*args])
    assert result.exit_code == code, result.output
    return result


def rows(*args: str) -> dict[str, Any]:
    return {row["name"]: row for row in json.loads(call(*args, "--json").stdout)}


def test_skills_are_listed_with_their_scope_and_source() -> None:
    found = rows("skills", "list")
    assert (found["house-style"]["scope"], found["house-style"]["source"]) == ("user", "~/.agents/skills/house-style")
    assert found["cite-sources"]["scope"] == "shipped" and "returns" not in found
    assert "not trusted" in call("skills", "list").stderr
    trusted = rows("skills", "list", "--trust")
    assert (trusted["house-style"]["scope"], trusted["house-style"]["description"]) == ("project", "The project's.")
    assert (trusted["returns"]["scope"], trusted["returns"]["source"]) == ("project", "skills/returns")
    assert "'house-style' is hidden" in call("skills", "list", "--trust").stderr


def test_a_skill_is_shown_by_its_name() -> None:
    assert json.loads(call("skills", "show", "house-style", "--json").stdout)["description"] == "The user's."
    shown = json.loads(call("skills", "show", "returns", "--trust", "--json").stdout)
    assert (shown["scope"], shown["instructions"]) == ("project", "Do it.")
    assert "No skill is named 'returns'" in call("skills", "show", "returns", code=2).stderr


def test_an_agent_takes_what_was_found() -> None:
    found = found_skills(Path.cwd(), trust=True)
    clerk = Agent("clerk", skills=[found.named("returns"), "cite-sources"])
    assert [one if isinstance(one, (str, Path)) else one.name for one in clerk.skills] == ["returns", "cite-sources"]
    with pytest.raises(UnknownName, match="there are returns, house-style, cite-sources"):
        found.named("juggling")
    assert found_skills(Path.cwd()).named("house-style").description == "The user's."


def test_topologies_of_a_folder_are_known_by_name_and_go_first() -> None:
    found = rows("topologies", "list")
    assert (found["desk"]["scope"], found["desk"]["source"]) == ("project", "shapes/desk.yaml")
    assert found["hybrid"]["scope"] == "project" and found["parallel"]["scope"] == "shipped"
    assert "├── read: capability read" in call("topologies", "show", "desk").stdout
    assert "n0 --> n1" in call("topologies", "show", "desk", "--mermaid").stdout


def test_agents_of_a_folder_are_listed_beside_the_shipped_ones() -> None:
    found = rows("agents", "list")
    assert (found["clerk"]["scope"], found["clerk"]["description"]) == ("project", "Answers letters.")
    assert found["critic"]["scope"] == "shipped"
    assert "instructions: Answer." in call("agents", "show", "clerk").stdout


@pytest.mark.parametrize("kind", ["agents", "skills", "topologies"])
def test_lists_look_alike_and_schemas_are_printed(kind: str) -> None:
    head, first, *_ = call(kind, "list").stdout.splitlines()
    assert head.split()[:2] == ["NAME", "SCOPE"] and head.split()[-1] == "DESCRIPTION"
    assert len(first.split()) > 3
    Draft202012Validator.check_schema(json.loads(call(kind, "schema").stdout))


def test_all_schemas_are_written() -> None:
    lines = call("schemas", "schemas").stdout.splitlines()
    assert len(lines) == 4 and all(Path(line).is_file() for line in lines)
    assert "cannot be written" in call("schemas", "orchestra.toml", code=2).stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[app", "orchestra.toml, line 1: it is not TOML"),
        ("[app]\nname = 3", "orchestra.toml, line 1, field 'app.team': Field required"),
        ("# ours\n\n[app]\nteam = 'shop'", "line 4, field 'app.team': String should match pattern"),
        ("[agents]\nfolder = ['x']", "line 2, field 'agents.folder': there is no such field; there are folders"),
        ("[agents]\nfolders = 'x'", "line 2, field 'agents.folders': Input should be a valid list"),
        ("[agents]\nfolders = ['x', 3]", "line 2, field 'agents.folders.1': Input should be a valid string"),
        ("\n[team]\nx = 1", "line 2, field 'team': there is no such field; there are app, agents, skills, topologies"),
        ("agents = 3", "line 1, field 'agents': Input should be"),
        ("[skills]\ntrust = true", "line 2, field 'skills.trust': there is no such field; there are folders"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, said: str) -> None:
    Path("orchestra.toml").write_text(text)
    with pytest.raises(BadDefinition) as caught:
        settings_in(Path.cwd())
    assert said in str(caught.value)


def test_a_folder_that_is_not_there_is_named() -> None:
    Path("orchestra.toml").write_text('[topologies]\nfolders = ["gone"]\n')
    assert "gone, which is not there" in call("topologies", "list", code=2).stderr


def test_a_broken_file_in_a_folder_is_named() -> None:
    Path("team/clerk.md").write_text("---\ndescription: D.\nmax_tokens: 0\n---\nAnswer.\n")
    assert "clerk.md, line 3, field 'max_tokens'" in call("agents", "list", code=2).stderr
    Path("shapes/desk.yaml").write_text("kind: sequential\nmembers: []\n")
    assert "desk.yaml, line 2, field 'members'" in call("topologies", "list", code=2).stderr


def test_the_command_itself() -> None:
    command = [str(Path(sys.executable).with_name("orchestra")), "topologies"]
    done = subprocess.run([*command, "list", "--json"], capture_output=True, text=True, timeout=15)
    assert done.returncode == 0, done.stderr
    assert [row["name"] for row in json.loads(done.stdout)][-1] == "desk"
    wrong = subprocess.run([*command, "validate", "orchestra.toml"], capture_output=True, text=True, timeout=15)
    assert (wrong.returncode, wrong.stdout) == (2, "") and len(wrong.stderr.splitlines()) == 1
