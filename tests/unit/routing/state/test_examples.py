"""Examples: merged like sums, by decision and within their room."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.routing.state import sums
from orchestra.routing.state.examples import LATEST, SAMPLE, Example, Examples, add, add_plain, from_plain, to_plain

# (decision, rewards it got, their sum): halves, so that sums are exact in any order.
parts = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 2), st.integers(-2, 2)), max_size=24)


def filled(what: list[tuple[int, int, int]], rule: str = SAMPLE, cap: int = 5) -> Examples:
    examples = Examples(rule=rule, cap=cap)
    for n, rewards, halves in what:
        x = np.array([1.0, n / 7], dtype=np.float32)
        examples.put(f"{n:04}", Example(x, n, rewards, halves / 2))
        examples.pulls += rewards
    examples.settle()
    return examples


@given(one=parts, two=parts, three=parts)
@settings(max_examples=100)
@pytest.mark.parametrize("rule", [SAMPLE, LATEST])
def test_however_they_are_parted_and_merged_the_same_ones_are_kept(rule: str, one: Any, two: Any, three: Any) -> None:
    """With times of their own; what was evicted once would be evicted again."""
    a, b, c = (to_plain(filled(part, rule)) for part in (one, two, three))
    left, right = add_plain(add_plain(a, b), c), add_plain(a, add_plain(c, b))
    assert left["ids"] == right["ids"] and left["pulls"] == right["pulls"]
    whole = to_plain(filled([*one, *two, *three], rule))
    assert left["ids"] == whole["ids"] == sorted(left["ids"])
    assert left == json.loads(json.dumps(left))


@given(one=parts, two=parts)
@settings(max_examples=50)
def test_with_room_for_all_nothing_of_a_decision_is_lost(one: Any, two: Any) -> None:
    merged = add(filled(one, cap=99), filled(two, cap=99))
    assert to_plain(merged) == to_plain(filled([*one, *two], cap=99))


def test_plain_and_back_is_the_same() -> None:
    examples = filled([(1, 1, 1), (2, 2, 1)])
    again = from_plain(json.loads(json.dumps(to_plain(examples))))
    assert to_plain(again) == to_plain(examples)
    np.testing.assert_array_equal(again.id_to_example["0001"].x, examples.id_to_example["0001"].x)


def test_a_store_adds_them_as_it_adds_sums() -> None:
    one, two = to_plain(filled([(1, 1, 1)])), to_plain(filled([(2, 1, 2)]))
    assert sums.add_plain(None, one) == one
    assert sums.add_plain(one, two)["ids"] == ["0001", "0002"]


def test_what_does_not_fit_together_is_refused() -> None:
    one, latest = to_plain(filled([(1, 1, 1)])), to_plain(filled([(1, 1, 1)], LATEST))
    with pytest.raises(BadDefinition, match="do not mix"):
        add_plain(one, latest)
    wide = Examples(rule=SAMPLE, cap=5, id_to_example={"x": Example(np.zeros(3, dtype=np.float32), 0, 1, 1.0)})
    with pytest.raises(BadDefinition, match="2 features and now meets 3"):
        add_plain(one, to_plain(wide))
    with pytest.raises(JournalVersion, match="'sums'"):
        add_plain({"version": 1, "d": 1, "pulls": 0, "b": "", "rows": ""}, one)


@pytest.mark.parametrize(
    "damage",
    [
        {"ids": ["0001", "0002"]},
        {"rows": "%%%"},
        {"rows": "AADAfwAAwH8="},  # two NaN
        {"totals": [float("nan")]},
        {"totals": ["much"]},
        {"rewards": [-1]},
        {"rewards": None},
        {"at": [float("inf")]},
        {"cap": 0},
        {"pulls": -1},
        {"rule": "newest"},
        {"d": 7},
    ],
)
def test_damage_is_named(damage: dict[str, Any]) -> None:
    with pytest.raises(BadNumber, match="damaged"):
        from_plain({**to_plain(filled([(1, 1, 1)])), **damage})


@pytest.mark.parametrize("other", [{"version": 2}, {"form": "pictures"}])
def test_another_format_is_named(other: dict[str, Any]) -> None:
    with pytest.raises(JournalVersion, match="was found"):
        from_plain({**to_plain(filled([(1, 1, 1)])), **other})
