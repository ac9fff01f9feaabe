"""What holds for every learner whose statistics are sums."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core.decision import Decide, Decision, Option
from orchestra.ports.router import Lesson
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.shared import SharedLinUCB
from orchestra.routing.learners.simple import Random
from orchestra.routing.state.sums import add_plain, from_plain

Learner = LinUCB | SharedLinUCB
LEARNERS: list[Callable[[], Learner]] = [LinUCB, SharedLinUCB]
D = 3
unit = st.floats(0, 1, allow_nan=False, width=32)
# A log: for each decision the option's number, its context, and the rewards given one after another.
entries = st.tuples(st.integers(0, 2), st.tuples(unit, unit), st.lists(unit, min_size=1, max_size=3))
logs = st.lists(entries, max_size=12)
Log = list[tuple[int, tuple[float, float], list[float]]]


def decisions(log: Log) -> list[Decision]:
    made = []
    for n, (place, (one, two), _) in enumerate(log):
        options = tuple(Option(f"a{i}", similarity=one, prior=two, in_flight=i) for i in range(3))
        made.append(
            Decision(
                key=f"k{n}",
                capability="c",
                policy="p",
                version=0,
                options=options,
                chosen=(f"a{place}",),
                probability=0.5,
                x=(1.0, one, two),
            )
        )
    return made


def lessons(decision: Decision, rewards: Sequence[float]) -> list[Lesson]:
    befores: list[float | None] = [None, *rewards[:-1]]
    return [Lesson(decision, reward, before) for reward, before in zip(rewards, befores, strict=True)]


def same(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert one.keys() == two.keys()
    for option in one:
        a, b = from_plain(one[option]), from_plain(two[option])
        assert a.pulls == b.pulls
        np.testing.assert_allclose(a.b, b.b, atol=1e-9)
        np.testing.assert_allclose(a.matrix(), b.matrix(), atol=1e-9)


def chosen(router: Learner) -> Decision:
    options = tuple(Option(f"a{i}", similarity=0.1 * i) for i in range(4))
    return router.choose(Decide(capability="c", options=options, x=(1.0, 0.3, 0.6)), "k", random.Random(0))


@pytest.mark.parametrize("make", LEARNERS)
@given(log=logs, seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_late_corrected_and_out_of_order_feedback_ends_in_the_same_sums(
    make: Callable[[], Learner], log: Log, seed: int
) -> None:
    """Only the last reward of a decision counts, whenever it came and in whatever company."""
    final, shuffled = make(), make()
    for decision, (_, _, rewards) in zip(decisions(log), log, strict=True):
        final.learn([Lesson(decision, rewards[-1])])
    queues = [lessons(d, rewards) for d, (_, _, rewards) in zip(decisions(log), log, strict=True)]
    rng = random.Random(seed)
    while queue := [q for q in queues if q]:
        batch = [rng.choice(queue).pop(0)]
        shuffled.learn(batch)
    same(final.state(), shuffled.state())
    assert final.version == shuffled.version == len(log)


@pytest.mark.parametrize("make", LEARNERS)
@given(log=logs)
@settings(max_examples=20)
def test_a_repeated_value_changes_nothing(make: Callable[[], Learner], log: Log) -> None:
    router = make()
    made = decisions(log)
    router.learn([Lesson(decision, rewards[0]) for decision, (_, _, rewards) in zip(made, log, strict=True)])
    before = router.state()
    router.learn([Lesson(d, r[0], r[0]) for d, (_, _, r) in zip(made, log, strict=True)])
    same(before, router.state())


@pytest.mark.parametrize("make", LEARNERS)
@given(log=logs, sides=st.lists(st.booleans(), min_size=12, max_size=12), every=st.integers(1, 5))
@settings(max_examples=40)
def test_two_learners_that_exchange_deltas_end_where_one_would(
    make: Callable[[], Learner], log: Log, sides: list[bool], every: int
) -> None:
    alone, pair = make(), (make(), make())
    store: dict[str, Any] = {}

    def exchange(router: Learner) -> None:
        for option, delta in json.loads(json.dumps(router.delta())).items():
            store[option] = add_plain(store.get(option), delta)
        router.load(json.loads(json.dumps(store)))

    for n, (decision, (_, _, rewards), side) in enumerate(zip(decisions(log), log, sides, strict=False)):
        alone.learn(lessons(decision, rewards))
        pair[side].learn(lessons(decision, rewards))
        if n % every == 0:
            exchange(pair[side])
    for router in (*pair, pair[0]):
        exchange(router)
    for router in pair:
        same(alone.state(), router.state())
        assert router.version == alone.version
        a, b = chosen(alone), chosen(router)
        scores = [(o.score, p.score) for o, p in zip(a.options, b.options, strict=True)]
        assert all(x is None or y is None or x == pytest.approx(y, abs=1e-7) for x, y in scores)


@pytest.mark.parametrize("make", LEARNERS)
@given(log=logs)
@settings(max_examples=20)
def test_an_inverse_kept_up_to_date_is_the_one_rebuilt(make: Callable[[], Learner], log: Log) -> None:
    live, rebuilt = make(), make()
    for decision, (_, _, rewards) in zip(decisions(log), log, strict=True):
        live.learn(lessons(decision, rewards))
    rebuilt.load(live.state())
    one, two = chosen(live), chosen(rebuilt)
    for a, b in zip(one.options, two.options, strict=True):
        assert (a.score is None) == (b.score is None) or a.score == b.score
        assert a.score is None or b.score is None or a.score == pytest.approx(b.score, abs=1e-9)


@pytest.mark.parametrize("make", LEARNERS)
@given(log=logs, seed=st.integers(0, 99))
@settings(max_examples=20)
def test_choosing_never_learns(make: Callable[[], Learner], log: Log, seed: int) -> None:
    router = make()
    for decision, (_, _, rewards) in zip(decisions(log), log, strict=True):
        router.learn(lessons(decision, rewards))
    before = json.dumps(router.state())
    made = [
        router.choose(
            Decide(capability="c", options=tuple(Option(f"a{i}") for i in range(5)), x=(1.0, 0.1, 0.9)),
            "k",
            random.Random(seed),
        )
        for _ in range(3)
    ]
    assert json.dumps(router.state()) == before
    assert made[0] == made[1] == made[2]
    assert made[0].probability == next(o.probability for o in made[0].options if o.name == made[0].chosen[0])
    assert sum(o.probability or 0.0 for o in made[0].options) == pytest.approx(1.0)


def regret(router: LinUCB | Random, seed: int, steps: int) -> list[float]:
    """Against the best arm of a linear world: 5 arms, 6 features, noise .1; the regret after each step."""
    world = np.random.default_rng(seed)
    theta = world.random((5, 6)) / 6
    theta[:, 0] += world.random(5) / 3
    x = np.hstack([np.ones((steps, 1)), world.random((steps, 5))])
    means = np.clip(x @ theta.T, 0, 1)
    rewards = np.clip(means + 0.1 * world.normal(size=means.shape), 0, 1)
    options = tuple(Option(f"a{i}") for i in range(5))
    rng, total, path = random.Random(seed), 0.0, []
    for t, row in enumerate(x.tolist()):
        made = router.choose(Decide(capability="c", options=options, x=tuple(row)), "k", rng)
        arm = int(made.chosen[0][1:])
        router.learn([Lesson(made, float(rewards[t, arm]))])
        total += float(means[t].max() - means[t, arm])
        path.append(total)
    return path


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_regret_grows_slower_than_time_and_far_slower_than_at_random(seed: int) -> None:
    steps = 2000
    learned = regret(LinUCB(alpha=0.3), seed, steps)
    at_random = regret(Random(), seed, steps)
    assert learned[-1] < 0.35 * at_random[-1]
    exponent = np.log(learned[-1] / learned[steps // 8]) / np.log(8)
    assert exponent < 0.8
