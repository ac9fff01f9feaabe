"""Tiers by their price."""

from itertools import product

import numpy as np
import pytest

from orchestra.core.errors import BadNumber
from orchestra.evaluation.contests.ordinal import (
    LAMS,
    TIERS,
    Ordinal,
    Point,
    area,
    curve,
    informed,
    ordinal,
    price_at,
    settled,
    sufficient_at,
    worth,
)

ENOUGH = np.array([[0.9, 0.95, 0.99, 1.0], [0.2, 0.6, 0.7, 1.0]])


def test_the_tier_that_is_worth_its_price() -> None:
    assert worth(ENOUGH, 1.0).tolist() == [0, 0] and worth(ENOUGH, 0.3).tolist() == [0, 1]
    assert worth(ENOUGH, 0.19).tolist() == [0, 3] and worth(ENOUGH, 0.0).tolist() == [3, 3]
    assert worth(np.array([[0.5, 0.5, 0.5, 0.5]]), 0.0).tolist() == [0]


def test_curve_by_hand() -> None:
    points = curve(ENOUGH, np.array([0, 2]))
    assert [(mean, share) for _, mean, share in points] == [(0.0, 0.5), (0.5, 0.5), (1.5, 1.0), (2.0, 1.0), (2.5, 1.0),
                                                            (3.0, 1.0)]  # fmt: skip
    assert [price for price, _, _ in points] == sorted((price for price, _, _ in points), reverse=True)
    assert worth(ENOUGH, price_at(points, 1.2)).mean() == 0.5 and worth(ENOUGH, price_at(points, 1.5)).mean() == 1.5
    assert price_at(points, -1.0) == points[0].price and sufficient_at(points, 1.25) == pytest.approx(0.875)


def test_area_by_hand() -> None:
    flat = [Point(1.0, 0.0, 0.5), Point(0.0, 1.5, 0.5)]
    assert area(flat) == pytest.approx(0.5)
    assert area([Point(1.0, 0.0, 0.0), Point(0.0, 3.0, 1.0)]) == pytest.approx(0.5)
    assert area([Point(1.0, 0.0, 0.0), Point(0.0, 1.0, 1.0)]) == pytest.approx(5 / 6, abs=0.005)


def test_no_other_choice_of_the_same_mean_tier_promises_more() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        enough = np.sort(rng.random((3, TIERS)), axis=1)
        enough[:, -1] = 1.0
        for price in (0.05, 0.15, 0.4):
            picks = worth(enough, price)
            mine = enough[range(3), picks].sum()
            others = [one for one in product(range(TIERS), repeat=3) if sum(one) <= picks.sum()]
            assert mine >= max(enough[range(3), one].sum() for one in others) - 1e-9


def test_probabilities_rise_with_the_tier() -> None:
    one = np.zeros((1, 2), dtype=np.float32)
    weights, share = np.array([[0.3, -0.3, 0.0, -0.5]]), np.array([0.5, 0.5, 0.6, 1.0])
    made = Ordinal(one, weights.astype(np.float32), share.astype(np.float32))
    assert made.enough(one)[0].tolist() == pytest.approx([0.8, 0.8, 0.8, 1.0])
    learned = ordinal(np.array([[0.0, 0.0]] * 4, dtype=np.float32), np.array([0, 3, 3, 2]), 0.1)
    assert learned.enough(np.full((1, 2), 99.0, dtype=np.float32))[0].tolist() == [0.25, 0.25, 0.5, 1.0]


def test_the_ridge_is_settled_on_rows_kept_back() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0.0, 4.0, size=(120, 1)).astype(np.float32)
    gold = np.floor(x[:, 0] * 1.5).astype(np.intp) % 4
    groups = [str(i) for i in range(len(x))]
    assert settled(x, gold, groups).lam == LAMS[0]
    noise = rng.integers(0, 4, size=len(x))
    assert settled(x, noise, groups).lam == LAMS[-1]
    x = rng.standard_normal((120, 8)).astype(np.float32)
    noisy = settled(x, noise, groups)
    assert area(noisy.points) < area(curve(ordinal(x, noise, noisy.lam).enough(x), noise)) - 0.05
    with pytest.raises(BadNumber, match="one group"):
        settled(x, gold, ["same"] * len(x))


def test_a_group_that_is_kept_together_teaches_its_own_rows_nothing() -> None:
    rng = np.random.default_rng(2)
    x, asked = (rng.standard_normal((n, 4)).astype(np.float32) for n in (30, 1))
    gold = np.zeros(30, dtype=np.intp)
    gold[::3] = 3
    twice, truth = np.repeat(asked, 10, axis=0), np.full(10, 3)
    plain = ordinal(x, gold, 0.5).enough(twice)
    alone = informed((x, gold), (twice, truth), ["a"] * 10, 0.5)
    apart = informed((x, gold), (twice, truth), [str(i) for i in range(10)], 0.5)
    assert np.allclose(alone, plain) and (apart[:, 0] < plain[:, 0] - 0.1).all()
