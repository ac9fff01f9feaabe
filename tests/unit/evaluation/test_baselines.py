"""What every router is compared with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation import baselines as base
from orchestra.evaluation.accuracy import accuracy, cost_per_1k, onehot
from orchestra.evaluation.curves import aiq, cost_range, quality_at, singles
from orchestra.evaluation.outcomes import Floats, OutcomeSet


def outcomes_of(
    scores: Floats, costs: Floats | None = None, tasks: tuple[str, ...] = (), x: Floats | None = None
) -> OutcomeSet:
    n, k = scores.shape
    return OutcomeSet(
        options=tuple("abcdef"[:k]),
        ids=tuple(map(str, range(n))),
        scores=scores,
        costs_usd=costs,
        tasks=tasks or ("t",) * n,
        x=x,
    )


SMALL = outcomes_of(
    np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
    np.array([[1.0, 2.0, 5.0]] * 4) / 1000.0,
    ("t", "t", "u", "u"),
)


def random_set(seed: int, n: int = 40, k: int = 4) -> OutcomeSet:
    rng = np.random.default_rng(seed)
    costs = rng.random((1, k)) * np.ones((n, 1)) + 0.1 * rng.random((n, k))
    return outcomes_of(
        rng.integers(0, 3, (n, k)) / 2.0, costs, tuple(rng.choice(["t", "u"], n)), rng.normal(size=(n, 5))
    )


def test_the_singles_by_hand() -> None:
    assert (base.best_single(SMALL), base.cheapest(SMALL)) == (2, 0)
    assert singles(SMALL) == pytest.approx(np.array([[1.0, 0.25], [2.0, 0.25], [5.0, 0.5]]))
    assert accuracy(SMALL.scores, base.uniform(SMALL)) == pytest.approx(4 / 12)
    assert cost_range(SMALL) == pytest.approx((1.0, 5.0))


def test_of_equals_the_cheaper_and_of_the_cheap_the_better() -> None:
    tied = outcomes_of(np.array([[0.0, 1.0, 1.0]]), np.array([[1.0, 3.0, 2.0]]))
    assert base.best_single(tied) == 2
    assert base.cheapest(outcomes_of(np.array([[0.0, 1.0]]), np.array([[1.0, 1.0]]))) == 1
    with pytest.raises(BadDefinition, match="no costs"):
        base.cheapest(outcomes_of(np.array([[1.0]])))


def test_per_task_is_told_the_task() -> None:
    test = outcomes_of(np.zeros((3, 3)), tasks=("u", "t", "new"))
    assert base.per_task(SMALL, test).argmax(axis=1).tolist() == [1, 2, 2]
    with pytest.raises(BadDefinition, match="different options"):
        base.per_task(SMALL, outcomes_of(np.zeros((1, 2))))


def test_the_oracle_takes_the_cheapest_of_the_best_and_the_cheapest_where_all_fail() -> None:
    assert base.oracle(SMALL).argmax(axis=1).tolist() == [0, 2, 1, 0]
    dear_first = outcomes_of(np.array([[1.0, 1.0, 0.0]]), np.array([[3.0, 2.0, 1.0]]))
    assert base.oracle(dear_first).argmax(axis=1).tolist() == [1]
    gaps = outcomes_of(np.array([[np.nan, 0.0]]), np.array([[1.0, np.nan]]))
    assert base.oracle(gaps).argmax(axis=1).tolist() == [1]
    with pytest.raises(BadDefinition, match="no recorded score"):
        base.oracle(outcomes_of(np.array([[np.nan]])))


def test_a_coin_between_two_singles() -> None:
    assert base.coin(SMALL, 3.0).tolist() == pytest.approx([0.5, 0.0, 0.5])
    assert base.coin(SMALL, 0.1).tolist() == [1.0, 0.0, 0.0]
    assert base.coin(SMALL, 99.0).tolist() == [0.0, 0.0, 1.0]


@given(st.integers(0, 400), st.floats(0.0, 1.0))
def test_the_coin_lies_on_the_hull_and_keeps_to_its_budget(seed: int, share: float) -> None:
    outcomes = random_set(seed)
    low, high = cost_range(outcomes)
    budget = low + share * (high - low)
    shares = np.tile(base.coin(outcomes, budget), (len(outcomes), 1))
    assert outcomes.costs_usd is not None
    assert cost_per_1k(outcomes.costs_usd, shares) <= budget + 1e-6
    assert accuracy(outcomes.scores, shares) == pytest.approx(quality_at(singles(outcomes), budget))


@given(st.integers(0, 400))
def test_nobody_beats_the_oracle(seed: int) -> None:
    outcomes = random_set(seed)
    best = accuracy(outcomes.scores, base.oracle(outcomes))
    rng = np.random.default_rng(seed)
    others = [base.uniform(outcomes), base.per_task(outcomes, outcomes), onehot(rng.integers(0, 4, 40), 4)]
    others += [base.fixed(i, outcomes) for i in range(4)]
    assert all(accuracy(outcomes.scores, shares) <= best + 1e-12 for shares in others)
    assert outcomes.costs_usd is not None
    truth = base.Predicted(outcomes.scores, outcomes.costs_usd)
    settings = [base.thrifty(truth, float(price)) for price in base.prices(outcomes)]
    curve = [(cost_per_1k(outcomes.costs_usd, s), accuracy(outcomes.scores, s)) for s in settings]
    assert aiq(curve, *cost_range(outcomes)) >= aiq(singles(outcomes), *cost_range(outcomes)) - 1e-9


@given(st.integers(0, 400), st.permutations(range(4)))
def test_the_order_of_the_options_does_not_matter(seed: int, order: list[int]) -> None:
    outcomes = random_set(seed)
    turned = outcomes.only(outcomes.options[i] for i in order)
    for maker in (base.uniform, base.oracle, lambda part: base.per_task(part, part)):
        assert accuracy(turned.scores, maker(turned)) == pytest.approx(accuracy(outcomes.scores, maker(outcomes)))
    assert aiq(singles(turned)) == pytest.approx(aiq(singles(outcomes)))


def test_a_price_moves_the_choice_to_the_cheaper() -> None:
    predicted = base.Predicted(np.array([[0.5, 0.9]]), np.array([[0.001, 0.011]]))
    assert [int(base.thrifty(predicted, price).argmax()) for price in (0.0, 39.0, 41.0)] == [1, 1, 0]
    assert base.thrifty(base.Predicted(np.zeros((1, 3)), np.array([[3.0, 1.0, 2.0]])), 0.0).argmax() == 1


@given(st.integers(0, 200))
def test_a_higher_price_never_spends_more(seed: int) -> None:
    outcomes = random_set(seed)
    assert outcomes.costs_usd is not None
    truth = base.Predicted(outcomes.scores, outcomes.costs_usd)
    spent = [cost_per_1k(outcomes.costs_usd, base.thrifty(truth, float(price))) for price in base.prices(outcomes)]
    assert (np.diff(spent) <= 1e-6).all()


def planted(n: int, seed: int) -> OutcomeSet:
    """Two kinds of questions, each with an option of its own; the features tell them apart."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, n)
    x = np.eye(2)[kind] + 0.2 * rng.normal(size=(n, 2))
    return outcomes_of(np.eye(2)[kind], np.ones((n, 2)), x=x)


