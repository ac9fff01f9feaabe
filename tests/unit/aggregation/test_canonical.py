"""Answers that are written differently and say the same."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.aggregation.canonical import canonical_answer, classes, readable
from orchestra.core.errors import BadReply

HALVES = [
    0.5,
    "0.5",
    "1/2",
    '"1/2."',
    "½",
    "2 / 4",
    "The answer is 1/2.",
    "Final answer: **.5**",
    r"$\frac{1}{2}$",
    "5e-1",
]


@pytest.mark.parametrize("written", HALVES)
def test_a_half_is_a_half_however_it_is_written(written: Any) -> None:
    assert canonical_answer(written) == "1/2"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", 1000),
        ("1e3", "1000.0"),
        ("-3", "\N{MINUS SIGN}3"),
        ("Paris.", " paris"),
        (r"\boxed{7}", 7),
        (True, "True"),
    ],
)
def test_what_counts_as_the_same(one: Any, other: Any) -> None:
    assert canonical_answer(one) == canonical_answer(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [("50%", "0.5"), ("10²", "102"), ("1/0", "1"), ("a b", "ab"), ("5 kg", "5"), ("0.5", "0.50001"), ([1], [2])],
)
def test_what_does_not(one: Any, other: Any) -> None:
    assert canonical_answer(one) != canonical_answer(other)


@pytest.mark.parametrize("empty", [None, "", "  ", ".", '""', "$$", [], {}, math.nan, math.inf, object()])
def test_what_is_no_answer(empty: Any) -> None:
    assert canonical_answer(empty) is None and not readable(empty)


def test_no_answer_agrees_with_nothing_not_even_with_its_like() -> None:
    assert classes(["", None, ""]) == (0, 1, 2)
    assert classes(["1/2", "", 0.5]) == (0, 1, 0)


def test_an_extractor_that_refuses_says_that_there_is_no_answer() -> None:
    def extract(answer: Any) -> str | None:
        if answer == "bad":
            raise BadReply("no number")
        return str(int(answer))

    assert classes(["bad", "7", "x", "07"], extract) == (0, 1, 2, 1)


@given(st.text(max_size=60))
def test_any_text_is_read_and_reading_it_again_changes_nothing(text: str) -> None:
    found = canonical_answer(text)
    assert found is None or canonical_answer(found) == found


def test_a_number_that_would_fill_the_memory_is_a_text() -> None:
    assert canonical_answer("1e99999999") == "1e99999999"
    assert canonical_answer("9" * 10_000) == "9" * 10_000
