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


def refused(*arguments: str | Path) -> str:
    found = CliRunner().invoke(app, ["bench", *map(str, arguments)])
    assert found.exit_code == 2 and "Traceback" not in found.output, found.output
    return found.output


def outcome_rows(n: int) -> list[dict[str, Any]]:
    return [
        {"id": str(i), "task": kind, "text": text, "score": [kind == "sums", kind == "verse"], "cost": [1e-3, 2e-3]}
        for i, (kind, text) in enumerate(texts(n))
    ]


MODELS = {"models": {"models": ["counter", "poet"]}}


def test_outcomes_prints_a_table_and_writes_its_figures(tmp_path: Path) -> None:
    folder = written(tmp_path / "made", "outcomes.jsonl", outcome_rows(90), **MODELS)
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


def test_tiers_and_skills_know_their_own_routers_alone(tmp_path: Path) -> None:
    steps = [{"text": text, "label": "SIMPLE" if kind == "sums" else "COMPLEX"} for kind, text in texts(60)]
    folder = written(tmp_path / "steps", "data.jsonl", steps)
    assert "always 3" in ran("tiers", folder, *PLAIN, "--mean-tier", "1.5")
    asked = [{"text": text, "label": kind} for kind, text in texts(20)]
    tools = {"sums": "Adds and divides numbers.", "verse": "Writes a poem, line by line."}
    skills = written(tmp_path / "tools", "data.jsonl", asked, tools=tools)
    assert "HIT ANY 3" in ran("skills", skills, *PLAIN)
    assert "described" in ran("skills", skills, *PLAIN, "--router", "described")
    assert "auto " not in ran("tiers", folder, *PLAIN, "--router", "auto:likeliest")
    assert "knows auto, described" in refused("skills", skills, "--router", "linucb")
    assert "knows auto, auto:likeliest" in refused("tiers", folder, "--router", "linucb", *PLAIN)
    for name, path in (("skills", skills), ("tiers", folder)):
        assert "Nothing is drawn here" in ran(name, path, *PLAIN, "--seeds", "3")
        assert "Nothing is drawn here" not in ran(name, path, *PLAIN)


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = written(tmp_path / "made", "data.jsonl", [{"text": text, "label": kind} for kind, text in texts(60)])
    ran("intents", folder, *PLAIN, "--plot", tmp_path / "one.svg")
    assert "<svg" in (tmp_path / "one.svg").read_text(encoding="utf-8")


def test_a_folder_without_rows_is_one_clear_line(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["bench", "intents", str(tmp_path)])
    assert found.exit_code == 2
    assert "data.jsonl" in found.output and "Traceback" not in found.output


def test_a_part_is_named_by_its_folder_and_its_options_by_the_other_part(tmp_path: Path) -> None:
    rows = outcome_rows(90)
    train = written(tmp_path / "train", "outcomes.jsonl", rows[:60], **MODELS)
    test = written(tmp_path / "test", "heldout.jsonl", rows[60:])
    for path in (test, test / "heldout.jsonl"):
        ran("outcomes", path, "--train", train, *PLAIN, "--json", tmp_path / "out.json")
        result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
        assert result["dataset"] == "test" and result["options"] == ["counter", "poet"]
    assert "models.json" in refused("outcomes", test, *PLAIN)


def test_what_is_missing_is_named_and_the_contest_goes_on_without(tmp_path: Path) -> None:
    rows = outcome_rows(90)
    train = written(tmp_path / "train", "outcomes.jsonl", rows[:60], **MODELS)
    bare = [{key: value for key, value in row.items() if key != "cost"} for row in rows[60:]]
    test = written(tmp_path / "test", "outcomes.jsonl", bare)
    said = ran("outcomes", test, "--train", train, *PLAIN, "--json", tmp_path / "out.json")
    assert "Without costs: train has them and PATH has none." in said and "coin within" not in said
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["routers"][0]["cost_per_1k"] is None
    said = ran("outcomes", train, "--train", written(test, "outcomes.jsonl", bare, **MODELS), *PLAIN)
    assert "Without costs: PATH has them and train has none." in said
    rows[70]["cost"] = [1e-3, None]
    said = ran("outcomes", written(test, "outcomes.jsonl", rows[60:]), "--train", train, *PLAIN)
    assert "on every row: poet. For row '70' and option 'poet' there is no cost." in said
    rows[71]["cost"] = [None, 1e-3]
    said = refused("outcomes", written(test, "outcomes.jsonl", rows[60:]), "--train", train, *PLAIN)
    assert "there is no cost" in said and "'70'" in said


