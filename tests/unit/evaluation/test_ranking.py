"""APGR, CPT, AUROC, ECE: by hand and by law."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.outcomes import Floats
from orchestra.evaluation.ranking import apgr, auroc, brier, cpt, ece, recovered

WEAK, STRONG = np.array([1.0, 0.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0])


def arr(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def test_a_perfect_order() -> None:
    wish = arr(0.1, 0.9, 0.8, 0.2)
    shares, gains = recovered(WEAK, STRONG, wish)
    assert shares.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert gains.tolist() == [0.0, 0.5, 1.0, 1.0, 1.0]
    assert apgr(WEAK, STRONG, wish) == pytest.approx(0.75)
    assert cpt(WEAK, STRONG, wish, 0.5) == pytest.approx(0.25)
    assert cpt(WEAK, STRONG, wish, 0.8) == pytest.approx(0.4)
    assert cpt(WEAK, STRONG, wish, 0.0) == 0.0


def test_the_worst_order() -> None:
    wish = arr(0.9, 0.1, 0.2, 0.8)
    assert apgr(WEAK, STRONG, wish) == pytest.approx(0.25)
    assert cpt(WEAK, STRONG, wish, 0.5) == pytest.approx(0.75)


def test_no_opinion_is_a_coin() -> None:
    assert apgr(WEAK, STRONG, np.zeros(4)) == pytest.approx(0.5)
    assert cpt(WEAK, STRONG, np.zeros(4), 0.8) == pytest.approx(0.8)


def test_no_gap() -> None:
    with pytest.raises(BadDefinition, match="no gap"):
        apgr(WEAK, WEAK, np.zeros(4))
    with pytest.raises(BadDefinition, match="one length"):
        apgr(WEAK, STRONG, np.zeros(3))


ROWS = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=2, max_size=30).filter(
    lambda rows: sum(a for a, _, _ in rows) != sum(b for _, b, _ in rows)
)


@given(ROWS)
def test_an_order_and_its_reverse_add_up_to_one(rows: list[tuple[bool, bool, int]]) -> None:
    weak, strong, wish = (np.array([row[i] for row in rows], dtype=np.float64) for i in range(3))
    assert apgr(weak, strong, wish) + apgr(weak, strong, -wish) == pytest.approx(1.0)
    assert apgr(weak, strong, wish) == pytest.approx(apgr(weak[::-1], strong[::-1], wish[::-1]))
    assert apgr(weak, strong, 3.0 * wish + 1.0) == pytest.approx(apgr(weak, strong, wish))


def test_auroc_by_hand() -> None:
    assert auroc(arr(0.9, 0.8, 0.1), np.array([True, True, False])) == 1.0
    assert auroc(arr(0.9, 0.5, 0.5, 0.1), np.array([True, True, False, False])) == pytest.approx(3.5 / 4)
    with pytest.raises(BadDefinition, match="AUROC"):
        auroc(arr(1.0, 2.0), np.array([True, True]))


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_auroc_is_the_share_of_pairs(rows: list[tuple[int, bool]]) -> None:
    positives, negatives = [s for s, p in rows if p], [s for s, p in rows if not p]
    if not positives or not negatives:
        return
    pairs = [(a > b) + 0.5 * (a == b) for a in positives for b in negatives]
    score, positive = np.array([float(s) for s, _ in rows]), np.array([p for _, p in rows])
    assert auroc(score, positive) == pytest.approx(sum(pairs) / len(pairs))
    assert auroc(-score, positive) == pytest.approx(1.0 - auroc(score, positive))


def test_ece_by_hand() -> None:
    confidence, correct = arr(0.95, 0.85, 0.15, 0.05), arr(1, 0, 0, 0)
    assert ece(confidence, correct, bins=2) == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)
    assert ece(arr(1.0, 0.0), arr(1, 0)) == 0.0
    assert brier(arr(0.5, 1.0), arr(1, 1)) == pytest.approx(0.125)
    with pytest.raises(BadDefinition, match="ECE"):
        ece(arr(1.5), arr(1))
    with pytest.raises(BadDefinition, match="ECE"):
        ece(arr(np.nan), arr(1))


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=50))
def test_one_bin_is_the_difference_of_the_means_and_more_bins_see_no_less(rows: list[tuple[int, bool]]) -> None:
    confidence, correct = arr(*[c / 100 for c, _ in rows]), arr(*[float(r) for _, r in rows])
    assert ece(confidence, correct, bins=1) == pytest.approx(abs(float(confidence.mean() - correct.mean())))
    assert ece(confidence, correct, bins=1) <= ece(confidence, correct, bins=15) + 1e-9 <= 1.0 + 1e-9
