"""A short campaign over random graphs, and that it sees what is wrong when something is."""

import random
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import replace
from typing import Any

import pytest

from orchestra.core.call import Batch, Call, Filing, ModelName, Plan, rerouted
from orchestra.core.errors import Avoided
from orchestra.core.outcome import Done, Failed, Outcome, cause_of
from orchestra.evaluation.healing import item as items
from orchestra.evaluation.healing.campaign import EVERY, chunk, run_campaign
from orchestra.evaluation.healing.graphs import KINDS, MOST_NODES, edited, random_version
from orchestra.evaluation.healing.item import Item
from orchestra.evaluation.healing.simulate import simulate
from orchestra.graph import attempt
from orchestra.graph.bind import ModelOption
from orchestra.graph.graph import GOAL, START
from orchestra.graph.health import Health
from orchestra.graph.pathfinder import Pathfinder
from orchestra.graph.route import route
from orchestra.graph.shortest import finding
from orchestra.ports.model import Reply
from tests.support.plans import Driver

SEED = 20_260


def test_a_few_hundred_graphs() -> None:
    campaign = run_campaign(400, SEED)
    assert campaign.broken == []
    counts = campaign.counts
    assert [counts[kind] for kind in KINDS] == [100] * 4
    assert counts["on_the_runtime"] == 400 // EVERY
    for what in ("failures", "rerouted", "escalated", "model_calls", "unknown_effects", "effects", "edits", "paths"):
        assert counts[what] > 20, f"too little happened: {counts}"
    assert counts["failures"] == counts["rerouted"] + counts["escalated"]


def test_a_graph_is_the_same_each_time() -> None:
    first, again = chunk(SEED, range(48, 51)), chunk(SEED, range(48, 51))
    assert first == again
    assert first.counts != chunk(SEED + 1, range(48, 51)).counts


def broken(graphs: int = 60) -> list[str]:
    """What a campaign has to say of the first graphs that break, without the runtime's share."""
    found = []
    for number in range(graphs):
        try:
            simulate(Item.of(SEED, number))
        except AssertionError as error:
            found.append(str(error))
    return found


def plan_with(change: Callable[[Batch], Batch]) -> Callable[..., Plan]:
    def made(*args: Any) -> Plan:
        plan = route(*args)
        sent: Any = None
        while True:
            try:
                batch = plan.send(sent)
            except StopIteration as stop:
                return stop.value
            sent = yield change(batch)

    return made


def unfiled(batch: Batch) -> Batch:
    return replace(batch, filings=())


def filed_twice(batch: Batch) -> Batch:
    return replace(batch, filings=batch.filings * 2)


@pytest.mark.parametrize("change", [unfiled, filed_twice])
def test_a_record_too_few_or_too_many_is_seen(
    change: Callable[[Batch], Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "route", plan_with(change))
    assert any("records" in error or "record of" in error for error in broken())


def test_a_dearer_path_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Pathfinder[str].path

    def blind(self: Pathfinder[str], here: str, hidden: Set[str] = frozenset(), weigh: Any = None) -> Any:
        return honest(self, here, hidden, None if weigh is None else lambda to, floor: floor)

    monkeypatch.setattr(Pathfinder, "path", blind)
    assert any("costs" in error or "is hidden" in error for error in broken(300))


def test_a_second_payment_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.graph.route.final", lambda failure, node: None)
    assert any("the second that acted" in error or "may have happened" in error for error in broken())


def test_work_that_is_done_again_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the start again after a failure: what the paper's repository does."""

    def from_the_start(call: Call, find: Any, start: str, nodes: Any, *rest: Any) -> Plan:
        return route(call, lambda here, hidden: find(START, frozenset()), start, nodes, *rest)

    monkeypatch.setattr(items, "route", from_the_start)
    assert any("the work stands at" in error or "are done or dead" in error for error in broken())


def test_a_model_asked_too_soon_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def asks_first(call: Call, find: Any, start: str, nodes: Any, *rest: Any) -> Plan:
        find(start, {start})
        outcome = yield from attempt.given_up(items.MODEL, call, Failed(cause=NO_CAUSE), ())
        return outcome

    monkeypatch.setattr(items, "route", asks_first)
    assert any("and there is a path" in error for error in broken())


NO_CAUSE: Any = cause_of(ValueError("none"))


def test_a_call_that_stays_in_flight_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Health, "leave", lambda self, node: None)
    assert any("in flight" in error for error in broken())


@pytest.mark.parametrize("kind", KINDS)
def test_graphs_are_of_many_sizes_and_edits_make_new_ones(kind: Any) -> None:
    rng = random.Random(3)
    versions = [random_version(kind, rng) for _ in range(60)]
    sizes = [len(version.vertex_to_node) for version in versions]
    assert min(sizes) < 5 and 100 < max(sizes) <= MOST_NODES * 2
    for version in versions:
        assert {START, GOAL} <= version.links.keys()
        later = edited(version, rng)
        assert later.number == version.number + 1
        before = (dict(version.edges), dict(version.vertex_to_node))
        assert (later.edges, later.vertex_to_node) != before or later.catalog is not version.catalog


def test_a_filing_of_nobodys_failure_is_seen() -> None:
    stray = Filing(origin="nobody", how="rerouted", to="x")
    item = Item.of(SEED, 0)
    watch, plan = item.begun()
    plan.close()
    with pytest.raises(AssertionError, match="nobody had"):
        watch._batch(Batch(calls=(), filings=(stray,)))
    assert rerouted(Failed(cause=NO_CAUSE, origin="x"), "y") and not Counter(watch.records)


@pytest.mark.parametrize("escalate", [None, items.MODEL])
def test_a_run_that_another_ones_probe_keeps_from_its_only_node_is_written_down(escalate: str | None) -> None:
    """What the campaign found once: between the finding of a path and the call, somebody else became the probe."""
    health = Health()
    for _ in range(3):
        health.seen("b", False, 0.0, 0.0)

    def answer(call: Call) -> Outcome:
        if isinstance(call.target, ModelName):
            return Done(output=Reply(text="asked"))
        health.enter("b", 40.0)
        return Done(output=call.target.name)

    driver = Driver(answer)
    nodes = {name: ModelOption(name) for name in "ab"}
    find = finding(lambda vertex: {"start": [("a", 1.0)], "a": [("b", 1.0)]}.get(vertex, []), "b")
    outcome = driver.run(route(Call(target="t"), find, "start", nodes, health, lambda: 40.0, escalate))
    assert driver.names == ["a", *([escalate] if escalate else [])]
    if escalate is None:
        assert isinstance(outcome, Failed) and outcome.cause.is_a(Avoided) and not outcome.filed
    else:
        (record,) = driver.records
        assert (record.origin, record.how, record.to) == ("", "escalated", "model")
        assert record.cause is not None and record.cause.is_a(Avoided)
