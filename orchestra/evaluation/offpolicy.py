"""What another policy would have earned, from the log of the one that ran.

A log is decisions with their rewards. Each holds the probability of what was chosen, which the routers' floor keeps
above zero; the policy to be judged says how likely it would have chosen each option of the same decision.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from orchestra.core.decision import Decision
from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName, UnknownName
from orchestra.evaluation.outcomes import Floats
from orchestra.ports.router import Lesson, Router

Target = Callable[[Decision], Mapping[str, float]]
"""The policy to be judged: the probability of each option, by name; those left out have none."""
RewardModel = Callable[[Decision, str], float]
"""What an option is expected to earn on a decision. For honest intervals it is fitted on other decisions."""
ROUNDING = 1e-6


class Estimate(NamedTuple):
    """``low`` and ``high`` bound the value with the confidence asked for; they come from the normal approximation.

    ``effective_n`` is (sum w)^2 / sum w^2: how many decisions of the judged policy the log is worth. With few (below
    about 50) or with one weight that outweighs the others neither bound can be relied on.
    """

    value: float
    low: float
    high: float
    effective_n: float
    n: int
    largest_weight: float


def ips(log: Sequence[Lesson], target: Target, *, level: float = 0.95) -> Estimate:
    """Inverse propensity scores: (1/n) sum w r with w = target(chosen) / probability. Unbiased; its spread is wide.

    Source: Horvitz and Thompson 1952. Raises: see ``checked``.
    """
    weights, rewards = _weighed(checked(log), target)
    return _mean(weights * rewards, weights, level)


def snips(log: Sequence[Lesson], target: Target, *, level: float = 0.95) -> Estimate:
    """Self-normalised: sum w r / sum w. Slightly biased, of less spread; it stays within the rewards' range.

    Its variance is sum w^2 (r - value)^2 / (sum w)^2, by the delta method.
    Source: Swaminathan and Joachims 2015. Raises: see ``checked``; BadDefinition where all weights are 0.
    """
    weights, rewards = _weighed(checked(log), target)
    total = float(weights.sum())
    if total == 0.0:
        raise BadDefinition(
            "The judged policy would have made none of the logged choices: the log says nothing of it.",
            remedy="Log a policy with a wider floor, or more of it.",
        )
    value = float((weights * rewards).sum()) / total
    spread = float(np.sqrt((weights**2 * (rewards - value) ** 2).sum())) / total
    return _estimate(value, spread, weights, level)


def doubly_robust(log: Sequence[Lesson], target: Target, model: RewardModel, *, level: float = 0.95) -> Estimate:
    """(1/n) sum_i [sum_a target(a) q(i, a) + w (r - q(i, chosen))]: right where the probabilities or the model are.

    Source: Dudik et al. 2011, arXiv:1103.4601. Raises: see ``checked``; BadNumber where the model gives NaN.
    """
    lessons = checked(log)
    weights, rewards = _weighed(lessons, target)
    expected, of_chosen = np.empty(len(lessons)), np.empty(len(lessons))
    for i, (decision, _, _) in enumerate(lessons):
        wanted = target(decision)
        expected[i] = sum(p * model(decision, name) for name, p in wanted.items() if p)
        of_chosen[i] = model(decision, decision.chosen[0])
    if not (np.isfinite(expected).all() and np.isfinite(of_chosen).all()):
        raise BadNumber("The reward model gave NaN or infinity.", remedy="Let it give a finite number for each option.")
    return _mean(expected + weights * (rewards - of_chosen), weights, level)


def option_means(log: Sequence[Lesson]) -> RewardModel:
    """The simplest reward model: each option's mean reward, that of all for an option never chosen."""
    rewards: dict[str, list[float]] = defaultdict(list)
    for decision, reward, _ in checked(log):
        rewards[decision.chosen[0]].append(reward)
    means = {name: sum(values) / len(values) for name, values in rewards.items()}
    overall = sum(map(sum, rewards.values())) / sum(map(len, rewards.values()))
    return lambda _decision, name: means.get(name, overall)


