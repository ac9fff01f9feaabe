"""Goals as data: what is refused, with its place, and what a file gives."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestra.app.goals import load_goal
from orchestra.core.errors import BadDefinition
from orchestra.guards.data import goal_from
from orchestra.guards.goal import Goal, Rule, goal_named
from tests.unit.guards.kit import HIRING, hiring, node


def test_a_file_and_a_mapping_give_the_same_goal(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(HIRING, sort_keys=False), encoding="utf-8")
    assert load_goal(path) == hiring()
    path.write_text("stages: [a, b]\ntransitions: {a: [b]}\n", encoding="utf-8")
    goal = load_goal(path)
    assert (goal.name, goal.start, goal.final, goal.unnamed) == ("other", "a", ("b",), "harmless")


def test_a_fault_in_a_file_has_its_line_and_field(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("stages: [a, b]\ntransitions:\n  a: [b]\nskills:\n  go:\n    before: {facts.x: here}\n")
    with pytest.raises(BadDefinition, match=r"case.yaml, line 6, field 'skills.go.before.facts.x': it is not present"):
        load_goal(path)
    path.write_text("stages: [a]\nsteps: [b]\n", encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"case.yaml, line 2, field 'steps': Extra"):
        load_goal(path)
    path.write_text("stages: [a, b]\n", encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"case.yaml: The goal 'case' never comes to 'b'"):
        load_goal(path)


def changed(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    data = deepcopy(HIRING)
    at: Any = data
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = value
    return data


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("stages",), [], "at least 1"),
        (("stages",), ["init", "init"], "each of them once"),
        (("name",), "a:b", "cannot be named 'a:b'"),
        (("transitions", "init"), ["nowhere"], "has no stage 'nowhere', which its transitions names"),
        (("transitions", "sourcing"), [], "never comes to 'interview', 'offer'"),
        (("skills", "close", "stages"), ["done"], "has no stage 'done', which the rule of 'close' names"),
        (("skills", "close", "to"), "init", "lets 'close' go from 'onboard' to 'init', which is no transition"),
        (("skills", "search", "to"), "interview", None),
        (("skills", "assess", "sets"), {"score": "env.HOME"}, "reads 'env.HOME' for 'assess'"),
        (("unnamed",), "maybe", "'allow', 'harmless' or 'block'"),
        (("skills", "search", "when"), "always", "Extra inputs"),
    ],
    ids=str,
)
def test_what_could_never_work_is_refused(place: tuple[Any, ...], value: Any, said: str | None) -> None:
    data = changed(place, value)
    if said is None:
        assert goal_from(data).skills["search"].to == "interview"
        return
    with pytest.raises(BadDefinition) as error:
        goal_from(data)
    assert said in str(error.value)


def test_a_rule_without_stages_is_legal_until_the_end() -> None:
    goal = hiring()
    assert goal.stages_of(Rule()) == goal.stages[:-1]
    alone = Goal(name="alone", stages=("only",), transitions={}, skills={})
    assert alone.stages_of(Rule()) == ("only",)


def test_the_rules_of_a_node_are_its_own_and_those_of_what_it_provides() -> None:
    goal = hiring()
    assert goal.rules_for(node("stripe", "sign", "close")) == (goal.skills["sign"], goal.skills["close"])
    assert goal.rules_for(node("search", "search")) == (goal.skills["search"],)
    assert goal.rules_for(node("other")) == ()


@pytest.mark.parametrize("name", ["", "hiring", "hiring:", ":A", 7])
def test_a_goal_is_named_by_kind_and_id(name: Any) -> None:
    assert goal_named("hiring:A:17") == ("hiring", "A:17")
    with pytest.raises(BadDefinition, match="names no goal"):
        goal_named(name)
