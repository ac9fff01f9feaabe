"""Hybrid LinUCB against the one large ridge regression that it stands for, and against Li et al.'s own steps."""

import json
import math
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.router import Lesson
from orchestra.routing.learners import arms
from orchestra.routing.learners.hybrid import HybridLinUCB, Z, shared_features
from orchestra.routing.state.sums import add_plain
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import decision, question, seeded

NAMES = ("a", "b", "c")


def log(n: int, d: int, seed: int = 0) -> list[Lesson]:
    """Decisions among three options whose features change, with rewards that depend on all of it."""
    rng, made = np.random.default_rng(seed), []
    for step in range(n):
        options = tuple(
            Option(
                name,
                similarity=round(float(rng.random()), 3),
                prior=round(float(rng.random()), 3),
                cost_nano=int(rng.integers(1, 1000)),
                latency_s=float(rng.random()),
                in_flight=int(rng.integers(9)),
            )
            for name in NAMES
        )
        x = (1.0, *(rng.normal(size=d - 1) / math.sqrt(d)).round(6).tolist())
        name = NAMES[int(rng.integers(3))]
        made.append(Lesson(decision(name, x, key=f"k{step}", options=options), float(rng.random())))
    return made


def rows_of(lesson: Lesson, d: int) -> np.ndarray:
    """One lesson's row in the large regression: the shared features, then the context at the option's own place."""
    (name,), options = lesson.decision.chosen, lesson.decision.options
    option = next(option for option in options if option.name == name)
    return row_of(option, options, lesson.decision.x, d)


def row_of(option: Option, options: tuple[Option, ...], x: tuple[float, ...], d: int) -> np.ndarray:
    row = np.zeros(Z + d * (len(NAMES) + 1))
    row[:Z] = shared_features(option, max(other.cost_nano for other in options))
    at = Z + d * (NAMES.index(option.name) if option.name in NAMES else len(NAMES))
    row[at : at + d] = x
    return row


def priors(lessons: list[Lesson]) -> np.ndarray:
    return np.array(
        [next(o.prior for o in one.decision.options if o.name == one.decision.chosen[0]) for one in lessons]
    )


@pytest.mark.parametrize("lam", [0.5, 1.0])
def test_scores_are_those_of_the_block_solution(lam: float) -> None:
    d, lessons = 9, log(400, 9)
    router = HybridLinUCB(lam=lam, alpha=0.7)
    router.learn(lessons[:150])
    for lesson in lessons[150:]:
        router.learn([lesson])
    changed = [lesson._replace(reward=0.25, before=lesson.reward) for lesson in lessons[10:20]]
    router.learn(changed)
    final = [*lessons[:10], *changed, *lessons[20:]]
    rows = np.array([rows_of(lesson, d) for lesson in final])
    gram = lam * np.eye(rows.shape[1]) + rows.T @ rows
    theta = np.linalg.solve(gram, rows.T @ (np.array([lesson.reward for lesson in final]) - priors(final)))
    for asked in log(20, d, seed=5):
        x = asked.decision.x
        options = (*asked.decision.options, Option("new", similarity=0.4, prior=0.6, cost_nano=10))
        for option in options:
            alone = question(option, *(o._replace(filtered="out") for o in options if o is not option), x=x)
            score = router.choose(alone, "k", seeded()).options[0].score
            row = row_of(option, options, x, d)
            expected = option.prior + row @ theta + 0.7 * math.sqrt(row @ np.linalg.solve(gram, row))
            assert score == pytest.approx(expected, abs=1e-8)


A = Option("a", similarity=0.8, prior=0.5, cost_nano=300, latency_s=1.0, in_flight=2)
B = Option("b", similarity=0.3, prior=0.4, cost_nano=500, latency_s=0.2, in_flight=24)


def test_what_tells_options_apart_by_hand() -> None:
    assert shared_features(A, 500) == pytest.approx((1.0, 0.8, 0.5, 0.6, 0.5, 0.2))
    assert shared_features(B, 500) == pytest.approx((1.0, 0.3, 0.4, 1.0, 0.1, 0.75))
    wild = Option("wild", similarity=7.0, prior=-3.0, cost_nano=900, latency_s=1e9)
    assert shared_features(wild, 500) == (1.0, 1.0, 0.0, 1.0, 1.0, 0.0)


def test_scores_by_hand() -> None:
    """A reward of 1 for a, x = (1,): u = 1, g = 1/2, f = 1 - .5, e = z_a, e.e = 2.54.

    So A0 = I + e e' / 2, beta = .25 e / 2.27, and of a remain v = .25, W' = e / 2; z_b.e = 2.24, z_b.z_b = 2.8225.
    """
    router = HybridLinUCB(alpha=0.6)
    router.learn([Lesson(decision("a", options=(A, B)), 1.0)])
    a = router.choose(question(A, B._replace(filtered="out")), "k", seeded()).options[0].score
    b = router.choose(question(A._replace(filtered="out"), B), "k", seeded()).options[1].score
    wide_a = 0.25 * 2.54 / 2.27 + 0.5
    wide_b = 2.8225 - 0.5 * 2.24**2 / 2.27 + 1.0
    assert a == pytest.approx(0.5 + 0.125 * 2.54 / 2.27 + 0.25 + 0.6 * math.sqrt(wide_a))
    assert b == pytest.approx(0.4 + 0.25 * 2.24 / 2.27 + 0.6 * math.sqrt(wide_b))


