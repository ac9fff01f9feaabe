"""An end is judged by what the tools did and what the run's table says."""

from dataclasses import replace

import pytest

from orchestra.evaluation.healing.methods import Played, heal, reached
from orchestra.evaluation.healing.paper import PAPER, TRAVEL
from orchestra.evaluation.healing.scenarios import REPOSITORY, Scenario
from orchestra.evaluation.healing.suites import judged

NAME_TO_SCENARIO: dict[str, Scenario] = {scenario.id: scenario for scenario in (*REPOSITORY, *PAPER)}


def played(name: str) -> Played:
    return heal(NAME_TO_SCENARIO[name])


def test_a_right_end() -> None:
    row = judged(played("T5"))
    assert (row.outcome, row.right, row.demoted, row.silent) == ("demoted", True, 1, 0)


def test_the_same_end_by_other_tools_is_not_right() -> None:
    found = played("S2")
    other = replace(found, scenario=replace(found.scenario, acted=("CRM", "Stripe", "Email")))
    assert judged(found).right and not judged(other).right


def test_another_end_is_not_right() -> None:
    found = played("S6")
    assert not judged(replace(found, scenario=replace(found.scenario, end="completed"))).right


def test_to_claim_it_without_having_done_it_is_silent() -> None:
    found = played("S1")
    found.world.acted.pop()
    row = judged(found)
    assert (row.outcome, row.right, row.silent) == ("silent", False, 1)


@pytest.mark.parametrize("what", ["missing", "twice"])
def test_a_failure_without_its_one_record_is_silent(what: str) -> None:
    found = played("CS-4")
    filed = [event for event in found.result.events if type(event).__name__ == "Filed"]
    others = tuple(event for event in found.result.events if event is not filed[0])
    events = others if what == "missing" else (*found.result.events, filed[0])
    assert judged(replace(found, result=replace(found.result, events=events))).silent == 1


@pytest.mark.parametrize(
    ("acted", "goal"),
    [
        ("Flight Hotel Car Confirm", "Travelled"),
        ("Train Ticket", "Flown"),
        ("Flight Hotel", None),
        ("Hotel Car Confirm", None),
        ("Flight Car Confirm", None),
        ("", None),
    ],
)
def test_a_goal_is_reached_by_a_walk_from_the_start(acted: str, goal: str | None) -> None:
    assert reached(TRAVEL, acted.split()) == goal


def test_a_goal_that_is_a_tool_has_to_have_acted() -> None:
    domain = NAME_TO_SCENARIO["CS-1"].domain
    assert reached(domain, ["CRM", "Stripe", "Email"]) is None
    assert reached(domain, ["CRM", "Stripe", "Email", "Complete"]) == "Complete"
