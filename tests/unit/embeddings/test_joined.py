"""Several embedders as one, and the signals that are meant to be joined."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.embeddings.joined import joined
from orchestra.embeddings.signals import COMPLEXITY, STRUCTURE, complexity
from orchestra.embeddings.tasks import TaskTypes
from tests.unit.embeddings.kit import Letters


def test_parts_lie_side_by_side_by_weight() -> None:
    both = joined((Letters("one"), 1), (Letters("two"), 0.4))
    assert both.name == "one+0.4*two" and both.d == 6
    scale = math.sqrt(1 + 0.16)
    assert both.embed("a") == pytest.approx([1 / scale, 0, 0, 0.4 / scale, 0, 0])
    assert both.embed("") == [0.0] * 6
    assert both.matrix(["a", "bc"]) == pytest.approx(np.array([both.embed("a"), both.embed("bc")]))


def test_cosines_are_weighted_by_the_square() -> None:
    letters, structure = Letters(), STRUCTURE
    both = joined((letters, 1), (structure, 0.5))
    one, two = both.matrix(["aab", "abc?"])
    parts = [float(np.dot(part.embed("aab"), part.embed("abc?"))) for part in (letters, structure)]
    assert float(one @ two) == pytest.approx((parts[0] + 0.25 * parts[1]) / 1.25)


def test_weights_and_dimensions_are_checked() -> None:
    with pytest.raises(BadDefinition, match="Nothing is joined"):
        joined()
    for weight in (0, -1, math.nan, math.inf):
        with pytest.raises(BadNumber, match="letters"):
            joined((Letters(), weight))
    with pytest.raises(ValueError, match=r"letters gave \(1, 2\) instead of \(1, 3\)"):
        joined((Letters(then=(1.0, 0.0)), 1)).embed("a")


def test_complexity_has_three_levels() -> None:
    easy, hard = "The cat sat on the mat. It was fat.", "Institutional heterogeneity necessitates reconsideration."
    assert complexity(easy) == 0.0 and complexity(hard) == 100.0
    assert COMPLEXITY.embed(easy) == [1.0, 0.0, 0.0] and COMPLEXITY.embed(hard) == [0.0, 0.0, 1.0]
    middle = "The little brother carried a basket of apples into the kitchen."
    assert 20 <= (complexity(middle) or 0) < 100
    assert complexity("123 + 4") is None and COMPLEXITY.embed("123 + 4") == [0.0, 0.0, 0.0]


def test_flesch_by_hand() -> None:
    # 10 words, 2 sentences, 15 groups of vowels.
    text = "My brother has a very big table. Is it enormous?"
    assert complexity(text) == pytest.approx(100 - (206.835 - 1.015 * 10 / 2 - 84.6 * 15 / 10))


@given(st.text(max_size=200))
def test_structure_has_length_one(text: str) -> None:
    vector = np.array(STRUCTURE.embed(text))
    assert vector.shape == (8,) and float(vector @ vector) == pytest.approx(1.0 if text else 0.0)
    assert STRUCTURE.matrix([text, ""]).shape == (2, 8)


def test_structure_tells_questions_code_and_digits() -> None:
    plain = STRUCTURE.embed("Tell me of the sea")
    for at, text in ((3, "Why? How?"), (5, "x = {}; y -> z()"), (7, "12 and 34")):
        assert STRUCTURE.embed(text)[at] > plain[at] == 0.0


def test_the_type_of_a_task_is_that_of_the_nearest_examples() -> None:
    types = TaskTypes(Letters(), {"first": ["a", "aa b"], "second": ["b"], "third": ["c", "cc"]})
    assert types.types == ("first", "second", "third") and types.d == 3
    assert types.matrix(["aaab", "bbc", "c", "none"]).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert types.embed("ccc") == [0.0, 0.0, 1.0]
    assert types.name.startswith("tasks3-") and types.name != TaskTypes(Letters(), {"first": ["a"]}).name
    wrong: list[dict[str, list[str] | str]] = [{}, {"first": []}, {"first": "a text"}]
    for examples in wrong:
        with pytest.raises(BadDefinition, match="task type"):
            TaskTypes(Letters(), examples)
