"""What a reward is made of."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.decision import Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.core.events import CallEnded, Event, Rewarded, Withheld
from orchestra.core.outcome import Cause, Done, Failed
from orchestra.core.usage import Usage
from orchestra.routing.rewards import Rewards, Spent, told_of, was_withheld

unit = st.floats(0, 1)


def decision(*options: Option, left: int | None = None) -> Decision:
    return Decision(
        key="d",
        capability="c",
        policy="p",
        version=0,
        options=options,
        chosen=("a",),
        probability=1.0,
        budget_left_nano=left,
    )


def ended(nano_usd: int, seconds: float, *, done: bool = True, unpriced: int = 0) -> list[Event]:
    outcome = Done(output=1) if done else Failed(cause=Cause(kind="X", message=""))
    usage = Usage(nano_usd=nano_usd, unpriced=unpriced)
    return [CallEnded("run/a", 10.0 + seconds, "agent", "a", outcome, usage, 10.0, decision="d")]


@given(
    st.tuples(unit, unit, unit).filter(lambda weights: sum(weights) > 0),
    st.dictionaries(st.sampled_from("abc"), unit, min_size=1),
    st.dictionaries(st.sampled_from("abc"), st.floats(0, 1e300, exclude_min=True)),
    st.none() | unit,
    st.none() | unit,
)
def test_a_reward_is_bounded_and_of_one_part_alone_it_is_that_part(
    weights: tuple[float, float, float],
    told: dict[str, float],
    sources: dict[str, float],
    cost: float | None,
    latency: float | None,
) -> None:
    quality, thrift, speed = (weight / sum(weights) for weight in weights)
    try:
        rewards = Rewards(quality=quality, cost=thrift, latency=speed, sources=sources)
    except BadNumber:  # the division lost more than a rounding
        return
    assert 0 <= rewards.value(told, Spent(cost, latency)) <= 1
    alone = Rewards(sources=sources).value(told, Spent(cost, latency))
    assert min(told.values()) - 1e-12 <= alone <= max(told.values()) + 1e-12


def test_the_formula() -> None:
    rewards = Rewards(quality=0.5, cost=0.3, latency=0.2, sources={"user": 3})
    assert rewards.value({"user": 1.0, "judge": 0.2}, Spent(0.25, 0.5)) == pytest.approx(0.5 * 0.8 + 0.3 * 0.75 + 0.1)
    assert rewards.value({"user": 1.0}, Spent(0.25, None)) == pytest.approx((0.5 + 0.3 * 0.75) / 0.8)
    assert rewards.value({"user": 0.6}, Spent()) == pytest.approx(0.6)
    assert Rewards(quality=0, cost=1, latency=0).value({"user": 0.6}, Spent()) == 0.6


def test_what_is_used_is_measured_against_the_dearest_and_slowest_that_might_have_been_chosen() -> None:
    rewards = Rewards(quality=0.5, cost=0.25, latency=0.25)
    options = (
        Option("a", cost_nano=10, latency_s=1.0),
        Option("b", cost_nano=40, latency_s=4.0),
        Option("c", cost_nano=1000, latency_s=100.0, filtered="too dear"),
    )
    assert rewards.spent(decision(*options), ended(10, 1.0)) == Spent(0.25, 0.25)
    assert rewards.spent(decision(*options), ended(80, 9.0)) == Spent(1.0, 1.0)
    assert rewards.spent(decision(Option("a"), left=50), ended(10, 1.0)) == Spent(0.2, None)
    assert rewards.spent(decision(Option("a")), ended(10, 1.0)) == Spent(None, None)
    assert rewards.spent(decision(*options), ended(10, 1.0, unpriced=1)).cost is None
    assert rewards.spent(decision(*options), ended(0, 0.0, done=False)) == Spent(1.0, 1.0)
    assert rewards.spent(decision(*options), []) == Spent()
    declared = Rewards(quality=0.5, cost=0.25, latency=0.25, cost_usd=1e-7, latency_s=8)
    assert declared.spent(decision(*options), ended(10, 1.0)) == Spent(0.1, 0.125)
    assert Rewards().spent(decision(*options), ended(10, 1.0)) == Spent()


@pytest.mark.parametrize(
    "given",
    [
        {"quality": 0.5},
        {"quality": 1.5, "cost": -0.5},
        {"quality": float("nan")},
        {"trust": 2},
        {"sources": {"user": -1}},
        {"sources": {"user": float("inf")}},
        {"cost_usd": 0},
        {"latency_s": float("inf")},
        {"queue": 0},
        {"refresh_s": 0},
        {"quality": True},
        {"trust": "high"},
    ],
)
def test_weights_that_are_none(given: dict[str, Any]) -> None:
    with pytest.raises(BadNumber):
        Rewards(**given)


def test_the_gate() -> None:
    rewards = Rewards(sources={"crawler": 0}, trust=0.7)
    assert rewards.refusal("user") is None
    assert rewards.refusal("crawler") == "its source is not trusted"
    assert rewards.refusal("judge", 0.6) == "its confidence is below 0.7"
    assert rewards.refusal("judge", 0.7) is None


def test_the_last_word_of_each_source_counts_and_that_of_a_source_no_longer_trusted_does_not() -> None:
    events: list[Event] = [
        Rewarded("d", 1.0, 0.2, "user"),
        Rewarded("other", 1.0, 0.9, "user"),
        Rewarded("d", 2.0, 1.0, "judge", 0.6),
        Rewarded("d", 3.0, 0.4, "user", 0.7),
    ]
    assert told_of("d", events, Rewards()) == ({"user": 0.4, "judge": 1.0}, 0.7)
    assert told_of("d", events[:1], Rewards()) == ({"user": 0.2}, 0.2)
    assert told_of("d", events, Rewards(sources={"judge": 0})) == ({"user": 0.4}, 0.7)
    assert told_of("nobody's", events, Rewards()) == ({}, None)


def test_the_same_refused_word_is_not_told_twice() -> None:
    row = Withheld("d", 2.0, "judge", "why", 0.4)
    assert not was_withheld(row, [])
    assert was_withheld(row, [row._replace(at=1.0)])
    assert not was_withheld(row, [row._replace(reward=0.5)])
    assert not was_withheld(row, [row, Rewarded("d", 2.0, 0.4, "judge")])
    assert not was_withheld(row, [row._replace(key="other"), row._replace(source="user")])
