"""orchestra bench outcomes | intents | sets | tiers | skills on small made sets."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestra.cli.main import app

WORDS = {"sums": "add subtract divide number total", "verse": "poem rhyme sonnet line stanza"}
PLAIN = ("--embedder", "hashed:128")


def written(folder: Path, name: str, rows: Sequence[Mapping[str, Any]], **beside: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    for file, value in beside.items():
        (folder / f"{file}.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


def texts(n: int) -> list[tuple[str, str]]:
    rng = random.Random(7)
    kinds = [rng.choice(sorted(WORDS)) for _ in range(n)]
    return [
        (kind, f"{' '.join(rng.choice(WORDS[kind].split()) for _ in range(5))} {i}") for i, kind in enumerate(kinds)
    ]


def ran(*arguments: str | Path) -> str:
    found = CliRunner().invoke(app, ["bench", *map(str, arguments)])
    assert found.exit_code == 0, found.output
    return found.output


def test_outcomes_prints_a_table_and_writes_its_figures(tmp_path: Path) -> None:
    rows = [
        {"id": str(i), "task": kind, "text": text, "score": [kind == "sums", kind == "verse"], "cost": [1e-3, 2e-3]}
        for i, (kind, text) in enumerate(texts(90))
    ]
    folder = written(tmp_path / "made", "outcomes.jsonl", rows, models={"models": ["counter", "poet"]})
    said = ran("outcomes", folder, *PLAIN, "--json", tmp_path / "out.json", "--budget", "1.5")
    assert "best single" in said and "1.500" in said
    result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert result["dataset"] == "made"
    assert result["routers"][0]["accuracy"] == 1.0
    assert result["routers"][0]["regret"] is not None


@pytest.mark.parametrize("kind", ["intents", "sets"])
def test_labelled_questions_are_answered(kind: str, tmp_path: Path) -> None:
    rows = [
        {"text": text, "label": label} if kind == "intents" else {"text": text, "labels": [label]}
        for label, text in texts(90)
    ]
    folder = written(tmp_path / "made", "data.jsonl", rows)
    assert "auto" in ran(kind, folder, *PLAIN, "--json", tmp_path / "out.json")
    (auto, *_) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["routers"]
    assert auto["top1"] > 0.9
    assert auto["oos_auroc"] is None


def test_tiers_and_skills_know_auto_alone(tmp_path: Path) -> None:
    steps = [{"text": text, "label": "SIMPLE" if kind == "sums" else "COMPLEX"} for kind, text in texts(60)]
    folder = written(tmp_path / "steps", "data.jsonl", steps)
    assert "always 3" in ran("tiers", folder, *PLAIN, "--mean-tier", "1.5")
    asked = [{"text": text, "label": kind} for kind, text in texts(20)]
    tools = {"sums": "Adds and divides numbers.", "verse": "Writes a poem, line by line."}
    skills = written(tmp_path / "tools", "data.jsonl", asked, tools=tools)
    assert "HIT ANY 3" in ran("skills", skills, *PLAIN)
    found = CliRunner().invoke(app, ["bench", "skills", str(skills), "--router", "linucb"])
    assert found.exit_code == 2
    assert "--router auto" in found.output


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = written(tmp_path / "made", "data.jsonl", [{"text": text, "label": kind} for kind, text in texts(60)])
    ran("intents", folder, *PLAIN, "--plot", tmp_path / "one.svg")
    assert "<svg" in (tmp_path / "one.svg").read_text(encoding="utf-8")


def test_a_folder_without_rows_is_one_clear_line(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["bench", "intents", str(tmp_path)])
    assert found.exit_code == 2
    assert "data.jsonl" in found.output and "Traceback" not in found.output
