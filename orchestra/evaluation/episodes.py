"""Episodes in which a few steps decide: what a policy for small or large at every step is tried on.

A task is a row of parts. A critical part is beyond the small model, mostly; an impossible one beyond both. A part that
was done wrongly is noticed half of the time, and then done again at the price of another step; otherwise the episode
goes on and ends in failure. What a policy sees of a part is one noisy number. All constants are ours: it is a toy, in
which first-large is good since the first part is the likeliest to be critical, as with planning.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestra.core.decision import Step
from orchestra.core.errors import BadDefinition, BudgetExceeded
from orchestra.routing.learners.rollouts import Chosen, Rollout
from orchestra.routing.learners.steps import Policy, State, features

SPARE = 3
NOTICED = 0.5
NOISE = 0.6
SMALL_NANO, LARGE_NANO = 100_000, 1_000_000
GROWTH = 0.15
# (small, large)
CHANCES = {"plain": (0.98, 0.985), "critical": (0.1, 0.93), "impossible": (0.02, 0.02)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One task. ``parts`` are plain, critical or impossible; ``signals`` what is seen of each. Units: 1e-9 dollars,
    ``budget_nano`` None for no limit.
    """

    parts: tuple[str, ...]
    signals: tuple[float, ...]
    budget_nano: int | None = None

    @property
    def most(self) -> int:
        """How many steps there may be."""
        return len(self.parts) + SPARE


class Point(NamedTuple):
    """What came of a policy. Units: dollars an episode. ``large_on_hard`` is the share of large steps in the episodes
    that have a critical part; ``refused`` that of the episodes that ended since the budget did.
    """

    policy: str
    usd: float
    success: float
    success_on_hard: float
    large_on_hard: float
    refused: float


def episodes(count: int, rng: random.Random, *, parts: int = 6, budget_nano: int | None = None) -> list[Episode]:
    """Tasks: three in ten have plain parts alone, six in ten one or two critical ones, one in ten an impossible one."""
    made = []
    for _ in range(count):
        draw, kinds = rng.random(), ["plain"] * parts
        if draw >= 0.9:
            kinds[rng.randrange(parts)] = "impossible"
        elif draw >= 0.3:
            kinds[0 if rng.random() < 0.4 else rng.randrange(parts)] = "critical"
            if rng.random() < 0.5:
                kinds[rng.randrange(parts)] = "critical"
        signals = tuple(float(part != "plain") + rng.gauss(0.0, NOISE) for part in kinds)
        made.append(Episode(parts=tuple(kinds), signals=signals, budget_nano=budget_nano))
    return made


def roll(task: Episode, policy: Policy, rng: random.Random) -> Rollout:
    """One episode under its budget: where large could cost more than is left, small is taken. The router is free.

    Raises: BudgetExceeded where even the small one could cost more than is left; nothing was spent on that step.
    """
    rollout, error = _rolled(task, policy, rng)
    if error is not None:
        raise error
    return rollout


def tolerant(task: Episode, policy: Policy, rng: random.Random) -> Rollout:
    """The same, where a budget's end is a failure of the episode, as it is for training and for figures."""
    return _rolled(task, policy, rng)[0]


def _rolled(task: Episode, policy: Policy, rng: random.Random) -> tuple[Rollout, BudgetExceeded | None]:
    spent, part, right, step = 0, 0, True, Step(most=task.most)
    steps: list[Chosen] = []
    while part < len(task.parts) and step.turn < task.most:
        worst = [int(price * (1.0 + GROWTH * step.turn)) for price in (SMALL_NANO, LARGE_NANO)]
        left = None if task.budget_nano is None else task.budget_nano - spent
        if left is not None and worst[0] > left:
            why = f"Step {step.turn}: {worst[0]} nano-dollars may be needed and {left} are left."
            return Rollout(tuple(steps), False, spent), BudgetExceeded(why)
        state = State(step, worst[0], worst[1], left, (task.signals[part],))
        free = left is None or worst[1] <= left
        large = free and rng.random() < policy.large(state)
        if free:
            steps.append(Chosen(features(state), large))
        spent += int(worst[large] * rng.uniform(0.4, 1.0))
        done = rng.random() < CHANCES[task.parts[part]][large]
        wrong = not done and rng.random() < NOTICED
        right &= done or wrong
        part += not wrong
        step = Step(step.turn + 1, task.most, wrong, step.failures + wrong, step.length + 400)
    return Rollout(tuple(steps), right and part == len(task.parts), spent), None


def point(policy: Policy, tasks: Sequence[Episode], rng: random.Random, *, repeats: int = 1) -> Point:
    """The means over the tasks. Raises BadDefinition for none."""
    if not tasks or repeats < 1:
        raise BadDefinition("A point needs at least one episode.", remedy="Give tasks, and repeats from 1.")
    usd, success, hard, large, refused = 0, 0, [], [], 0
    for task in [*tasks] * repeats:
        rollout, error = _rolled(task, policy, rng)
        usd += rollout.cost_nano
        success += rollout.success
        refused += error is not None
        if "critical" in task.parts:
            hard.append(rollout.success)
            large += [step.large for step in rollout.steps]
    n = len(tasks) * repeats
    return Point(policy.name, usd / n / 1e9, success / n, _share(hard), _share(large), refused / n)


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0
