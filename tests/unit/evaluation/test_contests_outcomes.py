"""A contest on a small made set: the contract of its JSON, and that learning shows."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, UnknownRouter
from orchestra.evaluation.accuracy import accuracy
from orchestra.evaluation.baselines import Predicted
from orchestra.evaluation.contests.entrants import Expected, Part, favours, taught, trained
from orchestra.evaluation.contests.features import CHOICES, features
from orchestra.evaluation.contests.outcomes import Asked, contest, mean_of_all, price_within, questions, stages
from orchestra.evaluation.contests.plot import mixed, plot
from orchestra.evaluation.outcomes import OutcomeSet
from orchestra.routing.registry import router

WORDS = {"sums": "add subtract divide number total", "verse": "poem rhyme sonnet line stanza"}
EXACT = {"cost_per_1k", "aiq", "apgr", "regret", "curve", "ci95", "accuracy", "name", "embedder", "ceiling", "mcnemar"}


def made(n: int, seed: int, costs: bool = True) -> OutcomeSet:
    """Sums go to the first option and verses to the second, nearly always."""
    rng = random.Random(seed)
    tasks = tuple(rng.choice(sorted(WORDS)) for _ in range(n))
    texts = tuple(" ".join(rng.choice(WORDS[task].split()) for _ in range(6)) + f" {i}" for i, task in enumerate(tasks))
    right = np.array([[task == "sums", task == "verse"] for task in tasks], dtype=float)
    flipped = np.array([[rng.random() < 0.1 for _ in range(2)] for _ in range(n)])
    return OutcomeSet(
        options=("counter", "poet"),
        ids=tuple(f"{seed}/{i}" for i in range(n)),
        scores=np.where(flipped, 1.0 - right, right),
        tasks=tasks,
        texts=texts,
        costs_usd=np.tile([0.001, 0.003], (n, 1)) if costs else None,
    )


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    asked = Asked(embedder="hashed:256", budgets_per_1k=(1.5,))
    return contest(made(160, 0), made(80, 1), ("auto", "neighbours", "cheapest"), asked)


def test_routers_that_learn_beat_the_best_single_option(result: dict[str, Any]) -> None:
    name_to_router = {one["name"]: one for one in result["routers"]}
    single = next(one["accuracy"] for one in result["baselines"] if one["name"] == "best single")
    assert name_to_router["auto"]["accuracy"] > single + 0.2
    assert name_to_router["auto"]["ci95"][0] > 0.0
    assert name_to_router["neighbours"]["accuracy"] > single + 0.2
    assert name_to_router["cheapest"]["cost_per_1k"] == pytest.approx(1.0)


def test_the_json_keeps_its_contract(result: dict[str, Any]) -> None:
    assert {"dataset", "n", "baselines", "routers"} <= result.keys()
    for one in result["routers"]:
        assert one.keys() >= EXACT
        assert all(len(point) == 2 for point in one["curve"])
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert {one["embedder"] for one in result["baselines"] if one["name"].startswith("kNN")} == {"hashed:2048"}
    assert {"random", "cheapest", "best single", "kNN", "oracle"} <= {one["name"] for one in result["baselines"]}


def test_a_budget_is_kept_by_what_was_expected_of_rows_left_out(result: dict[str, Any]) -> None:
    rows = result["routers"][0]["within"]
    asked = next(row for row in rows if row["budget_per_1k"] == 1.5)
    assert asked["cost_per_1k"] < 2.0
    paid = [row["cost_per_1k"] for row in sorted(rows, key=lambda row: row["budget_per_1k"])]
    assert paid == sorted(paid)


def test_a_figure_that_does_not_apply_is_null() -> None:
    found = contest(made(60, 0, costs=False), made(30, 1, costs=False), asked=Asked(embedder="hashed:64", replay=False))
    (auto,) = found["routers"]
    assert auto["cost_per_1k"] is auto["aiq"] is auto["regret"] is None
    assert auto["curve"] == auto["within"] == []


def test_the_tools_that_a_question_comes_with_are_read_too() -> None:
    plain = made(2, 0)
    with_tools = replace(plain, meta={"func_doc": ("add: Adds. | cut: Cuts.", None)})
    assert questions(plain) == plain.texts
    assert questions(with_tools) == (f"{plain.texts[0]}\n2 tools: add: Adds. | cut: Cuts.", plain.texts[1])


def test_outcomes_that_nobody_recorded_are_refused_with_what_to_do_instead() -> None:
    gaps = made(10, 1)
    gaps.scores[3, 0] = np.nan
    with pytest.raises(BadDefinition, match=r"row '1/3' and option 'counter' there is no score.*contests\.partial"):
        contest(made(30, 0), gaps, asked=Asked(embedder="hashed:64", replay=False))


def test_the_routers_of_a_contest_are_looked_at_first() -> None:
    with pytest.raises(BadDefinition, match="before it was trained"):
        contest(made(30, 0), made(10, 1), ("two-step",), Asked(embedder="hashed:64", replay=False))


def test_an_unknown_router_is_refused() -> None:
    with pytest.raises(UnknownRouter, match="nobody"):
        contest(made(30, 0), made(10, 1), ("nobody",), Asked(embedder="hashed:64", replay=False))


def test_a_taught_router_without_scores_expects_one_of_its_choice() -> None:
    part = Part(made(20, 0), np.zeros((20, 3), np.float32), np.zeros((20, 3), np.float32))
    expected = taught(router("fixed:poet"), part, part, 0)
    assert (expected.predicted.scores == [0.0, 1.0]).all()


def four(n: int, costs: bool = True) -> OutcomeSet:
    """Means .25, .5, .75 and .75. Best alone at some price are the first and the third: the others cost more than
    the third and are no better."""
    scores = np.zeros((n, 4))
    for place, right in enumerate((1, 2, 3, 3)):
        scores[: right * n // 4, place] = 1.0
    return OutcomeSet(
        options=("small", "odd", "large", "dear"),
        ids=tuple(str(i) for i in range(n)),
        scores=scores,
        costs_usd=np.tile([0.001, 0.003, 0.002, 0.009], (n, 1)) if costs else None,
    )


def test_the_best_single_option_is_favoured_and_with_costs_the_best_at_every_price() -> None:
    assert favours(four(40, costs=False)) == pytest.approx([0.0, 0.0, 0.01, 0.0])
    assert favours(four(240)) == pytest.approx([0.01, 0.0, 0.02, 0.0]), ".6 k / n"
    assert favours(four(8)) == pytest.approx([0.04, 0.0, 0.05, 0.0]), "no more than .04"


def test_an_option_whose_cost_nobody_recorded_is_not_favoured_for_it() -> None:
    gap = four(240)
    assert gap.costs_usd is not None
    gap.costs_usd[:, 0] = np.nan
    assert favours(gap) == pytest.approx([0.0, 0.0, 0.02, 0.0])
    gap.costs_usd[:] = np.nan
    assert favours(gap) == pytest.approx([0.0, 0.0, 0.01, 0.0])


def test_what_is_expected_contains_the_favour() -> None:
    x = np.zeros((240, 3), np.float32)  # nothing to tell rows by: all are worth the means
    part = Part(four(240), x, x)
    assert trained(part, part).predicted.scores[0] == pytest.approx([0.26, 0.5, 0.77, 0.75], abs=1e-3)


def test_far_from_all_rows_the_best_single_option_is_chosen_unless_a_price_is_asked() -> None:
    said = Predicted(np.array([[0.2, 0.9], [0.2, 0.9]]), np.array([[1.0, 1.0], [1.0, 1.0]]))
    expected = Expected(said, np.array([True, False]), 0)
    assert expected.shares(0.0).argmax(axis=1).tolist() == [0, 1]
    assert expected.shares(0.1).argmax(axis=1).tolist() == [1, 1]


def test_the_price_is_the_least_that_keeps_the_budget() -> None:
    known = Predicted(np.array([[0.2, 0.9], [0.2, 0.5]]), np.array([[1.0, 3.0], [1.0, 3.0]]))
    costs = np.array([[1.0, 3.0], [1.0, 3.0]])
    assert price_within(known, costs, 3.0, 10.0) == 0.0
    assert price_within(known, costs, 2.0, 10.0) == pytest.approx(0.15, abs=1e-6)


def test_the_picture_is_drawn_and_another_suffix_refused(result: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot(result, tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(BadDefinition, match="png"):
        plot(result, tmp_path / "one.txt")


def test_between_two_points_the_picture_shows_what_coins_reach() -> None:
    costs, heights = mixed([(0.01, 0.2), (1.0, 0.8), (0.5, 0.1)])
    assert heights == pytest.approx(0.2 + 0.6 * (costs - 0.01) / 0.99)
    assert len(costs) >= 200
    assert mixed([(0.0, 0.5), (2.0, 0.5)])[1].tolist() == [0.5]


def test_mcnemar_counts_the_rows_that_one_of_the_two_got_right(result: dict[str, Any]) -> None:
    auto, _, cheapest = result["routers"]
    single = next(one["accuracy"] for one in result["baselines"] if one["name"] == "best single")
    found = auto["mcnemar"]
    assert (found["b"] - found["c"]) / 80 == pytest.approx(auto["accuracy"] - single) and found["p"] < 0.001
    assert cheapest["mcnemar"]["c"] == 0
    half = made(40, 1)
    half.scores[0, :] = 0.5
    (one,) = contest(made(60, 0), half, asked=Asked(embedder="hashed:64", replay=False))["routers"]
    assert one["mcnemar"] is None, "it is of right and wrong alone"


def test_a_mean_of_some_seeds_is_none() -> None:
    assert mean_of_all([1.0, 2.0]) == 1.5 and mean_of_all([1.0, None]) is mean_of_all([None]) is None


def test_figures_of_several_seeds_are_of_their_means() -> None:
    train, test = made(60, 0), made(200, 1)

    def random_router(seeds: int) -> dict[str, Any]:
        asked = Asked(seeds=seeds, embedder="hashed:64", replay=False)
        found: dict[str, Any] = contest(train, test, ("random",), asked)["routers"][0]
        return found

    one, many = random_router(1), random_router(12)
    single = next(
        row["accuracy"]
        for row in contest(train, test, asked=Asked(embedder="hashed:64", replay=False))["baselines"]
        if row["name"] == "best single"
    )
    assert many["ci95"][0] <= many["accuracy"] - single <= many["ci95"][1]
    assert many["ci95"][1] - many["ci95"][0] < 0.9 * (one["ci95"][1] - one["ci95"][0]), "the draw is averaged out"
    assert many["perf_gain"] != one["perf_gain"]


def test_the_trained_router_has_no_regret_and_each_a_ceiling_on_its_own_features(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CHOICES, "auto", ("hashed:512",) * 2)
    monkeypatch.setitem(CHOICES, "short", ("hashed:8",) * 2)
    begun: list[str] = []
    names, asked = ("auto", "trained", "neighbours"), Asked(seeds=2, embedder="auto")
    train, test = made(20, 0), made(60, 1)
    out = contest(train, test, names, asked, lambda count, text: begun.append(text) if not count else None)
    auto, offline, near = out["routers"]
    assert auto["accuracy"] == offline["accuracy"] and auto["embedder"] == offline["embedder"] != near["embedder"]
    assert offline["regret"] is offline["replay"] is None and None not in (auto["regret"], near["regret"])
    assert auto["ceiling"] == auto["accuracy"]
    x = features(train.texts, test.texts, "short")
    alone = trained(Part(train, x.train, x.train), Part(test, x.test, x.test)).shares(0.0)
    assert near["ceiling"] == pytest.approx(accuracy(test.scores, alone)) != auto["ceiling"]
    assert len(begun) == stages(names, asked, priced=True)


def test_a_gap_that_may_be_none_is_not_shared_out() -> None:
    asked = Asked(embedder="hashed:64", replay=False)
    (alike,) = contest(made(90, 0), made(60, 1), asked=asked)["routers"]
    assert alike["apgr"] is alike["cpt50"] is alike["cpt80"] is None, "two options of about the same worth"
    train, test = made(90, 0), made(60, 1)
    for part in (train, test):
        part.scores[:, 1] = np.maximum(part.scores[:, 1], part.scores[:, 0])
    train.scores[0, 0] = np.nan
    (apart,) = contest(train, test, asked=asked)["routers"]
    assert apart["apgr"] > 0.5 and 0.0 < apart["cpt50"] < apart["cpt80"] < 1.0
    test.scores[:, 1] = test.scores[:, 0]
    assert contest(train, test, asked=asked)["routers"][0]["apgr"] is None
