"""Calibration by hand: which row sets a threshold, what is refused, and that thresholds follow what is learned."""

import math

import numpy as np
import pytest

from orchestra.core.decision import OOS, Decide, Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.router import Lesson
from orchestra.routing.several.conformal import gaps, quantile, rows_needed, thresholds
from orchestra.routing.several.sets import Sets
from tests.unit.routing.kit import decision, seeded


def row(right: str, *similarities: float, x: tuple[float, ...] = (1.0,), gone: str = "") -> tuple[Decide, set[str]]:
    options = tuple(
        Option(chr(97 + i), similarity=value, filtered="gone" if chr(97 + i) == gone else None)
        for i, value in enumerate(similarities)
    )
    return Decide(capability="*", options=options, x=x, most=1), {right} if right else set()


def many(n: int = 19) -> list[tuple[Decide, set[str]]]:
    """The best is .9 in every row; the right one is 1/100, 2/100, ... below it."""
    return [row("b", 0.9, 0.9 - (i + 1) / 100) for i in range(n)]


def test_the_quantile_is_the_order_statistic_with_the_finite_sample_correction() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0  # ceil(4 * .5) = 2nd
    assert quantile(list(range(1, 10)), 0.1) == 9.0  # ceil(10 * .9) = 9th: not the 10th for a bit in binary
    assert quantile(list(range(1, 9)), 0.1) == math.inf
    assert quantile([], 0.5) == math.inf
    assert [rows_needed(alpha) for alpha in (0.5, 0.1, 0.02, 0.3)] == [1, 9, 49, 3]
    for alpha in (0.5, 0.1, 0.02, 0.3):
        assert math.isfinite(quantile([0.0] * rows_needed(alpha), alpha))
        assert quantile([0.0] * (rows_needed(alpha) - 1), alpha) == math.inf


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_an_alpha_that_is_none(alpha: float) -> None:
    with pytest.raises(BadNumber):
        quantile([1.0], alpha)


def test_the_gap_of_a_row_is_that_of_its_worst_right_option_within_the_size() -> None:
    scores = np.array([[0.9, 0.7, 0.4], [0.9, 0.7, 0.4], [0.5, 0.5, 0.5], [0.9, -np.inf, 0.1]])
    truths = np.array([[0, 1, 0], [1, 0, 1], [0, 0, 1], [0, 1, 0]], dtype=bool)
    assert gaps(scores, truths, 3).tolist() == [pytest.approx(0.2), pytest.approx(0.5), 0.0, math.inf]
    assert gaps(scores, truths, 2).tolist() == [pytest.approx(0.2), math.inf, math.inf, math.inf]
    with pytest.raises(BadNumber, match="leaves nothing"):
        thresholds(scores, truths, np.zeros(4), alpha=0.1, oos_alpha=0.1, most=3)


def test_calibrating_sets_both_thresholds_and_the_record_says_what_is_promised() -> None:
    router = Sets()
    found = router.calibrate(many(), alpha=0.3, oos_alpha=0.1)
    assert found.gap == pytest.approx(0.16)  # the ceil(20 * .8) = 16th of 1/100 ... 19/100
    assert found.level == pytest.approx(0.9)
    assert router.promise is not None and router.promise.n == 19
    what, _ = row("", 0.9, 0.73)
    assert (
        router.choose(what, "k", seeded()).reason
        == "1 of 1 within 0.160 of the best; calibrated for a coverage of 0.70"
    )


def test_rows_without_a_right_option_are_left_out_and_out_of_scope_is_none() -> None:
    one, two = Sets(), Sets()
    one.calibrate(many(), alpha=0.3, oos_alpha=0.1)
    two.calibrate([*many(), row("", 0.1, 0.1), (row("b", 0.1, 0.1)[0], {OOS})], alpha=0.3, oos_alpha=0.1)
    assert one.thresholds == two.thresholds


def test_too_few_rows_and_a_promise_that_cannot_be_kept_are_refused_and_change_nothing() -> None:
    router = Sets()
    before = router.thresholds
    with pytest.raises(BadNumber, match="needs 49"):
        router.calibrate(many(48))
    far = [row("c", 0.9, 0.8, 0.1) for _ in range(60)]
    with pytest.raises(BadNumber, match="at most 2"):
        router.calibrate(far, most=2)
    filtered = [row("a", 0.9, 0.8, gone="a") for _ in range(60)]
    with pytest.raises(BadNumber, match="at most 3"):
        router.calibrate(filtered)
    nobody = [row("a", 0.9, gone="a") for _ in range(60)]
    with pytest.raises(BadDefinition):
        router.calibrate(nobody)
    unheard_of = [(row("a", 0.9, 0.8)[0], {"somebody else"}) for _ in range(60)]
    with pytest.raises(BadNumber, match="at most 3"):
        router.calibrate(unheard_of)
    with pytest.raises(BadDefinition, match=r"Write \{'a'\}"):
        router.calibrate([(what, "a") for what, _ in far])
    assert router.thresholds == before and router.promise is None
    assert router.calibrate(far, most=3).gap == pytest.approx(0.8)
    with pytest.raises(BadNumber):
        router.calibrate(far, most=0)
    with pytest.raises(BadNumber):
        router.calibrate(far, alpha=0.1, oos_alpha=0.1)


def test_records_calibrate_as_questions_do() -> None:
    one, two = Sets(), Sets()
    questions = many()
    records = [(Sets().choose(what, "k", seeded()), right) for what, right in questions]
    assert one.calibrate(questions, alpha=0.3, oos_alpha=0.1) == two.calibrate(records, alpha=0.3, oos_alpha=0.1)


def test_thresholds_follow_what_is_learned_as_if_calibrated_after_it() -> None:
    rows = [row("b", 0.9, 0.9 - (i + 1) / 100, x=(math.cos(i), math.sin(i))) for i in range(19)]
    lessons = [Lesson(decision("b", (1.0, 0.0), key="one"), 1.0), Lesson(decision(OOS, (0.0, 1.0), key="two"), 1.0)]
    early, late, loaded = Sets(), Sets(), Sets()
    early.calibrate(rows, alpha=0.3, oos_alpha=0.1)
    before = early.thresholds
    early.learn(lessons)
    late.learn(lessons)
    late.calibrate(rows, alpha=0.3, oos_alpha=0.1)
    assert early.thresholds == late.thresholds != before
    loaded.calibrate(rows, alpha=0.3, oos_alpha=0.1)
    loaded.load(late.state())
    assert loaded.thresholds == late.thresholds
    loaded.delta()
    loaded.load({})
    assert loaded.thresholds == before


def test_what_was_learned_may_break_the_promise_and_then_none_is_made() -> None:
    router = Sets()
    router.calibrate([row("b", 0.8, 0.9) for _ in range(60)], most=1)
    what, _ = row("", 0.8, 0.9)
    assert "coverage of 0.90" in router.choose(what, "k", seeded()).reason
    router.learn([Lesson(decision("b"), 0.0)])
    made = router.choose(what, "k", seeded())
    assert math.isinf(router.thresholds.gap) and made.reason.endswith("without a promise") and made.chosen == ("a",)


def test_features_of_another_size_are_refused_before_anything_is_learned() -> None:
    router = Sets()
    router.calibrate(many(), alpha=0.3, oos_alpha=0.1)
    with pytest.raises(BadDefinition):
        router.learn([Lesson(decision("a", (1.0, 0.0)), 1.0)])
    assert router.pulls("a") == 0
