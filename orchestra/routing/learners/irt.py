"""Just able enough: how hard the task is against how able each option is, and what that costs.

Formula: p as in ``item_response``; the Chebyshev form takes argmin max{w (1 - p), (1 - w) c}, the linear one argmax
w p - (1 - w) c, c the option's expected cost over the dearest eligible one's.
Source: RADAR, arXiv:2509.25426, which calls them CSP and LSP. Both terms of CSP are added to it with the weight 1e-6
(Steuer and Choo 1983), so that of two options that are equal in the worse term the one is taken that is not dominated.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadNumber
from orchestra.ports.router import Lesson, Terms
from orchestra.routing.floor import eligible_of
from orchestra.routing.learners.item_response import Ability, ItemModel, Observed, ability, fitted
from orchestra.routing.learners.item_response import from_plain as item_model
from orchestra.routing.state.examples import SAMPLE, dimension, from_plain, same_features
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.recall import Recall
from orchestra.routing.state.sums import NO_CONTEXT, context, vector

if TYPE_CHECKING:
    from orchestra.routing.state.examples import Example

FORMS = ("chebyshev", "linear")
DOMINATED = 1e-6


class IRT(Learner[Recall]):
    """Learns one number for each option, its ability, and from the task's features how hard and how telling it is.

    An option is a configuration: a model alone, or one at an effort, named ``model@effort``. As every option has one
    ability, their order by p is the same for every task: this finds who is just good enough, and no specialists.

    It keeps at most ``cap`` examples of each option, those with the smallest hash of the decision's key, so that
    states merge. The items' weights are fitted again in ``learn`` from the 2 ``cap`` examples of all options with the
    smallest hashes, where one of them is new; an option's ability from all that it has kept. With a ``model``, fitted
    offline by ``item_response.fitted``, the weights stay as they are and its abilities are where options begin.
    An option that was never tried has the mean ability of the same model's other efforts; where there are none its p
    is its prior plus ``optimism``, at most 1. The highest score has probability 1 - floor + floor / K, every other
    floor / K; equal scores go to the option listed first.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,): no context.
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: RADAR, see above; w .9, lam 3, cap 500, optimism .5 and the floor of .02 are our defaults.
    """

    terms = Terms(uses=frozenset({"query", "prior", "cost"}))

    def __init__(
        self,
        name: str = "irt",
        *,
        model: ItemModel | Mapping[str, Any] | None = None,
        w: float = 0.9,
        form: Literal["chebyshev", "linear"] = "chebyshev",
        lam: float = 3.0,
        cap: int = 500,
        optimism: float = 0.5,
        floor: float = 0.02,
    ) -> None:
        if not (0.0 <= w <= 1.0 and 0.0 < lam < math.inf and math.isfinite(optimism)) or form not in FORMS:
            raise BadNumber(
                f"w={w!r}, lam={lam!r}, optimism={optimism!r}, form={form!r}.",
                remedy="w lies in [0, 1], lam above 0, optimism is finite, form is 'chebyshev' or 'linear'.",
            )
        super().__init__(name, Recall(cap, SAMPLE), floor)
        model = item_model(model) if isinstance(model, Mapping) else model
        self.model, self.w, self.form, self.lam = model, float(w), form, float(lam)
        self.optimism, self._cap = float(optimism), cap
        self._fit_on: list[tuple[str, str, float]] = []
        self._items = model
        self._option_to_ability: dict[str, Ability] = {} if model is None else dict(model.abilities)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places, options = eligible_of(question), question.options
        d = self._memory.d if self.model is None else len(self.model.w_a)
        x = vector(question.x or NO_CONTEXT, d)
        items = self._items
        a, b = (1.0, 0.0) if items is None else (float(items.discrimination(x)), float(items.difficulty(x)))
        dearest = max(1, *(options[place].cost_nano for place in places))
        scores = {}
        for place in places:
            theta = self._theta(options[place].name)
            p = self._unknown(options[place]) if theta is None else _chance(a * (theta - b))
            scores[place] = self.score(p, options[place].cost_nano / dearest)
        return self._greedy(question, key, rng, scores, "able enough for its cost")

    def score(self, p: float, cost: float) -> float:
        """What is made greatest. Units: ``p`` the chance of success, ``cost`` in [0, 1], of the dearest."""
        miss, dear = self.w * (1.0 - p), (1.0 - self.w) * cost
        return -max(miss, dear) - DOMINATED * (miss + dear) if self.form == "chebyshev" else self.w * p - dear

    def ability(self, option: str) -> Ability | None:
        """What is known of an option itself; None where it was never tried."""
        return self._option_to_ability.get(option)

    def _theta(self, option: str) -> float | None:
        known = self._option_to_ability.get(option)
        if known is not None:
            return known.theta
        alike = [a.theta for name, a in self._option_to_ability.items() if _model(name) == _model(option)]
        return math.fsum(alike) / len(alike) if alike else None

    def _unknown(self, option: Option) -> float:
        return min(1.0, max(0.0, option.prior + self.optimism))

    def _follow(self, changes: set[str]) -> None:
        """The weights where their examples are others than before, and then the abilities."""
        known = {name: self._known(name) for name in sorted(self._memory.totals)}
        if self.model is None:
            every = [(one, name, example) for name, own in known.items() for one, example in own]
            every.sort(key=lambda entry: entry[:2])
            taken = every[: 2 * self._cap]
            stamp = [(one, name, example.value) for one, name, example in taken]
            if stamp != self._fit_on:
                self._items, self._fit_on = _fitted(taken, self.lam), stamp
                changes = set(known)
        for name in changes:
            own = known.get(name)
            if own and self._items is not None:
                self._option_to_ability[name] = self._measured(name, [example for _, example in own])

    def _known(self, option: str) -> list[tuple[str, Example]]:
        held = self._memory.totals[option].id_to_example
        return [(identity, example) for identity, example in held.items() if example.rewards > 0]

    def _measured(self, option: str, examples: Sequence[Example]) -> Ability:
        import numpy as np

        assert self._items is not None
        x = np.array([example.x for example in examples], dtype=np.float64)
        outcomes = np.array([example.value for example in examples])
        prior = Ability() if self.model is None else self.model.abilities.get(option, Ability())
        return ability(self._items.discrimination(x), self._items.difficulty(x), outcomes, prior)

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """All of the lessons or, where one is bad, none. Raises BadNumber, BadDefinition."""
        if self.model is not None:
            for decision, _, _ in lessons:
                vector(context(decision), len(self.model.w_a))
        super().learn(lessons)

    def load(self, state: Mapping[str, Any], /) -> None:
        """Takes this state and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        if self.model is not None:
            same_features({len(self.model.w_a), *(dimension(from_plain(data)) for data in state.values())})
        super().load(state)

    def _restart(self) -> None:
        self._items, self._fit_on = self.model, []
        self._option_to_ability = {} if self.model is None else dict(self.model.abilities)
        self._follow(set(self._memory.totals))


def _fitted(entries: Sequence[tuple[str, str, Example]], lam: float) -> ItemModel | None:
    import numpy as np

    if not entries:
        return None
    names = sorted({name for _, name, _ in entries})
    x = np.array([example.x for _, _, example in entries], dtype=np.float64)
    option = np.array([names.index(name) for _, name, _ in entries], dtype=np.intp)
    outcome = np.array([example.value for _, _, example in entries])
    return fitted(Observed(x, np.arange(len(entries)), option, outcome), names, lam)


def _chance(z: float) -> float:
    return 0.5 + 0.5 * math.tanh(0.5 * z)


def _model(option: str) -> str:
    """``model@effort`` without its effort."""
    return option.rpartition("@")[0] or option
