"""The moving average against its closed form."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from orchestra.core.decision import OOS, Decision, Option
from orchestra.core.errors import BadNumber, NoProvider
from orchestra.ports.router import Lesson
from orchestra.routing.learners.ema import EMA, Weights
from orchestra.routing.state.sums import add_plain
from tests.unit.routing.kit import decision, question, seeded


def made(at: int, option: str = "a") -> Decision:
    """A decision made when the policy was at this version."""
    return replace(decision(option, key=f"run/{at}"), version=at)


def closed(a: float, start: float, rewards: list[float]) -> float:
    n = len(rewards)
    return (1 - a) ** n * start + a * math.fsum((1 - a) ** (n - k) * r for k, r in enumerate(rewards, 1))


@pytest.mark.parametrize("a", [0.05, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("n", [1, 7, 400])
def test_it_is_the_closed_form(a: float, n: int) -> None:
    router, rng = EMA(a=a), seeded(n)
    rewards = [rng.random() for _ in range(n)]
    for at, reward in enumerate(rewards):
        router.learn([Lesson(made(at), reward)])
    assert router.average("a", 0.3) == pytest.approx(closed(a, 0.3, rewards), abs=1e-12)
    assert router.pulls("a") == n


def test_late_feedback_stands_where_its_decision_stood() -> None:
    rewards = [0.1, 0.9, 0.4, 0.7]
    late = EMA()
    for at in (0, 2, 3, 1):
        late.learn([Lesson(made(at), rewards[at])])
    assert late.average("a", 0.5) == pytest.approx(closed(0.1, 0.5, rewards), abs=1e-12)
    late.learn([Lesson(made(1), 0.2, before=0.9)])
    assert late.average("a", 0.5) == pytest.approx(closed(0.1, 0.5, [0.1, 0.2, 0.4, 0.7]), abs=1e-12)


def test_of_equal_versions_the_later_told_is_the_later() -> None:
    router = EMA(a=0.5)
    router.learn([Lesson(replace(made(3), key=key), reward) for key, reward in (("b", 0.0), ("a", 1.0))])
    assert router.average("a", 0.0) == 0.5
    assert router.order_sensitive


def test_nothing_moves_without_feedback() -> None:
    router = EMA()
    router.learn([Lesson(made(0), 0.25)])
    before = router.average("a", 0.5)
    for n in range(50):
        router.choose(question("a", "b"), f"k{n}", seeded(n))
    router.learn([Lesson(made(0), 0.25, before=0.25)])
    assert router.average("a", 0.5) == before and router.pulls("a") == 1 and router.version == 1


def test_scores_are_quality_less_latency_and_cost() -> None:
    router = EMA(weights=Weights(quality=1.0, latency=0.2, cost=0.3))
    router.learn([Lesson(made(0), 1.0)])
    options = (
        Option("a", prior=0.5, latency_s=1.0, cost_nano=500),
        Option("b", prior=0.4, latency_s=4.0, cost_nano=1000),
        Option("out", latency_s=99.0, cost_nano=9999, filtered="hidden"),
    )
    a, b, _ = router.choose(question(*options), "k", seeded()).options
    assert a.score == pytest.approx(0.55 - 0.2 / 4 - 0.3 / 2)
    assert b.score == pytest.approx(0.4 + 0.5 - 0.2 - 0.3)


def test_several_sources_of_one_decision_count_as_their_mean() -> None:
    router = EMA(a=0.5)
    router.learn([Lesson(made(0), 1.0), Lesson(made(0), 0.0)])
    assert router.average("a", 0.0) == pytest.approx(0.25) and router.pulls("a") == 2


def test_it_follows_a_change() -> None:
    router = EMA(floor=0.0)
    for at in range(100):
        router.learn([Lesson(made(at), 0.9), Lesson(made(at, "b"), 0.5)])
    assert router.choose(question("a", "b"), "k", seeded()).chosen == ("a",)
    for at in range(100, 115):
        router.learn([Lesson(made(at), 0.1)])
    assert router.choose(question("a", "b"), "k", seeded()).chosen == ("b",)


def test_no_more_is_kept_than_weighs_something() -> None:
    router = EMA(a=0.5)
    for at in range(200):
        router.learn([Lesson(made(at), 1.0)])
    assert len(router.state()["a"]["ids"]) == 44  # .5 ** 44 < 1e-13
    assert router.pulls("a") == 200
    assert router.average("a", 0.0) == pytest.approx(1.0, abs=1e-12)


def test_two_processes_end_where_one_would_when_the_versions_tell_the_order() -> None:
    alone, pair, rng = EMA(), (EMA(), EMA()), seeded(5)
    store: dict[str, Any] = {}
    for at in range(40):
        lesson = Lesson(made(at, rng.choice("ab")), rng.random())
        alone.learn([lesson])
        pair[at % 2].learn([lesson])
        if at % 7 == 0:
            exchange(store, pair[at % 2])
    for router in (*pair, pair[0]):
        exchange(store, router)
    for router in pair:
        assert [router.average(o, 0.5) for o in "ab"] == pytest.approx([alone.average(o, 0.5) for o in "ab"], abs=1e-12)


def exchange(store: dict[str, Any], router: EMA) -> None:
    for option, delta in json.loads(json.dumps(router.delta())).items():
        store[option] = add_plain(store.get(option), delta)
    router.load(store)


@pytest.mark.parametrize("bad", [{"a": 0.0}, {"a": 1.1}, {"weights": Weights(cost=math.nan)}, {"optimism": math.inf}])
def test_bad_parameters_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(BadNumber, match="a="):
        EMA(**bad)


def subset(most: int, *names: str) -> Any:
    return replace(question(*names), most=most)


def test_the_subset_is_the_best_k_and_of_equals_the_first_listed() -> None:
    router = EMA(floor=0.0, optimism=0.0)
    router.learn([Lesson(made(at, name), reward) for at, (name, reward) in enumerate([("c", 1.0), ("b", 0.0)])])
    chosen = router.choose(subset(3, "a", "b", "c", "d"), "k", seeded())
    assert chosen.chosen == ("c", "a", "d") and chosen.probability == 1.0
    assert chosen.reason == "the highest moving averages, 3 of 4"
    assert router.choose(subset(9, "a", "b"), "k", seeded()).chosen == ("a", "b")
    assert router.choose(subset(1, "a", "c"), "k", seeded()).chosen == ("c",)


@pytest.mark.parametrize("most", [1, 2])
def test_out_of_scope_is_no_member(most: int) -> None:
    router = EMA()
    asked = subset(most, "a", "b", OOS)
    drawn = {name for n in range(300) for name in router.choose(asked, f"k{n}", seeded(n)).chosen}
    assert drawn == {"a", "b"}
    with pytest.raises(NoProvider):
        router.choose(subset(most, OOS), "k", seeded())


def test_the_floor_of_a_subset_is_that_of_its_record() -> None:
    router, asked, n = EMA(floor=0.4, optimism=0.0), subset(2, "a", "b", "c", "d"), 4000
    seen = [router.choose(asked, f"k{i}", seeded(i)) for i in range(n)]
    by_name = {option.name: option.probability or 0.0 for option in seen[0].options}
    assert by_name == {"a": 1.0, "b": pytest.approx(0.8), "c": pytest.approx(0.1), "d": pytest.approx(0.1)}
    for name, p in by_name.items():
        share = sum(name in one.chosen for one in seen) / n
        assert share == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / n) + 1e-9)
