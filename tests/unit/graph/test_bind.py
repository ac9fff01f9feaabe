"""Binding: who answers, what may go elsewhere, and what is asked at last."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from orchestra.core.call import Batch, Call, Filing, ModelName, NodeName
from orchestra.core.decision import Decision, Option
from orchestra.core.errors import (
    BadInput,
    BudgetExceeded,
    CallTimeout,
    Diverged,
    EffectUnknown,
    NoEffect,
    NoProvider,
    OrchestraError,
    Overloaded,
    RunClosed,
    UnsafeBatch,
)
from orchestra.core.outcome import Cancelled, Cause, Done, Failed, Outcome, Paused, cause_of, failed
from orchestra.core.usage import Usage
from orchestra.graph.bind import ModelOption, bind
from orchestra.graph.health import Health
from orchestra.ports.model import Reply, Request
from tests.support.plans import Driver, decision, echo, first_standing
from tests.unit.graph.nodes import failing

Deciding = Generator[Batch, tuple[Outcome, ...], Decision | Failed]

STRIPE = ModelOption("stripe", provides=("refund",))
ADYEN = ModelOption("adyen", provides=("refund",))
CLERK = ModelOption("clerk", provides=("letters",))
REFUND = Call(target="refund", input={"order_id": "A-17"}, timeout_s=5.0, output_type=dict)


def test_the_chosen_node_gets_the_call() -> None:
    driver = Driver(echo)
    assert driver.run(bind(REFUND, [STRIPE, ADYEN], first_standing, None, float)) == Done(output="stripe")
    ((_, call),) = driver.calls
    assert call == Call(
        target=NodeName(name="stripe"),
        input={"order_id": "A-17"},
        key="@stripe",
        timeout_s=5.0,
        output_type=dict,
        decision="d",
        others=True,
    )


@pytest.mark.parametrize("error", [NoEffect("down"), CallTimeout("slow"), BadInput("odd"), Overloaded("busy")])
def test_a_failure_goes_to_the_next_and_is_filed_with_it(error: OrchestraError) -> None:
    driver = Driver(failing(stripe=error))
    assert driver.run(bind(REFUND, [STRIPE, ADYEN], first_standing, None, float)) == Done(output="adyen")
    assert driver.records == [Filing(origin="0/stripe", how="rerouted", to="adyen")]


@pytest.mark.parametrize("nodes", [[STRIPE, ADYEN], [STRIPE]])
def test_a_failure_that_has_its_record_is_not_filed_again(nodes: list[ModelOption]) -> None:
    def answer(call: Call) -> Outcome:
        if isinstance(call.target, ModelName):
            return Done(output=Reply(text="asked"))
        return echo(call) if call.target.name == "adyen" else replace(failed(NoEffect("down")), filed=True)

    driver = Driver(answer)
    assert isinstance(driver.run(bind(REFUND, nodes, first_standing, None, float, "scripted:last")), Done)
    assert len(driver.calls) == 2 and driver.records == []


@pytest.mark.parametrize("error", [BudgetExceeded("spent"), RunClosed("over"), Diverged("odd"), EffectUnknown("?")])
def test_what_no_other_node_can_heal_comes_back_as_it_is(error: OrchestraError) -> None:
    driver = Driver(failing(stripe=error))
    outcome = driver.run(bind(REFUND, [STRIPE, ADYEN], first_standing, None, float, "scripted:last"))
    assert driver.names == ["stripe"]
    assert isinstance(outcome, Failed) and outcome.cause.kind == type(error).__name__
    assert driver.records == [Filing(origin="0/stripe", how="escalated", to="caller")]


@pytest.mark.parametrize("ending", [Cancelled(), Paused(cause=Cause(kind="PauseRequested", message="?"))])
def test_other_endings_are_no_failures(ending: Outcome) -> None:
    driver = Driver(lambda call: ending)
    assert driver.run(bind(REFUND, [STRIPE, ADYEN], first_standing, None, float)) is ending
    assert driver.names == ["stripe"]


def test_a_side_effect_that_may_have_happened_goes_nowhere() -> None:
    driver = Driver(failing(stripe=CallTimeout("no answer in 5 s")))
    payers = [replace_effect(STRIPE), replace_effect(ADYEN)]
    outcome = driver.run(bind(REFUND, payers, first_standing, None, float, "scripted:last"))
    assert driver.names == ["stripe"]
    assert isinstance(outcome, Failed) and outcome.cause.is_a(EffectUnknown) and outcome.origin == "0/stripe"
    assert "'stripe'" in outcome.cause.message and "CallTimeout: no answer in 5 s" in outcome.cause.message
    assert "answers=" in outcome.cause.remedy


@pytest.mark.parametrize("error", [NoEffect("connection refused"), BadInput("odd"), UnsafeBatch("may be cancelled")])
def test_a_side_effect_that_did_not_happen_goes_elsewhere(error: OrchestraError) -> None:
    driver = Driver(failing(stripe=error))
    payers = [replace_effect(STRIPE), replace_effect(ADYEN)]
    assert driver.run(bind(REFUND, payers, first_standing, None, float)) == Done(output="adyen")


def replace_effect(option: ModelOption) -> ModelOption:
    return option._replace(side_effect="payment")


def test_those_alike_are_asked_before_the_others() -> None:
    offered: list[tuple[str, ...]] = []

    def decide(standing: tuple[ModelOption, ...], failure: Failed | None) -> Deciding:
        offered.append(tuple(option.name for option in standing))
        return (yield from first_standing(standing, failure))

    driver = Driver(failing(stripe=NoEffect("down"), adyen=NoEffect("down")))
    assert driver.run(bind(REFUND, [STRIPE, CLERK, ADYEN], decide, None, float)) == Done(output="clerk")
    assert offered == [("stripe", "clerk", "adyen"), ("adyen",), ("clerk",)]


def test_where_none_alike_may_be_used_the_others_are_asked() -> None:
    def decide(standing: tuple[ModelOption, ...], failure: Failed | None) -> Deciding:
        usable = [option for option in standing if option is not ADYEN]
        return (yield from first_standing(usable, failure))

    driver = Driver(failing(stripe=NoEffect("down")))
    assert driver.run(bind(REFUND, [STRIPE, ADYEN, CLERK], decide, None, float)) == Done(output="clerk")


def test_without_a_model_the_last_failure_comes_back_unfiled() -> None:
    down = Failed(cause=Cause(kind="NoEffect", message="down", family=("NoEffect",)), origin="run/adyen")
    plan = bind(REFUND, [STRIPE, ADYEN], first_standing, None, float)
    next(plan)
    batch = plan.send((replace(down, origin="run/stripe"),))
    assert batch.filings == (Filing(origin="run/stripe", how="rerouted", to="adyen"),)
    with pytest.raises(StopIteration) as stop:
        plan.send((down,))
    assert stop.value.value == down and not down.filed


def answer_of_the_model(call: Call) -> Outcome:
    if isinstance(call.target, ModelName):
        return Done(output=Reply(text="ask a person"), usage=Usage(requests=1))
    return failed(NoEffect(f"{call.target.name} is down"))


def test_a_model_is_asked_once_and_told_what_failed() -> None:
    driver = Driver(answer_of_the_model)
    outcome = driver.run(bind(REFUND, [STRIPE, ADYEN], first_standing, None, float, "scripted:last"))
    assert outcome == Done(output="ask a person", usage=Usage(requests=1))
    assert driver.records[-1] == Filing(origin="1/adyen", how="escalated", to="model")
    assert len(driver.calls) == 3
    call = driver.calls[-1][1]
    assert call.target == ModelName(name="scripted:last") and isinstance(call.input, Request)
    told = call.input.messages[-1].text
    assert "refund" in told and '{"order_id":"A-17"}' in told
    assert "- stripe: NoEffect: stripe is down" in told and "- adyen: NoEffect: adyen is down" in told


def test_a_model_that_fails_too_is_a_failure_of_its_own() -> None:
    driver = Driver(lambda call: failed(NoEffect("down")))
    outcome = driver.run(bind(REFUND, [STRIPE], first_standing, None, float, "scripted:last"))
    assert isinstance(outcome, Failed) and outcome.origin == "1/scripted:last"
    assert driver.records == [
        Filing(origin="0/stripe", how="escalated", to="model"),
        Filing(origin="1/scripted:last", how="escalated", to="caller"),
    ]


def refusing(error: OrchestraError) -> Any:
    def decide(standing: tuple[ModelOption, ...], failure: Failed | None) -> Deciding:
        if failure is None and not isinstance(error, NoProvider):
            return (yield from first_standing(standing, failure))
        yield from ()
        return failed(error)

    return decide


def test_nobody_eligible_is_no_provider_with_the_reasons() -> None:
    reasons = "stripe: its breaker is open; adyen: over the budget"
    outcome = Driver(echo).run(bind(REFUND, [STRIPE, ADYEN], refusing(NoProvider(reasons)), None, float))
    assert isinstance(outcome, Failed) and outcome.cause.message == reasons and not outcome.origin


def test_nobody_at_all_is_no_provider() -> None:
    outcome = Driver(echo).run(bind(REFUND, [], first_standing, None, float))
    assert isinstance(outcome, Failed) and outcome.cause.is_a(NoProvider) and "'refund'" in outcome.cause.message


def test_nobody_eligible_asks_the_model_and_that_is_the_record() -> None:
    driver = Driver(answer_of_the_model)
    plan = bind(REFUND, [STRIPE], refusing(NoProvider("stripe: its breaker is open")), None, float, "scripted:last")
    assert driver.run(plan) == Done(output="ask a person", usage=Usage(requests=1))
    ((record,), cause) = driver.records, driver.records[0].cause
    assert (record.origin, record.how, record.to) == ("", "escalated", "model"), "no call stands behind it"
    assert cause is not None and cause.is_a(NoProvider)
    assert "its breaker is open" in driver.calls[0][1].input.messages[-1].text


@pytest.mark.parametrize(("error", "to"), [(BudgetExceeded("spent"), "budget"), (Overloaded("busy"), "caller")])
def test_deciding_that_fails_after_a_node_did_loses_neither(error: OrchestraError, to: str) -> None:
    driver = Driver(failing(stripe=NoEffect("down")))
    outcome = driver.run(bind(REFUND, [STRIPE, ADYEN], refusing(error), None, float, "scripted:last"))
    assert isinstance(outcome, Failed) and outcome.cause.kind == type(error).__name__
    assert driver.records == [Filing(origin="0/stripe", how="escalated", to=to)]
    assert driver.names == ["stripe"]


@pytest.mark.parametrize("down", [True, False])
def test_where_a_larger_budget_would_help_no_model_is_asked(down: bool) -> None:
    def decide(standing: tuple[ModelOption, ...], failure: Failed | None) -> Deciding:
        if down and failure is None:
            return (yield from first_standing(standing, failure))
        return Failed(cause=cause_of(NoProvider("adyen: over the budget"), BudgetExceeded))

    driver = Driver(failing(stripe=NoEffect("down")))
    outcome = driver.run(bind(REFUND, [STRIPE, ADYEN], decide, None, float, "scripted:last"))
    assert isinstance(outcome, Failed) and outcome.cause.is_a(BudgetExceeded)
    assert driver.records == ([Filing(origin="0/stripe", how="escalated", to="budget")] if down else [])


@pytest.mark.parametrize("chosen", [(), ("nobody",)])
def test_a_choice_that_is_not_on_offer_is_no_provider(chosen: tuple[str, ...]) -> None:
    def decide(standing: tuple[ModelOption, ...], failure: Failed | None) -> Deciding:
        yield from ()
        return decision(*chosen)

    outcome = Driver(echo).run(bind(REFUND, [STRIPE], decide, None, float))
    assert isinstance(outcome, Failed) and outcome.cause.is_a(NoProvider) and "not on offer" in outcome.cause.message


def test_models_are_chosen_in_the_same_way() -> None:
    driver = Driver(failing(small=Overloaded("busy")))
    models = [ModelOption("small"), ModelOption("large")]
    outcome = driver.run(bind(Call(target="step"), models, first_standing, None, float, target=ModelName))
    assert outcome == Done(output="large")
    assert [call.target for _, call in driver.calls] == [ModelName(name="small"), ModelName(name="large")]


def test_a_call_is_in_flight_from_its_decision_until_it_ends_or_the_plan_is_closed() -> None:
    health = Health()
    plan = bind(REFUND, [STRIPE, ADYEN], first_standing, health, lambda: 7.0)
    next(plan)
    assert (health.in_flight("stripe"), health.in_flight("adyen")) == (1, 0)
    plan.send((failed(NoEffect("down")),))
    assert (health.in_flight("stripe"), health.in_flight("adyen")) == (0, 1)
    plan.close()
    assert (health.in_flight("stripe"), health.in_flight("adyen")) == (0, 0)


def priced(standing: tuple[ModelOption, ...], failure: Failed | None) -> Deciding:
    """The dearest of those that stand, and what all of them cost."""
    yield from ()
    costs = {"large": 9, "middle": 5, "small": 1, "other": 1}
    options = tuple(Option(one.name, cost_nano=costs[one.name]) for one in standing)
    return replace(decision(max(standing, key=lambda one: costs[one.name]).name), options=options)


MODELS = [ModelOption("small"), ModelOption("middle"), ModelOption("large")]


def test_a_request_that_is_refused_falls_to_cheaper_models_until_none_is_left() -> None:
    over = BudgetExceeded("spent")
    driver = Driver(failing(large=over, middle=over))
    assert driver.run(bind(Call(target="step"), MODELS, priced, None, float, target=ModelName)) == Done(output="small")
    assert driver.records == [
        Filing(origin="0/large", how="rerouted", to="middle"),
        Filing(origin="1/middle", how="rerouted", to="small"),
    ]
    driver = Driver(failing(large=over, middle=over, small=over))
    outcome = driver.run(bind(Call(target="step"), MODELS, priced, None, float, target=ModelName))
    assert isinstance(outcome, Failed) and outcome.cause.kind == "BudgetExceeded" and outcome.origin == "2/small"
    assert driver.names == ["large", "middle", "small"]


def test_a_refused_request_falls_to_nothing_that_costs_as_much() -> None:
    """Small is refused after the dearer ones failed otherwise; the other one costs the same."""
    driver = Driver(failing(large=Overloaded("busy"), middle=Overloaded("busy"), small=BudgetExceeded("spent")))
    models = [*MODELS, ModelOption("other")]
    outcome = driver.run(bind(Call(target="step"), models, priced, None, float, target=ModelName))
    assert isinstance(outcome, Failed) and outcome.cause.is_a(BudgetExceeded)
    assert driver.names == ["large", "middle", "small"]


@pytest.mark.parametrize("error", [RunClosed("over"), Diverged("odd"), EffectUnknown("?")])
def test_what_is_final_for_another_reason_is_final_for_models_too(error: OrchestraError) -> None:
    driver = Driver(failing(large=error))
    outcome = driver.run(bind(Call(target="step"), MODELS, priced, None, float, target=ModelName))
    assert isinstance(outcome, Failed) and outcome.cause.kind == type(error).__name__ and driver.names == ["large"]


def test_a_node_that_ran_out_of_money_gives_way_to_nobody() -> None:
    driver = Driver(failing(large=BudgetExceeded("spent")))
    outcome = driver.run(bind(Call(target="step"), MODELS, priced, None, float))
    assert isinstance(outcome, Failed) and driver.names == ["large"]
