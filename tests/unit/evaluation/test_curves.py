"""Accuracy, cost, the hull and the area under it: by hand and by law."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.accuracy import (
    accuracy,
    arena_score,
    cost_per_1k,
    cost_save,
    entropy,
    onehot,
    performance_gain,
    row_values,
)
from orchestra.evaluation.curves import aiq, best_within, hull, pareto_distance, quality_at

Point = tuple[float, float]
POINTS = st.lists(st.tuples(st.integers(0, 20).map(float), st.integers(0, 20).map(lambda i: i / 20)), min_size=1)
SCORES = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, np.nan]])


def test_accuracy_and_cost_by_hand() -> None:
    shares = onehot([0, 1, 0], 2)
    assert accuracy(SCORES, shares) == pytest.approx(2.5 / 3)
    assert cost_per_1k(np.array([[1.0, 9.0], [9.0, 4.0], [1.0, 9.0]]), shares) == pytest.approx(2000.0)
    assert row_values(SCORES[:2], np.full((2, 2), 0.5)).tolist() == [0.5, 0.5]


def test_a_missing_outcome_that_counts_is_an_error() -> None:
    with pytest.raises(BadDefinition, match="Option 1 was chosen on row 2"):
        accuracy(SCORES, onehot([0, 0, 1], 2))
    with pytest.raises(BadDefinition, match="outside the 2 options"):
        onehot([0, 2], 2)
    with pytest.raises(BadDefinition, match="shares"):
        accuracy(SCORES, onehot([0], 2))


def test_entropy() -> None:
    assert entropy(onehot([0, 0], 4)) == 0.0
    assert entropy(onehot([0, 1, 2, 3], 4)) == pytest.approx(2.0)


def test_gain_and_save() -> None:
    assert performance_gain([0.5, 0.66, 0.6], 0.6) == pytest.approx(0.1)
    curve = [(1.0, 0.5), (3.0, 0.61), (4.0, 0.7)]
    assert cost_save(curve, (5.0, 0.6)) == pytest.approx(0.4)
    assert cost_save(curve, (5.0, 0.8)) is None
    assert cost_save([(6.0, 0.9)], (5.0, 0.8)) == pytest.approx(-0.2)


def test_arena_score_at_the_cheapest_price() -> None:
    assert arena_score(0.7, 0.0044) == pytest.approx(0.7 * 1.1 / (0.1 * 0.7 + 1.0))
    assert arena_score(0.7, 200.0) == 0.0 == arena_score(0.0, 200.0)


def test_the_hull_by_hand() -> None:
    points = [(1.0, 0.2), (2.0, 0.6), (3.0, 0.5), (4.0, 0.8), (2.0, 0.1), (3.0, 0.65)]
    assert hull(points).tolist() == [[1.0, 0.2], [2.0, 0.6], [4.0, 0.8]]
    assert quality_at(points, 3.0) == pytest.approx(0.7)
    assert quality_at(points, 0.5) is None
    assert quality_at(points, 9.0) == pytest.approx(0.8)


def test_aiq_by_hand() -> None:
    points = [(0.0, 0.0), (1.0, 1.0)]
    assert aiq(points) == pytest.approx(0.5)
    assert aiq(points, 0.0, 2.0) == pytest.approx(0.75)
    assert aiq(points, 0.5, 1.0) == pytest.approx(0.75)
    assert aiq([(1.0, 0.6)], 0.0, 2.0) == pytest.approx(0.3), "what cannot be had at a price counts 0"
    assert aiq([(1.0, 0.6)], 2.0, 3.0) == pytest.approx(0.6)
    assert aiq([(5.0, 0.6)], 1.0, 2.0) == 0.0
    with pytest.raises(BadDefinition, match="empty"):
        aiq(points, 2.0, 1.0)


@pytest.mark.parametrize("points", [[], [(np.nan, 1.0)], [(1.0, np.inf)], [(1.0, 2.0, 3.0)]])
def test_no_curve(points: list[Point]) -> None:
    with pytest.raises(BadDefinition, match="at least one point"):
        hull(points)


def test_the_best_within_a_budget() -> None:
    curve = [(1.0, 0.5), (2.0, 0.7), (1.5, 0.7), (9.0, 0.9)]
    assert best_within(curve, 2.0) == (1.5, 0.7)
    assert best_within(curve, 0.5) is None


def test_the_distance_to_a_front() -> None:
    assert pareto_distance([(1.0, 0.4), (2.0, 0.9)], [(1.0, 0.5), (2.0, 0.7)]) == pytest.approx(0.05)


@given(POINTS, st.randoms())
def test_the_hull_is_rising_concave_above_all_points_and_does_not_depend_on_their_order(
    points: list[Point], rng: random.Random
) -> None:
    h = hull(points)
    assert (np.diff(h, axis=0) > 0).all()
    slopes = np.diff(h[:, 1]) / np.diff(h[:, 0])
    assert (np.diff(slopes) < 1e-12).all()
    assert all((quality_at(points, x) or 0.0) >= y - 1e-12 for x, y in points)
    assert {tuple(vertex) for vertex in h.tolist()} <= set(points)
    shuffled = list(points)
    rng.shuffle(shuffled)
    assert hull(shuffled).tolist() == h.tolist()


@given(POINTS, st.tuples(st.integers(0, 20).map(float), st.integers(0, 20).map(lambda i: i / 20)))
def test_aiq_never_falls_when_a_point_is_added(points: list[Point], extra: Point) -> None:
    assert 0.0 <= aiq(points, 0.0, 20.0) <= aiq([*points, extra], 0.0, 20.0) + 1e-12 <= 1.0 + 1e-9


@given(POINTS)
def test_aiq_is_the_mean_height(points: list[Point]) -> None:
    grid = np.linspace(0.0, 20.0, 4001)[:-1] + 0.0025
    heights = [quality_at(points, float(cost)) or 0.0 for cost in grid[::20]]
    assert aiq(points, 0.0, 20.0) == pytest.approx(float(np.mean(heights)), abs=0.01)


@given(POINTS, st.floats(0.0, 1.0))
def test_mixing_two_points_adds_nothing(points: list[Point], share: float) -> None:
    (x, y), (u, v) = points[0], points[-1]
    mixed = (share * x + (1 - share) * u, share * y + (1 - share) * v)
    assert aiq([*points, mixed], 0.0, 20.0) == pytest.approx(aiq(points, 0.0, 20.0), abs=1e-9)
