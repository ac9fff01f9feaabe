"""The published outage scenarios, reactive: what is down is found out by calling it."""

from collections import Counter

import pytest

from orchestra.core.call import Call, ModelName, NodeName
from orchestra.core.errors import NoEffect
from orchestra.core.outcome import Done, Outcome, failed
from orchestra.graph.bind import ModelOption
from orchestra.graph.graph import Graph
from orchestra.graph.route import route
from orchestra.graph.shortest import finding
from orchestra.ports.model import Reply, Request
from tests.support.plans import Driver
from tests.support.scenarios import SCENARIOS, START, Scenario


def driven(scenario: Scenario, escalate: str | None = "scripted:last") -> tuple[Driver, Outcome]:
    def answer(call: Call) -> Outcome:
        if isinstance(call.target, ModelName):
            assert isinstance(call.input, Request)
            return Done(output=Reply(text="a person should look at this"))
        assert isinstance(call.target, NodeName)
        name = call.target.name
        return failed(NoEffect(f"{name} is down")) if name in scenario.down else Done(output=name)

    driver = Driver(answer)
    nodes = {name: ModelOption(name, side_effect=name) for name in scenario.nodes}
    graph = Graph.of_weights(scenario.edges)
    task = Call(target="scenario", input="the task")
    plan = route(task, finding(graph.neighbours, scenario.goal), START, nodes, None, float, escalate)
    return driver, driver.run(plan)


def asked_models(driver: Driver) -> int:
    return sum(isinstance(call.target, ModelName) for _, call in driver.calls)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_counts_what_its_row_says(scenario: Scenario) -> None:
    driver, outcome = driven(scenario)
    models = asked_models(driver)
    assert (models, len(driver.failures), len(driver.calls) - models) == (
        scenario.escalations,
        scenario.failures,
        scenario.attempts,
    )
    assert [record.origin for record in driver.records] == driver.failures
    assert outcome == Done(output="a person should look at this" if models else scenario.goal)


def test_all_scenarios_together() -> None:
    drivers = [driven(scenario)[0] for scenario in SCENARIOS]
    records = Counter((record.how, record.to == "model") for driver in drivers for record in driver.records)
    assert len(SCENARIOS) == 19
    assert records == {("rerouted", False): 17, ("escalated", True): 7}
    assert sum(len(driver.failures) for driver in drivers) == 24
    assert sum(len(driver.calls) - asked_models(driver) for driver in drivers) == 83


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.escalations], ids=lambda scenario: scenario.name)
def test_without_a_model_the_last_failure_goes_to_the_caller(scenario: Scenario) -> None:
    driver, outcome = driven(scenario, escalate=None)
    assert outcome.cause is not None and outcome.cause.kind == "NoEffect"
    assert [record.origin for record in driver.records] == driver.failures
    assert [record.how for record in driver.records][-1] == "escalated" and driver.records[-1].to == "caller"


def test_a_reroute_names_the_node_that_is_called_next() -> None:
    for scenario in SCENARIOS:
        driver, _ = driven(scenario)
        keys = [key for key, _ in driver.calls]
        for record in driver.records:
            following = driver.calls[keys.index(record.origin) + 1][1].target
            assert record.to == ("model" if isinstance(following, ModelName) else following.name)
