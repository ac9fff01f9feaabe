"""orchestra bench: what it prints, what it writes, what its exit code says."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli.main import app
from orchestra.evaluation.healing import campaign, chaos, suites
from orchestra.evaluation.healing.chaos import Chaos
from orchestra.evaluation.healing.suites import Row, Suite

RIGHT = dict.fromkeys(suites.COUNTS, 0)


def row(right: bool = True, **counts: int) -> Row:
    return Row(id="S1", outcome="completed", acted=("CRM",), right=right, **{**RIGHT, **counts})


def invoked(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["bench", *words])
    return result.exit_code, result.output


def test_healing_prints_each_scenario_and_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "SUITES", suites.SUITES[:1])
    code, text = invoked("healing", "--json", str(tmp_path / "h.json"))
    assert code == 0
    assert "repository: 19 of 19 right" in text and "TB-5" in text and "model calls" in text.lower()
    (suite,) = json.loads((tmp_path / "h.json").read_text(encoding="utf-8"))["suites"]
    assert (suite["name"], suite["correct"], len(suite["scenarios"])) == ("repository", 19, 19)
    assert (suite["failures"], suite["rerouted"], suite["escalated"], suite["attempts"]) == (24, 17, 7, 83)


@pytest.mark.parametrize(
    ("name", "one", "code"),
    [
        ("paper", row(), 0),
        ("paper", row(right=False), 1),
        ("paper", row(silent=1), 1),
        ("paper: fixed", row(right=False, silent=1), 0),
    ],
)
def test_the_exit_code_is_that_of_the_healing_graph(
    name: str, one: Row, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "run_suites", lambda told: [Suite(name=name, rows=(one,))])
    assert invoked("healing")[0] == code


def test_campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = invoked("campaign", "--graphs", "20", "--seed", "3", "--json", str(tmp_path / "c.json"))
    assert code == 0 and "graphs: 20" in text and "broken: 0" in text
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["graphs"] == 20

    def breaks(item: object) -> None:
        raise AssertionError("it broke")

    monkeypatch.setattr(campaign, "simulate", breaks)
    code, text = invoked("campaign", "--graphs", "1", "--seed", "3")
    assert code == 1 and "broken: 1" in text and "it broke" in text
    assert invoked("campaign", "--graphs", "0")[0] == 2


def test_chaos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Chaos(seed=1, runs=5)
    monkeypatch.setattr(chaos, "run_chaos", lambda runs, seed, at_once, told: found)
    code, text = invoked("chaos", "--runs", "5", "--json", str(tmp_path / "x.json"))
    assert code == 0 and "runs: 5" in text
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["broken"] == []
    found.broken.append("A-1: twice paid")
    code, text = invoked("chaos", "--runs", "5")
    assert code == 1 and "twice paid" in text
