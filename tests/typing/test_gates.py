"""The gate of pyright, broken on purpose, and what the public names lack for those who check their programs with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

PUBLIC = re.compile(r"orchestra\.(\w+$|(testing|ports)\.|core\.(errors|events|outcome)\.)")

PROGRAM = """
from typing import assert_type

from orchestra import agent, step


@agent
async def count(text: str) -> int:
    return len(text)


async def fine() -> None:
    assert_type(await step(count, "a"), int)
    step(count, "a", timeout=1)  # pyright: ignore[reportCallIssue]


async def wrong_type() -> None:
    assert_type(await step(count, "a"), str)


async def overlooked_by_mypy_alone() -> None:
    await count(3)  # type: ignore


async def overlooked_for_nothing() -> None:
    await count("a")  # pyright: ignore[reportArgumentType]


async def untyped(text) -> None:
    await count(text)
"""
FAULTS = [
    (18, "reportAssertTypeFailure"),
    (22, "reportArgumentType"),
    (26, "reportUnnecessaryTypeIgnoreComment"),
    (29, "reportUnknownParameterType"),
    (29, "reportMissingParameterType"),
    (30, "reportUnknownArgumentType"),
]


def pyright(folder: Path, *options: str, path: str = "") -> dict[str, Any]:
    """What pyright says of the folder, as it says it to programs."""
    process = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    said: dict[str, Any] = json.loads(process.stdout)
    return said


@pytest.mark.timeout(60)
def test_a_program_that_is_wrong_is_seen(repository: Path, tmp_path: Path) -> None:
    settings = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pyright"]
    assert "tests/typing" in settings["strict"]
    settings |= {"include": ["."], "strict": ["."], "venvPath": None, "venv": None}
    kept = {name: value for name, value in settings.items() if value is not None}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(kept), encoding="utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    found = pyright(tmp_path, path=str(repository))["generalDiagnostics"]
    assert [(item["range"]["start"]["line"] + 1, item["rule"]) for item in found] == FAULTS


@pytest.mark.timeout(60)
def test_the_type_of_every_public_name_is_known(repository: Path, tmp_path: Path) -> None:
    """Else a strict program that uses it is full of unknown types. The package has to be found beyond the folder."""
    options = ("--verifytypes", "orchestra", "--ignoreexternal")
    symbols = pyright(tmp_path, *options, path=str(repository))["typeCompleteness"]["symbols"]
    public = [symbol for symbol in symbols if PUBLIC.match(symbol["name"])]
    assert {"orchestra.Orchestra", "orchestra.step", "orchestra.testing.Scripted"} <= {one["name"] for one in public}
    assert [one["name"] for one in public if not one["isTypeKnown"]] == []


def test_each_gate_is_run(repository: Path) -> None:
    text = (repository / "Makefile").read_text(encoding="utf-8")
    (gates,) = re.findall(r"^check: (.*)$", text, re.M)
    assert gates.split() == ["ruff", "mypy", "pyright", "imports"]
    assert {gate for gate in gates.split() if re.search(rf"^{gate}: .*\n\t@\$\(BIN\)/", text, re.M)} == {*gates.split()}
