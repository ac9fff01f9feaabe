"""The public benchmarks' own files."""

import json
from pathlib import Path

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.formats import llmrouterbench, routellm, routerbench

ROUTERBENCH = """sample_id,prompt,eval_name,m/a,b,m/a|total_cost,b|total_cost,oracle
x.1,"['Say', 'yes.']",arc,1.0,0.5,0.002,0.001,b
x.2,plain,mbpp,True,,0.1,,no_model
"""
ROUTELLM = "prompt,weak,strong,note\nOne?,True,False,hm\nTwo?,False,True,\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_routerbench(tmp_path: Path) -> None:
    outcomes = routerbench(written(tmp_path / "zero.csv", ROUTERBENCH))
    assert (outcomes.options, outcomes.ids, outcomes.tasks) == (("m/a", "b"), ("x.1", "x.2"), ("arc", "mbpp"))
    assert outcomes.texts == ("Say\n\nyes.", "plain")
    assert np.array_equal(outcomes.scores, [[1.0, 0.5], [1.0, np.nan]], equal_nan=True)
    assert outcomes.costs_usd is not None
    assert np.array_equal(outcomes.costs_usd, [[0.002, 0.001], [0.1, np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", BadDefinition, "holds no rows"),
        ("prompt,a\nq,1\n", BadDefinition, "zero.csv:1: RouterBench has the columns"),
        (ROUTERBENCH.replace("0.5,", "half,"), BadNumber, "zero.csv:2: b is 'half'"),
        (ROUTERBENCH.replace("0.5,", "1.5,"), BadNumber, "zero.csv:2: b is 1.5"),
        (ROUTERBENCH.replace(",no_model", ",no_model,more"), BadDefinition, "zero.csv:3: the row has more"),
        (ROUTERBENCH.replace(",no_model", ""), BadDefinition, "zero.csv:3: the row has more or fewer"),
    ],
)
def test_bad_routerbench(tmp_path: Path, text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        routerbench(written(tmp_path / "zero.csv", text))


def test_routellm_reads_a_folder_of_subjects(tmp_path: Path) -> None:
    written(tmp_path / "mmlu_a.csv", ROUTELLM)
    written(tmp_path / "mmlu_b.csv", ROUTELLM)
    outcomes = routellm(tmp_path)
    assert outcomes.options == ("weak", "strong") and outcomes.costs_usd is None
    assert outcomes.ids == ("mmlu_a:2", "mmlu_a:3", "mmlu_b:2", "mmlu_b:3")
    assert outcomes.scores[:2].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert routellm(tmp_path / "mmlu_a.csv", options=["strong"]).scores.tolist() == [[0.0], [1.0]]


def test_bad_routellm(tmp_path: Path) -> None:
    with pytest.raises(BadDefinition, match=r"no \.csv"):
        routellm(tmp_path)
    with pytest.raises(BadDefinition, match="has the column prompt"):
        routellm(written(tmp_path / "one.csv", "prompt,weak\nOne?,maybe\n"))
    with pytest.raises(BadNumber, match=r"one\.csv:2: weak is 'maybe'"):
        routellm(tmp_path / "one.csv", options=["weak"])


def record(index: object, query: str = "2+2?", **more: object) -> dict[str, object]:
    return {"index": index, "origin_query": query, "score": 1.0, "cost": 0.01, **more}


def bench(root: Path, model: str, *records: object, name: str = "2025.json") -> None:
    folder = root / "math" / "test" / model
    folder.mkdir(parents=True, exist_ok=True)
    written(folder / name, json.dumps({"performance": 1.0, "records": records}))


def test_llmrouterbench_joins_the_models_and_takes_the_last_run(tmp_path: Path) -> None:
    bench(tmp_path, "a", record(1, score=0.0), name="2024.json")
    bench(tmp_path, "a", record(1), record(2, "3+3?"))
    bench(tmp_path, "b", record(2, "3+3?", score=0.5, cost=None))
    outcomes = llmrouterbench(tmp_path)
    assert (outcomes.options, outcomes.ids) == (("a", "b"), ("math/test:1", "math/test:2"))
    assert (outcomes.tasks, outcomes.texts) == (("math", "math"), ("2+2?", "3+3?"))
    assert np.array_equal(outcomes.scores, [[1.0, np.nan], [1.0, 0.5]], equal_nan=True)
    assert outcomes.costs_usd is not None and np.isnan(outcomes.costs_usd[1, 1])


@pytest.mark.parametrize(
    ("records", "error", "says"),
    [
        ([record("1")], BadDefinition, "record 0: 'index' is '1'"),
        ([record(1, score=7)], BadNumber, "record 0: score is 7"),
        ([record(1, "another")], BadDefinition, "index 1 is another question"),
        (["text"], BadDefinition, '"records" must be a list of objects'),
    ],
)
def test_bad_llmrouterbench(tmp_path: Path, records: list[object], error: type[Exception], says: str) -> None:
    bench(tmp_path, "a", record(1))
    bench(tmp_path, "b", *records)
    with pytest.raises(error, match=says):
        llmrouterbench(tmp_path)


def test_an_empty_llmrouterbench(tmp_path: Path) -> None:
    with pytest.raises(BadDefinition, match="holds no DATASET"):
        llmrouterbench(tmp_path)
    bench(tmp_path, "a")
    written(tmp_path / "math/test/a/2026.json", "{")
    with pytest.raises(BadDefinition, match="not JSON"):
        llmrouterbench(tmp_path)
