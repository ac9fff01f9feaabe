"""Regressions side by side against one at a time, for every layout and precision."""

import math

import numpy as np
import pytest

from orchestra.routing.learners import arms as module
from orchestra.routing.learners.arms import Arms, Span, inverted
from orchestra.routing.state.sums import empty


def filled(names: list[str], d: int, seen: int, lam: float = 0.8, seed: int = 0) -> Arms:
    rng, arms = np.random.default_rng(seed), Arms(lam)
    for n in range(seen):
        arms.see(names[n % len(names)], rng.normal(size=d) / math.sqrt(d), float(rng.random()) - 0.5)
    return arms


def by_hand(arms: Arms, names: tuple[str, ...], x: np.ndarray) -> tuple[list[float], list[float]]:
    means, squares = [], []
    for name in names:
        known = name in arms._tried
        means.append(float(arms.theta(name) @ x) if known else 0.0)
        squares.append(float(x @ arms.inverse(name) @ x) if known else float(x @ x) / arms.lam)
    return means, squares


NAMES = [f"a{n}" for n in range(40)]


@pytest.mark.parametrize("d", [7, 100])
@pytest.mark.parametrize(
    "asked",
    [tuple(NAMES), ("a3", "new", "a29"), ("a4", "a5", "a6"), ("new",), ("new", "a0"), ("a9", "a9")],
    ids=["all", "scattered", "side by side", "untried", "one of each", "twice"],
)
def test_means_and_squares_are_those_of_each_alone(d: int, asked: tuple[str, ...]) -> None:
    arms = filled(NAMES, d, 95)
    x = np.random.default_rng(4).normal(size=d)
    span, cast = arms.span(asked), arms.cast(x)
    means, squares = by_hand(arms, asked, cast.astype(np.float64))
    close = 1e-9 if d == 7 else 1e-4
    np.testing.assert_allclose(arms.means(span, cast), means, atol=close)
    np.testing.assert_allclose(arms.squares(span, cast), squares, atol=close * d)
    assert [arms.square(span, place, cast) for place in range(len(asked))] == pytest.approx(squares, abs=close * d)


def test_before_the_first_pair_all_are_untried() -> None:
    arms, x = Arms(2.0), np.array([1.0, 1.0])
    span = arms.span(("a", "b"))
    assert arms.means(span, x).tolist() == [0.0, 0.0] and arms.squares(span, x).tolist() == [1.0, 1.0]
    assert arms.square(span, 1, x) == 1.0
    best, scores = arms.highest(span, np.array([0.3, 0.3]), x, 1.0)
    assert best == 0 and scores == pytest.approx([1.3, 1.3])


@pytest.mark.parametrize("d", [40, 128])
@pytest.mark.parametrize("alpha", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("shared", [False, True])
def test_the_highest_is_that_of_the_full_evaluation(
    d: int, alpha: float, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way it is found: at once, one by one, or one by one and then at once."""
    names = [f"a{n}" for n in range(60)]
    arms = filled(names, d, 400)
    rng = np.random.default_rng(9)
    for asked in (tuple(names), tuple(names[::7]), (*names[:20], "new")):
        span = arms.span(asked)
        for _ in range(10):
            x = arms.cast(rng.normal(size=d) / math.sqrt(d))
            extra = rng.random(len(asked)) if shared else 0.0
            means = arms.means(span, x) + rng.random(len(asked)) * 0.5
            full = means + alpha * np.sqrt(np.maximum(extra + arms.squares(span, x), 0.0))
            bounds = means + alpha * np.sqrt(extra + float(x @ x) / arms.lam)
            for call, probe in ((25_000, 0.1), (1, 0.05), (1, 1e9), (10**9, 0.0)):
                monkeypatch.setattr(module, "CALL", call)
                monkeypatch.setattr(module, "PROBE", probe)
                best, scores = arms.highest(span, means, x, alpha, extra)
                assert full[best] == pytest.approx(full.max(), abs=1e-6)
                for score, whole, bound in zip(scores, full, bounds, strict=True):
                    if math.isnan(score):
                        assert bound < full.max() + 1e-6
                    else:
                        assert score == pytest.approx(whole, abs=1e-6)
                if bounds.min() < full.max() - 1e-3:
                    assert any(map(math.isnan, scores))


def test_of_equals_the_first() -> None:
    arms = filled(["a"], 3, 1)
    span, x = arms.span(("b", "c", "d")), np.ones(3)
    assert arms.highest(span, np.full(3, 0.5), x, 1.0)[0] == 0


def test_arms_that_are_added_leave_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    arms, kept = Arms(1.0), {}
    for n in range(40):
        arms.see(f"a{n}", np.array([1.0, n / 40]), 0.1 * n)
        kept[f"a{n}"] = arms.inverse(f"a{n}").copy(), arms.theta(f"a{n}").copy()
    for name, (inverse, theta) in kept.items():
        np.testing.assert_array_equal(arms.inverse(name), inverse)
        np.testing.assert_array_equal(arms.theta(name), theta)
    monkeypatch.setattr(module, "SPANS_KEPT", 3)
    for n in range(10):
        assert isinstance(arms.span((f"a{n}",)), Span) and len(arms._names_to_span) <= 3


def test_what_is_wide_is_put_anew_before_rounding_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REBUILT_AFTER", 50)
    wide, narrow = filled(["a"], 100, 50), filled(["a"], 96, 50)
    assert wide.stale("a") and not narrow.stale("a")
    assert wide.inverse("a").dtype == np.float32 and narrow.inverse("a").dtype == np.float64
    sums = empty(100)
    sums.see(np.ones(100), 0.5)
    wide.put("a", sums)
    assert not wide.stale("a")
    np.testing.assert_allclose(wide.inverse("a"), np.linalg.inv(0.8 * np.eye(100) + np.ones((100, 100))), atol=1e-5)


@pytest.mark.parametrize("seen", [0, 1, 4, 5, 9, 40])
def test_the_inverse_of_few_contexts_is_woodburys(seen: int) -> None:
    sums, rng = empty(9), np.random.default_rng(2)
    for _ in range(seen):
        sums.see(rng.normal(size=9), 0.5)
    np.testing.assert_allclose(inverted(sums, 0.7), np.linalg.inv(0.7 * np.eye(9) + sums.matrix()), atol=1e-10)
