"""Routes: what each hop is given, where a failure goes, and what is never done again."""

from dataclasses import replace

import pytest

from orchestra.core.call import Call, Filing, ModelName
from orchestra.core.decision import Decide
from orchestra.core.errors import BadNumber, BudgetExceeded, CallTimeout, EffectUnknown, NoEffect, NoProvider
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, failed
from orchestra.graph.bind import ModelOption
from orchestra.graph.graph import GOAL, START, Graph, layered
from orchestra.graph.health import Health
from orchestra.graph.route import route
from orchestra.graph.shortest import finding
from orchestra.ports.model import Reply
from tests.support.plans import Driver, decision, echo
from tests.unit.graph.nodes import catalog, failing, node

TEAM = catalog(
    node("crm", "lookup"),
    node("stripe", "pay", cost_nano=1_000_000),
    node("adyen", "pay", cost_nano=2_000_000),
    node("mail", "tell", cost_nano=1_000_000),
    node("sms", "tell", cost_nano=2_000_000),
)
GRAPH, NODES = layered(TEAM, ["lookup", "pay", "tell"])
TASK = Call(target="close", input="A-17", timeout_s=3.0, output_type=str)


def run(driver: Driver, escalate: str | None = None) -> Outcome:
    return driver.run(route(TASK, finding(GRAPH.neighbours, GOAL), START, NODES, None, float, escalate))


def test_each_hop_is_given_the_output_of_the_one_before() -> None:
    driver = Driver(lambda call: Done(output=f"{call.input}>{call.target.name}"))
    assert run(driver) == Done(output="A-17>crm>stripe>mail")
    assert [call.input for _, call in driver.calls] == ["A-17", "A-17>crm", "A-17>crm>stripe"]
    assert [call.output_type for _, call in driver.calls] == [None, None, str]
    assert {call.timeout_s for _, call in driver.calls} == {3.0}


def test_it_goes_on_from_the_last_done_call() -> None:
    driver = Driver(failing(mail=NoEffect("down"), stripe=NoEffect("down")))
    assert run(driver) == Done(output="sms")
    assert driver.names == ["crm", "stripe", "adyen", "mail", "sms"]
    assert driver.records == [
        Filing(origin="1/stripe", how="rerouted", to="adyen"),
        Filing(origin="3/mail", how="rerouted", to="sms"),
    ]


def test_a_sibling_of_a_finished_node_is_not_run_where_it_would_lead_on() -> None:
    """Both notifiers that Stripe leads to are down; only Adyen leads to a third. Paying twice is no way out."""
    edges = {"s": {"stripe": 1, "adyen": 2}, "stripe": {"mail": 1, "s": 1}, "adyen": {"sms": 1}}
    graph = Graph.of_weights({**edges, "mail": {"g": 0}, "sms": {"g": 0}})
    nodes = {name: ModelOption(name) for name in ("stripe", "adyen", "mail", "sms")}
    driver = Driver(failing(mail=NoEffect("down")))
    outcome = driver.run(route(TASK, finding(graph.neighbours, "g"), "s", nodes, None, float))
    assert isinstance(outcome, Failed) and driver.names == ["stripe", "mail"]


def test_a_failed_node_is_out_in_every_layer() -> None:
    team = catalog(node("writer", "draft", "check"), node("other", "draft", "check", cost_nano=1))
    graph, nodes = layered(team, ["draft", "check"])
    driver = Driver(failing(writer=NoEffect("down")))
    assert driver.run(route(TASK, finding(graph.neighbours, GOAL), START, nodes, None, float)) == Done(output="other")
    assert driver.names == ["writer", "other", "other"]


def test_a_way_round_without_a_call_still_leaves_a_record() -> None:
    graph = Graph.of_weights({"s": {"extra": 1, "g": 5}, "extra": {"g": 1}})
    driver = Driver(failing(extra=NoEffect("down")))
    plan = route(TASK, finding(graph.neighbours, "g"), "s", {"extra": ModelOption("extra")}, None, float)
    assert driver.run(plan) == Done(output="A-17")
    assert driver.records == [Filing(origin="0/extra", how="rerouted", to="g")]


def test_the_model_is_told_what_was_done_and_what_failed() -> None:
    def answer(call: Call) -> Outcome:
        if isinstance(call.target, ModelName):
            return Done(output=Reply(text="call the customer"))
        return echo(call) if call.target.name in ("crm", "stripe") else failed(NoEffect("down"))

    driver = Driver(answer)
    assert run(driver, "scripted:last") == Done(output="call the customer")
    assert driver.names == ["crm", "stripe", "mail", "sms", "scripted:last"]
    told = driver.calls[-1][1].input.messages[-1].text
    assert "Already done: crm, stripe" in told and "- mail: NoEffect" in told and "- sms: NoEffect" in told
    assert driver.records[-1] == Filing(origin="3/sms", how="escalated", to="model")


