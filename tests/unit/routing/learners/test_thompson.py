"""Thompson sampling: the probabilities on record against Thompson's own."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Lesson
from orchestra.routing.learners.thompson import DRAWS, REACH, BetaThompson, Thompson, beta_values, normal_draws
from tests.unit.routing.kit import decision, question, seeded, taught

X = (1.0, 0.5)


def probabilities(router: Thompson | BetaThompson, *options: str | Option) -> list[float]:
    made = router.choose(question(*options, x=X), "k", seeded())
    return [option.probability or 0.0 for option in made.options]


def test_the_table_holds_each_part_of_the_normal_once() -> None:
    table = normal_draws(16)
    assert table.shape == (16, DRAWS) and float(np.abs(table).max()) < REACH
    for row in table:
        assert np.unique(row).size == DRAWS
        assert float(row.mean()) == pytest.approx(0, abs=1e-6)
        assert float(row.std()) == pytest.approx(1, abs=0.01)
    correlations = np.corrcoef(table) - np.eye(16)
    assert float(np.abs(correlations).max()) < 0.2


def test_scores_are_the_means_and_chances_those_of_two_normals() -> None:
    router = Thompson(sigma=0.5, lam=2.0, floor=0.0)
    first = decision("a", (1.0, 0.0), options=(Option("a", prior=0.6),))
    second = decision("a", (0.0, 1.0), options=(Option("a", prior=0.2),))
    router.learn([Lesson(first, 0.9), Lesson(second, 0.1)])
    made = router.choose(question(Option("a", prior=0.4), Option("new", prior=0.5), x=X), "k", seeded())
    mean = 0.4 + 0.3 / 3 - 0.1 / 3 * 0.5
    a, new = made.options
    assert [a.score, new.score] == pytest.approx([mean, 0.5])
    spread = 0.5 * math.sqrt((1 / 3 + 0.25 / 3) + 1.25 / 2)
    assert a.probability == pytest.approx(NormalDist().cdf((mean - 0.5) / spread), abs=0.02)
    assert (a.probability or 0) + (new.probability or 0) == pytest.approx(1.0)


def test_many_options_against_very_many_draws() -> None:
    rng, router = np.random.default_rng(2), Thompson(floor=0.0)
    names = [f"a{i}" for i in range(8)]
    given = [(name, (1.0, float(rng.normal())), float(rng.random())) for name in names[:7] for _ in range(12)]
    taught(router, *given)
    means, widths = [], []
    for name in names:
        x = np.array([row for option, row, _ in given if option == name]).reshape(-1, 2)
        gram = np.eye(2) + x.T @ x
        theta = np.linalg.solve(gram, x.T @ np.array([r - 0.5 for option, _, r in given if option == name]))
        means.append(0.5 + float(theta @ X))
        widths.append(0.25 * math.sqrt(float(np.array(X) @ np.linalg.solve(gram, X))))
    draws = rng.normal(size=(200_000, 8)) * widths + means
    truth = np.bincount(draws.argmax(axis=1), minlength=8) / 200_000
    np.testing.assert_allclose(probabilities(router, *names), truth, atol=0.02)


def test_what_cannot_win_a_draw_is_left_out_and_keeps_its_share_of_the_floor() -> None:
    router = Thompson(floor=0.03)
    taught(router, *[("a", X, 0.9), ("b", X, 0.85), ("c", X, 0.0)] * 400)
    with_c, without = probabilities(router, "a", "b", "c"), probabilities(router, "a", "b")
    assert with_c[2] == pytest.approx(0.01)
    # The others' shares of the draws are the same: 1 - floor of it, and the floor's share.
    assert [p - 0.01 for p in with_c[:2]] == pytest.approx([p - 0.015 for p in without])


def test_a_long_shot_keeps_its_chance() -> None:
    router = Thompson(floor=0.0)
    taught(router, *[("sure", X, 0.6)] * 900)
    width = 0.25 * math.sqrt(1.25)
    for prior, chance in (
        (0.6 - 1.6 * width, 1 - NormalDist().cdf(1.6)),
        (0.6 - 2.3 * width, 1 - NormalDist().cdf(2.3)),
    ):
        assert probabilities(router, "sure", Option("new", prior=prior))[1] == pytest.approx(chance, abs=0.005)


def test_without_noise_it_is_the_highest_mean() -> None:
    router = Thompson(sigma=0.0, floor=0.0)
    taught(router, ("a", X, 0.6), ("b", X, 0.7))
    made = router.choose(question("a", "b", "c", x=X), "k", seeded())
    assert made.chosen == ("b",) and made.probability == 1.0 and not made.explored


def test_another_than_the_highest_mean_counts_as_explored() -> None:
    router = Thompson()
    taught(router, ("a", X, 0.6), ("b", X, 0.55))
    seen = {}
    for seed in range(40):
        made = router.choose(question("a", "b", x=X), "k", seeded(seed))
        seen[made.chosen[0]] = made.explored
        assert made.probability == {o.name: o.probability for o in made.options}[made.chosen[0]]
    assert seen == {"a": False, "b": True}


def test_the_inverse_kept_up_to_date_is_the_one_rebuilt() -> None:
    live, rebuilt, rng = Thompson(), Thompson(), seeded(3)
    for step in range(60):
        x = (1.0, rng.random(), rng.random())
        made = decision("a", x, key=f"k{step}")
        live.learn([Lesson(made, rng.random())])
        live.learn([Lesson(made, 0.5, before=0.1)])
    rebuilt.load(live.state())
    np.testing.assert_allclose(live._arms.inverse("a"), rebuilt._arms.inverse("a"), atol=1e-9)
    np.testing.assert_allclose(live._arms.theta("a"), rebuilt._arms.theta("a"), atol=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "inverse", "close"),
    [
        (1.0, 1.0, lambda u: u, 1e-3),
        (2.0, 1.0, np.sqrt, 1e-3),
        (1.0, 3.0, lambda u: 1 - (1 - u) ** (1 / 3), 1e-3),
        (0.1, 1.0, lambda u: u**10, 1e-2),  # as skewed as it gets: its grid spans 240 powers of e
    ],
)
def test_the_values_of_a_beta_are_its_quantiles(a: float, b: float, inverse: Any, close: float) -> None:
    values = 1 / (1 + np.exp(-beta_values(a, b)))
    u = (np.arange(DRAWS) + 0.5) / DRAWS
    np.testing.assert_allclose(values, inverse(u), atol=close)


@pytest.mark.parametrize(("a", "b"), [(0.1, 1.9), (3.0, 4.0), (80_000.0, 20_000.0), (2.0, 50_000.0)])
def test_the_values_of_a_beta_have_its_mean_and_deviation(a: float, b: float) -> None:
    values = 1 / (1 + np.exp(-beta_values(a, b)))
    deviation = math.sqrt(a * b / (a + b + 1)) / (a + b)
    assert float(values.mean()) == pytest.approx(a / (a + b), abs=0.02 * deviation)
    assert float(values.std()) == pytest.approx(deviation, rel=0.03)


def test_beta_counts_successes_from_the_prior_on() -> None:
    router = BetaThompson(floor=0.0)
    taught(router, ("a", X, 1.0), ("a", X, 0.25))
    assert router.parameters("a", 0.5) == pytest.approx((2.25, 1.75))
    assert router.parameters("new", 0.8) == pytest.approx((1.6, 0.4))
    assert router.parameters("new", -3.0) == pytest.approx((0.1, 1.9))
    made = router.choose(question("a", Option("new", prior=0.8), x=X), "k", seeded())
    assert [option.score for option in made.options] == pytest.approx([2.25 / 4, 0.8])


def test_two_betas_win_as_often_as_they_should() -> None:
    """P(Beta(2, 1) > Beta(1, 1)) is the mean of the first: 2/3."""
    router = BetaThompson(floor=0.0)
    taught(router, ("a", X, 1.0))
    assert probabilities(router, "a", "new") == pytest.approx([2 / 3, 1 / 3], abs=0.02)
    assert probabilities(router, "new", "other", "third") == pytest.approx([1 / 3] * 3, abs=0.02)


@pytest.mark.parametrize("bad", [{"sigma": -1.0}, {"lam": 0.0}, {"sigma": math.inf}, {"lam": math.nan}, {"floor": 2.0}])
def test_bad_parameters_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(BadNumber, match=r"sigma|floor"):
        Thompson(**bad)
    with pytest.raises(BadNumber, match="strength"):
        BetaThompson(strength=bad.get("lam", 0.0))
