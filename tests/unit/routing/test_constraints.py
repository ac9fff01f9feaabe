"""What may not be chosen, and why."""

import pytest

from orchestra.core.catalog import Node
from orchestra.core.decision import Option
from orchestra.ports.health import LIMITED
from orchestra.routing.constraints import Candidate, Facts, candidate_of
from tests.unit.routing.kit import Wards, constrained, node


def reasons(options: list[Option]) -> dict[str, str | None]:
    return {option.name: option.filtered for option in options}


def untried(_: str) -> int:
    return 0


def offered(*nodes: Node) -> list[Candidate]:
    return [candidate_of(each) for each in nodes]


def test_each_removal_says_why() -> None:
    nodes = offered(
        node("fine", cost_nano=2_000_000),
        node("typed", takes_text=False),
        node("broken"),
        node("dear", cost_nano=4_000_000),
        node("failed"),
    )
    facts = Facts(
        value="text", at=0.0, left_nano=2_500_000, excluded={"failed": "CallTimeout: 5 s", "gone": "NoEffect: "}
    )
    wards = Wards(name_to_reason={"broken": "its breaker is open for another 9.0 s"})
    assert reasons(constrained(nodes, facts, wards, untried)) == {
        "fine": None,
        "typed": "it does not take text",
        "broken": "its breaker is open for another 9.0 s",
        "dear": "costs $0.004 and $0.0025 is left",
        "failed": "failed already: CallTimeout: 5 s",
        "gone": "failed already: NoEffect: ",
    }


@pytest.mark.parametrize(
    ("value", "reason"), [({"a": 1, "c": 2}, "its input needs 'b'"), ({"a": 1, "b": 2}, None), ("t", None)]
)
def test_a_mapping_must_name_what_is_required(value: object, reason: str | None) -> None:
    (option,) = constrained(offered(node("n", required=("a", "b"))), Facts(value=value, at=0.0), Wards(), untried)
    assert option.filtered == reason


def test_an_option_carries_what_is_known() -> None:
    wards = Wards(name_to_flying={"n": 3}, name_to_latency_s={"n": 0.7})
    nodes = offered(node("n", cost_nano=5, latency_s=9.0), node("m", latency_s=9.0))
    n, m = constrained(nodes, Facts(value=1, at=0.0), wards, {"n": 4, "m": 0}.__getitem__)
    assert (n.cost_nano, n.latency_s, n.tries, n.in_flight) == (5, 0.7, 4, 3)
    assert (m.cost_nano, m.latency_s, m.tries, m.in_flight) == (0, 9.0, 0, 0)


def test_what_was_never_tried_has_a_limit_in_flight() -> None:
    wards = Wards(name_to_flying={"new": 2, "old": 99})
    nodes = offered(node("new", trial_limit=2), node("old", trial_limit=2))
    facts = Facts(value="t", at=0.0)
    limited = constrained(nodes, facts, wards, {"new": 0, "old": 1}.__getitem__)
    assert reasons(limited) == {
        "new": "never tried yet, and 2 of its calls are in flight: its trial limit",
        "old": None,
    }
    assert set(reasons(constrained(nodes, facts, wards, None)).values()) == {None}


def test_a_trial_limit_never_leaves_nobody() -> None:
    wards = Wards(name_to_flying={"new": 2})
    (option,) = constrained(offered(node("new", trial_limit=2)), Facts(value="t", at=0.0), wards, untried)
    assert option.filtered is None


def test_what_was_never_tried_may_take_a_share_of_the_budget() -> None:
    nodes = offered(*(node(name, cost_nano=3_000_000, trial_share=0.25) for name in ("new", "old")), node("free"))
    tries = {"new": 0, "old": 1, "free": 0}.__getitem__
    assert reasons(constrained(nodes, Facts(value="t", at=0.0, left_nano=10_000_000), Wards(), tries)) == {
        "new": "never tried yet, and $0.003 is more than 25% of the $0.01 left: its trial share",
        "old": None,
        "free": None,
    }
    for facts in (Facts(value="t", at=0.0, left_nano=12_000_000), Facts(value="t", at=0.0)):
        assert set(reasons(constrained(nodes, facts, Wards(), tries)).values()) == {None}
    tight = Facts(value="t", at=0.0, left_nano=10_000_000)
    assert set(reasons(constrained(nodes, tight, Wards(), None)).values()) == {None}
    assert reasons(constrained(nodes[:1], tight, Wards(), tries)) == {"new": None}


def test_caps_on_trials_never_leave_nobody_together() -> None:
    wards = Wards(name_to_flying={"busy": 2})
    nodes = offered(node("busy", trial_limit=2), node("dear", cost_nano=9, trial_share=0.5))
    assert reasons(constrained(nodes, Facts(value="t", at=0.0, left_nano=10), wards, untried)) == {
        "busy": None,
        "dear": None,
    }


def test_what_failed_is_out_though_it_is_still_on_offer() -> None:
    facts = Facts(value="t", at=0.0, excluded={"n": "CallTimeout"})
    assert reasons(constrained(offered(node("n"), node("m")), facts, Wards(), untried)) == {
        "n": "failed already: CallTimeout",
        "m": None,
    }


def test_who_asked_to_be_left_alone_is_waited_for_only_where_nobody_else_is_left() -> None:
    wards = Wards(name_to_reason={"n": f"{LIMITED} for another 9.0 s"})
    nodes, facts = offered(node("n"), node("m")), Facts(value="t", at=0.0)
    assert reasons(constrained(nodes, facts, wards, untried)) == {"n": f"{LIMITED} for another 9.0 s", "m": None}
    assert reasons(constrained(nodes[:1], facts, wards, untried)) == {"n": None}


def test_no_money_left_removes_only_what_costs() -> None:
    nodes = offered(node("free"), node("paid", cost_nano=1))
    assert reasons(constrained(nodes, Facts(value="t", at=0.0, left_nano=-5), Wards(), untried)) == {
        "free": None,
        "paid": "costs $0.000000001 and $0 is left",
    }


def test_anything_with_a_name_can_be_a_candidate() -> None:
    declared = Candidate("local:small", cost_nano=7)
    assert candidate_of(declared) is declared
    assert candidate_of(Option("local:small")) == Candidate("local:small")
