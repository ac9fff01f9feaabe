"""Kernel ridge regression against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.routing.learners import kernel
from orchestra.routing.learners.kernel import ASKED_TOGETHER, predicted, rbf, solved

RNG = np.random.default_rng(1)
ROWS = RNG.normal(size=(40, 6)).astype(np.float32) / 3.0
Y = RNG.normal(size=(40, 3)).astype(np.float32)


def by_definition(one: np.ndarray, two: np.ndarray, gamma: float) -> np.ndarray:
    return np.array([[np.exp(-gamma * ((u - v) ** 2).sum()) for v in two] for u in one])


@pytest.mark.parametrize("gamma", [0.3, 1.0, 4.0])
def test_the_kernel_is_that_of_the_formula(gamma: float) -> None:
    assert np.allclose(rbf(ROWS, ROWS[:7], gamma), by_definition(ROWS, ROWS[:7], gamma), atol=1e-6)


def test_the_weights_solve_the_ridged_system_and_leave_the_gram_matrix_as_it_was() -> None:
    gram = rbf(ROWS, ROWS)
    before = gram.copy()
    weights = solved(gram, Y, 0.5)
    assert np.allclose((gram + 0.5 * np.eye(40)) @ weights, Y, atol=1e-4)
    assert (gram == before).all()


@pytest.mark.parametrize("lam", [0.1, 0.3, 10.0])
def test_with_many_rows_the_weights_are_the_same(lam: float, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.repeat(ROWS, 5, axis=0)  # rows that repeat make the kernel as singular as it gets
    gram, y = rbf(x, x), np.tile(Y, (5, 1))
    before, plain = gram.copy(), solved(gram, y, lam)
    monkeypatch.setattr(kernel, "FEW", 10)
    monkeypatch.setattr(kernel, "BLOCK", 16)
    again = solved(gram, y, lam)
    truth = np.linalg.solve(gram.astype(np.float64) + lam * np.eye(200), y)
    assert again.dtype == np.float32 and np.abs(again - truth).max() < 3e-7 * np.abs(truth).max()
    assert np.allclose(again, plain, rtol=1e-4, atol=1e-5) and (gram == before).all()
    monkeypatch.setattr(kernel, "REFINED", 0)
    assert np.abs(solved(gram, y, 0.1) - np.linalg.solve(gram + 0.1 * np.eye(200), y)).max() < 1e-3
    factors: list[float] = []
    monkeypatch.setattr(kernel, "factored", lambda gram, lam: factors.append(lam))
    solved(gram, y, 0.01)
    assert factors == [], "too small a ridge for single precision"


def test_a_small_ridge_meets_the_examples_and_a_large_one_forgets_them() -> None:
    near, _ = predicted(ROWS, ROWS, solved(rbf(ROWS, ROWS), Y, 1e-4))
    far, _ = predicted(ROWS, ROWS, solved(rbf(ROWS, ROWS), Y, 1e6))
    assert np.abs(near - Y).max() < 0.05
    assert np.abs(far).max() < 1e-3


def test_the_nearest_row_is_told_and_many_questions_are_asked_in_parts() -> None:
    many = np.repeat(ROWS, 1 + ASKED_TOGETHER // 40, axis=0)
    values, nearest = predicted(many, ROWS, Y)
    assert values.shape == (len(many), 3)
    assert np.allclose(nearest, 1.0, atol=1e-5)
    assert np.allclose(values[-1], rbf(ROWS[-1:], ROWS) @ Y, atol=1e-5)
    assert predicted(many[:0], ROWS, Y)[0].shape == (0, 3)


@pytest.mark.parametrize("lam", [0.0, -1.0, float("nan")])
def test_a_ridge_must_be_above_zero(lam: float) -> None:
    with pytest.raises(BadNumber):
        solved(rbf(ROWS, ROWS), Y, lam)


def test_other_features_are_refused() -> None:
    with pytest.raises(BadDefinition, match="embedder"):
        predicted(ROWS[:, :4], ROWS, Y)
