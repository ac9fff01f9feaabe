"""A new router beside the old one: its shadow, its share of the runs, and when it is stopped."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from orchestra.core.decision import Decide, Decision
from orchestra.ports.router import Lesson, Router
from orchestra.routing.compositions.canary import Canary, Shadow, radius
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Cheapest, Fixed, Random
from orchestra.routing.state.sums import add_plain
from tests.unit.routing.kit import question, seeded, taught

ASKED = question("a", "b")


def canary(**rules: object) -> Canary:
    """The old one always takes a, the new one b."""
    return Canary(Fixed("a"), Fixed("b"), **rules)  # type: ignore[arg-type]


def played(router: Router, reward: dict[str, float], runs: range, seed: int = 0) -> list[Decision]:
    rng, log = random.Random(seed), []
    for n in runs:
        made = router.choose(ASKED, f"run{n}/step", rng)
        log.append(made)
        router.learn([Lesson(made, float(rng.random() < reward[made.chosen[0]]))])
    return log


def test_a_run_keeps_its_router_and_the_share_is_what_was_asked_for() -> None:
    router = canary(shares=(0.25,))
    who = {n: {router.choose(ASKED, f"run{n}/{step}", seeded(step)).chosen for step in range(3)} for n in range(2000)}
    assert all(len(chosen) == 1 for chosen in who.values())
    assert 420 <= sum(chosen == {("b",)} for chosen in who.values()) <= 580
    wider = canary(shares=(0.6,))
    assert all(wider.choose(ASKED, f"run{n}/x", seeded()).chosen == ("b",) for n in who if who[n] == {("b",)})
    single = canary(shares=(0.25,), by="decision")
    mixed = [single.choose(ASKED, f"run1/{step}", seeded()).chosen for step in range(200)]
    assert 20 <= mixed.count(("b",)) <= 80


def test_what_is_as_good_serves_more_and_more_and_then_all() -> None:
    router = canary(shares=(0.1, 0.5, 1.0), rewards=10)
    log = played(router, {"a": 0.7, "b": 0.7}, range(400))
    assert not router.standing.stopped and router.standing.share == 1.0
    assert [made.chosen for made in log[-20:]] == [("b",)] * 20
    stages = [made.version % 4 for made in log]
    assert stages == sorted(stages) and set(stages) == {0, 1, 2}
    assert "50" not in log[0].reason and log[0].reason.endswith("(canary fixed:b: 0.1 of the runs)")


def test_what_is_worse_is_stopped_and_stays_stopped() -> None:
    router = canary(shares=(0.3, 0.6), rewards=1000)
    played(router, {"a": 0.9, "b": 0.2}, range(400))
    standing = router.standing
    assert standing.stopped and standing.share == 0.0 and standing.bound < 0.0
    log = played(router, {"a": 0.0, "b": 1.0}, range(400, 500))
    assert {made.chosen for made in log} == {("a",)} and "stopped, it is worse" in log[0].reason


def test_a_small_loss_is_tolerated_if_asked_for() -> None:
    for tolerance, stopped in ((0.0, True), (0.9, False)):
        router = canary(shares=(0.3,), tolerance=tolerance)
        played(router, {"a": 0.9, "b": 0.2}, range(400))
        assert router.standing.stopped == stopped


def test_equals_are_hardly_ever_stopped() -> None:
    """Looked at after every reward: the bound holds for all moments together."""
    stopped = 0
    for seed in range(40):
        router = canary(shares=(0.5,), rewards=10**6)
        played(router, {"a": 0.5, "b": 0.5}, range(150), seed)
        stopped += router.standing.stopped
    assert stopped <= 2
    assert radius(100, 0.05) == pytest.approx(0.166, abs=0.01)


def test_late_rewards_count_for_the_stage_in_which_they_were_decided() -> None:
    router = canary(shares=(0.01, 1.0), rewards=1)
    early = [router.choose(ASKED, f"run{n}", seeded()) for n in range(300)]
    (first, *_), others = [d for d in early if d.chosen == ("b",)], [d for d in early if d.chosen == ("a",)]
    router.learn([Lesson(first, 1.0)])
    assert router.standing.share == 1.0
    router.learn([Lesson(made, 1.0) for made in others[:50]])  # their runs would be the new one's by now
    assert router.standing.serving == (50, 1.0) and router.standing.canary == (1, 1.0)
    router.learn([Lesson(others[0], 0.0, before=1.0)])
    assert router.standing.serving == (50, 0.98)


def test_two_processes_end_where_one_would() -> None:
    alone, one, two = (canary(shares=(0.5,)) for _ in range(3))
    log = [alone.choose(ASKED, f"run{n}", seeded()) for n in range(40)]
    store: dict[str, object] = {}
    for n, made in enumerate(log):
        lesson = Lesson(made, 0.5 + 0.5 * (made.chosen == ("a",)))
        alone.learn([lesson])
        (one, two)[n % 2].learn([lesson])
    for each in (one, two):
        for key, delta in each.delta().items():
            store[key] = json.loads(json.dumps(add_plain(store.get(key), delta)))
    for each in (one, two):
        each.load(store)
        assert each.standing == alone.standing


def test_parts_learn_at_the_pace_of_their_own_versions() -> None:
    router = Canary(LinUCB("old"), LinUCB("new"), shares=(0.2, 1.0), rewards=1)
    seen: list[int] = []
    for part in router.parts:
        part.learn = lambda lessons: seen.extend(lesson.decision.version for lesson in lessons)  # type: ignore[method-assign]
    made = router.choose(ASKED, "run1", seeded())
    router.learn([Lesson(replace(made, version=7 * 3 + 1), 1.0), Lesson(replace(made, policy="other", version=5), 1.0)])
    assert seen == [7, 5, 7, 5]


def test_the_shadow_changes_nothing_and_learns_too() -> None:
    alone, shadowed = LinUCB(), Shadow(LinUCB(), Random())
    for router in (alone, shadowed):
        taught(router, *[("a", (1.0,), 1.0)] * 3, ("b", (1.0,), 0.0))
    for n in range(60):
        a, b = alone.choose(ASKED, f"k{n}", seeded(n)), shadowed.choose(ASKED, f"k{n}", seeded(n))
        assert (a.chosen, a.options) == (b.chosen, b.options)
        assert b.reason.startswith(f"{a.reason}; in its shadow random would choose ") and "(p 0.50)" in b.reason
    both = Shadow("ema", LinUCB())
    taught(both, ("a", (1.0,), 1.0))
    assert both.shadow.pulls("a") == both.serving.pulls("a") == 1


class Drawing(Cheapest):
    """Uses up the draws that it is given."""

    name = "drawing"

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        for _ in range(9):
            rng.random()
        return super().choose(question, key, rng)


def test_the_shadow_draws_for_itself_and_its_fault_is_its_own() -> None:
    rng, other = seeded(1), seeded(1)
    Shadow("random", Drawing()).choose(ASKED, "k", rng)
    Random().choose(ASKED, "k", other)
    assert rng.random() == other.random()
    shadow = LinUCB()
    taught(shadow, ("a", (1.0, 2.0, 3.0), 1.0))
    made = Shadow("cheapest", shadow).choose(ASKED, "k", seeded())
    assert made.chosen == ("a",) and made.reason.endswith("in its shadow linucb failed: BadDefinition")
