"""A new router beside the one that serves: first in its shadow, then for a share of the runs, stopped if it is worse.

Formula: B is stopped when mean_B - mean_A + r(n_A) + r(n_B) < -tolerance, with
r(n) = sqrt((n/4 + 1) ln((n/4 + 1) / a^2)) / n and a = alpha / 2, over all rewards of the stages so far.
Source: the normal mixture boundary of Howard et al. 2021, arXiv:1810.08240, for rewards in [0, 1] (sub-Gaussian with
variance 1/4): it holds at every moment together, so it may be looked at after each reward. alpha .05, the mixture's 1,
the shares and 50 rewards a stage are our defaults.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadNumber, OrchestraError
from orchestra.ports.router import Lesson, Router
from orchestra.routing.compositions.composed import Composition, asked_of
from orchestra.routing.floor import recorded
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.sums import NO_CONTEXT, Tally
from orchestra.routing.terms import check_walks, may, refuses, terms_of

BITS = 64


class Shadow(Composition):
    """``serving`` decides; what ``shadow`` would have chosen, and how likely that was, stands in the reason.

    The shadow draws from the decision's key, so that what serves draws as it would alone; where it fails, the reason
    says so. It is asked what ``serving`` is, and for one option if it chooses no more. Both learn from every reward.
    Raises: BadDefinition for a router that is its own shadow, and where one of the two decides the steps of a path and
    the other does not.
    """

    passes_on_sets = True

    def __init__(self, serving: str | Router, shadow: str | Router, *, name: str | None = None) -> None:
        super().__init__("a shadow", (serving, shadow))
        check_walks("a shadow", self.parts)
        self.serving, self.shadow = self.parts
        self.terms = self.terms._replace(scores=terms_of(self.serving).scores)
        self.sets, self.refuses = may(self.serving, "sets"), refuses(self.serving)
        self.name = name or f"{self.serving.name} before {self.shadow.name}"

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, key, rng). Raises NoProvider where no option is eligible."""
        made = self.serving.choose(question, key, rng)
        return self.signed(made, f"{made.reason}; {self._aside(question, key)}")

    def _aside(self, question: Decide, key: str) -> str:
        try:
            other = self.shadow.choose(asked_of(self.shadow, question), key, random.Random(f"shadow/{key}"))
        except OrchestraError as error:
            return f"in its shadow {self.shadow.name} failed: {type(error).__name__}"
        likely = "" if other.probability is None else f" (p {other.probability:.2f})"
        return f"in its shadow {self.shadow.name} would choose {', '.join(other.chosen)}{likely}"


class Standing(NamedTuple):
    """How a canary stands. ``stage`` counts from 0; ``share`` is what the new router serves now."""

    stage: int
    share: float
    stopped: bool
    serving: tuple[int, float]
    canary: tuple[int, float]
    bound: float


