"""A router over recorded outcomes: it chooses, is told the reward, and learns, as it would have done live."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.outcomes import Floats, Ints, OutcomeSet
from orchestra.ports.router import Lesson, Router

Feedback = Literal["bandit", "full", "none"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay:
    """What came of it, in the order in which the rows were met.

    Shapes: ``rows``, ``chosen``, ``rewards``, ``best`` (n,): the row, the column chosen, its reward, the row's highest.
    """

    options: tuple[str, ...]
    rows: Ints
    chosen: Ints
    rewards: Floats
    best: Floats
    decisions: tuple[Decision, ...]

    @property
    def regret_curve(self) -> Floats:
        """sum_{s <= t} (max_a r(s, a) - r(s, chosen)), against the best option of each row. Shapes: (n,)."""
        curve: Floats = np.cumsum(self.best - self.rewards)
        return curve

    @property
    def regret(self) -> float:
        """The last of ``regret_curve``."""
        return float(self.regret_curve[-1]) if len(self.rewards) else 0.0

    @property
    def first_tries(self) -> dict[str, int]:
        """The step, from 1, at which each option was first chosen; options never chosen are missing."""
        places, steps = np.unique(self.chosen, return_index=True)
        return {self.options[place]: int(step) + 1 for place, step in zip(places, steps, strict=True)}

    @property
    def log(self) -> list[Lesson]:
        """The decision log, with rewards: what off-policy estimates are made from."""
        return [Lesson(*pair) for pair in zip(self.decisions, self.rewards.tolist(), strict=True)]

    def choices(self) -> Ints:
        """The column chosen for each row of the set, in the set's own order. Shapes: (n,)."""
        out = np.empty_like(self.chosen)
        out[self.rows] = self.chosen
        return out


def rewards_of(outcomes: OutcomeSet, lam: float = 0.0, bounds: OutcomeSet | None = None) -> Floats:
    """(1 - lam) score' + lam (1 - cost'), each min-max normalised within its task and clipped to [0, 1].

    ``bounds`` is the set that the least and greatest values are taken from: the training part, for a test. A task that
    it lacks takes those of all its rows. A quantity that does not vary counts 0.

    Shapes: (n, k), NaN where an outcome is missing. Source: GreenServ, arXiv:2601.17551, with dollars for energy.
    Raises: BadNumber for lam outside [0, 1]; BadDefinition where lam > 0 and there are no costs.
    """
    if not 0.0 <= lam <= 1.0:
        raise BadNumber(f"lam={lam!r}.", remedy="Give the weight of cost, from 0 to 1.")
    reference = bounds or outcomes
    score = _normal(outcomes.scores, outcomes.tasks, reference.scores, reference.tasks)
    if lam == 0.0:
        return score
    if outcomes.costs_usd is None or reference.costs_usd is None:
        raise BadDefinition("This set has no costs.", remedy="Use lam=0.")
    cost = _normal(outcomes.costs_usd, outcomes.tasks, reference.costs_usd, reference.tasks)
    return (1.0 - lam) * score + lam * (1.0 - cost)


def _normal(values: Floats, tasks: Sequence[str], reference: Floats, reference_tasks: Sequence[str]) -> Floats:
    out = np.empty_like(values)
    mine = np.array(tasks or [""] * len(values))
    theirs = np.array(reference_tasks or [""] * len(reference))
    for task in np.unique(mine):
        here = mine == task
        known = reference[theirs == task] if (theirs == task).any() else reference
        known = known if not np.isnan(known).all() else np.zeros(1)
        low, high = np.nanmin(known), np.nanmax(known)
        out[here] = np.clip((values[here] - low) / ((high - low) or 1.0), 0.0, 1.0)
    return out