def test_missing_scores_are_a_log_and_in_the_part_to_learn_from_no_regret(tmp_path: Path) -> None:
    rows = outcome_rows(120)
    rows[100]["score"] = [None, True]
    train = written(tmp_path / "train", "outcomes.jsonl", rows[:60], **MODELS)
    test = written(tmp_path / "test", "outcomes.jsonl", rows[60:], **MODELS)
    said = ran("outcomes", test, "--train", train, *PLAIN, "--json", tmp_path / "out.json")
    assert "test is judged as a log" in said and "For row '100' and option 'counter' there is no score." in said
    (auto,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["routers"]
    assert auto["accuracy"] == 1.0 and auto["regret"] is None and auto["n_matched"] in (59, 60)
    said = ran("outcomes", train, "--train", test, *PLAIN)
    assert "No regret, as outcomes to learn from are missing. For row '100'" in said
    for row in rows:
        row["reward"] = [0.25, 0.5]
    written(train, "outcomes.jsonl", rows[:60])
    written(test, "outcomes.jsonl", [row | {"reward": [0.25, None]} for row in rows[60:]])
    ran("outcomes", test, "--train", train, *PLAIN, "--json", tmp_path / "out.json", "--router", "fixed:counter")
    (fixed,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["routers"]
    assert fixed["accuracy"] == 0.25 and fixed["n_matched"] == 60
    bare = [{key: value for key, value in row.items() if key != "reward"} for row in rows[:60]]
    # A log knows the cost of what was tried alone; and here the rewards stand in one of the files alone.
    tried = [row | {"reward": [0.5, None], "score": [True, None], "cost": [1e-3, None]} for row in rows[60:]]
    written(train, "outcomes.jsonl", bare)
    written(test, "outcomes.jsonl", tried)
    ran("outcomes", test, "--train", train, *PLAIN, "--json", tmp_path / "out.json", "--router", "fixed:counter")
    (fixed,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["routers"]
    assert fixed["accuracy"] == 1.0 and fixed["cost_per_1k"] is None
    rows[100]["score"] = [False, True]
    written(train, "outcomes.jsonl", rows[:60])
    written(test, "outcomes.jsonl", rows[60:])
    ran("outcomes", test, "--train", train, *PLAIN, "--json", tmp_path / "out.json")
    (auto,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["routers"]
    assert auto["accuracy"] > 0.9 and auto["regret"] is not None, "scores that are all there are what is judged by"


def test_what_a_router_has_no_figure_of_is_said(tmp_path: Path) -> None:
    folder = written(tmp_path / "made", "outcomes.jsonl", outcome_rows(90), **MODELS)
    assert "No regret for trained: " in ran("outcomes", folder, *PLAIN, "--router", "trained", "--router", "auto")
    assert "No regret" not in ran("outcomes", folder, *PLAIN)
    assert "asks a model" in refused("outcomes", folder, *PLAIN, "--router", "set:reasoned")
    labelled = written(tmp_path / "asked", "data.jsonl", [{"text": text, "label": kind} for kind, text in texts(60)])
    assert "Nothing is drawn here" in ran("intents", labelled, *PLAIN, "--seeds", "2")
    assert "Nothing is drawn here" not in ran("intents", labelled, *PLAIN, "--seeds", "2", "--router", "random")
    assert "bench intents, or sets" in refused("outcomes", labelled)
