"""What is learned from outcomes known for every option."""

from __future__ import annotations

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition
from orchestra.routing.learners.trained import SURFACE_LIMIT, SURFACE_WEIGHT, scale_of, train

RNG = np.random.default_rng(2)
CENTRES = np.eye(8, dtype=np.float32)[:3]
GOOD = np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]], dtype=np.float32)


def rows(n: int, kinds: int = 3) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Three kinds of questions, of which two options serve one each."""
    kind = np.arange(n) % kinds
    x = CENTRES[kind] + 0.1 * RNG.normal(size=(n, 8)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    noise = 0.05 * RNG.normal(size=(n, 2)).astype(np.float32)
    return x, GOOD[kind] + noise, [f"kind-{one}" for one in kind]


def test_it_expects_of_a_question_what_its_kind_was_worth() -> None:
    x, values, tasks = rows(300)
    asked, truth, _ = rows(60)
    expected = train(x, values, tasks).values(asked)
    assert np.abs(expected - truth).mean() < 0.1
    assert (expected.argmax(1) == truth.argmax(1))[np.arange(60) % 3 < 2].all()


def test_without_tasks_the_residual_alone_tells_the_kinds_apart() -> None:
    x, values, _ = rows(300)
    asked, truth, _ = rows(60)
    expected = train(x, values, ridge=1.0).values(asked)
    assert (expected.argmax(1) == truth.argmax(1))[np.arange(60) % 3 < 2].mean() > 0.9


def test_a_missing_outcome_counts_as_the_mean_of_its_task() -> None:
    x, values, tasks = rows(300)
    gaps = values.copy()
    gaps[::7, 0] = np.nan
    assert np.abs(train(x, gaps, tasks).values(x) - train(x, values, tasks).values(x)).mean() < 0.05


def test_far_from_all_rows_the_overall_means_stand() -> None:
    x, values, tasks = rows(300)
    model = train(x, values, tasks)
    far = -np.eye(8, dtype=np.float32)[:1]
    assert np.allclose(model.values(far)[0], values.mean(0), atol=1e-3)
    assert not np.allclose(model.values(x[:1])[0], values.mean(0), atol=0.1)


def test_few_rows_of_a_task_are_drawn_towards_all() -> None:
    x, values, tasks = rows(301, kinds=2)
    tasks[-1] = "seen once"
    model = train(x, values, tasks, drawn=10.0)
    mean = values.mean(0)
    assert np.allclose(model.means[-1], (values[-1] + 10.0 * mean) / 11.0, atol=1e-3)


def test_plain_numbers_are_standardised_by_the_training_rows_and_held_within_three_deviations() -> None:
    plain = RNG.normal(5.0, 2.0, size=(200, 4)).astype(np.float32)
    plain[:, 3] = 1.0
    scale = scale_of(plain)
    out = scale.of(np.zeros((200, 0), dtype=np.float32), plain)
    assert np.allclose(out.mean(0), 0.0, atol=1e-3)
    assert np.allclose(out[:, :3].std(0), (SURFACE_WEIGHT / 4) ** 0.5, rtol=0.05)
    assert (out[:, 3] == 0.0).all()
    wild = scale.of(np.zeros((1, 0), dtype=np.float32), np.full((1, 4), 1e6, dtype=np.float32))
    assert np.allclose(wild[0, :3], SURFACE_LIMIT * (SURFACE_WEIGHT / 4) ** 0.5)


@pytest.mark.parametrize(("n", "values", "labels"), [(0, 0, 0), (5, 4, 0), (5, 5, 3)])
def test_parts_that_do_not_fit_are_refused(n: int, values: int, labels: int) -> None:
    with pytest.raises(BadDefinition):
        train(np.zeros((n, 2), np.float32), np.zeros((values, 2), np.float32), ["a"] * labels)
