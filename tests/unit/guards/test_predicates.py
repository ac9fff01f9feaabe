"""What holds and what does not, of every kind of condition."""

from __future__ import annotations

import math
from typing import Any

import pytest

from orchestra.core.errors import BadDefinition
from orchestra.guards.data import goal_from
from orchestra.guards.predicates import World, begins_in, same, unmet

WORLD = {
    "facts": {"score": 3, "name": "Ann", "none": None, "yes": True, "nan": math.nan, "cap": 10, "deep": {"er": [1]}},
    "input": {"n": 7, "text": "7"},
}


def verdict(before: dict[str, Any], world: World = WORLD, **checks: Any) -> tuple[bool, str]:
    """Whether it holds, and what of it does not."""
    goal = goal_from({"name": "g", "stages": ["a"], "skills": {"s": {"before": before}}}, checks=checks)
    missing = unmet(goal.skills["s"].before, world)
    return not missing, " and ".join(map(str, missing))


HOLD: list[dict[str, Any]] = [
    {"facts.score": "present"},
    {"facts.missing": "absent"},
    {"facts.none": "absent"},
    {"facts.score": {"equals": 3.0}},
    {"facts.deep.er": {"equals": [1]}},
    {"facts.none": {"equals": None}},
    {"facts.name": {"in": ["Bob", "Ann"]}},
    {"facts.score": {"at_least": 3, "at_most": 3, "more_than": 2.5, "less_than": 4}},
    {"input.n": {"less_than": "facts.cap"}},
    {"all": [{"facts.score": "present"}, {"input.n": "present"}]},
    {"any": [{"facts.missing": "present"}, {"input.n": "present"}]},
    {"not": {"facts.missing": {"at_least": 1}}},
    {"not": {"any": [{"facts.missing": "present"}, {"facts.none": "present"}]}},
]
NOT: list[tuple[dict[str, Any], str]] = [
    ({"facts.missing": "present"}, "facts.missing is present"),
    ({"facts.none": "present"}, "facts.none is present"),
    ({"facts.score": "absent"}, "facts.score is absent"),
    ({"facts.yes": {"equals": 1}}, "facts.yes is 1"),
    ({"facts.deep.er": {"equals": [True]}}, "facts.deep.er is [True]"),
    ({"facts.missing": {"equals": None}}, "facts.missing is None"),
    ({"facts.name": {"in": ["Bob", "Cy"]}}, "facts.name is one of 'Bob', 'Cy'"),
    ({"facts.score": {"more_than": 3}}, "facts.score > 3"),
    ({"facts.score": {"less_than": 3}}, "facts.score < 3"),
    ({"facts.score": {"at_least": 4}}, "facts.score >= 4"),
    ({"facts.score": {"at_least": 1, "at_most": 2}}, "facts.score <= 2"),
    ({"facts.yes": {"at_least": 0}}, "facts.yes >= 0"),
    ({"facts.nan": {"at_least": 0}}, "facts.nan >= 0"),
    ({"input.text": {"at_least": 0}}, "input.text >= 0"),
    ({"input.n": {"less_than": "facts.missing"}}, "input.n < facts.missing"),
    ({"facts.name.x": "present"}, "facts.name.x is present"),
    ({"any": [{"facts.missing": "present"}, {"input.n": "absent"}]}, "(facts.missing is present or input.n is absent)"),
    ({"all": [{"facts.missing": "present"}, {"input.n": "present"}]}, "facts.missing is present"),
    ({"not": {"facts.score": {"at_least": 1}}}, "not facts.score >= 1"),
]


@pytest.mark.parametrize("before", HOLD, ids=str)
def test_it_holds(before: dict[str, Any]) -> None:
    assert verdict(before) == (True, "")


@pytest.mark.parametrize(("before", "said"), NOT, ids=str)
def test_it_does_not_hold_and_says_what(before: dict[str, Any], said: str) -> None:
    assert verdict(before) == (False, said)


def test_everything_in_one_mapping_has_to_hold() -> None:
    before = {"facts.score": "present", "facts.missing": "present", "facts.none": "present"}
    assert verdict(before) == (False, "facts.missing is present and facts.none is present")


def test_a_check_is_named_by_data_and_brought_by_the_program() -> None:
    def truthy(world: World) -> Any:
        return 1

    def broken(world: World) -> bool:
        raise RuntimeError

    assert verdict({"check": "seven"}, seven=lambda world: world["input"]["n"] == 7) == (True, "")
    assert verdict({"check": "truthy"}, truthy=truthy) == (False, "the check 'truthy' passes")
    assert not verdict({"check": "broken"}, broken=broken)[0]
    with pytest.raises(BadDefinition, match="there is no check '__import__'; there are: none"):
        verdict({"check": "__import__"})


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ({"output.x": "present"}, "reads 'output.x' for 's'"),
        ({"facts.a..b": "present"}, "reads 'facts.a..b' for 's'"),
        ({"world.x": "present"}, "reads 'world.x' for 's'"),
        ({"facts.x": {"at_least": "1 or True"}}, "reads '1 or True' for 's'"),
        ({"facts": "present"}, "a path begins with"),
        ({"facts.x": "here"}, "it is not present, absent or a comparison"),
        ({"facts.x": {}}, "say what the value has to be"),
        ({"facts.x": {"in": []}}, "it is not present"),
        ({"facts.x": {"at_least": True}}, "it is not present"),
        ({"facts.x": {"at_least": math.nan}}, "it is not present"),
        ({"facts.x": {"matches": ".*"}}, "Extra inputs"),
        ({"any": []}, "any takes a list of conditions"),
        ({"not": {}}, "a condition is a mapping"),
    ],
    ids=str,
)
def test_what_is_no_condition_is_refused(before: dict[str, Any], said: str) -> None:
    with pytest.raises(BadDefinition) as error:
        verdict(before)
    assert said in error.value.what


def test_conditions_cannot_lie_too_deep() -> None:
    deep: dict[str, Any] = {"facts.x": "present"}
    for _ in range(500):
        deep = {"not": deep}
    with pytest.raises(BadDefinition, match="more than 8 deep"):
        verdict(deep)


def test_equality_knows_true_from_one_at_every_depth() -> None:
    assert same({"a": [1, {"b": 2.0}]}, {"a": [1.0, {"b": 2}]})
    assert not same({"a": [1, {"b": True}]}, {"a": [1, {"b": 1}]})
    assert not same([1, 2], [1]) and not same({"a": 1}, {"b": 1}) and not same("1", 1)


def test_where_a_path_begins() -> None:
    assert begins_in("output", ("output",)) and begins_in("output.x", ("output",))
    assert not begins_in("facts", ("facts",)) and not begins_in("facts.", ("facts",))
