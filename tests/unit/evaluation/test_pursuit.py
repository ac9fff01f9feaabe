"""A route that watches: when it asks, when it gives way to a lesser goal, and what it writes down."""

from dataclasses import replace
from typing import Any

import pytest

from orchestra.core.call import Call, ModelName
from orchestra.core.errors import CallTimeout, EffectUnknown, NoEffect, NotApproved
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.evaluation.healing.paper import MODERATION, SUPPORT, TRAVEL
from orchestra.evaluation.healing.pursuit import ASK, Pursuit
from orchestra.evaluation.healing.scenarios import Alarm, Domain, State
from orchestra.graph.bind import ModelOption
from orchestra.ports.model import Reply, Request
from tests.support.plans import Driver

TASK = {"text": "Do it."}


def driven(
    domain: Domain,
    down: dict[str, Exception] | None = None,
    answer: str = "a person",
    task: dict[str, Any] = TASK,
    model: str | None = "test:model",
) -> tuple[Driver, Outcome]:
    def answered(call: Call) -> Outcome:
        if isinstance(call.target, ModelName):
            return Done(output=Reply(text=answer))
        error = (down or {}).get(call.target.name)
        return Done(output=call.target.name) if error is None else failed(error)

    driver = Driver(answered)
    nodes = {name: ModelOption(name, side_effect=name) for name in domain.tools}
    return driver, driver.run(Pursuit(domain=domain, nodes=nodes, model=model).plan(task))


def down(*names: str) -> dict[str, Exception]:
    return {name: NoEffect(f"{name} is down") for name in names}


def records(driver: Driver) -> list[tuple[str, str]]:
    assert [record.origin for record in driver.records] == driver.failures
    return [(record.how, record.to) for record in driver.records]


def test_a_declared_goal_comes_before_the_model() -> None:
    driver, outcome = driven(TRAVEL, down("Hotel", "Hostel"))
    assert driver.names == ["Flight", "Hotel", "Hostel", "Ticket"]
    assert records(driver) == [("rerouted", "Hostel"), ("demoted", "Flown")]
    assert outcome == Done(output="Ticket")


def test_the_model_is_asked_where_the_declared_goal_is_out_of_reach_too() -> None:
    driver, outcome = driven(TRAVEL, down("Hotel", "Hostel", "Ticket"))
    assert driver.names == ["Flight", "Hotel", "Hostel", "Ticket", "test:model"]
    assert records(driver) == [("rerouted", "Hostel"), ("demoted", "Flown"), ("escalated", "model")]
    assert outcome == Done(output="a person")
    assert "Already done: Flight" in driver.calls[-1][1].input.messages[1].text


def test_without_a_model_the_last_failure_goes_to_the_caller() -> None:
    driver, outcome = driven(SUPPORT, down("Email", "SMS"), model=None)
    assert isinstance(outcome, Failed) and outcome.cause.is_a(NoEffect)
    assert records(driver) == [("rerouted", "SMS"), ("escalated", "caller")]


def test_an_effect_that_may_have_happened_is_neither_rerouted_nor_demoted() -> None:
    driver, outcome = driven(TRAVEL, {"Hotel": CallTimeout("late")})
    assert driver.names == ["Flight", "Hotel"]
    assert isinstance(outcome, Failed) and outcome.cause.is_a(EffectUnknown)
    assert records(driver) == [("escalated", "caller")]


def alarming(priority: float, at: str | None = None) -> Domain:
    def monitor(state: State) -> Alarm | None:
        names = [name for name, _ in state.done]
        return Alarm("risk", priority, "look at it") if at is None or at in names else None

    return replace(TRAVEL, monitors=(monitor,))


def test_a_quiet_monitor_does_not_interrupt() -> None:
    driver, _ = driven(alarming(0.5))
    assert driver.names == ["Flight", "Hotel", "Car", "Confirm"]


def test_a_monitor_that_outranks_asks_once_and_the_goal_is_the_one_that_is_named() -> None:
    driver, outcome = driven(alarming(0.95), answer="Flown")
    assert driver.names == ["test:model", "Flight", "Ticket"]
    assert outcome == Done(output="Ticket")
    request = driver.calls[0][1].input
    assert isinstance(request, Request) and request.messages[0].text == ASK
    assert "look at it" in request.messages[1].text


def test_it_may_name_the_goal_that_is_pursued_already() -> None:
    driver, _ = driven(alarming(0.95, at="Hotel"), answer="Travelled")
    assert driver.names == ["Flight", "Hotel", "test:model", "Car", "Confirm"]


def test_any_other_answer_ends_the_task() -> None:
    driver, outcome = driven(alarming(0.95, at="Flight"), answer="none")
    assert driver.names == ["Flight", "test:model"]
    assert outcome == Done(output="none")


def test_a_failure_that_an_alarm_cuts_off_from_its_reroute_is_escalated_to_the_model() -> None:
    def monitor(state: State) -> Alarm | None:
        return Alarm("risk", 0.95, "late") if len(driver_calls) > 1 else None

    driver_calls: list[str] = []

    def answered(call: Call) -> Outcome:
        driver_calls.append(call.target.name)
        if isinstance(call.target, ModelName):
            return Done(output=Reply(text="Held"))
        return failed(NoEffect("down")) if call.target.name == "Image" else Done(output=call.target.name)

    driver = Driver(answered)
    domain = replace(MODERATION, monitors=(lambda state: Alarm("risk", 0.95, "late") if driver_calls else None,))
    nodes = {name: ModelOption(name) for name in domain.tools}
    outcome = driver.run(Pursuit(domain=domain, nodes=nodes, model="test:model").plan(TASK))
    assert driver_calls == ["Image", "test:model", "Text", "Review"]
    assert records(driver) == [("escalated", "model")]
    assert outcome == Done(output="Review")


def test_an_alarm_that_nobody_can_hear_stops_the_task() -> None:
    driver, outcome = driven(alarming(0.95), model=None)
    assert driver.names == []
    assert isinstance(outcome, Failed) and outcome.cause.is_a(NotApproved)


@pytest.mark.parametrize(("usd", "asks"), [(10_000, 0), (10_001, 1)])
def test_risk_begins_above_ten_thousand(usd: int, asks: int) -> None:
    driver, _ = driven(SUPPORT, answer="Held", task={"text": "Refund.", "usd": usd})
    assert driver.names.count("test:model") == asks
    assert ("Stripe" in driver.names) is not bool(asks)
