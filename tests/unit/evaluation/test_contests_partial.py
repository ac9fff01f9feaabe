"""A contest on a log in which most outcomes were never recorded."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.accuracy import onehot
from orchestra.evaluation.contests.outcomes import FIGURES, Asked
from orchestra.evaluation.contests.partial import FEW, linear, partial, stages, value
from orchestra.evaluation.outcomes import OutcomeSet

WORDS = {"sums": "add subtract divide number total", "verse": "poem rhyme sonnet line stanza"}
SMALL = Asked(embedder="hashed:128")


def log(n: int, seed: int, recorded: float = 0.5) -> OutcomeSet:
    """Sums go to the first of three options, verses to the second; the third does neither well."""
    rng = random.Random(seed)
    tasks = tuple(rng.choice(sorted(WORDS)) for _ in range(n))
    scores = np.array([[0.9, 0.3, 0.5] if task == "sums" else [0.3, 0.8, 0.5] for task in tasks])
    scores[np.random.default_rng(seed).random((n, 3)) >= recorded] = np.nan
    return OutcomeSet(
        options=("counter", "poet", "other"),
        ids=tuple(f"{seed}/{i}" for i in range(n)),
        scores=scores,
        tasks=tasks,
        texts=tuple(
            " ".join(rng.choice(WORDS[task].split()) for _ in range(6)) + f" {i}" for i, task in enumerate(tasks)
        ),
        meta={"optimal_reward": tuple(0.9 if task == "sums" else 0.8 for task in tasks)},
    )


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return partial(log(200, 0), log(120, 1), ("auto", "neighbours", "fixed:other"), SMALL)


def test_each_is_judged_by_the_rows_where_its_choice_was_recorded(result: dict[str, Any]) -> None:
    auto, near, other = result["routers"]
    base = {one["name"]: one for one in result["baselines"]}
    truth = base["optimum"]["accuracy"]
    assert auto["accuracy"] == pytest.approx(truth, abs=0.02) and near["accuracy"] == pytest.approx(truth, abs=0.02)
    assert other["accuracy"] == pytest.approx(0.5) and other["value95"] == pytest.approx([0.5, 0.5])
    judged = log(120, 1)
    assert other["n_matched"] == int((~np.isnan(judged.scores[:, 2])).sum()) == pytest.approx(other["ess"])
    assert base["random"]["accuracy"] == pytest.approx(np.nanmean(judged.scores))
    assert base["per task (told the task)"]["accuracy"] == pytest.approx(truth, abs=0.02)
    assert base["best single"]["accuracy"] == pytest.approx(np.nanmean(judged.scores[:, 0]))
    assert base["best single"]["ci95"] is None and auto["ci95"][0] > 0.05 > 0.0 > other["ci95"][0]


def test_the_json_keeps_the_keys_of_outcomes_with_nulls(result: dict[str, Any]) -> None:
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["recorded"] == pytest.approx(0.5, abs=0.1) and result["n"] == 120
    for one in (*result["routers"], *result["baselines"]):
        assert one.keys() == {"name", *FIGURES, "curve", "within", "n_matched", "ess", "value95"}
        assert one["regret"] is one["cost_per_1k"] is one["aiq"] is one["mcnemar"] is one["ceiling"] is None
    assert result["routers"][0]["embedder"] == "hashed:128 and surface"


def test_the_value_and_its_linear_form_by_hand() -> None:
    rows = log(4, 0)
    rows.scores[:] = np.nan
    rows.scores[0, 0], rows.scores[1, 0], rows.scores[2, 1] = 1.0, 0.5, 0.0
    always = onehot([0, 0, 0, 0], 3)
    assert value(rows, always).value == pytest.approx(0.75) and value(rows, always).effective_n == pytest.approx(2.0)
    z = linear(rows, always)
    assert z.mean() == pytest.approx(0.75) and z == pytest.approx([1.25, 0.25, 0.75, 0.75])
    assert value(rows, np.full((4, 3), 1 / 3)).value == pytest.approx(0.5)


def test_no_choice_that_was_recorded_is_no_figure() -> None:
    judged = log(60, 1)
    judged.scores[:, 2] = np.nan
    (other,) = partial(log(80, 0), judged, ("fixed:other",), SMALL)["routers"]
    assert other["n_matched"] == 0 and other["accuracy"] is other["ci95"] is other["ess"] is None


@pytest.mark.parametrize(("matched", "told"), [(1, False), (FEW - 1, False), (FEW, True)])
def test_few_rows_have_no_interval(matched: int, told: bool) -> None:
    judged = log(200, 1)
    judged.scores[np.flatnonzero(~np.isnan(judged.scores[:, 2]))[matched:], 2] = np.nan
    (other,) = partial(log(80, 0), judged, ("fixed:other",), SMALL)["routers"]
    assert other["n_matched"] == matched and other["accuracy"] == pytest.approx(0.5)
    assert (other["value95"] is not None) is (other["ci95"] is not None) is told


def test_stages_are_told_as_they_were_counted_and_routers_are_looked_at_first() -> None:
    begun: list[str] = []
    names = ("auto", "random")
    partial(log(60, 0), log(40, 1), names, SMALL, lambda count, text: begun.append(text) if not count else None)
    assert len(begun) == stages(names)
    with pytest.raises(BadDefinition, match="asks a model"):
        partial(log(60, 0), log(40, 1), ("set:reasoned",), SMALL)
