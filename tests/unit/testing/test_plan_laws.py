"""Our plans keep the laws; plans that break one are found out."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from orchestra.core.call import Batch, Call, Filing, Plan
from orchestra.core.outcome import Done, Failed
from orchestra.testing import plan_laws
from orchestra.topologies.hierarchical import hierarchical
from orchestra.topologies.hybrid import hybrid
from orchestra.topologies.member import Member
from orchestra.topologies.parallel import parallel
from orchestra.topologies.sequential import sequential
from tests.unit.testing.broken import broken_by

TOPOLOGIES: list[Any] = [
    sequential("search", "check", "write"),
    parallel("search", "check", "search"),
    parallel("search", "check", "other", on_failure=2),
    parallel("search", "check", join="first"),
    parallel("search", "check", "other", join="vote", on_failure="continue"),
    parallel("search", "check", join="refine", by="write"),
    hybrid("search", "check", Member(target="write", after=("search", "check"))),
    hierarchical("lead", ["search", "check"]),
]


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda one: one.name)
def test_our_topologies_keep_the_laws(topology: Any) -> None:
    plan_laws(partial(topology.plan, "a task"))


def once(target: str = "work", value: Any = None) -> Batch:
    return Batch.all(Call(target=target, input=value))


def empty() -> Plan:
    yield Batch(calls=())
    return "done"


def unreachable() -> Plan:
    yield Batch.quorum(2, Call(target="a"))
    return "done"


def not_json() -> Plan:
    yield once(value=object())
    return "done"


def dice() -> Plan:
    (outcome,) = yield once(f"option-{random.random()}")
    return outcome


def patient() -> Plan:
    while True:
        (outcome,) = yield once()
        if isinstance(outcome, Done):
            return outcome


def raising() -> Plan:
    (outcome,) = yield once()
    return {"done": outcome}["done" if isinstance(outcome, Done) else "missing"]


def inventive() -> Plan:
    yield Batch(calls=(Call(target="a"),), filings=(Filing(origin="elsewhere", how="tolerated", to="join"),))
    return "done"


def twice() -> Plan:
    (outcome,) = yield once()
    for _ in range(2):
        if isinstance(outcome, Failed):
            filing = Filing(origin=outcome.origin, how="rerouted", to="b")
            yield Batch(calls=(Call(target="b"),), filings=(filing,))
    return "done"


def clinging() -> Plan:
    while True:
        try:
            outcomes = yield once()
            return outcomes[0]
        except GeneratorExit:
            yield once("cleaning up")


FAULTS: list[tuple[Callable[[], Plan], str]] = [
    (empty, "batches_are_well_formed"),
    (unreachable, "batches_are_well_formed"),
    (not_json, "batches_are_well_formed"),
    (dice, "it_is_deterministic"),
    (patient, "it_ends"),
    (raising, "a_failure_is_a_value"),
    (inventive, "a_failure_is_filed_once"),
    (twice, "a_failure_is_filed_once"),
    (clinging, "it_can_be_closed"),
]


@pytest.mark.parametrize(("make", "law"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_plan_is_found_out(make: Callable[[], Plan], law: str) -> None:
    assert law in broken_by(lambda: plan_laws(make))


def test_the_answers_are_the_tests_to_give() -> None:
    def picky() -> Plan:
        (outcome,) = yield once("count")
        return outcome.output + 1 if isinstance(outcome, Done) else outcome

    assert broken_by(lambda: plan_laws(picky)) == {"a_failure_is_a_value"}
    plan_laws(picky, answer=lambda call: 41)