def policy_of(router: Router) -> Target:
    """What this router, as it is now, would have done: it is asked each decision's question again.

    Raises: BadDefinition where its record holds no probabilities.
    """

    def target(decision: Decision) -> dict[str, float]:
        answer = router.choose(decision.question(), decision.key, random.Random(0))
        out = {option.name: option.probability for option in answer.options if option.probability is not None}
        if not out:
            raise BadDefinition(
                f"{answer.policy!r} records no probabilities: it cannot be judged by a log.",
                remedy="Take a router that records them, such as 'linucb'.",
            )
        return out

    return target


def checked(log: Sequence[Lesson]) -> Sequence[Lesson]:
    """The log, if it can be used.

    Raises: BadDefinition for an empty log, a decision that chose several or none, and a probability that is missing;
    BadNumber for a probability outside (0, 1] and a reward outside [0, 1]; UnknownName for a choice that was no option;
    DuplicateName for a decision that comes twice. Each names the decision.
    """
    if not log:
        raise BadDefinition("The log is empty.", remedy="Give the decisions with their rewards, one Lesson each.")
    seen: set[str] = set()
    for decision, reward, _ in log:
        where = f"Decision {decision.key!r}"
        if decision.key in seen:
            raise DuplicateName(f"{where} is in the log twice.", remedy="Keep its last reward only.")
        seen.add(decision.key)
        if len(decision.chosen) != 1:
            raise BadDefinition(f"{where} chose {len(decision.chosen)} options.", remedy="Judge single choices only.")
        if decision.chosen[0] not in {option.name for option in decision.options}:
            raise UnknownName(
                f"{where} chose {decision.chosen[0]!r}, which was no option.", remedy="Strike this decision."
            )
        if decision.probability is None:
            raise BadDefinition(f"{where} has no probability.", remedy="Log a router that keeps a probability floor.")
        if not _is_number(decision.probability) or not 0.0 < decision.probability <= 1.0 + ROUNDING:
            raise BadNumber(f"{where} has probability {decision.probability!r}.", remedy="It must be in (0, 1].")
        if not _is_number(reward) or not 0.0 <= reward <= 1.0:
            raise BadNumber(f"{where} has the reward {reward!r}.", remedy="Rewards lie in [0, 1].")
    return log


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _weighed(log: Sequence[Lesson], target: Target) -> tuple[Floats, Floats]:
    weights = np.array([_weight(decision, target(decision)) for decision, _, _ in log])
    return weights, np.array([reward for _, reward, _ in log])


def _weight(decision: Decision, wanted: Mapping[str, float]) -> float:
    """target(chosen) / probability. Raises where the target is no distribution over what the log could have chosen."""
    name_to_logged = {option.name: option.probability for option in decision.options}
    for name, p in wanted.items():
        if name not in name_to_logged:
            raise UnknownName(
                f"The judged policy wants {name!r}, which was no option of decision {decision.key!r}.",
                remedy="Judge it over the options of the log.",
            )
        if not 0.0 <= p <= 1.0 + ROUNDING:
            raise BadNumber(f"The judged policy gives {name!r} the probability {p!r}.", remedy="It must be in [0, 1].")
        if p and name not in decision.chosen and not name_to_logged[name]:
            raise BadDefinition(
                f"The judged policy wants {name!r}, which decision {decision.key!r} could not have chosen.",
                remedy="Log a router that keeps a probability floor, and judge it over the same options.",
            )
    if abs(sum(wanted.values()) - 1.0) > ROUNDING:
        raise BadNumber(
            f"The judged policy's probabilities on decision {decision.key!r} add up to {sum(wanted.values())!r}.",
            remedy="They must add up to 1.",
        )
    return wanted.get(decision.chosen[0], 0.0) / float(decision.probability or 1.0)


def _mean(values: Floats, weights: Floats, level: float) -> Estimate:
    spread = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else float("inf")
    return _estimate(float(values.mean()), spread, weights, level)


def _estimate(value: float, spread: float, weights: Floats, level: float) -> Estimate:
    if not 0.0 < level < 1.0:
        raise BadNumber(f"level={level!r}.", remedy="Give a number between 0 and 1.")
    half = NormalDist().inv_cdf((1.0 + level) / 2.0) * spread
    squares = float((weights**2).sum())
    effective = float(weights.sum()) ** 2 / squares if squares else 0.0
    return Estimate(value, value - half, value + half, effective, len(weights), float(weights.max()))
