"""The commands, in this process: what they print, as text and as JSON, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from orchestra.cli.main import app

TEAM = ["--app", "tests.support.shop:team"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_STATE", str(tmp_path / "team.db"))
    return tmp_path


def call(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [*args])
    assert result.exit_code == code, result.output
    return result


def data(*args: str, code: int = 0) -> Any:
    result = call(*args, "--json", code=code)
    assert result.stderr == ""
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("args", "code", "status"),
    [
        (["hello", "--to", "answer"], 0, "done"),
        (["hello", "--to", "broken"], 1, "failed"),
        (["A1", "--to", "refund", "--usd", "0.001"], 3, "stopped"),
        (["go", "--to", "careful"], 4, "paused"),
    ],
)
def test_run(args: list[str], code: int, status: str) -> None:
    text = call("run", *args, *TEAM, code=code)
    assert f"· {status} ·" in text.stdout.splitlines()[-1]
    told = data("run", *args, *TEAM, code=code)
    assert told["status"] == status
    assert told["explanation"]["status"] == status
    assert (told["output"] is None) == (status != "done")
    assert (told["cause"] is None) == (status == "done")
    assert bool(told["asks"]) == (status == "paused")


def test_progress_goes_to_stderr() -> None:
    result = call("run", "A1", "--to", "refund", *TEAM)
    assert result.stdout.splitlines()[0] == "refunded A1"
    assert "agent adyen" in result.stderr
    assert "refunded" not in result.stderr


def test_run_explained() -> None:
    assert "Decisions" in call("run", "hello", "--to", "answer", "--explain", *TEAM).stdout


def test_route() -> None:
    text = call("route", "A1", "--to", "refund", *TEAM).stdout
    assert text.startswith("refund by linucb: ")
    assert sum(line.startswith("* ") for line in text.splitlines()) == 1
    told = data("route", "A1", "--to", "refund", *TEAM)
    assert {option["name"] for option in told["options"]} == {"stripe", "adyen"}
    assert told["chosen"][0] in {"stripe", "adyen"}


def test_agents() -> None:
    assert "summarizer" in call("agents", "list").stdout
    row = {"name": "adyen", "scope": "team", "description": "Refunds a payment of any kind."}
    assert row in data("agents", "list", *TEAM)
    assert "instructions: " in call("agents", "show", "summarizer").stdout
    assert data("agents", "show", "adyen", *TEAM)["cost_usd"] == "0.004"


def test_agents_of_the_configured_team(here: Path) -> None:
    (here / "orchestra.toml").write_text('[app]\nteam = "tests.support.shop:team"\n', encoding="utf-8")
    assert [row["name"] for row in data("agents", "list")] == [
        "stripe",
        "adyen",
        "broken",
        "careful",
        "endless",
        "writer",
    ]
    assert data("run", "hello", "--to", "answer")["output"] == "hello"


def test_validate(repository: Path, here: Path) -> None:
    assert "summarizer" in data("agents", "validate", str(repository / "agents"))["valid"]
    (here / "bad.md").write_text("---\nname: bad\ndescription: Bad.\ncolour: red\n---\nHello.\n", encoding="utf-8")
    line = call("agents", "validate", "bad.md", code=2).stderr
    assert line.startswith("BadDefinition: ")
    assert "bad.md" in line
    assert "colour" in line


def test_skills(repository: Path, here: Path) -> None:
    assert "cite-sources" in call("skills", "list").stdout
    assert {row["name"] for row in data("skills", "list")} >= {"cite-sources", "write-sql-safely"}
    assert "instructions: # Cite sources" in call("skills", "show", "cite-sources").stdout
    assert data("skills", "show", str(repository / "skills/cite-sources"))["files"] == ["scripts/check_citations.py"]
    assert "cite-sources" in data("skills", "validate", str(repository / "skills"))["valid"]
    folder = here / "my-skill"
    folder.mkdir()
    (folder / "SKILL.md").write_text("---\nname: other\ndescription: Mine.\n---\nDo it.\n", encoding="utf-8")
    line = call("skills", "validate", "my-skill", code=2).stderr
    assert line.startswith("BadDefinition: ") and "field 'name'" in line
    assert "There are no skills" in call("skills", "validate", str(here / "nothing"), code=2).stderr
    assert "UnknownName" in call("skills", "show", "juggling", code=2).stderr


def test_topologies(repository: Path, here: Path) -> None:
    assert "auto " in call("topologies", "list").stdout
    names = [row["name"] for row in data("topologies", "list")]
    assert names == ["auto", "hierarchical", "hybrid", "parallel", "sequential"]
    assert "join: refine" in call("topologies", "show", "parallel").stdout
    assert data("topologies", "show", "hybrid")["members"][2]["after"] == ["facts", "numbers"]
    assert len(data("topologies", "validate", str(repository / "topologies"))["valid"]) == 4
    (here / "bad.yaml").write_text("kind: parallel\nmembers: [a]\njoin: most\n", encoding="utf-8")
    line = call("topologies", "validate", "bad.yaml", code=2).stderr
    assert line.startswith("BadDefinition: ") and "line 3, field 'join'" in line
    assert "There are no topology files" in call("topologies", "validate", str(repository / "docs"), code=2).stderr
    assert "UnknownName" in call("topologies", "show", "spiral", code=2).stderr


def test_a_topology_is_drawn(here: Path) -> None:
    def arrows(name: str) -> list[str]:
        chart: str = data("topologies", "show", name, "--mermaid")["mermaid"]
        return [line.strip() for line in chart.splitlines() if "-->" in line]

    assert arrows("sequential") == ["goal --> n0", "n0 --> n1"]
    assert arrows("parallel") == ["goal --> n0", "goal --> n1", "n0 --> n2", "n1 --> n2"]
    assert arrows("hybrid") == ["goal --> n0", "goal --> n1", "n0 --> n2", "n1 --> n2", "n2 --> n3"]
    assert arrows("hierarchical") == ["goal --> n0", "n0 --> n1", "n0 --> n2", "n1 --> n3", "n2 --> n3"]
    (here / "odd.yaml").write_text("kind: parallel\nmembers: [join, '*']\njoin: refine\nby: 'a\"b'\n", encoding="utf-8")
    assert arrows("./odd.yaml") == ["goal --> n0", "goal --> n1", "n0 --> n2", "n1 --> n2"]
    assert '"join: a#quot;b"' in call("topologies", "show", "odd.yaml", "--mermaid").stdout
    assert "no shape before" in call("topologies", "show", "auto", "--mermaid", code=2).stderr


def test_run_in_a_topology(here: Path) -> None:
    (here / "two.yaml").write_text("kind: sequential\nmembers: [answer, refund]\n", encoding="utf-8")
    assert data("run", "A1", "--topology", "two.yaml", *TEAM)["output"] == "refunded A1"
    assert "BadInput" in call("run", "A1", "--topology", "two.yaml", "--to", "answer", *TEAM, code=2).stderr


def test_trace_and_feedback(here: Path) -> None:
    run_id = data("run", "hello", "--to", "answer", *TEAM)["run_id"]
    assert [row["run_id"] for row in data("trace", *TEAM)] == [run_id]
    for where in (TEAM, ["--state", "team.db"]):
        assert run_id in call("trace", *where).stdout
        assert "writer" in call("trace", run_id, *where).stdout
        assert data("trace", run_id, *where)[0]["children"]
        assert data("trace", run_id, "--explain", *where)["status"] == "done"
    assert data("feedback", run_id, "1", *TEAM)["learned"] == 1
    assert data("feedback", run_id, "1", *TEAM)["learned"] == 0
    assert "reward 1 from user" in call("trace", run_id, "--explain", "--state", "team.db").stdout
    assert "learned from it: 1" in call("feedback", run_id, "0.5", "--source", "judge", *TEAM).stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["run", "x"], "No team is named"),
        (["run", "x", "--app", "nowhere"], "names no team"),
        (["run", "x", "--app", "nowhere:team"], "no module 'nowhere'"),
        (["run", "x", "--to", "juggling", *TEAM], "juggling"),
        (["run", "x", "--usd", "-1", *TEAM], "BadNumber"),
        (["run", "x", "--usd", "nan", *TEAM], "BadNumber"),
        (["route", "x", "--to", "juggling", *TEAM], "juggling"),
        (["agents", "show", "nobody"], "UnknownAgent"),
        (["agents", "show", "nobody", *TEAM], "UnknownAgent"),
        (["agents", "validate", "gone.md"], "gone.md"),
        (["trace", "--state", "gone.db"], "no state file"),
        (["trace", *TEAM], "no state file"),
        (["feedback", "nobody", "1", *TEAM], "UnknownRun"),
        (["feedback", "nobody", "7", *TEAM], "BadNumber"),
    ],
)
def test_bad_input_is_one_clear_line(args: list[str], words: str) -> None:
    for options in ([], ["--json"]):
        result = call(*args, *options, code=2)
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert words in line
        assert "Traceback" not in line


@pytest.mark.parametrize("args", [["run"], ["run", "x", "--colour"], ["feedback", "x", "good"], ["juggle"]])
def test_a_wrong_command_line(args: list[str]) -> None:
    result = call(*args, code=2)
    assert result.stdout == ""
    assert "Error: " in result.stderr


def test_an_unknown_run_of_a_file(here: Path) -> None:
    call("run", "hello", "--to", "answer", *TEAM)
    assert "UnknownRun" in call("trace", "nobody", "--state", "team.db", code=2).stderr


def test_version_and_help() -> None:
    assert call("--version").stdout.strip()[0].isdigit()
    text = call("--help").stdout
    assert all(name in text for name in ("run", "route", "agents", "trace", "feedback", "Exit codes"))
