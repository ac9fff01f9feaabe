"""From an outcome to a reward."""

import pytest

from orchestra.core.errors import BadNumber, NoEffect
from orchestra.core.outcome import Cancelled, Done, failed
from orchestra.core.usage import Usage
from orchestra.routing.reward import RewardRule


def test_quality_alone_by_default() -> None:
    rule = RewardRule()
    assert rule.combined(0.7, usd=100.0, seconds=1000.0) == pytest.approx(0.7)
    assert rule.of(Done(output=1), quality=0.25) == 0.25


def test_cost_and_latency_count_one_half_at_their_scale() -> None:
    rule = RewardRule(quality=2.0, cost=1.0, latency=1.0, cost_scale_usd=0.02, latency_scale_s=4.0)
    assert rule.combined(1.0, usd=0.02, seconds=4.0) == pytest.approx((2 + 0.5 + 0.5) / 4)
    assert rule.combined(1.0) == 1.0
    assert rule.of(Done(usage=Usage(nano_usd=20_000_000)), quality=0.5, seconds=4.0) == pytest.approx(0.5)
    assert rule.combined(1.0, usd=1.0) < rule.combined(1.0, usd=0.1)


def test_a_failure_is_zero_and_what_is_not_known_is_none() -> None:
    rule = RewardRule(cost=1.0)
    assert rule.of(failed(NoEffect("down"))) == 0.0
    assert rule.of(Done(output=1)) is None
    assert rule.of(Cancelled(), quality=1.0) is None


@pytest.mark.parametrize(
    "bad",
    [{"quality": 0.0}, {"cost": -1.0}, {"latency": float("nan")}, {"cost_scale_usd": 0.0}, {"latency_scale_s": 0.0}],
)
def test_bad_weights_are_named(bad: dict[str, float]) -> None:
    with pytest.raises(BadNumber):
        RewardRule(**bad)


def test_bad_quality_is_named() -> None:
    with pytest.raises(BadNumber, match="quality"):
        RewardRule().combined(1.5)