class Canary(Composition):
    """``serving`` decides for most runs, ``canary`` for a share of them that grows stage by stage to all.

    A run belongs to the new router if the hash of its id is below the share, so it keeps its router while a stage
    lasts, and keeps it when the share grows; with ``by="decision"`` each decision is for itself. A stage ends when it
    brought the new router ``rewards`` rewards; that is no proof that it is better. If at any time it is worse than
    ``tolerance``, by a bound that may be looked at as often as one likes, it serves nobody any more.
    All of this follows from sums, which processes exchange as what is learned. The record's probabilities are those
    of the router that decided; its ``version`` says in which stage that was. Both learn from every reward.

    Units: ``tolerance`` in reward. Raises: BadNumber; BadDefinition for a router that is its own canary, for one that
    may choose out of scope, and where one decides the steps of a path and the other does not. One option is chosen: the
    members of a set are rewarded by themselves, and not as a decision of the canary's.
    """

    def __init__(
        self,
        serving: str | Router,
        canary: str | Router,
        *,
        shares: Sequence[float] = (0.05, 0.25, 0.5, 1.0),
        rewards: int = 50,
        tolerance: float = 0.0,
        alpha: float = 0.05,
        by: Literal["run", "decision"] = "run",
        name: str = "canary",
    ) -> None:
        rising = list(shares) == sorted(shares) and all(0.0 < share <= 1.0 for share in shares)
        if not (shares and rising and rewards >= 1 and 0.0 <= tolerance <= 1.0 and 0.0 < alpha < 1.0):
            raise BadNumber(
                f"shares={shares!r}, rewards={rewards!r}, tolerance={tolerance!r}, alpha={alpha!r}.",
                remedy="shares must rise within (0, 1], rewards be at least 1, tolerance in [0, 1], alpha in (0, 1).",
            )
        self._tests = Tests(f"{name}:tests", len(shares))
        super().__init__(name, (serving, canary), memory=(self._tests,), uses=frozenset({"history"}))
        check_walks(name, self.parts)
        self.serving, self.canary = self.parts
        self.shares, self.rewards, self.by = tuple(map(float, shares)), rewards, by
        self.tolerance, self.alpha = float(tolerance), float(alpha)
        self._stood: tuple[int, Standing] | None = None

    @property
    def standing(self) -> Standing:
        """What the sums say now."""
        if self._stood is None:
            self._stood = 0, self._standing()
        return self._stood[1]

    def _standing(self) -> Standing:
        last = len(self.shares) - 1
        a, b = self._tests.total("a"), self._tests.total("b")
        bound = math.inf
        if a[0] and b[0]:
            bound = b[1] - a[1] + radius(a[0], self.alpha) + radius(b[0], self.alpha)
        if bound < -self.tolerance:
            return Standing(last + 1, 0.0, True, a, b, bound)
        stage = 0
        while stage < last and self._tests.count(stage, "b") >= self.rewards:
            stage += 1
        return Standing(stage, self.shares[stage], False, a, b, bound)

    @property
    def version(self) -> int:
        """The rewards learned from, times the number of stages plus one, plus the stage."""
        return super().version * (len(self.shares) + 1) + self.standing.stage

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, key, rng). Raises NoProvider where no option is eligible."""
        now = self.standing
        which = self._which(key, now.share)
        part = self.canary if which == "b" else self.serving
        made = part.choose(question, key, rng)
        stands = "stopped, it is worse" if now.stopped else f"{now.share:g} of the {self.by}s"
        return self.signed(made, f"{part.name}: {made.reason} (canary {self.canary.name}: {stands})")

    def _which(self, key: str, share: float) -> str:
        """Whose it is, by the hash of the run's id, which is the key's first part."""
        unit = key.partition("/")[0] if self.by == "run" else key
        raw = hashlib.sha256(f"{self.name}/{unit}".encode()).digest()[: BITS // 8]
        return "b" if int.from_bytes(raw, "big") < share * 2**BITS else "a"

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """All of the lessons or, where one is bad, none; each counts for the router that decided it."""
        stages = len(self.shares) + 1
        mine, plain = [], []
        for lesson in lessons:
            version, stage = divmod(lesson.decision.version, stages)
            own = lesson.decision.policy == self.name
            plain.append(lesson._replace(decision=replace(lesson.decision, version=version)) if own else lesson)
            if own and stage < stages - 1:
                which = self._which(lesson.decision.key, self.shares[stage])
                mine.append(_counted(lesson, f"{stage}{which}"))
        for name in self.learners:
            if name != self._tests.name:
                self._learners[name].learn(plain)
        self._tests.learn(mine)
        self._stood = None

    def load(self, state: Mapping[str, Any], /) -> None:
        """As a composition's."""
        super().load(state)
        self._stood = None


class Tests(Learner[Tally]):
    """The number and the sum of the rewards by stage and router: what a canary is judged by."""

    def __init__(self, name: str, stages: int) -> None:
        super().__init__(name, Tally(_without_task), 0.0)
        self.stages = stages

    def count(self, stage: int, which: str) -> int:
        return self._memory.pulls(f"{stage}{which}")

    def total(self, which: str) -> tuple[int, float]:
        """How many, and their mean, over all stages."""
        known = [self._memory.totals.get(f"{stage}{which}") for stage in range(self.stages)]
        n = sum(sums.pulls for sums in known if sums)
        total = sum(float(sums.b[0]) for sums in known if sums)
        return n, total / n if n else 0.0


def radius(n: int, alpha: float) -> float:
    """How far a mean of n rewards may be from the truth, at all n together, but for a chance of alpha / 2."""
    v = n / 4.0 + 1.0
    return math.sqrt(v * math.log(v / (alpha / 2.0) ** 2)) / n


def _counted(lesson: Lesson, option: str) -> Lesson:
    return lesson._replace(decision=replace(lesson.decision, options=(Option(option),), chosen=(option,)))


def _without_task(decision: Decision, option: str) -> tuple[tuple[float, ...], float]:
    recorded(decision, option)
    return NO_CONTEXT, 0.0
