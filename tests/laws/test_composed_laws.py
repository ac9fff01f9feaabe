"""Compositions of any routers over any histories: exact probabilities, prices that fall, states that merge."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core.decision import Option
from orchestra.ports.router import Lesson, Router
from orchestra.routing.compositions.composed import Chain, Sure
from orchestra.routing.compositions.fallback import BestSingle
from orchestra.routing.compositions.flags import Flags
from orchestra.routing.compositions.floored import Floored
from orchestra.routing.compositions.scored import scores_of
from orchestra.routing.learners.ema import EMA
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.neighbours import Neighbours
from orchestra.routing.learners.shared import SharedLinUCB
from orchestra.routing.learners.thompson import BetaThompson
from orchestra.routing.state.sums import add_plain
from tests.unit.routing.kit import decision, question

SCORING: list[Callable[[], Router]] = [LinUCB, SharedLinUCB, EMA, Neighbours, BestSingle, BetaThompson]
parts = st.sampled_from(SCORING)
shares = st.floats(0.0, 1.0).map(lambda value: round(value, 3))
Told = list[tuple[int, float, float]]
Known = tuple[Option, ...]
Make = Callable[[], Router]
X = tuple[float, ...]


def offered(rows: Told) -> Known:
    return tuple(Option(f"o{i}", cost_nano=c, latency_s=s, prior=p) for i, (c, s, p) in enumerate(rows))


options = st.lists(st.tuples(st.integers(0, 1000), shares, shares), min_size=1, max_size=6).map(offered)
lessons = st.lists(st.tuples(st.integers(0, 5), shares, shares), max_size=20)
contexts = st.tuples(st.just(1.0), shares)


def taught(router: Router, told: Told, known: Known) -> None:
    router.learn(
        [
            Lesson(decision(known[i % len(known)].name, (1.0, x), f"k{n}", known), reward)
            for n, (i, x, reward) in enumerate(told)
        ]
    )


@settings(max_examples=60, deadline=None)
@given(parts, options, lessons, contexts)
def test_all_scores_are_those_of_each_alone(make: Make, known: Known, told: Told, x: X) -> None:
    """For routers whose scores do not depend on the others: what is left out of a record is asked for again."""
    router = make()
    taught(router, told, known)
    found = scores_of(router, question(*known, x=x), "k")
    assert set(found) == set(range(len(known)))
    if not isinstance(router, EMA):
        for place, option in enumerate(known):
            alone = router.choose(question(option, x=x), "k", random.Random(0)).options[0].score
            assert alone == pytest.approx(found[place], abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(parts, options, lessons, st.lists(contexts, min_size=1, max_size=5), st.lists(shares, min_size=2, max_size=5))
def test_the_dearer_cost_is_the_less_is_paid(
    make: Make, known: Known, told: Told, xs: list[X], weights: list[float]
) -> None:
    paid = []
    for weight in sorted(weight * 3 for weight in weights):
        flags = Flags(make(), cost=weight, latency=0.2, floor=0.1)
        taught(flags, told, known)
        total = 0.0
        for x in xs:
            made = flags.choose(question(*known, x=x), "k", random.Random(0))
            assert sum(o.probability or 0.0 for o in made.options) == pytest.approx(1.0)
            total += sum((o.probability or 0.0) * o.cost_nano for o in made.options)
        paid.append(total / len(xs))
    assert all(later <= before + 1e-6 for before, later in pairwise(paid))


@settings(max_examples=40, deadline=None)
@given(parts, options, lessons, contexts, shares, st.integers(0, 10))
def test_a_chain_has_the_probabilities_of_who_decides(
    make: Make, known: Known, told: Told, x: X, floor: float, needed: int
) -> None:
    first, last = make(), Floored("cheapest", floor=floor)
    chain = Chain(Sure(first, rewards=needed), last)
    taught(chain, told, known)
    asked = question(*known, x=x)
    decider = first if sum(first.pulls(option.name) for option in known) >= needed else last
    for seed in range(5):
        made = chain.choose(asked, "k", random.Random(seed))
        alone = decider.choose(asked, "k", random.Random(seed))
        assert (made.options, made.chosen, made.probability) == (alone.options, alone.chosen, alone.probability)
        assert ("abstained" in made.reason) == (decider is last)


@settings(max_examples=40, deadline=None)
@given(options, st.lists(st.tuples(st.integers(0, 5), shares, shares), min_size=2, max_size=20), st.randoms())
def test_halves_of_a_log_add_up(known: Known, told: Told, rng: random.Random) -> None:
    def fresh() -> Chain:
        return Chain(Sure("linucb", far=0.1), Sure(Flags("thompson:beta", cost=0.1), rewards=3), "best")

    alone, pair = fresh(), (fresh(), fresh())
    store: dict[str, object] = {}
    for n, (i, x, reward) in enumerate(told):
        lesson = Lesson(decision(known[i % len(known)].name, (1.0, x), f"k{n}", known), reward)
        alone.learn([lesson])
        learner = rng.choice(pair)
        learner.learn([lesson])
        if rng.random() < 0.3:
            for key, delta in learner.delta().items():
                store[key] = json.loads(json.dumps(add_plain(store.get(key), delta)))
    for learner in pair:
        for key, delta in learner.delta().items():
            store[key] = json.loads(json.dumps(add_plain(store.get(key), delta)))
    for learner in pair:
        learner.load(store)
        asked = question(*known, x=(1.0, 0.5))
        a, b = (router.choose(asked, "k", random.Random(1)) for router in (alone, learner))
        assert a.chosen == b.chosen and a.reason == b.reason and learner.version == alone.version
