"""The installed command in processes of its own: one runs, another looks, a third says what it was worth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(sys.executable).with_name("orchestra")


@pytest.fixture
def place(tmp_path: Path, repository: Path) -> dict[str, Any]:
    """Where the command is called: a folder whose orchestra.toml names the team."""
    (tmp_path / "orchestra.toml").write_text('[app]\nteam = "tests.support.shop:team"\n', encoding="utf-8")
    env = {**os.environ, "SHOP_STATE": "team.db", "PYTHONPATH": str(repository), "NO_COLOR": "1"}
    return {"cwd": tmp_path, "env": env, "text": True}


@pytest.fixture
def command(place: dict[str, Any]) -> Any:
    def call(*args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str]
        done = subprocess.run([SCRIPT, *args], **place, capture_output=True, timeout=20)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call


def test_three_processes(command: Any) -> None:
    run = json.loads(command("run", "A1", "--to", "refund", "--json").stdout)
    assert run["output"] == "refunded A1"
    tree = command("trace", run["run_id"], "--state", "team.db").stdout
    assert "stripe" in tree
    assert "adyen" in tree
    # stripe's failure was learned by the process that met it; the customer speaks to another one
    assert "learned from it: 1" in command("feedback", run["run_id"], "1", "--source", "customer").stdout
    assert "learned from it: 0" in command("feedback", run["run_id"], "1", "--source", "customer").stdout
    options = json.loads(command("route", "A1", "--to", "refund", "--json").stdout)["options"]
    assert {option["name"]: option["tries"] for option in options} == {"stripe": 1, "adyen": 1}


def test_exit_codes_and_one_clear_line(command: Any) -> None:
    failed = command("run", "x", "--to", "broken", code=1)
    assert "ValueError: bad wiring" in failed.stdout
    assert "agent broken" in failed.stderr
    wrong = command("run", "x", "--to", "juggling", code=2)
    assert wrong.stderr.startswith("UnknownCapability: ")
    assert wrong.stderr.count("\n") == 1
    command("run", "A1", "--to", "refund", "--usd", "0.001", code=3)
    command("run", "x", "--to", "careful", code=4)


def test_an_interrupt_stops_the_run_and_keeps_its_record(command: Any, place: dict[str, Any]) -> None:
    args: list[str | Path] = [SCRIPT, "run", "x", "--to", "endless"]
    # Where the tests run in the background of a shell, interrupts are ignored, and children inherit that.
    heard: Any = {"preexec_fn": partial(signal.signal, signal.SIGINT, signal.SIG_DFL)}
    with subprocess.Popen(args, **place, **heard, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "agent endless\n"
        process.send_signal(signal.SIGINT)
        _, text = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in text
    (row,) = json.loads(command("trace", "--json").stdout)
    assert row["status"] == "stopped"


def test_help_is_light(repository: Path) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from orchestra.cli.main import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'numpy', 'pydantic', 'openai', 'anthropic', 'sqlite3', 'yaml', 'jinja2', 'opentelemetry', 'rich'}\n"
        "sys.exit(', '.join(sorted(heavy & {*sys.modules})) or None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
