"""Retrieval by description alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, UnknownRouter
from orchestra.evaluation.contests.skills import echoed, hits, load_retrieval, ranked, skills

TOOLS = {
    "PlayMusic": "plays songs and albums",
    "book_table": "reserves a table for dinner",
    "Rain": "tells the weather",
}


def written(folder: Path, rows: list[dict[str, Any]], tools: dict[str, str] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    if tools is not None:
        (folder / "tools.json").write_text(json.dumps(tools), encoding="utf-8")
    return folder


def test_tools(tmp_path: Path) -> None:
    rows = [{"text": "some songs please", "label": "PlayMusic"}, {"text": "dinner for two", "label": "book_table"},
            {"text": "what is it", "label": "unknown"}]  # fmt: skip
    asked = load_retrieval(written(tmp_path / "a", rows, TOOLS))
    assert len(asked) == 2 and asked.said[0] == ("plays songs and albums",) and asked.right[1] == {1}
    out = skills(asked, embedder="hashed:256")
    auto = out["routers"][0]
    assert (auto["top1"], auto["hit_any_3"], auto["exact_at_size"], auto["gain_top1"]) == (1.0, 1.0, 1.0, None)
    assert out["baselines"][0] == {"name": "random", "top1": pytest.approx(1 / 3)} and out["n"] == 2
    bare = written(tmp_path / "b", rows)
    assert load_retrieval(bare, tmp_path / "a").names == asked.names
    with pytest.raises(BadDefinition, match="nothing describes"):
        load_retrieval(bare)
    with pytest.raises(BadDefinition, match="nowhere what is right"):
        load_retrieval(written(tmp_path / "c", [{"text": "x", "offered": [{"name": "f", "desc": "g"}]}]))


def test_a_choice_among_those_offered(tmp_path: Path) -> None:
    one, other = {"name": "f", "desc": "adds numbers"}, {"name": "g", "desc": "draws circles"}
    same = {"name": "f", "desc": "sends mail"}
    rows = [{"text": "add these numbers", "candidates": [one, other], "gold": ["f"]},
            {"text": "send a mail", "candidates": [same, other], "gold": ["f"]}]  # fmt: skip
    asked = load_retrieval(written(tmp_path, rows))
    assert asked.names == ("f", "g", "f") and list(map(set, asked.right)) == [{0}, {2}]
    assert list(map(set, asked.offered)) == [{0, 1}, {1, 2}]
    out = skills(asked, ["add numbers"], embedder="hashed:256")
    assert out["routers"][0]["top1"] == 1.0 and out["baselines"][0]["top1"] == 0.5
    with pytest.raises(BadDefinition, match=":1: none of"):
        load_retrieval(written(tmp_path, [{"text": "x", "candidates": [one], "gold": ["z"]}]))


def test_documents_and_names_alone(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "cloud-storage", "description": "keeps objects", "triggers": ["Cloud Storage", "keep my objects"]}
    ]
    assert load_retrieval(written(tmp_path, rows)).texts == ("keep my objects",)
    named: list[dict[str, Any]] = [
        {"text": "read the pdf", "skills": ["pdf", "mesh"]},
        {"text": "no", "skills": ["x"], "excluded": True},
    ]
    asked = load_retrieval(written(tmp_path, named))
    assert asked.texts == ("read the pdf",) and asked.names == ("mesh", "pdf", "x") and set(asked.right[0]) == {0, 1}
    row = skills(asked, embedder="hashed:256")["routers"][0]
    assert row["top1"] == 1.0 and row["recall_5"] == 1.0


def test_order_and_hits() -> None:
    order = ranked(np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]]), [frozenset({0, 2}), frozenset({1, 2})])
    assert order.tolist() == [[2, 0, 1], [1, 2, 0]]
    assert hits(order, [frozenset({0}), frozenset({0})], 2).tolist() == [[False, True], [False, False]]


def test_texts_that_are_alike_come_to_the_same_answer() -> None:
    x = np.array([[1.0, 0.0]], dtype=np.float32)
    pool = np.array([[1.0, 0.0], [0.99, 0.14], [0.0, 1.0]], dtype=np.float32)
    unsure, known = np.array([[0.5, 0.5]]), np.array([[0.9, 0.1], [0.8, 0.1], [0.1, 0.9]])
    found = echoed(unsure, x, known, pool)
    assert found[0, 0] > found[0, 1] + 0.5 and echoed(unsure, pool[2:], known, pool)[0].argmax() == 1


def test_texts_without_a_label_help(tmp_path: Path) -> None:
    rows = [{"text": "quux for two", "label": "book_table"}]
    asked = load_retrieval(written(tmp_path, rows, TOOLS))
    pool = ["quux and a dinner table", "quux dinner", "reserves quux", "quux for two", "weather"]
    alone, helped = (skills(asked, own, embedder="hashed:256") for own in ([], pool))
    named = skills(asked, pool, "hashed:256", routers=("described", "auto"))["routers"]
    assert [one["name"] for one in named] == ["described", "auto"] and named[1]["us_per_decision"] > 0
    assert named[0]["top1"] == alone["routers"][0]["top1"] and named[0]["us_per_decision"] is None
    with pytest.raises(UnknownRouter, match="auto, described"):
        skills(asked, pool, "hashed:256", routers=("linucb",))
    assert helped["routers"][0]["top1"] == 1.0 and helped["baselines"][-1]["top1"] == alone["routers"][0]["top1"]
