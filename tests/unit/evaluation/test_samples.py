"""Topologies on recorded answers: their own plans, each member's samples in turn, every call paid."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestra.core.call import NodeName
from orchestra.core.errors import BadDefinition, StepFailed
from orchestra.evaluation.samples import Sample, played
from orchestra.topologies.acar import acar
from orchestra.topologies.cascade import cascade
from orchestra.topologies.fanout import fanout
from orchestra.topologies.member import Member
from orchestra.topologies.parallel import parallel
from orchestra.topologies.sequential import sequential


def samples(**answers: Sequence[str]) -> dict[str, list[Sample]]:
    """A probe's answers cost 1 dollar, anybody else's 10."""
    return {name: [Sample(one, 1.0 if name == "p" else 10.0) for one in said] for name, said in answers.items()}


@pytest.mark.parametrize(
    ("said", "answer", "cost_usd", "calls", "sigma"),
    [("aaa", "a", 3.0, 3, 0.0), ("aab", "b", 23.0, 5, 0.5), ("abc", "b", 33.0, 6, 1.0)],
)
def test_acar_asks_and_pays_for_as_many_as_its_sigma_says(
    said: str, answer: str, cost_usd: float, calls: int, sigma: float
) -> None:
    found = played(acar("p", "m1", "m2", "m3"), "how much?", samples(p=said, m1="b", m2="b", m3="d"))
    assert (found.answer, found.cost_usd, found.calls) == (answer, cost_usd, calls)
    assert found.decisions[0].x == (sigma,)


def test_every_question_starts_with_the_first_sample() -> None:
    probe = Member(target=NodeName(name="p"))
    recorded = samples(p="xy")
    assert [played(sequential(probe), "?", recorded).answer for _ in range(2)] == ["x", "x"]


def test_topologies_inside_share_the_samples_of_a_member() -> None:
    inner = sequential("p", name="inner")
    found = played(parallel("p", inner), "?", samples(p="xy"))
    assert (found.answer, found.calls) == (["x", "y"], 2)


def test_a_verifier_is_a_member_like_others() -> None:
    recorded = samples(p=["x"], m1=["y"]) | {"check": [Sample(0.1, 0.5)]}
    found = played(cascade("p", "m1", accept="check"), "?", recorded)
    assert (found.answer, found.cost_usd, found.calls) == ("y", 11.5, 3)


def test_what_was_not_recorded_is_told() -> None:
    with pytest.raises(BadDefinition, match="Call 2 of 'p' on one question; 1 samples"):
        played(acar("p", "m1"), "?", samples(p="x"))
    with pytest.raises(BadDefinition, match="Call 1 of 'm9'"):
        played(sequential("m9"), "?", samples(p="x"))


def test_what_needs_a_clock_or_a_router_is_refused() -> None:
    with pytest.raises(BadDefinition, match="answers first is not recorded"):
        played(parallel("p", "m1", join="first"), "?", samples(p="x", m1="y"))
    with pytest.raises(BadDefinition, match="A Ranked cannot be answered"):
        played(fanout("p"), "?", samples(p="x"))


def test_a_plan_that_fails_is_an_error() -> None:
    with pytest.raises(StepFailed):
        played(cascade("p", "m1", accept="check", on_error="fail"), "?", samples(p="x", m1="y", check=["perhaps"]))
