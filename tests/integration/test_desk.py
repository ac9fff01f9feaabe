"""The queue of questions from processes of their own: one asks, others see it, answer it, and undo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestra.app.queue import Pending, pending
from orchestra.stores.sqlite import SqliteStore

SCRIPT = Path(sys.executable).with_name("orchestra")
Process = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(tmp_path: Path, repository: Path) -> dict[str, Any]:
    (tmp_path / "orchestra.toml").write_text('[app]\nteam = "tests.support.desk:team"\n', encoding="utf-8")
    env = {**os.environ, "DESK_STATE": str(tmp_path / "team.db"), "PYTHONPATH": str(repository), "NO_COLOR": "1"}
    return {"cwd": tmp_path, "env": env, "text": True, "capture_output": True, "timeout": 20}


@pytest.fixture
def command(place: dict[str, Any]) -> Process:
    def call(*args: str, code: int = 0, knows: str = "yes") -> subprocess.CompletedProcess[str]:
        env = {**place["env"], "DESK_KNOWS": knows}
        done: subprocess.CompletedProcess[str] = subprocess.run([SCRIPT, *args], **{**place, "env": env})
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call


@pytest.fixture
def begin(place: dict[str, Any]) -> Callable[[str], str]:
    def call(order: str) -> str:
        run = f"print(team.run_sync(settle, {order!r}).run_id)"
        code = f"from tests.support.desk import settle, team; {run}; team.close()"
        done = subprocess.run([sys.executable, "-c", code], **place)
        assert done.returncode == 0, done.stderr
        return str(done.stdout.strip())

    return call


def asked(place: dict[str, Any]) -> list[Pending]:
    """As this process sees it."""
    store = SqliteStore(Path(place["cwd"]) / "team.db")
    try:
        return pending(store)
    finally:
        store.close()


def noted(place: dict[str, Any]) -> list[str]:
    path = Path(place["cwd"]) / "team.log"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_a_run_is_answered_approved_and_done(command: Process, begin: Any, place: dict[str, Any]) -> None:
    run_id = begin("A")
    (question,) = json.loads(command("asks", "--json").stdout)
    assert (question["run_id"], question["kind"], question["run"]) == (run_id, "question", "settle")
    told = command("answer", run_id, question["key"], "12", code=4).stdout
    assert "May the tool 'pay' be called with order=" in told and "A:12" in told
    (approval,) = asked(place)
    assert approval.kind == "approval" and noted(place) == []
    assert command("approve", run_id).stdout.startswith("receipt A:12")
    assert noted(place) == ["pay A:12"]
    assert command("asks").stdout.strip() == "Nobody is asked anything."


def test_a_denied_call_is_not_made(command: Process, begin: Any, place: dict[str, Any]) -> None:
    run_id = begin("A")
    command("answer", run_id, asked(place)[0].key, "12", code=4)
    told = json.loads(command("deny", run_id, "--reason", "too much", "--json", code=1).stdout)
    assert told["status"] == "failed" and "too much" in told["cause"] and noted(place) == []


def test_where_the_workflow_is_not_known_it_is_recorded_for_who_knows_it(
    command: Process, begin: Any, place: dict[str, Any]
) -> None:
    run_id = begin("A")
    key = asked(place)[0].key
    assert "recorded" in command("answer", run_id, key, "12", knows="no").stdout
    assert asked(place)[0].answer == (12,) and "(recorded: 12)" in command("asks").stdout
    code = f"from tests.support.desk import team; r = team.resume_sync({run_id!r}); print(r.status); team.close()"
    done = subprocess.run([sys.executable, "-c", code], **place)
    assert done.stdout.strip() == "paused", done.stderr
    (approval,) = json.loads(command("asks", "--state", "team.db", "--json").stdout)
    assert approval["kind"] == "approval" and approval["answer"] == []
    told = json.loads(command("approve", run_id, "--state", "team.db", "--json").stdout)
    assert told["status"] == "recorded" and noted(place) == []
    done = subprocess.run([sys.executable, "-c", code], **place)
    assert done.stdout.strip() == "done" and noted(place) == ["pay A:12"]


def test_later_is_later(command: Process, begin: Any, place: dict[str, Any]) -> None:
    run_id = begin("A")
    command("answer", run_id, asked(place)[0].key, "12", "--later")
    assert asked(place)[0].answer == (12,) and noted(place) == []


def test_a_run_is_abandoned_from_another_process(command: Process, begin: Any, place: dict[str, Any]) -> None:
    run_id = begin("broken")
    command("answer", run_id, asked(place)[0].key, "12", code=4)
    command("approve", run_id, code=1)
    assert noted(place) == ["pay broken:12"]
    told = json.loads(command("abandon", run_id, "--json", knows="no").stdout)
    assert told["status"] == "abandoned" and told["output"]["undone"] == ["pay"]
    assert noted(place)[1:] == ["unpay broken:12 receipt broken:12"]
    assert "Abandoned" in command("abandon", run_id, code=2).stderr and len(noted(place)) == 2


def test_what_is_wrong_is_one_clear_line(command: Process, begin: Any) -> None:
    run_id = begin("A")
    for args in (("approve", run_id), ("answer", run_id, "nothing", "1")):
        done = command(*args, code=2)
        assert done.stderr.startswith("BadInput: ") and done.stderr.count("\n") == 1
    assert "UnknownRun" in command("abandon", "nobody", code=2).stderr