def replay(
    router: Router,
    outcomes: OutcomeSet,
    rewards: Floats,
    *,
    seed: int,
    feedback: Feedback = "bandit",
    options: Sequence[Option] | None = None,
    batch: int = 1,
    shuffle: bool = True,
) -> Replay:
    """Every row once: choose, then learn the reward of the choice (``bandit``), of every option (``full``) or nothing
    (``none``: frozen).

    The router learns after each ``batch`` decisions, and at the end. The order and the router's draws follow from
    ``seed``: the same again gives the same again. ``options`` holds what it may know beforehand of each option (its
    expected cost, its prior), in the order of the set; without it, nothing but the names.

    Shapes: ``rewards`` (n, k) in [0, 1], ``outcomes.x`` (n, d) or None: no context.
    Raises: BadDefinition for shapes, options or choices that do not fit, and where the reward of a choice is missing;
    BadNumber for rewards outside [0, 1].
    """
    known = tuple(Option(name) for name in outcomes.options) if options is None else tuple(options)
    _check(outcomes, rewards, known, batch)
    rng = random.Random(f"replay/{seed}")
    rows = list(range(len(outcomes)))
    if shuffle:
        rng.shuffle(rows)
    place = {option.name: i for i, option in enumerate(known)}
    chosen: list[int] = []
    decisions: list[Decision] = []
    waiting: list[Lesson] = []
    for step, row in enumerate(rows, 1):
        x = () if outcomes.x is None else tuple(outcomes.x[row].tolist())
        decision = router.choose(Decide(capability="replay", options=known, x=x), f"{seed}/{outcomes.ids[row]}", rng)
        at = _place(decision, place)
        if np.isnan(rewards[row, at]):
            raise BadDefinition(
                f"{outcomes.options[at]!r} was chosen on {outcomes.ids[row]!r}; its reward is missing.",
                remedy="Replay rows and options that are all recorded.",
            )
        chosen.append(at)
        decisions.append(decision)
        waiting += _lessons(decision, rewards[row], at, outcomes.options, feedback)
        if waiting and step % batch == 0:
            router.learn(waiting)
            waiting = []
    if waiting:
        router.learn(waiting)
    order, columns = np.array(rows, dtype=np.intp), np.array(chosen, dtype=np.intp)
    return Replay(
        options=outcomes.options,
        rows=order,
        chosen=columns,
        rewards=rewards[order, columns],
        best=np.nanmax(rewards[order], axis=1) if len(order) else np.zeros(0),
        decisions=tuple(decisions),
    )


def best_fixed(rewards: Floats) -> tuple[int, float]:
    """The option that would have been best always, in hindsight, and its regret. Raises BadDefinition for NaN."""
    if np.isnan(rewards).any():
        raise BadDefinition(
            "The best fixed option needs every reward.", remedy="Leave out the rows where one is missing."
        )
    place = int(rewards.sum(axis=0).argmax())
    return place, float((rewards.max(axis=1) - rewards[:, place]).sum())


def _check(outcomes: OutcomeSet, rewards: Floats, options: Sequence[Option], batch: int) -> None:
    if rewards.shape != outcomes.scores.shape:
        raise BadDefinition(
            f"The rewards are {rewards.shape}, the scores {outcomes.scores.shape}.",
            remedy="Make them with rewards_of(outcomes, lam).",
        )
    if tuple(option.name for option in options) != outcomes.options:
        raise BadDefinition(
            "The options are not those of the set, in its order.",
            remedy="Give one Option for each of outcomes.options.",
        )
    if ((rewards < 0.0) | (rewards > 1.0)).any():
        raise BadNumber("A reward is outside [0, 1].", remedy="Make them with rewards_of(outcomes, lam).")
    if batch < 1:
        raise BadNumber(f"batch={batch!r}.", remedy="Give a number from 1.")


def _place(decision: Decision, place: dict[str, int]) -> int:
    if len(decision.chosen) != 1 or decision.chosen[0] not in place:
        raise BadDefinition(
            f"A replay is of one choice at a time; {decision.policy!r} chose {decision.chosen}.",
            remedy="Take a router that chooses one, such as 'linucb'.",
        )
    return place[decision.chosen[0]]


def _lessons(decision: Decision, rewards: Floats, at: int, options: Sequence[str], feedback: Feedback) -> list[Lesson]:
    if feedback == "none":
        return []
    if feedback == "bandit":
        return [Lesson(decision, float(rewards[at]))]
    return [
        Lesson(replace(decision, key=f"{decision.key}/{name}", chosen=(name,)), float(reward))
        for name, reward in zip(options, rewards, strict=True)
        if not np.isnan(reward)
    ]
