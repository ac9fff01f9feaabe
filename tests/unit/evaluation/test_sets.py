"""Predicted sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.sets import set_scores, tcar_reward

SETS = st.lists(st.tuples(st.frozensets(st.sampled_from("abcd")), st.frozensets(st.sampled_from("abcd"))), min_size=1)


def test_by_hand() -> None:
    scores = set_scores([{"a", "b"}, {"c"}, {"d"}, set()], [{"a"}, {"c"}, {"a", "b"}, set()])
    assert scores.hit_any == pytest.approx(3 / 4)
    assert scores.exact == pytest.approx(2 / 4)
    assert scores.precision == pytest.approx((0.5 + 1 + 0 + 1) / 4)
    assert scores.recall == pytest.approx((1 + 1 + 0 + 1) / 4)
    assert scores.mean_set_size == pytest.approx(1.0)
    assert scores.micro_f1 == pytest.approx(4 / 8)


def test_naming_everything_hits_and_is_not_exact() -> None:
    scores = set_scores([{"a", "b", "c"}] * 2, [{"a"}, {"b"}])
    assert (scores.hit_any, scores.exact, scores.mean_set_size) == (1.0, 0.0, 3.0)


def test_out_of_scope_is_the_empty_set() -> None:
    scores = set_scores([{"a"}, set()], [set(), {"a"}])
    assert (scores.hit_any, scores.exact, scores.precision, scores.recall) == (0.0, 0.0, 0.0, 0.0)


def test_tcar_reward() -> None:
    assert tcar_reward({"a"}, {"a"}) == 1.0
    assert tcar_reward({"a", "b"}, {"a"}) == pytest.approx(0.5 * 0.5 + 0.5 - 0.1)
    assert tcar_reward({"a", "b"}, {"a", "b", "c"}, alpha=0.25) == pytest.approx(0.25 + 0.75 * 2 / 3)


def test_rows_must_pair_up() -> None:
    with pytest.raises(BadDefinition, match="1 predicted sets for 2"):
        set_scores([{"a"}], [{"a"}, {"b"}])
    with pytest.raises(BadDefinition):
        set_scores([], [])


@given(SETS)
def test_laws(pairs: list[tuple[frozenset[str], frozenset[str]]]) -> None:
    scores = set_scores([p for p, _ in pairs], [t for _, t in pairs])
    assert 0.0 <= scores.exact <= min(scores.precision, scores.recall) <= scores.hit_any <= 1.0
    turned = set_scores([t for _, t in pairs], [p for p, _ in pairs])
    assert turned.micro_f1 == pytest.approx(scores.micro_f1) and turned.exact == scores.exact
    assert set_scores([t for _, t in pairs], [t for _, t in pairs])[:4] == (1.0, 1.0, 1.0, 1.0)
