"""Nearest neighbours against a hand count and a plain sort."""

import math
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadNumber
from orchestra.core.ids import digest
from orchestra.ports.router import Lesson
from orchestra.routing.learners.neighbours import Neighbours
from tests.unit.routing.kit import decision, question, seeded

Row = tuple[float, ...]


def teach(router: Neighbours, *given: tuple[Row, float], option: str = "a") -> None:
    router.learn([Lesson(decision(option, x, key=f"run/{n}"), reward) for n, (x, reward) in enumerate(given)])


def score(router: Neighbours, x: Row, prior: float = 0.5) -> float:
    (option,) = router.choose(question(Option("a", prior=prior), x=x), "k", seeded()).options
    assert option.score is not None
    return option.score


def test_the_mean_of_the_nearest() -> None:
    router = Neighbours(k=2, prior_weight=0.0)
    teach(router, ((1.0, 0.0), 1.0), ((1.0, 0.2), 0.5), ((0.0, 1.0), 0.0), ((-1.0, 0.0), 0.2))
    assert score(router, (1.0, 0.1)) == pytest.approx(0.75)
    assert score(router, (0.1, 2.0)) == pytest.approx(0.25)  # the length of x does not count
    assert score(router, (-1.0, 0.1)) == pytest.approx(0.1)


def test_the_prior_counts_as_so_many_examples() -> None:
    router = Neighbours(k=5, prior_weight=2.0)
    teach(router, ((1.0, 0.0), 1.0), ((1.0, 0.2), 0.5))
    assert score(router, (1.0, 0.0), prior=0.3) == pytest.approx((1.5 + 2 * 0.3) / 4)
    assert Neighbours().choose(question(Option("a", prior=0.3)), "k", seeded()).options[0].score == pytest.approx(0.8)


def test_the_same_as_a_full_sort() -> None:
    rng = np.random.default_rng(0)
    x, rewards = rng.normal(size=(90, 5)).round(6), rng.random(90)
    router = Neighbours(k=7, prior_weight=0.0)
    teach(router, *zip(map(tuple, x.tolist()), rewards.tolist(), strict=True))
    for query in rng.normal(size=(20, 5)):
        near = (x @ query) / np.linalg.norm(x, axis=1)
        assert score(router, tuple(query.tolist())) == pytest.approx(rewards[np.argsort(-near)[:7]].mean(), abs=1e-6)


def test_of_equally_near_ones_the_smaller_hash_counts() -> None:
    router = Neighbours(k=3, prior_weight=0.0)
    rewards = {f"run/{n}": n / 10 for n in range(10)}
    for key in reversed(rewards):
        router.learn([Lesson(decision("a", key=key), rewards[key])])
    first = sorted(rewards, key=lambda key: digest(key, 8))[:3]
    assert score(router, (1.0,)) == pytest.approx(sum(rewards[key] for key in first) / 3)


def test_a_sample_is_kept_that_does_not_depend_on_the_order() -> None:
    lessons = [Lesson(decision("a", (1.0, n / 50), key=f"run/{n}"), n / 50) for n in range(50)]
    one, two = Neighbours(cap=8), Neighbours(cap=8)
    one.learn(lessons)
    for lesson in reversed(lessons):
        two.learn([lesson])
    assert one.state() == two.state()
    assert one.state()["a"]["ids"] == sorted(digest(f"run/{n}", 8) for n in range(50))[:8]
    assert (one.pulls("a"), one.version) == (50, 50)


def test_a_correction_of_what_is_not_kept_has_no_effect() -> None:
    lessons = [Lesson(decision("a", (1.0, n / 50), key=f"run/{n}"), n / 50) for n in range(50)]
    router = Neighbours(cap=8)
    router.learn(lessons)
    before = router.state()
    kept = set(before["a"]["ids"])
    gone = next(lesson for lesson in lessons if digest(lesson.decision.key, 8) not in kept)
    router.learn([Lesson(gone.decision, 1.0, before=gone.reward)])
    assert router.state() == before


def test_several_sources_of_one_decision_are_averaged() -> None:
    router = Neighbours(prior_weight=0.0)
    made = decision("a", (1.0, 0.0), key="run/0")
    router.learn([Lesson(made, 1.0), Lesson(made, 0.0), Lesson(decision("a", (1.0, 0.1), key="run/1"), 0.0)])
    assert score(router, (1.0, 0.0)) == pytest.approx(0.25) and router.pulls("a") == 3


def test_a_context_of_nothing_is_as_near_to_all() -> None:
    router = Neighbours(prior_weight=0.0)
    teach(router, ((0.0, 0.0), 1.0), ((1.0, 0.0), 0.0))
    assert score(router, (0.0, 0.0)) == pytest.approx(0.5)


def test_a_feature_too_large_to_keep_is_refused() -> None:
    router = Neighbours()
    with pytest.raises(BadNumber, match="too large"):
        teach(router, ((1.0, 1e60), 1.0))
    assert router.state() == {}


@pytest.mark.parametrize(
    "bad",
    [{"k": 0}, {"cap": 0}, {"cap": 2.5}, {"prior_weight": -1.0}, {"prior_weight": math.nan}, {"optimism": math.inf}],
)
def test_bad_parameters_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(BadNumber, match=r"cap=|k="):
        Neighbours(**bad)
