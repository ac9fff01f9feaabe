"""Small or large at a step: the roles, the baselines, what feedback corrects, and the way from an agent's turns."""

import json
import random
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Decide, Decision, Option, Step
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.ports.router import Lesson
from orchestra.routing.constraints import Candidate, Facts
from orchestra.routing.learners.steps import (
    FEATURES,
    AlwaysLarge,
    AlwaysSmall,
    FirstLarge,
    LastLarge,
    Linear,
    Policy,
    RandomLarge,
    State,
    Threshold,
    features,
    linear_from_plain,
)
from orchestra.routing.learners.stepwise import Stepwise
from orchestra.routing.registry import router
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import Wards, constrained, seeded

WEIGHTS = (0.1, 0.2, -0.3, 0.4, 0.1, -0.2)
OPTIONS = (Option("large", cost_nano=1000), Option("middle", cost_nano=300), Option("small", cost_nano=100))


def asked(step: Step | None = None, *options: Option, left: int | None = None) -> Decide:
    return Decide(capability="model/a", options=options or OPTIONS, step=step, budget_left_nano=left)


def chosen(policy: Policy, step: Step | None = None, *options: Option) -> str:
    return Stepwise(policy, floor=0.0).choose(asked(step, *options), "k", seeded()).chosen[0]


@pytest.mark.parametrize(
    "make",
    [
        Stepwise,
        lambda: Stepwise(RandomLarge(0.4)),
        lambda: Stepwise(Linear(WEIGHTS), floor=0.1),
        lambda: Stepwise(Linear(WEIGHTS, drawn=True)),
    ],
)
def test_it_keeps_the_laws(make: Any) -> None:
    router_laws(make)


def test_the_roles_are_the_cheapest_and_the_dearest() -> None:
    assert chosen(AlwaysSmall()) == "small" and chosen(AlwaysLarge()) == "large"
    assert isinstance(router("stepwise"), Stepwise)


def test_what_is_filtered_gives_way_to_the_nearest_in_cost() -> None:
    large, middle, small = OPTIONS
    assert chosen(AlwaysLarge(), None, large._replace(filtered="over"), middle, small) == "middle"
    assert chosen(AlwaysSmall(), None, large, middle, small._replace(filtered="failed")) == "middle"
    both = (large._replace(filtered="over"), middle._replace(filtered="over"), small)
    made = Stepwise(AlwaysLarge(), floor=0.0).choose(asked(None, *both), "k", seeded())
    assert made.chosen == ("small",) and made.probability == 1.0 and "only one left" in made.reason


@pytest.mark.parametrize(
    ("policy", "larges"),
    [
        (AlwaysSmall(), []),
        (AlwaysLarge(), [0, 1, 2, 3, 4]),
        (FirstLarge(2), [0, 1]),
        (FirstLarge(0), []),
        (LastLarge(2), [3, 4]),
        (Threshold("progress", 0.5), [3, 4]),
        (Threshold(), [2, 4]),
    ],
)
def test_the_baselines_do_what_their_names_say(policy: Policy, larges: list[int]) -> None:
    steps = [Step(n, 5, n in (2, 4), n // 2) for n in range(5)]
    assert [n for n, step in enumerate(steps) if chosen(policy, step) == "large"] == larges


def test_last_large_counts_on_what_it_was_told_where_the_step_does_not_say() -> None:
    steps = [State(Step(n), 1, 2) for n in range(6)]
    assert [LastLarge(1, of=4).large(state) for state in steps] == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]


def test_a_random_policy_is_drawn_with_its_probability_on_record() -> None:
    stepwise = Stepwise(RandomLarge(0.3), floor=0.06)
    made = [stepwise.choose(asked(Step()), f"k{n}", random.Random(n)) for n in range(800)]
    large, middle, small = (option.probability for option in made[0].options)
    assert [large, middle, small] == pytest.approx([0.302, 0.02, 0.678])
    assert sum(one.chosen == ("large",) for one in made) / 800 == pytest.approx(0.302, abs=0.05)


def test_features_lie_between_0_and_1_or_so() -> None:
    first = features(State(Step(0, 10), 100, 1000))
    assert first == (1.0, 0.0, 0.0, 0.0, 0.0, 1.0) and len(first) == len(FEATURES)
    poor = features(State(Step(5, 10, True, 1, 9999), 100, 1000, 2500, (0.5,)))
    assert poor == pytest.approx((1.0, 0.5, 1.0, np.log(2.0), 1.0, 0.5, 0.5))
    assert features(State(Step(12), 1, 2, -5))[5] == 0.0
    assert features(State(Step(12), 1, 2, 0))[1] == pytest.approx(12 / 13)


def test_a_trained_policy_is_plain_data_and_knows_its_features() -> None:
    policy = Linear((*WEIGHTS, 2.0), drawn=True)
    assert linear_from_plain(json.loads(json.dumps(policy.to_plain()))) == policy
    with pytest.raises(BadDefinition, match="1 features in x and now meets 0"):
        policy.large(State(Step(), 1, 2))
    blind = Linear(WEIGHTS)
    assert blind.large(State(Step(), 1, 2, None, (9.0, 9.0))) == blind.large(State(Step(), 1, 2))
    with pytest.raises(JournalVersion):
        linear_from_plain({"version": 0})
    for bad in ({"weights": None}, {"weights": [1.0]}, {"weights": [float("nan")] * 6}, {}):
        with pytest.raises(BadNumber):
            linear_from_plain({"version": 1, **bad})


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandomLarge(1.1),
        lambda: RandomLarge(float("nan")),
        lambda: FirstLarge(-1),
        lambda: LastLarge(True),
        lambda: Threshold("failed", float("nan")),
        lambda: Stepwise(lam=0.0),
        lambda: Stepwise(floor=2.0),
    ],
)
def test_settings_are_checked(make: Any) -> None:
    with pytest.raises(BadNumber):
        make()


