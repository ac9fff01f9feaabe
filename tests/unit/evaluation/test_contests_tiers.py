"""The cheapest sufficient tier."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, BadNumber, UnknownRouter
from orchestra.evaluation.contests.tiers import STAGES, load_tiers, neighbours, tiers


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def steps(n: int, first: int = 0) -> list[dict[str, Any]]:
    texts = ("say hello", "fix this function", "prove this theorem", "repair the whole repository")
    return [
        {"id": str(i), "benchmark": "b", "instance_id": f"t{i // 2}", "step_index": i % 2, "target_tier_id": i // 2 % 4,
         "text": f"{texts[i // 2 % 4]} {i}", "last": f"{texts[i // 2 % 4]} now", "chars": 400, "n_messages": 2}
        for i in range(first, first + n)
    ]  # fmt: skip


def test_the_contest(tmp_path: Path) -> None:
    train, test = (
        load_tiers(written(tmp_path / name, steps(n, first))) for name, n, first in (("a", 96, 0), ("b", 32, 96))
    )
    assert [step.index for step in test.rows([1, 2]).steps] == [1, 0] and test.rows([5]).texts == (test.texts[5],)
    out = tiers(train, test, 1.5, embedder="hashed:256")
    auto, likeliest = out["routers"]
    assert auto["sufficient"] >= 0.9 and abs(auto["mean_tier"] - 1.5) < 0.3 and likeliest["accuracy"] == 1.0
    assert set(auto["failure_aware"]) == {"row_pass", "row_exact", "trajectory_pass", "cost_save", "combined"}
    assert out["embedder"] == "hashed:256 and numbers" and auto["curve"][0][0] <= auto["curve"][-1][0] == 3.0
    assert [row["embedder"] for row in out["routers"]] == [out["embedder"]] * 2
    assert auto["ceiling"] == likeliest["ceiling"] >= auto["sufficient_at"] - 0.1 and 0.0 <= auto["price"] <= 1.0
    begun: list[str] = []
    told = lambda count, text: None if count else begun.append(text)  # noqa: E731
    named = tiers(train, test, 1.5, "hashed:256", told, ("auto:likeliest",))
    assert [row["name"] for row in named["routers"]] == ["auto:likeliest"] and len(begun) == STAGES
    with pytest.raises(UnknownRouter, match="auto, auto:likeliest"):
        tiers(train, test, 1.5, "hashed:256", routers=("linucb",))
    base = {row["name"]: row for row in out["baselines"]}
    assert base["kNN-5"]["embedder"] == out["embedder"] and "embedder" not in base["oracle"]
    assert base["always 3"]["sufficient"] == 1.0 == base["oracle"]["accuracy"] and base["always 0"]["accuracy"] == 0.25


def test_vectors_and_names_of_tiers(tmp_path: Path) -> None:
    rows = [{"target_tier_id": i % 2, "emb": [1.0, 0.0] if i % 2 else [0.0, 1.0]} for i in range(30)]
    made = load_tiers(written(tmp_path, rows))
    assert made.vectors is not None and made.steps == () and made.numbers.shape == (30, 0)
    some = made.rows([3, 4])
    assert some.gold.tolist() == [1, 0] and some.vectors is not None and some.groups == (made.groups[3], made.groups[4])
    out = tiers(made, made, 0.5)
    assert out["embedder"] == "given" and out["routers"][1]["accuracy"] == 1.0
    assert "failure_aware" not in out["routers"][0]
    written(tmp_path, [{"text": "a", "label": "COMPLEX"}])
    assert load_tiers(tmp_path).gold.tolist() == [2]


def test_the_judged_rows_own_answers_raise_the_ceiling_and_nothing_else(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"target_tier_id": i % 2 * 3, "emb": [1.0, 0.0] if i % 2 else [0.0, 1.0]} for i in range(40)
    ]
    other = [{**row, "target_tier_id": 3 - row["target_tier_id"]} for row in rows]
    known, judged = (load_tiers(written(tmp_path / name, own)) for name, own in (("a", rows), ("b", other * 4)))
    auto = tiers(known, judged, 1.5)["routers"][0]
    assert auto["sufficient"] == auto["sufficient_at"] == 0.5 and auto["ceiling"] > 0.9


def test_the_commonest_tier_nearby() -> None:
    x, asked = np.eye(6, 2, dtype=np.float32), np.array([[1.0, 0.0]], dtype=np.float32)
    assert neighbours(x, np.array([2, 2, 1, 1, 0, 0]), asked).tolist() == [1]


def test_bad_rows(tmp_path: Path) -> None:
    for row, said in (({"text": "a", "target_tier_id": 4}, "tier is 4"), ({"text": "a", "label": "odd"}, "'odd'")):
        with pytest.raises(BadNumber, match=said):
            load_tiers(written(tmp_path, [row]))
    for rows in ([], [{"target_tier_id": 1}], [{"target_tier_id": 1, "emb": [1]}, {"target_tier_id": 1, "emb": []}]):
        with pytest.raises(BadDefinition):
            load_tiers(written(tmp_path, rows))
    made = load_tiers(written(tmp_path, steps(8)))
    with pytest.raises(BadNumber, match="mean tier"):
        tiers(made, made, 4.0, embedder="hashed:64")