def test_neighbours_find_what_is_planted() -> None:
    train, test = planted(200, 1), planted(100, 2)
    assert test.x is not None
    knn = base.Neighbours.tuned(train)
    assert accuracy(test.scores, base.thrifty(knn.predict(test.x), 0.0)) > 0.97
    assert accuracy(test.scores, base.fixed(base.best_single(train), test)) < 0.65


def test_one_neighbour_is_the_nearest_and_all_are_the_mean() -> None:
    train = outcomes_of(
        np.array([[1.0, 0.0], [0.0, np.nan], [0.0, 1.0]]), x=np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    )
    nearest = base.Neighbours(train, 1).predict(np.array([[3.0, 0.1], [0.1, 9.0]]))
    assert nearest.scores.tolist() == [[1.0, 0.0], [0.0, 0.5]], "a gap takes the option's mean"
    assert base.Neighbours(train, 99).predict(np.array([[1.0, 0.0]])).scores[0] == pytest.approx([1 / 3, 0.5])


def test_leave_one_out_leaves_itself_out() -> None:
    # Each question's twin disagrees with it: with itself among the neighbours one neighbour would look perfect.
    x = np.repeat(np.eye(4), 2, axis=0)
    scores = np.array([[1.0, 0.0], [0.0, 1.0]] * 3 + [[1.0, 0.0]] * 2)
    assert base.Neighbours.tuned(outcomes_of(scores, x=x), (1, 7)).k == 7
    left = base.Neighbours(outcomes_of(scores, x=x), 1).left_out()
    assert left.scores[:6].tolist() == scores[[1, 0, 3, 2, 5, 4]].tolist()


def test_neighbours_need_features() -> None:
    with pytest.raises(BadDefinition, match="features"):
        base.Neighbours(SMALL, 3)
    with pytest.raises(BadNumber, match="k=0"):
        base.Neighbours(planted(3, 0), 0)
