"""Shared LinUCB against Symphony-Coord's formulas."""

import json
import math
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber, NoProvider
from orchestra.ports.router import Lesson
from orchestra.routing.learners.shared import SharedLinUCB, features, two_stage
from orchestra.routing.registry import router
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import decision, question, seeded

NEAR = Option("near", similarity=0.9, prior=0.7, latency_s=0.5, in_flight=8)
FAR = Option("far", similarity=0.1, prior=0.4, latency_s=4.0)


@pytest.mark.parametrize(("t", "value"), [(1, 4.19), (10, 5.51), (100, 6.80), (1000, 7.89), (2000, 8.18)])
def test_beta_is_the_published_one(t: int, value: float) -> None:
    assert round(SharedLinUCB().beta(t), 2) == value


def test_the_six_features_are_clipped_and_at_most_of_length_one() -> None:
    raw = np.array([1.0, 0.9, 0.5, 0.25, 0.7, 1.0])
    assert features(NEAR) == pytest.approx(raw / np.linalg.norm(raw))
    wild = features(Option("wild", similarity=7.0, prior=-3.0, latency_s=1e9, in_flight=10**9))
    assert math.hypot(*wild) == pytest.approx(1.0)
    assert wild[4] == 0.0 and wild[1] == wild[3] == wild[0]
    assert features(NEAR._replace(filtered="hidden"))[5] == 0.0


def test_scores_are_the_formula() -> None:
    router = SharedLinUCB(alpha=0.5, lam=2.0, delta=0.1, bound=0.5)
    lessons = [(NEAR, 0.9), (FAR, 0.2), (NEAR, 0.8)]
    router.learn([Lesson(decision(option.name, options=(NEAR, FAR)), reward) for option, reward in lessons])
    x = np.array([features(option) for option, _ in lessons])
    gram = 2.0 * np.eye(6) + x.T @ x
    theta = np.linalg.solve(gram, x.T @ np.array([0.9, 0.2, 0.8]))
    beta = 0.5 * math.sqrt(6 * math.log(1 + 3 / 2) + 2 * math.log(10)) + math.sqrt(2) * 0.5
    made = router.choose(question(NEAR, FAR), "k", seeded())
    for option in made.options:
        row = np.array(features(option))
        assert option.score == pytest.approx(row @ theta + beta * math.sqrt(row @ np.linalg.solve(gram, row)))


def test_scores_by_hand() -> None:
    """A reward of .8 for a: theta = .4 x_a, A^-1 = I - x_a x_a' / 2, and beta_1 is the published 4.185961.

    Before |x|: a is (1, .5, .2, .4, .6, 1), its square 2.81; b is (1, .1, .75, .9, .3, 1), its square 3.4725.
    """
    a = Option("a", similarity=0.5, prior=0.6, latency_s=0.8, in_flight=2)
    b = Option("b", similarity=0.1, prior=0.3, latency_s=1.8, in_flight=24)
    router = SharedLinUCB()
    router.learn([Lesson(decision("a", options=(a, b)), 0.8)])
    one, two = router.choose(question(a, b), "k", seeded()).options
    along = (1.0 + 0.05 + 0.15 + 0.36 + 0.18 + 1.0) / math.sqrt(2.81 * 3.4725)
    assert one.score == pytest.approx(0.4 + 4.185961 * math.sqrt(0.5), abs=1e-5)
    assert two.score == pytest.approx(0.4 * along + 4.185961 * math.sqrt(1.0 - along**2 / 2), abs=1e-5)


def test_what_it_learns_of_one_option_tells_of_another() -> None:
    router = SharedLinUCB(alpha=0.1, bound=0.0, floor=0.0)
    for _ in range(30):
        router.learn([Lesson(decision("near", options=(NEAR,)), 1.0), Lesson(decision("far", options=(FAR,)), 0.0)])
    newcomers = (FAR._replace(name="new far"), NEAR._replace(name="new near"))
    made = router.choose(question(*newcomers), "k", seeded())
    assert made.chosen == ("new near",) and made.explored
    assert router.pulls("new near") == 0 and router.pulls("near") == 30


def test_late_features_are_those_of_the_decision() -> None:
    live, late = SharedLinUCB(), SharedLinUCB()
    early, made = (live.choose(question(option), "k", seeded()) for option in (FAR, NEAR))
    live.learn([Lesson(early, 0.2)])
    live.learn([Lesson(made, 0.7)])
    busy = NEAR._replace(in_flight=99, latency_s=9.0)
    late.choose(question(busy), "k", seeded())
    late.learn([Lesson(made, 0.7), Lesson(early, 0.2)])
    assert late.state() == live.state()
    with pytest.raises(BadDefinition, match="no option"):
        live.learn([Lesson(decision("ghost", options=(NEAR,)), 1.0)])


def test_choosing_changes_nothing() -> None:
    router = SharedLinUCB()
    router.learn([Lesson(decision("near", options=(NEAR,)), 0.4)])
    before = json.dumps(router.state())
    made = [router.choose(question(NEAR, FAR), "k", seeded(4)) for _ in range(1000)]
    assert json.dumps(router.state()) == before and all(each == made[0] for each in made)


def test_the_first_choice_goes_by_features_and_ties_to_the_first_listed() -> None:
    twin = NEAR._replace(name="twin")
    assert SharedLinUCB(floor=0.0).choose(question(NEAR, twin), "k", seeded()).chosen == ("near",)
    assert SharedLinUCB(floor=0.0).choose(question(twin, NEAR), "k", seeded()).chosen == ("twin",)
    with pytest.raises(NoProvider):
        SharedLinUCB().choose(question(NEAR._replace(filtered="hidden")), "k", seeded())


def test_a_load_of_nothing_is_a_fresh_start() -> None:
    router = SharedLinUCB()
    router.learn([Lesson(decision("near", options=(NEAR,)), 0.4)])
    saved = router.delta()
    router.load({})
    assert router.version == 0 and router.choose(question(NEAR), "k", seeded()).version == 0
    router.load(saved)
    assert router.pulls("near") == 1


@pytest.mark.parametrize("bad", [{"alpha": -1.0}, {"lam": 0.0}, {"delta": 0.0}, {"delta": 1.0}, {"bound": math.nan}])
def test_bad_parameters_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(BadNumber, match="delta"):
        SharedLinUCB(**bad)


def test_two_stages_score_the_top_three_and_keep_the_floor_of_all() -> None:
    options = [Option(f"a{n}", similarity=value) for n, value in enumerate((0.1, 0.9, 0.5, 0.7, 0.2))]
    made = router("linucb:two-stage").choose(question(*options, Option("down", filtered="hidden")), "k", seeded())
    assert [option.name for option in made.options if option.score is not None] == ["a1", "a2", "a3"]
    assert made.chosen == ("a1",) and made.policy == "linucb:two-stage"
    assert [option.probability for option in made.options] == pytest.approx([0.004, 0.984, 0.004, 0.004, 0.004, None])
    wide = SharedLinUCB().choose(question(*options), "k", seeded())
    assert [o.score for o in made.options[1:4]] == [o.score for o in wide.options[1:4]]
    router_laws(two_stage)
    with pytest.raises(BadNumber, match="keep"):
        SharedLinUCB(keep=0)
