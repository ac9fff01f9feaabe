"""orchestra graph: teams, paths and topologies, in three forms."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from orchestra.cli.main import app
from orchestra.graph.exchange import from_json

TEAM = ["--app", "tests.support.shop:team"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_STATE", str(tmp_path / "team.db"))
    return tmp_path


def call(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["graph", *args])
    assert result.exit_code == code, result.output
    return result


def test_a_team_in_three_forms(here: Path) -> None:
    assert call(*TEAM).stdout.startswith("flowchart LR\n") and "provides" in call(*TEAM).stdout
    graph = from_json(json.loads(call(*TEAM, "--format", "json").stdout))
    assert {"adyen", "capability:refund"} <= set(graph.links)
    assert call(*TEAM, "--format", "svg", "--out", "team.svg").stdout == ""
    assert ElementTree.fromstring((here / "team.svg").read_text(encoding="utf-8")).tag.endswith("svg")


def test_a_path_and_the_way_round_a_node() -> None:
    first = call(*TEAM, "--through", "refund").stdout
    assert "linkStyle" in first and "class " not in first
    second = call(*TEAM, "--through", "refund", "--without", "adyen").stdout
    assert " hidden" in second and "adyen" in second


def test_a_topology() -> None:
    said = call("--topology", "hybrid").stdout
    assert "draft<br>capability summary" in said and "v4 --> v5" in said
    assert "is needed by" in call("--topology", "hybrid", "--format", "svg").stdout


def test_what_is_wrong_is_said_in_a_line() -> None:
    assert "'gif' is no form" in call("--topology", "hybrid", "--format", "gif", code=2).stderr
    assert "no shape" in call("--topology", "auto", code=2).stderr
    assert "'nobody'" in call(*TEAM, "--through", "refund", "--without", "nobody", code=2).stderr
    assert "'poetry'" in call(*TEAM, "--through", "poetry", code=2).stderr
