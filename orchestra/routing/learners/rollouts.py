"""A policy for small or large at every step, trained from recorded or simulated episodes.

1. Boundaries: each task always-small and always-large, ``tries`` times each; ``kind`` of the task follows.
2. Imitation: logistic regression on the cheapest success that is known of each task. A hard task is rolled out with
   ``shares`` shares of large steps for that. Kinds weigh alike, however many tasks they have (BoSFT).
3. Improvement: ``group`` rollouts of a task, A = (R - mean) / (deviation + 1e-6), the weights go along
   sum A (a - p) f by Adam (BoPO). The mean and the deviation are over the group and the task's reference, its cheapest
   success: where the whole group fails cheaply it is told so, instead of being told nothing.
R = success (1 - lam c), c = (cost - always-small's) / (always-large's - always-small's), clipped to [0, 1].

Source: budget-aware agentic routing (BAAR) for the three stages. Its equations for R and A and its constants were not
found: those here are our reconstruction. There the policy is a language model, here a linear one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.routing.learners.steps import AlwaysLarge, AlwaysSmall, Linear, Policy, RandomLarge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

T = TypeVar("T")
Kind = Literal["easy", "hard", "intractable"]
KINDS: tuple[Kind, ...] = ("easy", "hard", "intractable")
NEWTON_STEPS = 25
FADE = (0.9, 0.999)
TINY = 1e-6


class Chosen(NamedTuple):
    """One step at which both could be chosen. Shapes: ``f`` (6 + d,), as ``steps.features``."""

    f: tuple[float, ...]
    large: bool


class Rollout(NamedTuple):
    """One episode. ``steps`` are those at which both could be chosen. Units: ``cost_nano`` in 1e-9 dollars."""

    steps: tuple[Chosen, ...]
    success: bool
    cost_nano: int


Roll = Callable[[T, Policy, random.Random], Rollout]
"""Runs one episode of a task under a policy: a simulator, a sandbox, or real models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a policy is trained. ``lam`` is what an episode at always-large's cost loses of its reward.

    Source: K = 5 and N = 10 are BoSFT's; all others are our defaults.
    """

    lam: float = 0.3
    tries: int = 5
    shares: int = 10
    rounds: int = 60
    tasks_a_round: int = 16
    group: int = 8
    rate: float = 0.05
    penalty: float = 1.0

    def __post_init__(self) -> None:
        counts = (self.tries, self.shares, self.tasks_a_round, self.group)
        if not 0.0 <= self.lam <= 1.0 or min(counts) < 1 or self.rounds < 0 or not (self.rate > 0 < self.penalty):
            raise BadNumber(f"{self}", remedy="lam lies in [0, 1], rounds from 0, all others above 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Generic[T]):
    """What the boundaries and the sweep told of one task. Units: 1e-9 dollars, means."""

    task: T
    kind: Kind
    small_nano: float
    large_nano: float
    reference: Rollout


def kind(small: Sequence[bool], large: Sequence[bool]) -> Kind:
    """The task's kind by whether always-small and always-large succeeded, in at least half of the rollouts each.

    Easy: small does it. Hard: large does, small does not. Intractable: neither. Where small succeeds and large fails
    there is nothing to be had from large: easy. A tie counts as success. Raises BadDefinition for no rollouts.
    Source: BAAR names the first three; the share, ties and the fourth case are ours.
    """
    if not small or not large:
        raise BadDefinition(
            "A task's kind needs rollouts of both boundaries.", remedy="Roll it out always small and always large."
        )
    if 2 * sum(small) >= len(small):
        return "easy"
    return "hard" if 2 * sum(large) >= len(large) else "intractable"


def reward(rollout: Rollout, small_nano: float, large_nano: float, lam: float) -> float:
    """success (1 - lam c), see above; c is 0 where large is not dearer."""
    width = large_nano - small_nano
    c = min(1.0, max(0.0, (rollout.cost_nano - small_nano) / width)) if width > 0 else 0.0
    return (1.0 - lam * c) if rollout.success else 0.0


def explored(tasks: Sequence[T], roll: Roll[T], rng: random.Random, training: Training) -> list[Known[T]]:
    """The boundaries of each task, and the shares in between of the hard ones."""
    found = []
    for task in tasks:
        small, large = (
            [roll(task, policy, rng) for _ in range(training.tries)] for policy in (AlwaysSmall(), AlwaysLarge())
        )
        named = kind([one.success for one in small], [one.success for one in large])
        tried = small if named != "hard" else [*small, *large]
        if named == "hard":
            top = max(1, training.shares - 1)
            tried += [roll(task, RandomLarge(n / top), rng) for n in range(training.shares)]
        found.append(
            Known(
                task=task,
                kind=named,
                small_nano=_mean(small),
                large_nano=_mean(large),
                reference=min(tried, key=lambda one: (not one.success, one.cost_nano)),
            )
        )
    return found


def imitated(known: Sequence[Known[T]], training: Training) -> Array:
    """The weights that imitate the references best, every kind as much as the others. Shapes: (6 + d,).

    Raises: BadDefinition where no step left a choice, or where the features differ in number.
    """
    import numpy as np

    count = {name: max(1, sum(len(one.reference.steps) for one in known if one.kind == name)) for name in KINDS}
    steps = [(step, 1.0 / count[one.kind]) for one in known for step in one.reference.steps]
    if len({len(step.f) for step, _ in steps}) != 1:
        raise BadDefinition(
            "The rollouts leave nothing to imitate: no step with a choice, or unequal features.",
            remedy="Roll out tasks where small and large can both be chosen, all with one x.",
        )
    rows = np.array([step.f for step, _ in steps])
    large = np.array([float(step.large) for step, _ in steps])
    weights = np.array([weight for _, weight in steps])
    return _logistic(rows, large, weights * len(steps) / weights.sum(), training.penalty)


def improved(start: Array, known: Sequence[Known[T]], roll: Roll[T], rng: random.Random, training: Training) -> Array:
    """The weights after ``rounds`` steps of policy gradient from ``start``. Shapes: (6 + d,)."""
    import numpy as np

    worth = [one for one in known if one.kind != "intractable"]
    theta, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for turn in range(1, (training.rounds if worth else 0) + 1):
        slope = np.zeros_like(theta)
        policy = Linear(tuple(theta.tolist()), drawn=True)
        for one in rng.choices(worth, k=training.tasks_a_round):
            group = [roll(one.task, policy, rng) for _ in range(training.group)]
            slope += _slope(theta, one, group, training.lam)
        slope /= training.tasks_a_round * training.group
        first = FADE[0] * first + (1.0 - FADE[0]) * slope
        second = FADE[1] * second + (1.0 - FADE[1]) * slope * slope
        step = (first / (1.0 - FADE[0] ** turn)) / (np.sqrt(second / (1.0 - FADE[1] ** turn)) + 1e-8)
        theta = theta + training.rate * step
    return theta


def train(
    tasks: Sequence[T], roll: Roll[T], rng: random.Random, training: Training = Training()
) -> tuple[Linear, Mapping[Kind, int]]:
    """All three stages: the policy, and how many tasks there were of each kind.

    It calls nothing but ``roll``, which is where the cost is: 2 tries a task, ``shares`` more for a hard one, then
    rounds x tasks_a_round x group. With ``rounds=0`` it stops at the imitation.
    Raises: BadDefinition for no tasks, or where no step left a choice.
    """
    known = explored(tasks, roll, rng, training)
    theta = improved(imitated(known, training), known, roll, rng, training)
    return Linear(tuple(theta.tolist())), {name: sum(one.kind == name for one in known) for name in KINDS}


def _slope(theta: Array, one: Known[T], group: Sequence[Rollout], lam: float) -> Array:
    import numpy as np

    rewards = np.array([reward(each, one.small_nano, one.large_nano, lam) for each in (*group, one.reference)])
    advantages = (rewards - rewards.mean()) / (rewards.std() + TINY)
    slope = np.zeros_like(theta)
    for each, advantage in zip(group, advantages, strict=False):  # the reference is only compared with
        if each.steps:
            rows = np.array([step.f for step in each.steps])
            off = np.array([float(step.large) for step in each.steps]) - _chance(rows @ theta)
            slope += advantage * (off @ rows)
    return slope


def _logistic(rows: Array, large: Array, weights: Array, penalty: float) -> Array:
    """Weighted, by Newton's method with halved steps. Shapes: (n, d), (n,), (n,) to (d,)."""
    import numpy as np

    def loss(theta: Array) -> float:
        z = rows @ theta
        return float(weights @ (np.logaddexp(0.0, z) - large * z) + 0.5 * penalty * theta @ theta)

    theta = np.zeros(rows.shape[1])
    now = loss(theta)
    for _ in range(NEWTON_STEPS):
        p = _chance(rows @ theta)
        slope = rows.T @ (weights * (p - large)) + penalty * theta
        curve = (rows * (weights * p * (1.0 - p))[:, None]).T @ rows + penalty * np.eye(len(theta))
        step = np.linalg.solve(curve, slope)
        if float(slope @ step) < 1e-10:
            break
        size = 1.0
        while (after := loss(theta - size * step)) > now and size > TINY:
            size /= 2.0
        theta, now = theta - size * step, after
    return theta


def _chance(z: Array) -> Array:
    import numpy as np

    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * z))


def _mean(rollouts: Sequence[Rollout]) -> float:
    return math.fsum(one.cost_nano for one in rollouts) / len(rollouts)