def test_a_threshold_names_its_feature() -> None:
    with pytest.raises(BadDefinition, match="luck"):
        Threshold("luck")
    with pytest.raises(BadDefinition, match="0 features"):
        Threshold(0).large(State(Step(), 1, 2))
    assert Threshold(1, 0.5).large(State(Step(), 1, 2, None, (0.0, 1.0))) == 1.0


def lesson(n: int, step: Step, large: bool, reward: float) -> Lesson:
    made = Decision(
        key=f"run/{n}",
        capability="model/a",
        policy="stepwise",
        version=1,
        options=OPTIONS,
        chosen=("large" if large else "small",),
        probability=0.5,
        step=step,
    )
    return Lesson(made, reward)


def taught(policy: Policy, worth: float, count: int = 200) -> Stepwise:
    """After a failure the large model adds ``worth`` to a success of .2, elsewhere nothing to one of .7."""
    stepwise, lessons = Stepwise(policy, floor=0.0), []
    for n in range(count):
        failed, large = n % 2 == 1, n // 2 % 2 == 1
        chance = 0.2 + worth * large if failed else 0.7
        lessons.append(lesson(n, Step(n % 4, 4, failed, int(failed)), large, chance))
    stepwise.learn(lessons)
    return stepwise


def test_feedback_corrects_a_trained_policy() -> None:
    small = Linear((-1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    before, after = Stepwise(small, floor=0.0), taught(small, worth=0.7)
    wrong, right = State(Step(1, 4, True, 1), 100, 1000), State(Step(1, 4), 100, 1000)
    assert [before.large(state) for state in (wrong, right)] == [0.0, 0.0]
    assert [after.large(state) for state in (wrong, right)] == [1.0, 0.0]
    large = Linear((0.3, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert Stepwise(large, floor=0.0).large(right) == 1.0
    assert taught(large, worth=0.0).large(right) == 0.0, "what adds nothing is not worth its cost"
    assert taught(FirstLarge(1), worth=0.7).large(wrong) == 0.0, "a rule stays a rule"


def test_one_role_alone_teaches_nothing() -> None:
    stepwise = Stepwise(Linear((-1.0, 0.0, 0.0, 0.0, 0.0, 0.0)), floor=0.0)
    stepwise.learn([lesson(n, Step(0, 4), True, 1.0) for n in range(100)])
    assert stepwise.large(State(Step(0, 4), 100, 1000)) == 0.0
    assert stepwise.pulls("large") == 100


def over(*worst: int, left: int | None, tries: Any = None) -> list[bool]:
    offers = [Candidate(f"m{n}", cost_nano=10**9, worst_nano=each) for n, each in enumerate(worst)]
    facts = Facts(value="t", at=0.0, left_nano=left)
    return [option.filtered is not None for option in constrained(offers, facts, Wards(), tries)]


def test_a_call_that_could_cost_more_than_is_left_is_out_but_the_last_one() -> None:
    """What such calls usually cost does not matter where the worst of this very call is known."""
    assert over(100, 1000, left=None) == [False, False]
    assert over(100, 1000, left=1000) == [False, False]
    assert over(100, 1000, left=999) == [False, True]
    assert over(100, 1000, left=99) == [False, True], "whose worst is least is left to the ledger"
    assert over(1000, 100, left=-5) == [True, False]
    offers = [Candidate("s", worst_nano=1), Candidate("l", worst_nano=10**7)]
    reason = constrained(offers, Facts(value="t", at=0.0, left_nano=5), Wards(), None)[1].filtered
    assert reason == "costs up to $0.01 and $0.000000005 is left"
