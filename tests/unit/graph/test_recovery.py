"""What is done where nobody is left: lesser goals, a model, a person, in this order."""

from typing import Any

import pytest

from orchestra.core.call import Call, Filing, Goal, ModelName, Stuck
from orchestra.core.errors import (
    BudgetExceeded,
    EffectUnknown,
    NoEffect,
    NoProvider,
    NotApproved,
    OrchestraError,
)
from orchestra.core.outcome import Cause, Done, Failed, Outcome, Paused, failed
from orchestra.graph.bind import ModelOption, bind
from orchestra.graph.graph import GOAL, START, layered
from orchestra.graph.recovery import Recovery
from orchestra.graph.route import route
from orchestra.graph.shortest import finding
from orchestra.ports.model import Reply
from tests.support.plans import Driver, first_standing
from tests.unit.graph.nodes import catalog, node

STRIPE = ModelOption("stripe", provides=("refund",))
REFUND = Call(target="refund", input={"order_id": "A-17"}, timeout_s=5.0, output_type=dict)
ALL = Recovery(goals=("voucher", "callback"), model="test:last", person=True)
PAUSED = Paused(cause=Cause(kind="PauseRequested", message="?"))


def answering(**name_to_outcome: Outcome) -> Any:
    """Everybody is down but for those named."""

    def answer(call: Call) -> Outcome:
        name = {ModelName: "model", Stuck: "person"}.get(type(call.target)) or call.target.name
        return name_to_outcome.get(name, failed(NoEffect(f"{name} is down")))

    return answer


def healed(recovery: Recovery, *options: ModelOption, **name_to_outcome: Outcome) -> tuple[Outcome, Driver]:
    driver = Driver(answering(**name_to_outcome))
    return driver.run(bind(REFUND, options, first_standing, None, float, recovery)), driver


def filed(driver: Driver) -> list[tuple[str, str, str]]:
    return [(record.origin, record.how, record.to) for record in driver.records]


def targets(driver: Driver) -> list[str]:
    return [type(call.target).__name__ for _, call in driver.calls]


def test_a_lesser_goal_is_bound_with_the_same_input_and_the_failure_is_demoted_to_it() -> None:
    outcome, driver = healed(ALL, STRIPE, voucher=Done(output="a voucher"))
    assert outcome == Done(output="a voucher") and filed(driver) == [("0/stripe", "demoted", "voucher")]
    call = driver.calls[1][1]
    assert call == Call(
        target=Goal(name="voucher"),
        input={"order_id": "A-17"},
        key="goal:voucher",
        timeout_s=5.0,
        output_type=dict,
        fallback=(),
    )


def test_the_chain_in_its_order_each_failure_recorded_once() -> None:
    outcome, driver = healed(ALL, STRIPE, person=PAUSED)
    assert outcome is PAUSED
    assert targets(driver) == ["NodeName", "Goal", "Goal", "ModelName", "Stuck"]
    assert filed(driver) == [
        ("0/stripe", "demoted", "voucher"),
        ("1/voucher", "demoted", "callback"),
        ("2/callback", "escalated", "model"),
        ("3/test:last", "escalated", "person"),
    ]


def test_the_model_is_asked_only_after_the_goals_and_told_of_them() -> None:
    outcome, driver = healed(ALL, STRIPE, model=Done(output=Reply(text="call them")))
    assert outcome == Done(output="call them")
    told = driver.calls[-1][1].input.messages[-1].text
    assert "- stripe: NoEffect" in told and "- voucher: NoEffect" in told and "- callback: NoEffect" in told


def test_the_question_names_what_failed_what_was_known_and_what_can_be_answered() -> None:
    _, driver = healed(Recovery(person=True), STRIPE, person=PAUSED)
    question = driver.calls[-1][1].target.question
    assert "'refund'" in question and '{"order_id":"A-17"}' in question
    assert "stripe: NoEffect: stripe is down" in question and "'give up'" in question
    assert driver.calls[-1][1].key == "person"


def test_a_long_input_is_cut() -> None:
    driver = Driver(answering(person=PAUSED))
    driver.run(bind(Call(target="refund", input="x" * 9000), [STRIPE], first_standing, None, float, ALL))
    assert len(driver.calls[-1][1].target.question) < 1000


@pytest.mark.parametrize("error", [BudgetExceeded("spent"), NotApproved("no")])
def test_what_is_final_is_not_healed(error: OrchestraError) -> None:
    outcome, driver = healed(ALL, STRIPE, stripe=failed(error))
    assert isinstance(outcome, Failed) and targets(driver) == ["NodeName"]
    outcome, driver = healed(ALL, STRIPE, voucher=failed(error))
    assert isinstance(outcome, Failed) and targets(driver) == ["NodeName", "Goal"], "nor after a lesser goal"


def test_an_effect_that_may_have_happened_goes_to_the_person_and_nowhere_else() -> None:
    outcome, driver = healed(ALL, STRIPE, stripe=failed(EffectUnknown("?")), person=PAUSED)
    assert outcome is PAUSED and targets(driver) == ["NodeName", "Stuck"]
    assert driver.calls[-1][1].target.origin == "0/stripe" and filed(driver) == [("0/stripe", "escalated", "person")]
    outcome, driver = healed(Recovery(model="test:last"), STRIPE, stripe=failed(EffectUnknown("?")))
    assert isinstance(outcome, Failed) and targets(driver) == ["NodeName"]


def test_where_nobody_could_be_called_the_record_bears_its_cause() -> None:
    outcome, driver = healed(ALL, voucher=Done(output=1))
    assert outcome == Done(output=1)
    (record,) = driver.records
    assert record == Filing(origin="", how="demoted", to="voucher", cause=record.cause)
    assert record.cause is not None and record.cause.is_a(NoProvider)


def test_a_resumed_call_stays_at_the_goal_it_had_come_down_to() -> None:
    goals = Recovery(goals=("voucher", "callback"), standing="callback")
    outcome, driver = healed(goals, STRIPE, callback=Done(output="soon"))
    assert outcome == Done(output="soon") and driver.names == ["callback"] and driver.records == []
    gone = Recovery(goals=("voucher",), standing="callback")
    assert healed(gone, STRIPE, stripe=Done(output=1))[0] == Done(output=1), "a goal that is declared no more"


def test_an_answer_is_taken_before_anybody_is_called() -> None:
    answered = Recovery(goals=("voucher",), person=True, answered=True)
    outcome, driver = healed(answered, STRIPE, person=Done(output="by hand"))
    assert outcome == Done(output="by hand") and targets(driver) == ["Stuck"] and driver.records == []


def test_a_route_heals_in_the_same_way() -> None:
    team = catalog(node("crm", "lookup"), node("stripe", "pay"))
    graph, nodes = layered(team, ["lookup", "pay"])
    driver = Driver(answering(crm=Done(output="found"), voucher=Done(output="a voucher")))
    plan = route(REFUND, finding(graph.neighbours, GOAL), START, nodes, None, float, ALL)
    assert driver.run(plan) == Done(output="a voucher")
    assert driver.names == ["crm", "stripe", "voucher"]
    assert driver.calls[-1][1].input == {"order_id": "A-17"}, "what was asked, not how far it got"
    (record,) = driver.records
    assert (record.how, record.to) == ("demoted", "voucher")
    assert record.detour is not None and record.detour.stands == "1:crm" and "no path" in record.detour.why
