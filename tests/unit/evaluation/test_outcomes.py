"""The table of outcomes: what it refuses, and how it is cut."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName, UnknownName
from orchestra.evaluation.outcomes import Floats, OutcomeSet


def small(scores: Floats | None = None, **changes: Any) -> OutcomeSet:
    table = np.array([[1.0, 0.0], [0.5, 1.0], [0.0, np.nan]]) if scores is None else scores
    fields: dict[str, Any] = {
        "options": ("a", "b"),
        "ids": ("1", "2", "3"),
        "scores": table,
        "tasks": ("t", "t", "u"),
        "texts": ("one", "two", "one"),
        "costs_usd": np.array([[1.0, 2.0], [1.0, np.nan], [1.0, 4.0]]),
        "meta": {"part": ("x", "y", "x")},
    }
    return OutcomeSet(**{**fields, **changes})


@pytest.mark.parametrize("value", [-0.1, 1.1, np.inf, -np.inf])
def test_scores_outside_their_range_are_named(value: float) -> None:
    with pytest.raises(BadNumber, match="scores of 'b' on '1'"):
        small(np.array([[1.0, value], [0.0, 0.0], [0.0, 0.0]]))


@pytest.mark.parametrize("value", [-1.0, np.inf])
def test_costs_are_finite_and_not_negative(value: float) -> None:
    with pytest.raises(BadNumber, match="costs_usd of 'a' on '2'"):
        small(costs_usd=np.array([[1.0, 2.0], [value, 1.0], [1.0, 1.0]]))


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"ids": ("1", "2")}, BadDefinition, "shape"),
        ({"ids": ("1", "2", "1")}, DuplicateName, "'1' is there twice"),
        ({"options": ("a", "a")}, DuplicateName, "option 'a'"),
        ({"tasks": ("t",)}, BadDefinition, "tasks has 1 values for 3"),
        ({"meta": {"part": ("x",)}}, BadDefinition, "part has 1"),
        ({"x": np.zeros((2, 4))}, BadDefinition, "x has the shape"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        small(**changes)


def test_rows_take_everything_with_them() -> None:
    cut = small(x=np.eye(3)).rows([2, 0])
    assert (cut.ids, cut.tasks, cut.texts, cut.meta) == (("3", "1"), ("u", "t"), ("one", "one"), {"part": ("x", "x")})
    assert cut.scores[1].tolist() == [1.0, 0.0]
    assert cut.costs_usd is not None and cut.costs_usd.tolist() == [[1.0, 4.0], [1.0, 2.0]]
    assert cut.x is not None and cut.x.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert len(small().rows(np.zeros(3, dtype=np.bool_))) == 0 == len(small().rows([]))


def test_only_reorders_the_columns() -> None:
    turned = small().only(["b", "a"])
    assert turned.options == ("b", "a") and turned.scores[0].tolist() == [0.0, 1.0]
    with pytest.raises(UnknownName, match="'c' is no option"):
        small().only(["c"])


def test_priced_keeps_what_has_a_cost_on_every_row() -> None:
    assert small().priced().options == ("a",)
    with pytest.raises(BadDefinition, match="cost on every row"):
        small(costs_usd=None).priced()


def test_marked_parts() -> None:
    assert {part: rows.ids for part, rows in small().marked("part").items()} == {"x": ("1", "3"), "y": ("2",)}
    with pytest.raises(UnknownName, match="no column 'other'"):
        small().marked("other")


def test_complete() -> None:
    assert not small().complete and small().only(["a"]).complete


@given(st.lists(st.text(max_size=6), min_size=1, max_size=60), st.text(max_size=3))
def test_a_split_is_a_partition_that_keeps_equal_texts_together(texts: list[str], salt: str) -> None:
    n = len(texts)
    outcomes = OutcomeSet(options=("a",), ids=tuple(map(str, range(n))), scores=np.zeros((n, 1)), texts=tuple(texts))
    train, test = outcomes.split(0.5, salt)
    assert sorted([*train.ids, *test.ids], key=int) == list(outcomes.ids)
    assert not set(train.texts) & set(test.texts)
    fold = outcomes.folds(3, salt)
    assert set(fold.tolist()) <= {0, 1, 2}
    assert all(len({int(fold[i]) for i in range(n) if texts[i] == text}) == 1 for text in texts)


def test_the_split_is_the_public_sets_rule() -> None:
    # sha256("hello") begins with 2cf24dba, which is 754077114, modulo 100: 14.
    outcomes = small(texts=("hello", "hello", "hello"))
    assert len(outcomes.split(0.15)[0]) == 3 and len(outcomes.split(0.14)[0]) == 0
