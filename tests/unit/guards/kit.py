"""Goals, nodes and worlds for the tests of guards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestra.core.call import Plan
from orchestra.core.catalog import Contract, Node, Planning
from orchestra.guards.data import goal_from
from orchestra.guards.goal import Goal
from orchestra.ports.guard import Asked

HIRING: dict[str, Any] = {
    "name": "hiring",
    "stages": ["init", "sourcing", "interview", "offer", "onboard", "closed"],
    "transitions": {
        "init": ["sourcing"],
        "sourcing": ["interview"],
        "interview": ["offer", "sourcing"],
        "offer": ["onboard", "sourcing"],
        "onboard": ["closed"],
    },
    "skills": {
        "post_job": {"stages": ["init"], "sets": {"job": "input.job"}, "to": "sourcing"},
        "search": {"stages": ["sourcing", "interview"]},
        "schedule": {
            "stages": ["sourcing"],
            "before": {"input.candidate": "present"},
            "sets": {"candidate": "input.candidate"},
            "to": "interview",
        },
        "assess": {"stages": ["interview"], "sets": {"score": "output.score"}},
        "make_offer": {
            "stages": ["interview"],
            "before": {"facts.score": {"at_least": 3}, "input.salary": {"more_than": 0, "at_most": 90000}},
            "after": {"output.letter": "present"},
            "to": "offer",
        },
        "sign": {"stages": ["offer"], "before": {"not": {"facts.rejected": {"equals": True}}}, "to": "onboard"},
        "close": {"stages": ["onboard"], "to": "closed"},
    },
}


def hiring() -> Goal:
    return goal_from(HIRING)


def node(name: str, *provides: str, side_effect: str | None = None) -> Node:
    return Node(
        name=name,
        kind="tool",
        body=Planning(plan=_no_plan),
        contract=Contract(bind=lambda value: {}),
        provides=provides,
        side_effect=side_effect,
    )


def asked(name: str, by: str = "r/a", given: Mapping[str, Any] | None = None, **rest: Any) -> Asked:
    return Asked(node(name, **rest), given or {}, by)


def _no_plan(value: Any) -> Plan:
    yield from ()
