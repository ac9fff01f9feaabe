"""Bandits over recorded rows: what they know beforehand, what they see, what is told of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadNumber, UnknownRouter
from orchestra.embeddings.signals import STRUCTURE
from orchestra.evaluation.contests.entrants import Part
from orchestra.evaluation.contests.online import RIDGE, both, informed, online, per_task, priced, thinned, tried_all
from orchestra.evaluation.load import load
from orchestra.evaluation.outcomes import OutcomeSet
from orchestra.evaluation.replay import replay, rewards_of
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Fixed

CHANCES = np.array([[0.9, 0.2, 0.6], [0.2, 0.9, 0.6]])
COSTS_USD = (0.001, 0.001, 0.004)


def parts(n: int = 600, seed: int = 0, costs: bool = True) -> tuple[Part, Part]:
    """Two kinds of question, which the features tell apart; a specialist for each, and a dear generalist."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, n)
    x = (rng.normal(size=(n, 6)) * 0.3 + np.outer(2.0 * kind - 1.0, [1, 0, 0, 0, 0, 0])).astype(np.float32)
    rows = OutcomeSet(
        options=("sums", "poems", "any"),
        ids=tuple(f"q{i}" for i in range(n)),
        scores=(rng.random((n, 3)) < CHANCES[kind]).astype(float),
        costs_usd=np.tile(COSTS_USD, (n, 1)) if costs else None,
        tasks=tuple(("sums", "poems")[one] for one in kind),
    )
    cut = n * 2 // 3
    return Part(rows.rows(range(cut)), x[:cut], x[:cut]), Part(rows.rows(range(cut, n)), x[cut:], x[cut:])


def test_the_recommended_one_learns_which_option_serves_what() -> None:
    told: list[str] = []
    played = online("auto", *parts(), lam=0.2, seeds=3, told=lambda _count, text: told.append(text))
    assert played is not None and played["steps"] == 600 and played["seeds"] == 3 and played["lam"] == 0.2
    assert played["per_task"] <= played["full"] < played["regret"] < played["best_fixed"]
    assert all(step is not None and step <= 60 for step in played["tried_all"]) and len(played["tried_all"]) == 3
    assert played["curve"][-1] == [600.0, pytest.approx(played["regret"])] and len(played["curve"]) == 200
    assert played["std"] > 0.0 and told[-1] == "linucb replays, order 2"


def test_any_router_of_the_registry_is_measured_alike() -> None:
    known, other = parts(300)
    played = {name: online(name, known, other, seeds=2) for name in ("auto", "random", "fixed:any", "thompson")}
    figures = {name: one for name, one in played.items() if one is not None}
    assert len(figures) == 4 and len({(one["full"], one["best_fixed"]) for one in figures.values()}) == 1
    rewards = rewards_of(both(known, other), 0.5)
    assert figures["fixed:any"]["regret"] == pytest.approx(float((rewards.max(axis=1) - rewards[:, 2]).sum()))
    assert figures["fixed:any"]["tried_all"] == [None, None] and figures["fixed:any"]["std"] == pytest.approx(0.0)
    assert figures["auto"]["regret"] < figures["random"]["regret"]
    assert online("auto", known, other, seeds=2) == figures["auto"]


def test_what_cannot_be_replayed_is_said() -> None:
    known, other = parts(90)
    with pytest.raises(UnknownRouter):
        online("nobody", known, other)
    with pytest.raises(BadNumber, match="seeds=0"):
        online("auto", known, other, seeds=0)
    other.outcomes.scores[3, 1] = np.nan
    assert online("auto", known, other) is None


def test_where_a_cost_is_missing_the_score_is_all() -> None:
    known, other = parts(90, costs=False)
    played = online("auto", known, other, seeds=1, lam=0.5)
    assert played is not None and played["lam"] == 0.0
    assert {option.prior for option in priced(known.outcomes, 0.0)} == {0.8}
    known, other = parts(90)
    assert known.outcomes.costs_usd is not None
    known.outcomes.costs_usd[3, 1] = np.nan
    gap = online("auto", known, other, seeds=1, lam=0.5)
    assert gap is not None and gap["lam"] == 0.0


def test_thrift_is_known_beforehand_and_quality_is_not() -> None:
    known, _ = parts(90)
    options = priced(known.outcomes, 0.5)
    assert [option.name for option in options] == ["sums", "poems", "any"]
    assert [option.cost_nano for option in options] == [1_000_000, 1_000_000, 4_000_000]
    # The cheapest cost is worth 1 and the dearest 0, and quality .8, each with half of the weight.
    assert [option.prior for option in options] == pytest.approx([0.9, 0.9, 0.4])
    assert [option.prior for option in priced(known.outcomes, 1.0)] == pytest.approx([1.0, 1.0, 0.0])


