"""From rollouts to a policy: kinds, rewards, imitation, improvement."""

import math
import random
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Step
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.routing.learners.rollouts import (
    Chosen,
    Kind,
    Known,
    Rollout,
    Training,
    explored,
    imitated,
    improved,
    kind,
    reward,
    train,
)
from orchestra.routing.learners.rollouts import _slope as climb
from orchestra.routing.learners.steps import Policy, State, features

QUICK = Training(tries=3, shares=4, rounds=40, tasks_a_round=8, group=6, rate=0.2)
T, F = True, False


@pytest.mark.parametrize(
    ("small", "large", "expected"),
    [
        ([T] * 5, [T] * 5, "easy"),
        ([F] * 5, [T] * 5, "hard"),
        ([F] * 5, [F] * 5, "intractable"),
        ([T] * 5, [F] * 5, "easy"),
        ([T, T, F, F, F], [T, T, T, F, F], "hard"),
        ([T, T, T, F, F], [F] * 5, "easy"),
        ([T, F], [T, T], "easy"),
        ([F, F], [T, F], "hard"),
        ([F], [F, F, T], "intractable"),
    ],
)
def test_a_task_has_a_kind(small: list[bool], large: list[bool], expected: str) -> None:
    assert kind(small, large) == expected


def test_no_rollouts_no_kind() -> None:
    with pytest.raises(BadDefinition):
        kind([], [T])
    with pytest.raises(BadDefinition):
        kind([T], [])


def test_a_reward_is_success_less_what_it_cost() -> None:
    assert reward(Rollout((), F, 100), 100, 1100, 0.5) == 0.0
    for cost, expected in ((50, 1.0), (100, 1.0), (600, 0.75), (1100, 0.5), (9000, 0.5)):
        assert reward(Rollout((), T, cost), 100, 1100, 0.5) == pytest.approx(expected)
    assert reward(Rollout((), T, 500), 300, 300, 0.5) == 1.0, "where large is not dearer nothing is to be saved"


def roll(task: str, policy: Policy, rng: random.Random) -> Rollout:
    """Four steps; of a hard task the second needs the large model. What a step is like is told by x."""
    steps, cost, right = [], 0, task != "intractable"
    for n in range(4):
        critical = n == 1 and task != "easy"
        state = State(Step(n, 4), 10, 100, None, (float(critical),))
        large = rng.random() < policy.large(state)
        right &= large or not critical
        cost += 100 if large else 10
        steps.append(Chosen(features(state), large))
    return Rollout(tuple(steps), right, cost)


TASKS = ["easy"] * 6 + ["hard"] * 6 + ["intractable"] * 2


def test_each_kind_has_its_reference() -> None:
    known = explored(TASKS, roll, random.Random(0), Training(tries=2, shares=30))
    assert [one.kind for one in known] == TASKS
    assert {one.reference.cost_nano for one in known if one.kind != "hard"} == {40}
    hard = [one.reference for one in known if one.kind == "hard"]
    assert all(one.success and one.cost_nano < 400 and one.steps[1].large for one in hard)


def test_kinds_weigh_alike_however_many_there_are() -> None:
    """Ten easy tasks that were done small and one hard one that was done large, all at the same kind of step."""
    f = features(State(Step(), 10, 100))

    def known(name: Kind, large: bool) -> Known[str]:
        reference = Rollout((Chosen(f, large),), True, 10)
        return Known(task=name, kind=name, small_nano=10, large_nano=100, reference=reference)

    both = imitated([known("easy", False)] * 10 + [known("hard", True)], Training())
    assert float(both @ np.array(f)) == pytest.approx(0.0, abs=1e-9)


def test_the_policy_is_large_where_it_matters() -> None:
    policy, kinds = train(TASKS, roll, random.Random(3), QUICK)
    assert kinds == {"easy": 6, "hard": 6, "intractable": 2}
    larges = [policy.large(State(Step(n, 4), 10, 100, None, (float(n == 1),))) for n in range(4)]
    assert larges == [0.0, 1.0, 0.0, 0.0]


def test_advantages_by_hand() -> None:
    """Rewards 0 and 1, the reference .5: mean .5, deviation sqrt(1/6), so A = -sqrt(1.5) and sqrt(1.5); p = 1/2."""
    failed = Rollout((Chosen((1.0, 0.0), False),), F, 100)
    cheap = Rollout((Chosen((1.0, 1.0), True), Chosen((0.0, 2.0), False)), T, 100)
    dear = Rollout((Chosen((5.0, 5.0), True),), T, 1100)
    known = Known(task="t", kind="hard", small_nano=100, large_nano=1100, reference=dear)
    slope = climb(np.zeros(2), known, [failed, cheap], 0.5)
    assert slope == pytest.approx(math.sqrt(1.5) * np.array([0.5 + 0.5, 0.5 - 1.0]), abs=1e-4)


def test_a_policy_that_has_collapsed_is_told_by_the_reference() -> None:
    """All its rollouts fail alike: without the reference their advantages would be 0, and nothing would move."""
    known = explored(["hard"] * 4, roll, random.Random(0), QUICK)
    collapsed = np.array([-9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    moved = improved(collapsed, known, roll, random.Random(0), QUICK)
    assert moved[0] > collapsed[0] + 0.5
    hopeless = explored(["intractable"] * 4, roll, random.Random(0), QUICK)
    assert (improved(collapsed, hopeless, roll, random.Random(0), QUICK) == collapsed).all()


def test_training_is_repeatable() -> None:
    one, two = (train(TASKS, roll, random.Random(5), QUICK)[0] for _ in range(2))
    assert one == two


def test_nothing_to_learn_from_is_named() -> None:
    def forced(_task: str, _policy: Policy, _rng: random.Random) -> Rollout:
        return Rollout((), True, 1)

    for tasks, how in ((["easy"], forced), ([], roll)):
        with pytest.raises(BadDefinition):
            train(tasks, how, random.Random(0), QUICK)


@pytest.mark.parametrize(
    "bad", [{"lam": -0.1}, {"lam": 1.1}, {"tries": 0}, {"group": 0}, {"rate": 0.0}, {"penalty": 0.0}, {"rounds": -1}]
)
def test_settings_are_checked(bad: dict[str, Any]) -> None:
    with pytest.raises(BadNumber):
        Training(**bad)