def test_without_any_path_there_is_no_provider() -> None:
    graph = Graph.of_weights({"s": {"a": 1}})
    outcome = Driver(echo).run(route(TASK, finding(graph.neighbours, "g"), "s", {}, None, float))
    assert isinstance(outcome, Failed) and outcome.cause.is_a(NoProvider) and "'s' to a goal" in outcome.cause.message


def test_budgets_and_unknown_effects_end_it() -> None:
    driver = Driver(failing(stripe=BudgetExceeded("spent")))
    outcome = run(driver, "scripted:last")
    assert isinstance(outcome, Failed) and outcome.cause.is_a(BudgetExceeded) and driver.names == ["crm", "stripe"]
    graph = Graph.of_weights({"s": {"pay": 1, "pay2": 2}, "pay": {"g": 1}, "pay2": {"g": 1}})
    nodes = {name: ModelOption(name, side_effect="payment") for name in ("pay", "pay2")}
    driver = Driver(failing(pay=CallTimeout("slow")))
    outcome = driver.run(route(TASK, finding(graph.neighbours, "g"), "s", nodes, None, float))
    assert isinstance(outcome, Failed) and outcome.cause.is_a(EffectUnknown) and driver.names == ["pay"]


def test_a_cancelled_hop_ends_it() -> None:
    driver = Driver(lambda call: Cancelled())
    assert run(driver) == Cancelled() and driver.names == ["crm"]


def test_weights_are_read_again_after_a_failure() -> None:
    weights: dict[str, float | None] = {"a": 1.0, "b": 2.0, "c": 3.0}

    def neighbours(vertex: str) -> list[tuple[str, float | None]]:
        return list(weights.items()) if vertex == "s" else [("g", 0.0)]

    def answer(call: Call) -> Outcome:
        weights["c"] = 0.5
        return failed(NoEffect("down")) if call.target.name == "a" else echo(call)

    nodes = {name: ModelOption(name) for name in weights}
    driver = Driver(answer)
    assert driver.run(route(TASK, finding(neighbours, "g"), "s", nodes, None, float)) == Done(output="c")


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(BadNumber):
        next(route(TASK, finding(lambda vertex: [("g", -1.0)], "g"), "s", {}, None, float))


def test_calls_in_flight_are_counted_and_given_back() -> None:
    health = Health()
    plan = route(TASK, finding(GRAPH.neighbours, GOAL), START, NODES, health, float)
    next(plan)
    assert health.in_flight("crm") == 1
    plan.send((Done(),))
    assert (health.in_flight("crm"), health.in_flight("stripe")) == (0, 1)
    plan.close()
    assert health.in_flight("stripe") == 0


def recorded(question: Decide, marks: str, *chosen: str) -> tuple[Outcome, ...]:
    made = replace(decision(*chosen), marks=marks, policy=question.policy)
    return (Done(output=made),)


def test_a_path_is_recorded_and_one_from_elsewhere_is_not_walked() -> None:
    """A resumed run whose first hop fails now meets the record of a path that began after that hop."""
    plan = route(TASK, finding(GRAPH.neighbours, GOAL), START, NODES, None, float, None, record=True)
    question = next(plan).calls[0].target
    assert isinstance(question, Decide) and question.policy == "dijkstra" and question.marks == "from start"
    assert question.chosen == ("1:crm", "2:stripe", "3:mail") and "weighing 0.002" in question.reason
    assert [option.cost_nano for option in question.options] == [0, 1_000_000, 1_000_000]
    again = plan.send(recorded(question, "from 1:crm", "2:adyen", "3:sms")).calls[0].target
    assert again == question, "asked once more, under the next key"
    gone = plan.send(recorded(question, "from start", "1:nobody", "3:sms")).calls[0].target
    assert gone == question, "nor one through who has left"
    hop = plan.send(recorded(question, "from start", "1:crm", "2:adyen", "3:sms")).calls[0]
    assert (hop.target.name, hop.decision) == ("crm", "d"), "one from here is, though it is not the cheapest"
    assert plan.send((Done(output="x"),)).calls[0].target.name == "adyen"


def test_a_failure_says_both_ways_and_who_was_not_to_be_used() -> None:
    health = Health()
    for _ in range(3):
        health.seen("sms", False, 0.1, 0.0)
    driver = Driver(failing(stripe=NoEffect("down"), adyen=NoEffect("down")))
    driver.run(route(TASK, finding(GRAPH.neighbours, GOAL), START, NODES, health, float))
    one, two = driver.records
    assert one.detour is not None
    assert (one.detour.before, one.detour.before_cost) == (("crm", "stripe", "mail"), 0.002)
    assert (one.detour.stands, one.detour.after, one.detour.after_cost) == ("1:crm", ("adyen", "mail"), 0.003)
    known = dict(one.detour.known)
    assert known["stripe"] == "failed already: NoEffect" and "breaker is open" in known["sms"]
    assert two.how == "escalated"