def test_a_row_of_both_parts_counts_once_and_features_come_from_the_first() -> None:
    known, other = parts(90)
    rows = both(known, other)
    assert len(rows) == 90 and rows.x is not None and rows.x.shape == (90, 33)
    assert (rows.x[:, 0] == 1.0).all() and np.linalg.norm(rows.x[:, 1:], axis=1) == pytest.approx(np.ones(90))
    plain = np.concatenate([known.plain, other.plain])
    again = both(known, Part(rows, plain, plain))
    assert len(again) == 90 and again.x == pytest.approx(rows.x)
    far = both(known, other._replace(plain=other.plain + 5.0))
    assert far.x is not None and far.x[:60] == pytest.approx(rows.x[:60])


def test_what_only_one_part_tells_makes_no_difference() -> None:
    known, other = parts(90)
    plain = np.concatenate([known.plain, other.plain])
    whole = replace(both(known, other), tasks=(), texts=tuple(f"text {i}" for i in range(90)))
    assert len(both(known, Part(whole, plain, plain))) == 90


def test_rows_of_one_id_that_are_not_the_same_question_are_two() -> None:
    known, other = parts(90)
    again = replace(other.outcomes, ids=tuple(f"q{i}" for i in range(30)), texts=tuple(f"new {i}" for i in range(30)))
    known = known._replace(outcomes=replace(known.outcomes, texts=tuple(f"old {i}" for i in range(60))))
    rows = both(known, other._replace(outcomes=again))
    assert len(rows) == 90 and rows.ids[0] == "0/q0" and rows.ids[60] == "1/q0"
    plain = both(known, other._replace(outcomes=replace(again, ids=tuple(f"q{i}" for i in range(60, 90)))))
    assert plain.x is not None and rows.x == pytest.approx(plain.x) and (rows.scores == plain.scores).all()
    assert plain.ids == tuple(f"q{i}" for i in range(90))
    figures = [
        online("auto", known, other._replace(outcomes=one), seeds=1)
        for one in (again, replace(again, ids=plain.ids[60:]))
    ]
    assert figures[0] == figures[1] and figures[0] is not None and figures[0]["steps"] == 90


def test_full_information_is_that_of_the_replay() -> None:
    known, other = parts(200)
    rows, rewards = both(known, other), rewards_of(both(known, other), 0.3)
    options = [Option("sums", prior=0.1), Option("poems", prior=0.9), Option("any", prior=0.5)]
    greedy = LinUCB(alpha=0.0, lam=RIDGE, floor=0.0, optimism=0.0)
    played = replay(greedy, rows, rewards, seed=4, feedback="full", options=options)
    assert informed(rows, rewards, options, played.rows) == pytest.approx(played.regret)
    best = rewards.argmax(axis=1)
    assert 0.0 < played.regret < float((rewards.max(axis=1) - rewards[:, best[0]]).sum())


def test_curves_are_thinned_to_their_end() -> None:
    assert thinned(np.arange(3.0)) == [[1.0, 0.0], [2.0, 1.0], [3.0, 2.0]]
    long = thinned(np.arange(5000.0))
    assert len(long) == 200 and long[0] == [1.0, 0.0] and long[-1] == [5000.0, 4999.0]


def test_all_are_tried_only_if_the_last_is() -> None:
    known, other = parts(30)
    rows = both(known, other)
    assert tried_all(replay(Fixed("any"), rows, rewards_of(rows), seed=0)) is None
    assert tried_all(replay(Fixed(), rows.only(["sums"]), rewards_of(rows.only(["sums"])), seed=0)) == 1


def test_the_best_of_each_task_by_hand() -> None:
    rewards = np.array([[1.0, 0.0], [0.5, 1.0], [0.0, 1.0], [1.0, 0.5]])
    assert per_task(rewards, ("a", "a", "b", "b")) == pytest.approx(0.5 + 0.5)
    assert per_task(rewards, ()) == pytest.approx(1.5)


def test_on_recorded_outcomes_every_option_is_tried_and_fewer_rewards_are_lost(orchestra_data: Path) -> None:
    outcomes = load(orchestra_data / "routerbench_3task")
    outcomes = outcomes.rows(np.arange(0, len(outcomes), 2))
    x = STRUCTURE.matrix(outcomes.texts)
    known = np.arange(len(outcomes)) % 3 > 0
    one, two = (Part(outcomes.rows(rows), x[rows], x[rows]) for rows in (known, ~known))
    auto = online("auto", one, two, seeds=1)
    assert auto is not None and auto["full"] < auto["best_fixed"]
    assert auto["tried_all"][0] <= 3 * outcomes.k
    rewards = rewards_of(outcomes, 0.5)
    any_one = float((rewards.max(axis=1, keepdims=True) - rewards).mean(axis=1).sum())
    assert auto["regret"] < 0.6 * any_one
