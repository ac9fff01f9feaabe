"""Rows from files: what is read, and that every error says where."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName
from orchestra.evaluation.load import load

GOOD = {"id": "q1", "task": "t", "text": "What?", "score": [1, 0.5], "cost": [0.1, None], "upstream_split": "test"}


def folder(path: Path, *rows: object, models: object = ("a", "b"), packed: bool = True) -> Path:
    (path / "models.json").write_text(json.dumps({"models": models}), encoding="utf-8")
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    if packed:
        (path / "outcomes.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    else:
        (path / "outcomes.jsonl").write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder(tmp_path: Path, packed: bool) -> None:
    second = {"id": 2, "score": [None, True], "metric": "f1", "tokens": [1, 2]}
    outcomes = load(folder(tmp_path, GOOD, "", second, packed=packed))
    assert (outcomes.options, outcomes.ids) == (("a", "b"), ("q1", "2"))
    assert (outcomes.tasks, outcomes.texts) == (("t", ""), ("What?", ""))
    assert np.array_equal(outcomes.scores, [[1.0, 0.5], [np.nan, 1.0]], equal_nan=True)
    assert outcomes.costs_usd is not None
    assert np.array_equal(outcomes.costs_usd, [[0.1, np.nan], [np.nan, np.nan]], equal_nan=True)
    assert outcomes.latencies_s is None
    assert outcomes.meta == {"upstream_split": ("test", None), "metric": (None, "f1")}


@pytest.mark.parametrize(
    ("row", "error", "says"),
    [
        ("{", BadDefinition, "not JSON"),
        ("[1]", BadDefinition, "must be an object"),
        ({"score": [1, 1]}, BadDefinition, "'id' is None"),
        ({"id": True, "score": [1, 1]}, BadDefinition, "'id' is True"),
        ({"id": "x"}, BadDefinition, "'score' is None"),
        ({"id": "x", "score": [1]}, BadDefinition, "'score' has 1 values"),
        ({"id": "x", "score": [1, 2]}, BadNumber, r"score\[1\] is 2"),
        ({"id": "x", "score": [1, "1"]}, BadNumber, r"score\[1\] is '1'"),
        ('{"id": "x", "score": [NaN, 1]}', BadNumber, r"score\[0\] is nan"),
        ({"id": "x", "score": [1, 1], "cost": [1, -1]}, BadNumber, r"cost\[1\] is -1"),
        ({"id": "x", "score": [1, 1], "cost": [True, 1]}, BadNumber, r"cost\[0\] is True"),
        ('{"id": "x", "score": [1, 1], "cost": [1e999, 1]}', BadNumber, r"cost\[0\] is inf"),
        ({"id": "x", "score": [1, 1], "cost": [10**400, 1]}, BadNumber, r"cost\[0\] is 1000"),
        ({"id": "q1", "score": [1, 1]}, DuplicateName, "'q1' is there already, in line 1"),
        ("[" * 100_000, BadDefinition, "cannot be read|not JSON"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, row: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        load(folder(tmp_path, GOOD, row))
    assert "outcomes.jsonl.gz" in str(caught.value)
    if not str(row).startswith("[["):
        assert "outcomes.jsonl.gz:2" in str(caught.value)


def test_clip_takes_the_nearer_end(tmp_path: Path) -> None:
    path = folder(tmp_path, {"id": "x", "score": [-0.03, 1.2]})
    with pytest.raises(BadNumber, match="clip=True"):
        load(path)
    assert load(path, clip=True).scores.tolist() == [[0.0, 1.0]]
    with pytest.raises(BadNumber):
        load(folder(tmp_path, '{"id": "x", "score": [Infinity, 1]}'), clip=True)


@pytest.mark.parametrize("models", [[], [1], "ab", None])
def test_bad_models(tmp_path: Path, models: object) -> None:
    with pytest.raises(BadDefinition, match=r"models\.json"):
        load(folder(tmp_path, GOOD, models=models))


def test_missing_empty_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(BadDefinition, match="holds no outcomes"):
        load(tmp_path)
    with pytest.raises(BadDefinition, match="holds no rows"):
        load(folder(tmp_path))
    packed = tmp_path / "outcomes.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(GOOD).encode())[:-12])
    with pytest.raises(BadDefinition, match="cannot be read"):
        load(tmp_path)
    packed.write_bytes(b"no gzip")
    with pytest.raises(BadDefinition, match="cannot be read"):
        load(packed)
    (tmp_path / "models.json").unlink()
    with pytest.raises(BadDefinition, match=r"models\.json"):
        load(tmp_path)


def test_the_only_file_of_a_folder_and_options_from_elsewhere(tmp_path: Path) -> None:
    folder(tmp_path, {**GOOD, "reward": [0.25, None]}, packed=False)
    (tmp_path / "outcomes.jsonl").rename(tmp_path / "heldout.jsonl")
    assert load(tmp_path, options=("c", "d")).options == ("a", "b"), "what lies beside it comes first"
    rewarded = load(tmp_path, score="reward")
    assert np.array_equal(rewarded.scores, [[0.25, np.nan]], equal_nan=True)
    (tmp_path / "models.json").unlink()
    assert load(tmp_path, options=("c", "d")).options == ("c", "d")
    (tmp_path / "other.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"no outcomes: there are heldout\.jsonl, other\.jsonl"):
        load(tmp_path)