def test_it_is_algorithm_2_step_by_step() -> None:
    """The published updates, with the prior at 0: A0 and b0 are taken apart and put together again at each step."""
    d, lam = 5, 1.0
    a0, b0 = lam * np.eye(Z), np.zeros(Z)
    a = {name: lam * np.eye(d) for name in NAMES}
    big_b = {name: np.zeros((d, Z)) for name in NAMES}
    b = {name: np.zeros(d) for name in NAMES}
    router = HybridLinUCB(alpha=1.0)
    for lesson in log(60, d, seed=2):
        made = lesson.decision
        (name,) = made.chosen
        options = tuple(option._replace(prior=0.0) for option in made.options)
        dearest = max(option.cost_nano for option in options)
        z = np.array(shared_features(next(o for o in options if o.name == name), dearest))
        x = np.array(made.x)
        a0 += big_b[name].T @ np.linalg.solve(a[name], big_b[name])
        b0 += big_b[name].T @ np.linalg.solve(a[name], b[name])
        a[name] += np.outer(x, x)
        big_b[name] += np.outer(x, z)
        b[name] += lesson.reward * x
        a0 += np.outer(z, z) - big_b[name].T @ np.linalg.solve(a[name], big_b[name])
        b0 += lesson.reward * z - big_b[name].T @ np.linalg.solve(a[name], b[name])
        router.learn([Lesson(decision(name, made.x, key=made.key, options=options), lesson.reward)])
    assert router._shared is not None
    np.testing.assert_allclose(router._shared[0], np.linalg.inv(a0), atol=1e-8)
    np.testing.assert_allclose(router._shared[2], np.linalg.solve(a0, b0), atol=1e-8)


def test_what_is_shared_judges_an_option_never_tried() -> None:
    """Similar options did well and others badly: a newcomer is expected to do as those that are like it."""
    router, rng = HybridLinUCB(alpha=0.0, floor=0.0), seeded(1)
    for step in range(200):
        option = Option(f"a{step % 8}", similarity=rng.random())
        made = decision(option.name, (1.0, rng.random()), key=f"k{step}", options=(option,))
        router.learn([Lesson(made, 0.9 if option.similarity > 0.5 else 0.1)])
    made = router.choose(question(Option("far"), Option("near", similarity=1.0), x=(1.0, 0.5)), "k", seeded())
    far, near = (option.score or 0.0 for option in made.options)
    assert made.chosen == ("near",) and router.pulls("near") == 0
    assert near - far > 0.5


def test_two_that_exchange_deltas_end_where_one_would() -> None:
    lessons = log(120, 7)
    alone, one, two = HybridLinUCB(), HybridLinUCB(), HybridLinUCB()
    alone.learn(lessons)
    one.learn(lessons[::2])
    two.learn(lessons[1::2])
    store: dict[str, Any] = {}
    for router in (one, two):
        for option, delta in json.loads(json.dumps(router.delta())).items():
            store[option] = add_plain(store.get(option), delta)
    two.load(store)
    ask = question(*lessons[0].decision.options, x=lessons[0].decision.x)
    best = [max(o.score or 0.0 for o in router.choose(ask, "k", seeded()).options) for router in (alone, two)]
    assert best[0] == pytest.approx(best[1], abs=1e-9)
    assert two.version == alone.version == 120


def test_many_features_and_rounding_that_does_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arms, "REBUILT_AFTER", 40)
    lessons = log(150, 100)
    router, rebuilt = HybridLinUCB(), HybridLinUCB()
    for lesson in lessons:
        router.learn([lesson])
    rebuilt.load(router.state())
    ask = question(*lessons[3].decision.options, x=lessons[3].decision.x)
    for one, two in zip(*(router.choose(ask, "k", seeded()).options for router in (router, rebuilt)), strict=True):
        assert one.score == pytest.approx(two.score, abs=1e-5)
    assert router._arms.inverse("a").dtype == np.float32 and max(router._arms._since.values()) < 40


def test_it_keeps_the_laws() -> None:
    router_laws(HybridLinUCB)


def test_contexts_of_another_size_and_bad_parameters_are_named() -> None:
    router = HybridLinUCB()
    router.learn(log(1, 4))
    with pytest.raises(BadDefinition, match="4 features and now meets 2"):
        router.choose(question("a", x=(1.0, 0.5)), "k", seeded())
    with pytest.raises(BadDefinition, match="features"):
        router.learn(log(1, 5))
    with pytest.raises(BadNumber, match="alpha"):
        HybridLinUCB(alpha=-1.0)
    assert set(router.delta()) <= set(NAMES)
    router.load({})
    assert router.choose(question("a", x=(1.0, 0.5)), "k", seeded()).version == 0
