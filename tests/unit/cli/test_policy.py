"""orchestra policy, orchestra routers, and the weights of route."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestra import Orchestra, agent
from orchestra.cli.main import app

WHEN, HOW, FEEDBACK = (
    ("before", "during", "after"),
    ("rule", "similarity", "learned", "model"),
    ("none", "bandit", "full"),
)


@agent(provides="answer", cost_usd=0.001)
def thrifty(text: str) -> str:
    """Answers."""
    return text


@agent(provides="answer", cost_usd=0.1)
def lavish(text: str) -> str:
    """Answers well, and answers all."""
    return text


def team() -> Orchestra:
    return Orchestra(agents=[thrifty, lavish], state="team.db")


def stateless() -> Orchestra:
    return Orchestra(agents=[thrifty, lavish])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*args: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*args])
    assert result.exit_code == code, result.output
    return result.output


def data(*args: str) -> Any:
    return json.loads(call(*args, "--json"))


def used(times: int = 2) -> None:
    for _ in range(times):
        run = data("run", "answer it", "--to", "answer", "--app", f"{__name__}:team")
        call("feedback", run["run_id"], "1", "--app", f"{__name__}:team")


def test_export_diff_pin_and_import() -> None:
    mine = ["--app", f"{__name__}:team"]
    used()
    first = data("policy", "export", "one.json", *mine, "--by", "me")
    assert first["policy"] == f"linucb@{first['sha256'][:8]}" and Path("one.json").is_file()
    assert "linucb@" in call("policy", "pin", *mine)
    used()
    assert data("route", "x", "--to", "answer", *mine)["policy"] == first["policy"]
    assert call("policy", "unpin", *mine) == "unpinned\n"
    assert data("route", "x", "--to", "answer", *mine)["policy"] == "linucb"
    used()
    second = data("policy", "export", "two.json", "--router", "linucb", "--state", "team.db")
    assert second["sha256"] != first["sha256"]
    found = data("policy", "diff", "one.json", "two.json", "--log", "team.db")
    assert [sum(row["pulls"][i] for row in found["options"]) for i in (0, 1)] == [2, 4]
    assert found["log"]["decisions"] == 6 and not found["same"]
    text = call("policy", "diff", "one.json", "two.json", "--log", "team.db")
    assert "on 6 decisions: another choice in" in text and "thrifty" in text
    assert "--add" in call("policy", "import", "one.json", *mine, code=2)
    assert data("policy", "import", "one.json", "--add", *mine)["policy"] == first["policy"]
    assert "already" in call("policy", "import", "one.json", "--add", *mine, code=2)
    assert call("policy", "pin", "one.json", *mine) == f"pinned to {first['policy']}\n"


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["diff", "none.json", "none.json"], "cannot be read"),
        (["export", "x.json", "--router", "linucb"], "go together"),
        (["export", "x.json", "--router", "linucb", "--state", "none.db"], "no state file"),
        (["pin", "--app", f"{__name__}:stateless"], "keeps no state"),
        (["export", "no/such/place.json", "--app", f"{__name__}:stateless"], "cannot be written"),
    ],
)
def test_what_is_wrong_is_one_line(args: list[str], why: str) -> None:
    said = call("policy", *args, code=2)
    assert why in said and said.count("\n") == 1


def test_every_router_is_listed_under_all_axes() -> None:
    rows = {row["name"]: row for row in data("routers")}
    assert {"linucb", "cheapest", "fallback", "guarded", "linucb>cheapest"} <= set(rows)
    for row in rows.values():
        assert row["when"] in WHEN and row["how"] in HOW and row["feedback"] in FEEDBACK
        assert isinstance(row["uses"], list) and isinstance(row["training"], bool)
    assert rows["cheapest"]["feedback"] == "none" and "cost" in rows["cheapest"]["uses"]
    assert "Li et al. 2010" in rows["linucb"]["source"]
    text = call("routers")
    assert text.startswith("NAME") and len(text.splitlines()) == len(rows) + 1


def test_weights_choose_too() -> None:
    mine = ["--to", "answer", "--app", f"{__name__}:stateless"]
    text = "Answers well, and answers all."
    assert data("route", text, *mine)["chosen"] == ["lavish"]
    weighed = data("route", text, *mine, "-w", "cost=2")
    assert weighed["chosen"] == ["thrifty"] and weighed["policy"] == "linucb -w cost=2"
    run = data("run", text, *mine, "-w", "cost=2", "-w", "latency=.1")
    (made,) = run["explanation"]["decisions"]
    assert "linucb -w cost=2 latency=0.1" in json.dumps(made)
    assert "weight" in call("route", text, *mine, "-w", "speed=1", code=2)
