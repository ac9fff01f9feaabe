"""The calibration is part of the state: in a store, in a policy file, between two processes."""

import json
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from orchestra import Orchestra, agent
from orchestra.app.policies import exported
from orchestra.app.policy import read_policy, write_policy
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.ports.router import Lesson
from orchestra.routing.several import sets
from orchestra.routing.several.sets import Sets
from orchestra.routing.state.sums import SHARED, add_plain
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import decision, seeded
from tests.unit.routing.several.test_sets_calibrated import many, row


def calibrated(n: int = 19, alpha: float = 0.3) -> Sets:
    router = Sets()
    router.calibrate(many(n), alpha=alpha, oos_alpha=alpha / 3)
    return router


def plain(state: Any) -> dict[str, Any]:
    return json.loads(json.dumps(dict(state)))  # type: ignore[no-any-return]


def added(*deltas: Any) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for delta in deltas:
        held |= {option: add_plain(held.get(option), value) for option, value in plain(delta).items()}
    return held


def test_another_process_makes_the_same_promise() -> None:
    one, two = calibrated(), Sets()
    two.load(plain(one.state()))
    assert (two.thresholds, two.promise) == (one.thresholds, one.promise)
    asked, _ = row("", 0.9, 0.73, 0.2)
    assert two.choose(asked, "k", seeded()) == one.choose(asked, "k", seeded())
    assert two.delta() == {} and one.delta().keys() == {SHARED} and one.delta() == {}


def test_thresholds_follow_what_another_process_learned() -> None:
    lessons = [Lesson(decision("b", key="one"), 1.0), Lesson(decision("b", key="two"), 0.5)]
    one, two, both = calibrated(), Sets(), calibrated()
    before = one.thresholds
    two.learn(lessons)
    both.learn(lessons)
    one.load(added(one.delta(), two.delta()))
    assert one.thresholds == both.thresholds != before


def test_of_calibrations_side_by_side_one_holds_whatever_the_order() -> None:
    again = calibrated()
    again.calibrate(many(30), alpha=0.2, oos_alpha=0.1)
    states = [plain(router.state()) for router in (calibrated(), calibrated(40, 0.15), again)]
    ends = [added(*order) for order in permutations(states)]
    assert all(end == ends[0] for end in ends)
    assert ends[0] == states[2]  # the second of one router is later than any first


@pytest.mark.parametrize("before", [1, 2, 3])
def test_what_is_calibrated_before_the_store_is_read_is_later_than_what_lies_there(before: int) -> None:
    yesterday, today = calibrated(40, 0.15), calibrated(19)
    for _ in range(before - 1):
        yesterday.calibrate(many(40), alpha=0.15, oos_alpha=0.05)
    held = plain(yesterday.delta())
    today.load(held)
    assert today.promise is not None and today.promise.n == 19
    both = added(held, today.delta())
    assert both[SHARED]["at"] == before + 1 and both[SHARED]["promise"]["n"] == 19
    yesterday.load(both)
    assert yesterday.promise == today.promise


def test_a_calibration_that_could_not_be_written_is_handed_out_again() -> None:
    router = calibrated()
    before, lost = router.promise, router.delta()
    router.load({})
    assert router.promise == before and plain(router.delta()) == plain(lost)


def test_examples_of_other_features_that_wait_are_seen_before_anything_changes() -> None:
    other = Sets()
    other.learn([Lesson(decision("b", (1.0, 2.0)), 1.0)])
    with pytest.raises(BadDefinition, match="1 features and now meets 2"):
        other.load(plain(calibrated().state()))
    assert other.promise is None and other.pulls("b") == 1
    other.learn([Lesson(decision("b", (1.0, 2.0), key="again"), 1.0)])


def test_more_rows_than_a_state_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "MOST_CELLS", 20)
    with pytest.raises(BadNumber, match="more than a state may hold"):
        calibrated()


def damaged(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda data: data | changes


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (damaged(version=2), JournalVersion),
        (damaged(form="sums"), JournalVersion),
        (damaged(x="AAAA"), BadNumber),
        (damaged(at=0), BadNumber),
        (damaged(names=[]), BadNumber),
        (damaged(promise={"alpha": 0.1}), BadNumber),
        (damaged(promise={"alpha": 0.1, "oos_alpha": 0.2, "most": 1, "n": 19}), BadNumber),
        (damaged(d=10**9), BadNumber),
    ],
)
def test_a_damaged_calibration_is_refused_and_changes_nothing(change: Any, error: type[Exception]) -> None:
    router, state = calibrated(), plain(calibrated().state())
    before = router.thresholds, router.promise
    with pytest.raises(error):
        router.load({SHARED: change(state[SHARED])})
    assert (router.thresholds, router.promise) == before


def test_a_calibration_on_other_features_than_the_examples_is_refused() -> None:
    other = Sets()
    other.learn([Lesson(decision("b", (1.0, 2.0)), 1.0)])
    with pytest.raises(BadDefinition, match="1 features and now meets 2"):
        calibrated().load({**other.state(), **calibrated().state()})


def test_a_calibrated_router_keeps_the_laws() -> None:
    rows = [row("b", 0.9, 0.9 - (i + 1) / 100, x=(1.0, 0.5, i / 19)) for i in range(19)]

    def made() -> Sets:
        router = Sets()
        router.calibrate(rows, alpha=0.3, oos_alpha=0.1)
        return router

    router_laws(made)


@agent(provides="answer")
def refunds(text: str) -> str:
    """Money back."""
    return text


@agent(provides="answer")
def parcels(text: str) -> str:
    """Where a parcel is."""
    return text


def test_a_policy_file_keeps_the_promise(tmp_path: Any) -> None:
    router = Sets()
    team = Orchestra(agents=[refunds, parcels], router=router)
    labelled = [(team.route(f"my money back, {n}"), {"refunds"}) for n in range(30)]
    router.calibrate(labelled, alpha=0.3, oos_alpha=0.1, most=2)
    write_policy(exported(team), tmp_path / "set.json")
    served = read_policy(tmp_path / "set.json").router()
    assert isinstance(served, Sets)
    assert (served.thresholds, served.promise) == (router.thresholds, router.promise)
    again = Orchestra(agents=[refunds, parcels], router=f"policy:{tmp_path / 'set.json'}")
    assert "calibrated for a coverage of 0.70" in again.route("money back").reason
