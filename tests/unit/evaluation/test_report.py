"""The table of baselines."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.outcomes import OutcomeSet
from orchestra.evaluation.report import folded, main, report

ALWAYS = ["random", "cheapest", "best single", "per task (told the task)", "kNN", "oracle"]


def planted(priced: bool = True, n: int = 120) -> OutcomeSet:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, n)
    words = np.array([["refund my parcel", "money back now"], ["write python code", "fix this function"]])
    return OutcomeSet(
        options=("a", "b"),
        ids=tuple(map(str, range(n))),
        scores=(rng.random((n, 2)) < np.array([[0.9, 0.4], [0.1, 0.8]])[kind]).astype(np.float64),
        costs_usd=np.tile([0.001, 0.004], (n, 1)) if priced else None,
        tasks=tuple("xy"[i] for i in kind),
        texts=tuple(f"{words[k, i % 2]} {i}" for i, k in enumerate(kind)),
    )


def test_every_baseline_is_there() -> None:
    rows = report(planted(), folds=3)
    plain = [row.name for row in rows if not row.name.startswith("mixture") and "within" not in row.name]
    assert plain == ALWAYS
    named = {row.name: row for row in rows}
    assert named["random"].accuracy < named["best single"].accuracy < named["kNN"].accuracy <= named["oracle"].accuracy
    assert named["cheapest"].cost_per_1k == pytest.approx(1.0)
    knn, mixture = named["kNN"].aiq, named["mixture (hull of single options)"].aiq
    assert knn is not None and mixture is not None and mixture < knn <= (named["oracle"].aiq or 0.0)
    gain = named["kNN"].gain
    assert gain is not None and 0.0 < gain.low < gain.high
    assert named["best single"].gain is None


def test_no_fold_learns_from_itself() -> None:
    outcomes = planted()
    parts = list(folded(outcomes, 4))
    assert sorted(id_ for _, test, _ in parts for id_ in test.ids) == sorted(outcomes.ids)
    for train, test, places in parts:
        assert not set(train.ids) & set(test.ids) and len(train) + len(test) == len(outcomes)
        assert test.ids == tuple(outcomes.ids[place] for place in places)


def test_a_budget_is_kept() -> None:
    rng = np.random.default_rng(1)
    easy = rng.random(300) < 0.5
    outcomes = OutcomeSet(
        options=("cheap", "dear"),
        ids=tuple(map(str, range(300))),
        scores=np.column_stack([easy, np.ones(300)]).astype(np.float64),
        costs_usd=np.tile([0.001, 0.010], (300, 1)),
        texts=tuple(f"{'add two numbers' if e else 'prove the theorem'} {i}" for i, e in enumerate(easy)),
    )
    named = {row.name: row for row in report(outcomes, folds=3)}
    costs = {share: named[f"kNN within {share}%"].cost_per_1k or 0.0 for share in (10, 25, 50)}
    assert costs[10] == pytest.approx(1.0) and costs[25] <= 2.6 and costs[50] <= 5.1
    assert named["coin within 25%"].cost_per_1k == pytest.approx(2.5)
    assert named["coin within 50%"].accuracy == pytest.approx(0.5 + 0.5 * 4 / 9, abs=0.06)
    assert named["kNN"].accuracy > 0.98


def test_without_costs_there_is_nothing_to_mix() -> None:
    rows = report(planted(priced=False), folds=3)
    assert [row.name for row in rows] == [name for name in ALWAYS if name != "cheapest"]
    assert {(row.cost_per_1k, row.aiq) for row in rows} == {(None, None)}


def test_a_training_part_of_its_own() -> None:
    train, test = planted().split(0.5)
    rows = {row.name: row for row in report(test, train)}
    assert rows["best single"].accuracy == pytest.approx(test.scores[:, int(train.scores.mean(axis=0).argmax())].mean())
    with pytest.raises(BadDefinition, match="different options"):
        report(test, train.only(["b", "a"]))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = planted()
    assert outcomes.costs_usd is not None
    lines = [
        json.dumps({"id": i, "task": t, "text": x, "score": s, "cost": c})
        for i, t, x, s, c in zip(
            outcomes.ids,
            outcomes.tasks,
            outcomes.texts,
            outcomes.scores.tolist(),
            outcomes.costs_usd.tolist(),
            strict=True,
        )
    ]
    (tmp_path / "outcomes.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    (tmp_path / "models.json").write_text('{"models": ["a", "b"]}', encoding="utf-8")
    main([str(tmp_path), "--folds", "3"])
    printed = capsys.readouterr().out
    assert "120 rows, 2 options" in printed
    assert all(f"| {name} | " in printed for name in ALWAYS)
    main([str(tmp_path), "--train", str(tmp_path)])
    assert "| kNN | " in capsys.readouterr().out


def test_parts_with_costs_and_without_are_compared_without() -> None:
    for rows in (report(planted(False), planted()), report(planted(), planted(False))):
        names = [row.name for row in rows]
        assert "cheapest" not in names and not [name for name in names if "within" in name]


def test_what_is_missing_is_named() -> None:
    gap = planted()
    gap.scores[3, 1] = np.nan
    with pytest.raises(BadDefinition, match="row '3' and option 'b' there is no score"):
        report(gap)
    dear = planted()
    assert dear.costs_usd is not None
    dear.costs_usd[5:7, 0] = np.nan
    with pytest.raises(BadDefinition, match="row '5' and option 'a' there is no cost, nor for 1 more"):
        report(dear)
