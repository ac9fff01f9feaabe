"""Rank-reciprocal clusters against a count by hand."""

import math
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadNumber
from orchestra.core.ids import digest
from orchestra.ports.router import Lesson
from orchestra.routing.learners import clusters
from orchestra.routing.learners.clusters import Clusters, Record, centres, embedding, nearest
from tests.unit.routing.kit import decision, question, seeded

EAST, NORTH = (1.0, 1.0, 0.0), (1.0, 0.0, 1.0)


def lessons(*given: tuple[str, tuple[float, ...], float]) -> list[Lesson]:
    return [Lesson(decision(name, x, key=f"run/{n}"), reward) for n, (name, x, reward) in enumerate(given)]


# East: a .9, b .5, c .5; north: a .1, b .2, c .8.
LOG = lessons(
    *[("a", EAST, 0.9), ("b", EAST, 0.5), ("c", EAST, 0.5)] * 4,
    *[("a", NORTH, 0.1), ("b", NORTH, 0.2), ("c", NORTH, 0.8)] * 4,
)


def scores(router: Clusters, x: tuple[float, ...], *options: str | Option) -> list[float]:
    made = router.choose(question(*(options or ("a", "b", "c")), x=x), "k", seeded())
    return [option.score or 0.0 for option in made.options]


def test_the_reciprocal_rank_in_the_nearest_cluster() -> None:
    router = Clusters(k=2, prior_weight=0.0)
    router.learn(LOG)
    assert scores(router, EAST) == pytest.approx([1, 1 / 2, 1 / 2])  # options alike share a rank
    assert scores(router, NORTH) == pytest.approx([1 / 3, 1 / 2, 1])
    assert scores(router, (1.0, 5.0, 4.0)) == pytest.approx([1, 1 / 2, 1 / 2])


def test_several_clusters_weigh_by_their_cosine() -> None:
    router = Clusters(k=2, nearest=2, beta=9.0, prior_weight=0.0)
    router.learn(LOG)
    near, far = math.exp(-9.0 * (1 - 0.8)), math.exp(-9.0 * (1 - 0.6))
    p, q = near / (near + far), far / (near + far)
    expected = [p + q / 3, p / 2 + q / 2, p / 2 + q]
    assert scores(router, (1.0, 0.8, 0.6)) == pytest.approx(expected)


def test_quality_leans_on_the_mean_over_all_and_that_on_the_prior() -> None:
    record = Record(np.array([3.0, 0.0]), np.array([1.5, 0.0]))
    overall = (1.5 + 1.0 * 0.9) / (3 + 1)
    assert record.quality(0, 0.9, 1.0) == pytest.approx((1.5 + overall) / 4)
    assert record.quality(1, 0.9, 1.0) == pytest.approx(overall)
    assert record.quality(0, 0.9, 0.0) == record.quality(1, 0.9, 0.0) == pytest.approx(0.5)


def test_cost_enters_as_in_the_pro_form() -> None:
    router = Clusters(k=2, cost_weight=0.5, prior_weight=0.0)
    router.learn(LOG)
    costs = [Option("a", cost_nano=1000), Option("b", cost_nano=600), Option("c", cost_nano=0)]
    # North: quality scaled 0, 1/7, 1; thrift 0, .4, 1. East: quality 1, 0, 0, so a .5, b .2, c .5.
    assert scores(router, NORTH, *costs) == pytest.approx([1 / 3, 1 / 2, 1])
    assert scores(router, EAST, *costs) == pytest.approx([1, 1 / 3, 1])
    same = [option._replace(name="a") for option in costs[:2]]
    assert scores(router, NORTH, *same) == pytest.approx([1 / 2, 1])


def test_ranks_are_among_those_that_may_be_chosen() -> None:
    router = Clusters(k=2, prior_weight=0.0)
    router.learn(LOG)
    assert scores(router, EAST, Option("a", filtered="hidden"), "b", "c") == pytest.approx([0, 1, 1])


def test_before_the_first_lesson_the_priors_rank() -> None:
    options = (Option("a", prior=0.4), Option("b", prior=0.6), Option("c", prior=0.5))
    assert scores(Clusters(), EAST, *options) == pytest.approx([1 / 3, 1, 1 / 2])


def test_the_embedding_is_without_the_constant_and_at_length_one() -> None:
    rows = np.array([[1.0, 3.0, 4.0], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(embedding(rows), [[0.6, 0.8], [0.0, 0.0]])
    np.testing.assert_allclose(embedding(np.array([[2.0], [0.0]])), [[1.0], [0.0]])


def test_planted_clusters_are_found() -> None:
    rng = np.random.default_rng(1)
    planted = np.eye(5)
    points = embedding(np.c_[np.ones(200), np.repeat(planted, 40, axis=0) + rng.normal(size=(200, 5)) * 0.05])
    found = centres(points, 5)
    labels = nearest(points, found).reshape(5, 40)
    assert (labels == labels[:, :1]).all() and len(set(labels[:, 0])) == 5
    # Each is the mean of its points: another round would not move it.
    np.testing.assert_allclose(found[labels[:, 0]], points.reshape(5, 40, 5).mean(axis=1))


def test_there_are_no_more_clusters_than_points_that_differ() -> None:
    assert len(centres(np.array([[1.0, 0.0]] * 9 + [[0.0, 1.0]]), 16)) == 2
    assert len(centres(np.array([[1.0, 0.0]]), 16)) == 1


def test_the_centres_are_those_of_the_smallest_hashes_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "FOUNDERS", 12)
    rng = seeded(4)
    log = lessons(*[(rng.choice("abc"), (1.0, rng.random(), rng.random()), rng.random()) for _ in range(80)])
    one, two = Clusters(k=3, cap=20), Clusters(k=3, cap=20)
    one.learn(log)
    for lesson in rng.sample(log, len(log)):
        two.learn([lesson])
    first = sorted(log, key=lambda lesson: digest(lesson.decision.key, 8))[:12]
    points = embedding(np.array([lesson.decision.x for lesson in first], dtype=np.float32).astype(np.float64))
    for router in (one, two):
        assert router._centres is not None
        np.testing.assert_array_equal(router._centres, centres(points, 3))
        assert scores(router, EAST) == scores(one, EAST)
        for name, record in router._option_to_record.items():
            assert float(record.counts.sum()) == min(20, router.pulls(name))


def test_an_untouched_cluster_goes_by_the_option_as_a_whole() -> None:
    router = Clusters(k=2, prior_weight=0.0)
    router.learn([*LOG, Lesson(decision("d", EAST, key="d"), 1.0)])
    assert scores(router, NORTH, "a", "c", "d") == pytest.approx([1 / 3, 1 / 2, 1])


@pytest.mark.parametrize(
    "bad", [{"k": 0}, {"nearest": 0}, {"beta": math.inf}, {"cost_weight": 1.5}, {"prior_weight": -1.0}, {"cap": 0}]
)
def test_bad_parameters_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(BadNumber, match=r"cap=|k="):
        Clusters(**bad)
