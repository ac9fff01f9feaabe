"""The breaker's life, told once in numbers."""

from threading import Thread

import pytest

from orchestra.core.errors import BadNumber
from orchestra.graph.breaker import BreakerRule
from orchestra.graph.health import Health, provider_of
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
    assert port.latency_s("unknown", 0.0) is None
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


def recovered() -> Health:
    health = broken()
    health.enter("n", 130.0)
    health.seen("n", True, 1.0, 131.0)
    health.leave("n")
    return health


def test_a_good_probe_closes_it_and_its_failures_are_forgotten() -> None:
    health = recovered()
    assert health.hidden("n", 131.0) is None and health.state("n", 131.0) == "closed"
    for _ in range(2):
        health.seen("n", False, 0.1, 132.0)
    assert health.hidden("n", 132.0) is None
    health.seen("n", False, 0.1, 132.0)
    assert health.state("n", 132.0) == "open"


def test_trust_comes_back_with_each_success() -> None:
    health = broken()
    assert health.penalty("n", 130.0) == 4 * 2
    health = recovered()
    assert health.penalty("n", 131.0) == pytest.approx(5 / 2 * 2)
    factors = []
    for successes in range(2, 7):
        health.seen("n", True, 0.1, 131.0)
        factors.append(health.penalty("n", 131.0) / ((successes + 4) / (successes + 1)))
    assert factors == pytest.approx([1.8, 1.6, 1.4, 1.2, 1.0])


def test_trust_comes_back_with_time_too() -> None:
    health = recovered()
    assert health.penalty("n", 161.0) == pytest.approx(5 / 2 * 1.5)
    assert health.penalty("n", 191.0) == pytest.approx(5 / 2)
    assert health.penalty("n", 1031.1) == 1.0, "after 15 minutes nothing of it is left"


def test_a_failure_on_the_way_back_begins_it_anew() -> None:
    health = recovered()
    health.seen("n", False, 0.1, 161.0)
    assert health.penalty("n", 161.0) == pytest.approx(6 / 2 * 2)


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
    assert health.hidden("n", 132.0) is None and health.state("n", 132.0) == "closed"


def test_a_call_that_begins_although_it_is_open_is_no_probe_and_its_end_frees_none() -> None:
    """It was decided before the breaker opened."""
    health = broken()
    assert health.enter("n", 110.0) is None
    assert health.enter("n", 130.0) is None, "the probe"
    health.leave("n")  # the one that is no probe
    assert health.hidden("n", 131.0) == "its breaker is half-open and a probe is under way"
    assert health.enter("n", 131.0) is not None
    health.leave("n")
    assert health.hidden("n", 131.0) is None


def test_latency_is_a_moving_average_of_successes() -> None:
    health = Health()
    health.seen("n", False, 99.0, 0.0)
    assert health.latency_s("n", 0.0) is None
    health.seen("n", True, 1.0, 0.0)
    health.seen("n", True, 2.0, 0.0)
    assert health.latency_s("n", 0.0) == pytest.approx(1.2)
    health.seen("m", True, -5.0, 0.0)
    assert health.latency_s("m", 0.0) == 0.0


def test_the_penalty_is_calls_over_successes_with_one_imagined() -> None:
    health = Health()
    for ok in (True, True, False):
        health.seen("n", ok, 0.1, 0.0)
    assert health.penalty("n", 900.0) == pytest.approx(4 / 3)
    assert health.penalty("n", 900.1) == 1.0


def test_reliability_is_that_of_a_hundred_calls() -> None:
    health = Health()
    for ok in (False, *[True] * 99):
        health.seen("n", ok, 0.1, 0.0)
    assert health.penalty("n", 0.0) == pytest.approx(101 / 100)
    health.seen("n", True, 0.1, 0.0)
    assert health.penalty("n", 0.0) == 1.0


def test_an_old_latency_is_not_known_any_more() -> None:
    health = Health()
    health.seen("n", True, 1.0, 0.0)
    assert health.latency_s("n", 900.0) == 1.0 and health.glance(["n"], 900.0) == [(1.0, 0, None)]
    assert health.latency_s("n", 901.0) is None and health.glance(["n"], 901.0) == [(None, 0, None)]
    health.seen("n", True, 3.0, 901.0)
    assert health.latency_s("n", 901.0) == 3.0


