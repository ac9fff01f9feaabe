"""The objective on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra import Orchestra, agent
from orchestra.cli.main import app


@agent(provides="draft", cost_usd=0.001, latency_s=9)
def thrifty(text: str) -> str:
    return f"thrifty {text}"


@agent(provides="draft", cost_usd=0.003)
def hasty(text: str) -> str:
    return f"hasty {text}"


@agent(provides="check")
def checker(text: str) -> str:
    return f"checked {text}"


def team() -> Orchestra:
    return Orchestra(agents=[thrifty, hasty, checker], router="cheapest")


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["run", "it", "--to", "draft>check", "--app", f"{__name__}:team", *args])
    return result.exit_code, result.output


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("weights", "who"),
    [
        ([], "thrifty"),
        (["-w", "latency=1"], "hasty"),
        (["-w", "cost=1 latency=.2"], "hasty"),
        (["-w", "cost=1", "-w", "latency=0"], "thrifty"),
    ],
)
def test_who_is_asked_depends_on_what_counts(weights: list[str], who: str) -> None:
    code, said = run(*weights)
    assert code == 0 and f"checked {who} it" in said


@pytest.mark.parametrize("bad", ["cost=-1", "cost=nan", "speed=1", "cost", "cost=1 cost=2", "latency=inf"])
def test_what_is_no_weight_is_refused(bad: str) -> None:
    code, said = run("-w", bad)
    assert code == 2 and ("weight" in said or "cost" in said or "latency" in said)
