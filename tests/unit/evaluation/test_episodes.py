"""The simulator of step-critical episodes, and what a trained policy reaches on it."""

import random

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, BudgetExceeded
from orchestra.evaluation.episodes import Episode, episodes, point, roll, tolerant
from orchestra.routing.learners.rollouts import Training, train
from orchestra.routing.learners.steps import AlwaysLarge, AlwaysSmall, RandomLarge

SEEDS = 5
QUICK = Training(rounds=40)


def test_the_trained_policy_beats_a_random_mixture_of_equal_cost_and_does_not_collapse() -> None:
    won, large = 0, []
    for seed in range(SEEDS):
        policy, kinds = train(episodes(60, random.Random(seed)), tolerant, random.Random(seed), QUICK)
        assert kinds["easy"] and kinds["hard"]
        tasks = episodes(300, random.Random(1000 + seed))
        mine = point(policy, tasks, random.Random(1))
        mixture = [point(RandomLarge(n / 5), tasks, random.Random(2)) for n in range(6)]
        equal = np.interp(mine.usd, [one.usd for one in mixture], [one.success for one in mixture])
        won += bool(mine.success > equal)
        large.append(mine.large_on_hard)
    assert won >= 4
    assert min(large) > 0.0


def test_the_boundaries_are_what_the_tasks_are_made_for() -> None:
    tasks = episodes(400, random.Random(0))
    small, large = (point(policy, tasks, random.Random(1)) for policy in (AlwaysSmall(), AlwaysLarge()))
    assert small.usd < large.usd / 5
    assert small.success_on_hard < 0.25 < 0.8 < large.success_on_hard
    assert (small.large_on_hard, large.large_on_hard) == (0.0, 1.0)
    assert small.refused == large.refused == 0.0
    twice = point(AlwaysSmall(), tasks, random.Random(1), repeats=2)
    assert twice.usd == pytest.approx(small.usd, rel=0.1)


@pytest.mark.parametrize("budget", [50_000, 300_000, 1_500_000, 4_000_000])
def test_no_episode_costs_more_than_its_budget(budget: int) -> None:
    """Large is masked first; then the end is explicit."""
    refused = 0
    for n, task in enumerate(episodes(40, random.Random(3), budget_nano=budget)):
        try:
            assert roll(task, AlwaysLarge(), random.Random(n)).cost_nano <= budget
        except BudgetExceeded as error:
            refused += 1
            assert "left" in str(error)
        assert tolerant(task, AlwaysLarge(), random.Random(n)).cost_nano <= budget
    assert (refused == 40) == (budget < 400_000)


def test_only_steps_with_a_choice_are_recorded() -> None:
    poor = Episode(parts=("plain",) * 4, signals=(0.0,) * 4, budget_nano=900_000)
    rollout = tolerant(poor, AlwaysLarge(), random.Random(0))
    assert rollout.steps == () and rollout.cost_nano > 0, "large could cost a million"
    rich = Episode(parts=("plain",) * 4, signals=(0.0,) * 4)
    assert all(step.large for step in tolerant(rich, AlwaysLarge(), random.Random(0)).steps)


def test_a_point_needs_episodes() -> None:
    with pytest.raises(BadDefinition):
        point(AlwaysSmall(), [], random.Random(0))
