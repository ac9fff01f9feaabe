"""The breaker's life, told once in numbers."""

import pytest

from orchestra.core.errors import BadNumber
from orchestra.graph.health import BreakerRule, Health
from orchestra.ports.health import Health as HealthPort


def broken(at: float = 100.0) -> Health:
    health = Health()
    for _ in range(3):
        health.seen("n", False, 0.1, at)
    return health


def test_it_is_what_the_port_asks_for() -> None:
    port: HealthPort = Health()
    assert port.hidden("unknown", 0.0) is None
    assert port.penalty("unknown", 0.0) == 1.0
    assert port.latency_s("unknown") is None
    assert port.in_flight("unknown") == 0


def test_three_failures_open_it_for_thirty_seconds() -> None:
    health = Health()
    for _ in range(2):
        health.seen("n", False, 0.1, 100.0)
    assert health.hidden("n", 100.0) is None
    health.seen("n", False, 0.1, 100.0)
    assert health.hidden("n", 110.0) == "its breaker is open for another 20.0 s"
    assert health.hidden("n", 130.0) is None
    assert health.hidden("other", 100.0) is None


def test_failures_far_apart_or_thinned_out_by_calls_do_not_open_it() -> None:
    health = Health()
    for at in (0.0, 31.0, 62.0, 93.0):
        health.seen("slow", False, 0.1, at)
    assert health.hidden("slow", 93.0) is None
    for ok in (False, False, *[True] * 8, False):
        health.seen("busy", ok, 0.1, 0.0)
    assert health.hidden("busy", 0.0) is None


def test_one_probe_at_a_time() -> None:
    health = broken()
    health.enter("n", 130.0)
    assert health.hidden("n", 131.0) == "its breaker is half-open and a probe is under way"
    health.leave("n")
    assert health.hidden("n", 131.0) is None


def test_a_good_probe_closes_it_and_the_past_is_forgotten() -> None:
    health = broken()
    assert health.penalty("n", 130.0) == 8.0
    health.enter("n", 130.0)
    health.seen("n", True, 1.0, 131.0)
    health.leave("n")
    assert health.hidden("n", 131.0) is None and health.penalty("n", 131.0) == 1.0
    health.seen("n", False, 0.1, 132.0)
    assert health.hidden("n", 132.0) is None


def test_a_bad_probe_opens_it_for_another_thirty_seconds() -> None:
    health = broken()
    health.enter("n", 130.0)
    health.seen("n", False, 1.0, 131.0)
    health.leave("n")
    assert health.hidden("n", 160.9) is not None
    assert health.hidden("n", 161.0) is None


def test_a_late_result_of_an_earlier_call_is_no_probe() -> None:
    health = Health()
    health.enter("n", 99.0)
    for _ in range(3):
        health.seen("n", False, 0.1, 100.0)
    health.enter("n", 130.0)
    health.seen("n", True, 32.0, 131.0)
    health.leave("n")
    assert health.hidden("n", 131.0) == "its breaker is half-open and a probe is under way"
    health.seen("n", True, 2.0, 132.0)
    health.leave("n")
    assert health.hidden("n", 132.0) is None and health.penalty("n", 132.0) == 1.0


def test_latency_is_a_moving_average_of_successes() -> None:
    health = Health()
    health.seen("n", False, 99.0, 0.0)
    assert health.latency_s("n") is None
    health.seen("n", True, 1.0, 0.0)
    health.seen("n", True, 2.0, 0.0)
    assert health.latency_s("n") == pytest.approx(1.2)
    health.seen("m", True, -5.0, 0.0)
    assert health.latency_s("m") == 0.0


def test_the_penalty_is_calls_over_successes_with_one_imagined() -> None:
    health = Health()
    for ok in (True, True, False):
        health.seen("n", ok, 0.1, 0.0)
    assert health.penalty("n", 60.0) == pytest.approx(4 / 3)
    assert health.penalty("n", 60.1) == 1.0


def test_calls_in_flight_are_counted() -> None:
    health = Health()
    health.enter("n", 0.0)
    health.enter("n", 0.0)
    health.leave("n")
    assert health.in_flight("n") == 1
    health.leave("n")
    health.leave("n")
    assert health.in_flight("n") == 0


@pytest.mark.parametrize(
    "bad", [{"failures": 0}, {"failures": 11}, {"window_s": float("nan")}, {"cool_s": -1.0}, {"cool_s": float("inf")}]
)
def test_a_rule_that_makes_no_sense_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(BadNumber):
        BreakerRule(**bad)  # type: ignore[arg-type]