def test_near_its_rate_limit_a_model_is_dearer() -> None:
    health = Health()
    assert health.penalty("openai:a", 0.0) == 1.0
    for left_share, factor in ((0.2, 1.0), (0.1, 3.5), (0.0, 6.0)):
        health.allow("openai:a", left_share, 60.0)
        assert health.penalty("openai:a", 59.0) == pytest.approx(factor)
        assert health.penalty("openai:a", 60.0) == 1.0
    with pytest.raises(BadNumber):
        health.allow("openai:a", float("nan"), 60.0)


def test_of_two_that_have_looked_one_gets_through() -> None:
    health = broken()
    assert health.hidden("n", 130.0) is None and health.hidden("n", 130.0) is None
    assert health.enter("n", 130.0) is None
    assert health.enter("n", 130.0) == "its breaker is half-open and a probe is under way"
    assert health.in_flight("n") == 1
    health.leave("n")
    assert health.enter("n", 131.0) is None


def test_one_model_says_nothing_of_its_provider() -> None:
    health = Health()
    for _ in range(9):
        health.seen("openai:a", False, 0.1, 0.0)
    assert health.state("openai:a", 0.0) == "open" and health.state("openai:b", 0.0) == "closed"
    health.seen("openai:b", False, 0.1, 0.0)
    assert health.hidden("openai:b", 10.0) == "its provider's breaker is open for another 20.0 s"
    assert health.glance(["openai:new", "other:a"], 10.0) == [
        (None, 0, "its provider's breaker is open for another 20.0 s"),
        (None, 0, None),
    ]
    assert health.state("openai:", 0.0) == health.state("openai:new", 0.0) == "open"
    assert health.penalty("openai:new", 0.0) == 2.0 and health.penalty("other:a", 0.0) == 1.0


def test_a_provider_is_probed_by_one_of_its_models_and_comes_back_with_it() -> None:
    health = Health()
    for name in ("openai:a", "openai:b", "openai:b"):
        health.seen(name, False, 0.1, 0.0)
    assert health.enter("openai:c", 30.0) is None
    assert health.enter("openai:a", 30.0) == "its provider's breaker is half-open and a probe is under way"
    assert health.hidden("openai:b", 30.0) == "its provider's breaker is half-open and a probe is under way"
    health.seen("openai:c", True, 0.1, 31.0)
    health.leave("openai:c")
    assert health.hidden("openai:a", 31.0) is None


def test_nodes_share_the_breaker_of_the_provider_they_are_declared_to_have() -> None:
    health = Health(providers={"charge": "stripe", "refund": "stripe"})
    for name in ("charge", "refund", "charge"):
        health.seen(name, False, 0.1, 0.0)
    assert health.state("refund", 0.0) == health.state("stripe:", 0.0) == "open"
    assert health.state("stripe", 0.0) == "closed", "a node of that name is another thing"
    assert provider_of("charge", {"charge": "stripe"}) == "stripe:"
    assert provider_of("charge", {}) is None and provider_of("a:b:c", {}) == "a:"


def test_an_active_probe_ends_the_wait_or_begins_it_anew() -> None:
    health = broken()
    health.probed("n", False, 110.0)
    assert health.hidden("n", 139.0) is not None
    health.probed("n", True, 120.0)
    assert health.state("n", 120.0) == "half-open" and health.enter("n", 120.0) is None
    health.seen("n", True, 0.5, 120.5)
    assert health.state("n", 120.5) == "closed"
    health.probed("m", True, 0.0)
    assert health.penalty("m", 0.0) == 1.0
    for _ in range(3):
        health.probed("m", False, 0.0)
    assert health.state("m", 0.0) == "open"


def test_counts_from_many_threads_are_right() -> None:
    health = Health(BreakerRule(failures=10, window=10))

    def call(ok: bool) -> None:
        for _ in range(2000):
            health.enter("openai:n", 0.0)
            health.seen("openai:n", ok, 0.1, 0.0)
            health.penalty("openai:n", 0.0)
            health.glance(["openai:n"], 0.0)
            health.leave("openai:n")

    threads = [Thread(target=call, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert health.in_flight("openai:n") == 0
    record = health._records["openai:n"]
    assert record.memory.failures == sum(not ok for _, ok, _ in record.memory._calls)
    assert record.memory.calls(0.0) == 100


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
    "bad",
    [
        {"failures": 0},
        {"failures": 11},
        {"window_s": float("nan")},
        {"cool_s": -1.0},
        {"cool_s": float("inf")},
        {"restore": -1},
        {"restore_s": float("nan")},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(BadNumber):
        BreakerRule(**bad)  # type: ignore[arg-type]
