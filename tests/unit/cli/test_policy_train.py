"""orchestra policy train: a folder of outcomes to a file that a team serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra import Orchestra, agent
from orchestra.cli.main import app


@agent(provides="answer")
def calculator(text: str) -> str:
    return "21"


@agent(provides="answer")
def poet(text: str) -> str:
    return "O rain"


def team() -> Orchestra:
    return Orchestra(agents=[calculator, poet], router="policy:trained.json", embedder="policy:trained.json")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def outcomes(score: float = 1.0) -> str:
    Path("models.json").write_text(json.dumps({"models": ["calculator", "poet"]}))
    rows = [
        {"id": f"{task}{n}", "task": task, "text": text.format(n), "score": [score * right, score * (1 - right)]}
        for n in range(12)
        for task, text, right in (("sums", "How much is {} and 3?", 1), ("poems", "A verse of {} lines on rain", 0))
    ]
    Path("outcomes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return "."


def call(*args: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*args])
    assert result.exit_code == code, result.output
    return result.output


def test_a_trained_policy_is_served() -> None:
    said = call("policy", "train", outcomes(), "trained.json", "--embedder", "hashed:128")
    assert "2 options from 24 rows on hashed:128+surface-" in said and "embedder='policy:trained.json'" in said
    assert "of 24 rows" in said, "its progress is told"
    for text, chosen in (("How much is 40 and 2?", "calculator"), ("A verse of 40 lines on rain", "poet")):
        told = json.loads(call("route", text, "--to", "answer", "--app", f"{__name__}:team", "--json"))
        assert told["chosen"] == [chosen] and told["policy"].startswith("trained@")
    again = CliRunner().invoke(app, ["policy", "train", ".", "again.json", "--embedder", "hashed:128", "--json"])
    facts = json.loads(again.stdout)
    assert facts["rows"] == 24 and facts["options"] == 2
    diff = json.loads(call("policy", "diff", "trained.json", "again.json", "--json"))
    assert diff["same"] and [row["pulls"] for row in diff["options"]] == [[24, 24], [24, 24]]


def test_what_is_wrong_is_one_line() -> None:
    for args, why in (
        (["none", "x.json"], "holds no outcomes"),
        ([outcomes(), "x.json", "--embedder", "nobody"], "no embedder 'nobody'"),
        ([".", "x.json", "--embedder", "hashed:64", "--price", "1"], "cost is missing"),
        ([".", "x.json", "--embedder", "hashed:64", "--budget", "0"], "budget_per_1k=0"),
        ([".", "no/such/x.json", "--embedder", "hashed:64"], "cannot be written"),
    ):
        said = call("policy", "train", *args, code=2)
        assert why in said and "Traceback" not in said
    assert "clip=True" in call("policy", "train", outcomes(2.0), "x.json", code=2)
    assert not Path("x.json").exists()
