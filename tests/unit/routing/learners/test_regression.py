"""Ridge against the normal equations, logistic against the slope of its loss."""

import math
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Lesson
from orchestra.routing.learners.regression import Logistic, Ridge, chance, logistic
from tests.unit.routing.kit import decision, question, seeded


def score(router: Ridge | Logistic, x: tuple[float, ...], prior: float = 0.5) -> float:
    (option,) = router.choose(question(Option("a", prior=prior), x=x), "k", seeded()).options
    assert option.score is not None
    return option.score


def test_ridge_regresses_what_the_prior_did_not_say() -> None:
    rng = np.random.default_rng(0)
    x, rewards, priors = rng.normal(size=(40, 6)).round(6), rng.random(40), rng.random(40)
    router = Ridge(lam=0.7)
    for n, row in enumerate(x.tolist()):
        made = decision("a", row, key=f"run/{n}", options=(Option("a", prior=float(priors[n])),))
        router.learn([Lesson(made, float(rewards[n]))])
    theta = np.linalg.solve(0.7 * np.eye(6) + x.T @ x, x.T @ (rewards - priors))
    query = rng.normal(size=6)
    assert score(router, tuple(query.tolist()), prior=0.3) == pytest.approx(0.3 + query @ theta)


def test_ridge_by_hand_and_after_a_correction() -> None:
    router = Ridge()
    made = decision("a", (1.0, 1.0))
    router.learn([Lesson(made, 1.0)])
    assert score(router, (1.0, 0.0)) == pytest.approx(0.5 + 0.5 / 3)  # (I + xx')^-1 x = x / (1 + x'x)
    router.learn([Lesson(made, 0.2, before=1.0)])
    assert score(router, (1.0, 0.0)) == pytest.approx(0.5 - 0.3 / 3)


@pytest.mark.parametrize("lam", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("shares", [False, True])
def test_logistic_is_where_its_loss_has_no_slope(lam: float, shares: bool) -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(60, 4)) * 3
    rewards = rng.random(60) if shares else (rng.random(60) < 0.3).astype(np.float64)
    theta = logistic(rows, rewards, lam)
    s = 1 / (1 + np.exp(-rows @ theta))
    np.testing.assert_allclose(rows.T @ (s - rewards) + lam * theta, 0.0, atol=1e-4)


def test_logistic_where_whole_steps_go_too_far() -> None:
    rows = np.array([[-0.8, 1.1, -2.3], [13.6, -1.6, 4.4], [42.8, 13.5, 9.9], [-0.9, -0.1, -0.4], [0.0, -0.5, -0.3]])
    rows = np.concatenate([rows, [[-0.6, 0.5, -0.4], [-72.4, -38.9, -28.2], [-3.3, -0.8, -0.8], [-0.4, 0.2, -0.7]]])
    rewards = np.array([1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    theta = logistic(rows, rewards, 0.01)
    s = 0.5 + 0.5 * np.tanh(0.5 * (rows @ theta))
    np.testing.assert_allclose(rows.T @ (s - rewards) + 0.01 * theta, 0.0, atol=1e-4)


def test_logistic_of_what_can_be_told_apart_stays_finite() -> None:
    rows = np.array([[1.0, 1e3], [1.0, -1e3]] * 5)
    theta = logistic(rows, np.array([1.0, 0.0] * 5), 1e-9)
    assert np.isfinite(theta).all() and theta[1] > 0


def test_logistic_by_hand() -> None:
    """One reward of 1 for x = 1: theta = 1 - s(theta), which is at .4011."""
    router = Logistic()
    router.learn([Lesson(decision("a"), 1.0)])
    assert score(router, (1.0,)) == pytest.approx(chance(0.401058), abs=1e-5)
    router.learn([Lesson(decision("a"), 0.5, before=1.0)])
    assert score(router, (1.0,)) == pytest.approx(0.5)


def test_logistic_estimates_are_chances() -> None:
    router, rng = Logistic(lam=0.001), seeded(1)
    for n in range(80):
        side = rng.choice((-1.0, 1.0))
        router.learn([Lesson(decision("a", (1.0, side), key=f"run/{n}"), float(side > 0))])
    assert 0.99 < score(router, (1.0, 1.0)) < 1.0 and 0.0 < score(router, (1.0, -1.0)) < 0.01
    assert score(router, (1.0, 1e9)) == 1.0 and score(router, (1.0, -1e9)) == 0.0
    assert chance(0.0) == 0.5 and chance(2.0) == pytest.approx(1 / (1 + math.exp(-2)))


def test_both_name_why() -> None:
    for router, why in ((Ridge(), "highest ridge estimate"), (Logistic(), "highest logistic estimate")):
        router.learn([Lesson(decision("a"), 1.0)])
        assert router.choose(question("a"), "k", seeded()).reason == why


@pytest.mark.parametrize("bad", [{"lam": 0.0}, {"lam": math.nan}, {"optimism": math.inf}, {"floor": -1.0}])
@pytest.mark.parametrize("make", [Ridge, Logistic])
def test_bad_parameters_are_named(make: Any, bad: dict[str, Any]) -> None:
    with pytest.raises(BadNumber, match=r"lam=|floor="):
        make(**bad)
