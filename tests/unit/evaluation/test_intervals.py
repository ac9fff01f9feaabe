"""Intervals and tests of paired rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.intervals import bootstrap, mcnemar, paired_bootstrap


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).random(200)
    first, again, other = (bootstrap(values, seed=seed) for seed in (7, 7, 8))
    assert first == again != other
    assert first.low < first.estimate < first.high and first.estimate == pytest.approx(values.mean())


def test_its_width_is_that_of_the_mean() -> None:
    values = np.random.default_rng(2).normal(size=1000)
    low, _, high = bootstrap(values, seed=0, rounds=4000)
    assert (high - low) == pytest.approx(2 * 1.96 * values.std() / 1000**0.5, rel=0.08)


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        low, _, high = bootstrap(rng.random(60), seed=seed, rounds=400)
        covered += low <= 0.5 <= high
    assert 176 <= covered <= 199


def test_pairs_cancel_what_they_share() -> None:
    rng = np.random.default_rng(4)
    hard = rng.random(300)
    difference = paired_bootstrap(hard + 0.1, hard, seed=0)
    assert difference == pytest.approx((0.1, 0.1, 0.1))
    with pytest.raises(BadDefinition, match="same rows"):
        paired_bootstrap(hard, hard[:-1], seed=0)


def test_bad_input() -> None:
    with pytest.raises(BadDefinition, match="without NaN"):
        bootstrap(np.array([np.nan]), seed=0)
    with pytest.raises(BadDefinition):
        bootstrap(np.zeros(0), seed=0)
    with pytest.raises(BadNumber, match=r"level=1\.0"):
        bootstrap(np.zeros(3), seed=0, level=1.0)


def pairs(both: int, first: int, second: int, neither: int) -> tuple[np.typing.NDArray[np.bool_], ...]:
    rows = [(True, True)] * both + [(True, False)] * first + [(False, True)] * second + [(False, False)] * neither
    table = np.array(rows, dtype=np.bool_)
    return table[:, 0], table[:, 1]


def test_mcnemar_by_hand() -> None:
    # 10 discordant rows, 2 against 8: 2 (1 + 10 + 45) / 1024.
    assert mcnemar(*pairs(30, 2, 8, 5)) == pytest.approx((2, 8, 0.109375))
    assert mcnemar(*pairs(9, 0, 0, 9)).p == 1.0
    assert mcnemar(*pairs(0, 5, 5, 0)).p == 1.0
    assert mcnemar(*pairs(0, 0, 3000, 0)).p == 0.0
    with pytest.raises(BadDefinition, match="same rows"):
        mcnemar(np.array([True]), np.array([True, False]))


@given(st.integers(0, 20), st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_symmetric_and_ignores_where_they_agree(both: int, first: int, second: int) -> None:
    p = mcnemar(*pairs(both, first, second, 1)).p
    assert 0.0 <= p <= 1.0
    assert p == mcnemar(*pairs(0, second, first, 1)).p
