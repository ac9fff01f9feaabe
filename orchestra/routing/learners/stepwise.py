"""Small or large at every step of an episode, within what is left of the budget.

Formula: the large model where the policy says so; where feedback has shown what a large step is worth, a trained policy
is corrected: large where w.f + s m / (m + 20) (gain.f - .05) > 0, with gain from ridge regression of the rewards
less .5 on (f, f / 2 for large and -f / 2 for small), f the step's six features, m the rewards of the rarer of the two.
Source: budget-aware agentic routing (BAAR; BoSFT and BoPO) for the policy and how it is trained, see ``rollouts``; what
is learned while serving is ours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestra.core.decision import Decide, Decision, Option, Step
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.router import Terms
from orchestra.routing.floor import eligible_of, record, recorded
from orchestra.routing.learners.steps import FEATURES, FirstLarge, Linear, Policy, State, chance, features
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.sums import Change, Sums, Tally, add

if TYPE_CHECKING:
    from orchestra.routing.state.sums import Array

TRUSTED_AFTER = 20
LEAST_GAIN = 0.05
EXPECTED = 0.5
SHARPNESS = 20.0


class Stepwise(Learner[Tally]):
    """Two roles: the small model is the cheapest of the options by expected cost, the large one the dearest.

    What may not be chosen now, such as a model whose request could cost more than is left, is filtered before it is
    asked; then the eligible option nearest in cost is taken, of two equally near ones the cheaper. Options between the
    two are chosen so alone, or by the probability floor. Without a trained policy it is ``first-large(2)``: the
    strongest of those that need no training. A decision that is no step of an episode counts as its first.

    The policy is given; ``learn`` corrects a trained one (``Linear``) and leaves the others as they are. The reward
    is the run's, given to each of its steps. Deciding calls nobody, so it costs nothing.

    Shapes: ``Decide.x`` (d,), as the policy was trained. Raises: BadNumber for rewards outside [0, 1].
    Source: see above; 20 rewards, a least gain of .05, sharpness 20, lam 1 and the floor of .02 are our defaults.
    """

    terms = Terms(when="during", uses=frozenset({"cost", "budget", "history"}))
    widened = True

    def __init__(
        self, policy: Policy | None = None, *, name: str = "stepwise", lam: float = 1.0, floor: float = 0.02
    ) -> None:
        if not 0.0 < lam < math.inf:
            raise BadNumber(f"lam={lam!r}.", remedy="It must be finite and above 0.")
        super().__init__(name, Tally(_told), floor)
        self.policy, self.lam = policy or FirstLarge(2), float(lam)
        if getattr(self.policy, "looks", False):
            self.terms = self.terms._replace(uses=self.terms.uses | {"query"})
        if not callable(getattr(self.policy, "large", None)):
            raise BadDefinition(
                f"{policy!r} is no policy of steps.", remedy="Give one of orchestra.routing.learners.steps."
            )
        self._gain: tuple[float, ...] = ()

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        p = self.large(_state(question))
        small, large = _nearest(question, places, dear=False), _nearest(question, places, dear=True)
        chances = {small: 1.0 - p}
        chances[large] = chances.get(large, 0.0) + p
        place, by_floor = _drawn(places, chances, self.floor, rng)
        untried = not self.pulls(question.options[place].name)
        why = f"{self.policy.name}: {'large' if place == large and large != small else 'small'}"
        if small == large:
            why = f"{self.policy.name}: the only one left of the two"
        return record(
            question,
            key,
            place,
            policy=(self.name, self.version),
            chances=chances,
            floor=self.floor,
            scores=chances,
            reason=("drawn by the probability floor" if by_floor else why, by_floor or untried),
        )

    def large(self, state: State) -> float:
        """The probability of the large model."""
        if not (self._gain and isinstance(self.policy, Linear)):
            return self.policy.large(state)
        told = features(state._replace(x=()))
        gain = math.fsum(g * f for g, f in zip(self._gain[:-1], told, strict=True))
        z = self.policy.logit(state) + SHARPNESS * self._gain[-1] * (gain - LEAST_GAIN)
        return chance(z) if self.policy.drawn else float(z > 0.0)

    def _follow(self, changes: list[Change]) -> None:
        if changes:
            self._restart()

    def _restart(self) -> None:
        self._gain = _gain(self._memory.totals, self.lam)


def _state(question: Decide | Decision) -> State:
    costs = [option.cost_nano for option in question.options]
    return State(question.step or Step(), min(costs), max(costs), question.budget_left_nano, question.x)


def _nearest(question: Decide, places: Sequence[int], *, dear: bool) -> int:
    """The eligible option nearest in cost to the dearest of all, or to the cheapest."""
    options = question.options
    ends = [option.cost_nano for option in options]
    end = max(ends) if dear else min(ends)
    return min(places, key=lambda place: (abs(options[place].cost_nano - end), options[place].cost_nano))


def _drawn(places: Sequence[int], chances: Mapping[int, float], floor: float, rng: random.Random) -> tuple[int, bool]:
    """The place chosen, and whether the floor chose it, in one draw."""
    draw = rng.random()
    if draw < floor:
        return places[min(int(draw / floor * len(places)), len(places) - 1)], True
    left = draw - floor
    for place, p in chances.items():
        left -= (1.0 - floor) * p
        if left < 0.0:
            return place, False
    return max(chances, key=chances.__getitem__), False  # rounding


def _told(decision: Decision, option: str) -> tuple[tuple[float, ...], float]:
    """(f, f / 2 or -f / 2): a half for what is nearer to the dearest option than to the cheapest. So what is true of
    both is not taken for what large adds.
    """
    state = _state(decision)._replace(x=())
    f = features(state)
    half = 0.5 if _is_large(recorded(decision, option), state) else -0.5
    return (*f, *(half * value for value in f)), EXPECTED


def _is_large(option: Option, state: State) -> bool:
    return option.cost_nano - state.small_nano > state.large_nano - option.cost_nano


def _gain(totals: Mapping[str, Sums], lam: float) -> tuple[float, ...]:
    """What a large step adds to the reward: a weight for each feature, then how far that is trusted. Shapes: (7,)."""
    import numpy as np

    if not totals:
        return ()
    d = len(FEATURES)
    every = [totals[option] for option in sorted(totals)]
    both = every[0]
    for sums in every[1:]:
        both = add(both, sums)
    matrix: Array = both.matrix()
    more = float(matrix[0, d])  # half of how many more steps were large than small
    rarer = round(both.pulls / 2 - abs(more))
    theta = np.linalg.solve(matrix + lam * np.eye(2 * d), both.b)
    return (*theta[d:].tolist(), max(0, rarer) / (max(0, rarer) + TRUSTED_AFTER))
