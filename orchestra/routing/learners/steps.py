"""Policies for one step of an episode, which is given to a small or to a large model; and what they look at.

A policy costs nothing: it calls no model. Source: the two actions, the baselines and the hard budget are those of
budget-aware agentic routing (BAAR); the features are ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from orchestra.core.decision import Step
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.routing.made import Made

FEATURES = ("constant", "progress", "failed", "failures", "length", "funds")
VERSION = 1
USUAL_STEPS = 8
LONG = math.log(10_000)


class State(NamedTuple):
    """What a policy may look at before a step.

    Shapes: ``x`` (d,), what is known of the task or of the step, may be empty. Units: 1e-9 dollars; ``left_nano`` None
    is no limit, the other two are what the step is expected to cost.
    """

    step: Step
    small_nano: int
    large_nano: int
    left_nano: int | None = None
    x: tuple[float, ...] = ()


def features(state: State) -> tuple[float, ...]:
    """``FEATURES`` and then x: each of them about 0 to 1.

    Progress is turn / most; failures is ln(1 + failures); length is ln(1 + length) / ln(10,000); funds is what is
    left over what large steps to the end would cost, at most 1, and 1 without a limit. Where nobody knows how many
    steps there may be, 8 are assumed.
    Shapes: (6 + d,). Source: our default.
    """
    step = state.step
    most = step.most or max(USUAL_STEPS, step.turn + 1)
    funds = 1.0
    if state.left_nano is not None:
        funds = max(0, state.left_nano) / max(1, state.large_nano * max(1, most - step.turn))
    told = (1.0, step.turn / most, float(step.failed), math.log1p(step.failures), math.log1p(step.length) / LONG)
    return (*told, min(1.0, funds), *state.x)


class Policy(Protocol):
    """``large`` is the probability of the large model at such a step. One that looks at x says so: ``looks = True``."""

    @property
    def name(self) -> str: ...

    def large(self, state: State, /) -> float: ...


@dataclass(frozen=True, slots=True)
class AlwaysSmall:
    """Never the large model."""

    name: str = "always-small"

    def large(self, state: State, /) -> float:
        return 0.0


@dataclass(frozen=True, slots=True)
class AlwaysLarge:
    """The large model while it can be paid for."""

    name: str = "always-large"

    def large(self, state: State, /) -> float:
        return 1.0


class FirstLarge(Made):
    """The first n steps large: the plan is made well, and others carry it out. Strong under a hard budget."""

    def __init__(self, n: int = 2) -> None:
        self.n, self.name = _count(n), f"first-large({n})"

    def large(self, state: State, /) -> float:
        return float(state.step.turn < self.n)


class LastLarge(Made):
    """The last n steps large; ``of`` is how many are expected where the step itself does not say."""

    def __init__(self, n: int = 2, of: int = USUAL_STEPS) -> None:
        self.n, self.of, self.name = _count(n), _count(of), f"last-large({n})"

    def large(self, state: State, /) -> float:
        return float(state.step.turn >= (state.step.most or self.of) - self.n)


class RandomLarge(Made):
    """Any step, with probability p: the mixture that a policy has to beat at the same cost."""

    def __init__(self, p: float = 0.5) -> None:
        if not 0.0 <= p <= 1.0:
            raise BadNumber(f"p={p!r} is no probability.", remedy="Give a number from 0 to 1.")
        self.p, self.name = float(p), f"random({p:g})"

    def large(self, state: State, /) -> float:
        return self.p


class Threshold(Made):
    """Large where one feature is above a threshold: without arguments, where the last step failed."""

    def __init__(self, feature: str | int = "failed", above: float = 0.5) -> None:
        if isinstance(feature, str) and feature not in FEATURES:
            raise BadDefinition(
                f"{feature!r} is no feature.", remedy=f"They are {', '.join(FEATURES)}; a number is of x."
            )
        if not math.isfinite(above):
            raise BadNumber(f"above={above!r} is not finite.", remedy="Give a finite number; .5 is the default.")
        self.place = FEATURES.index(feature) if isinstance(feature, str) else len(FEATURES) + feature
        self.above, self.name = float(above), f"threshold({feature} > {above:g})"

    @property
    def looks(self) -> bool:
        """Whether it looks at x."""
        return self.place >= len(FEATURES)

    def large(self, state: State, /) -> float:
        """Raises BadDefinition where x is shorter."""
        values = features(state)
        if not 0 <= self.place < len(values):
            raise BadDefinition(
                f"{self.name}: there are {len(values) - len(FEATURES)} features in x.",
                remedy="Name one that the steps have.",
            )
        return float(values[self.place] > self.above)


@dataclass(frozen=True, slots=True)
class Linear:
    """1 / (1 + e^-w.f) of the features f, or 1 where that is above a half and else 0 (without ``drawn``).

    ``weights`` are those of ``rollouts.train``: six, and one for each number of x that it was trained with; a longer or
    shorter x is an error, none at all (six weights) looks at the step alone.
    """

    weights: tuple[float, ...]
    drawn: bool = False
    name: str = "trained"

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(self.weights))
        if len(self.weights) < len(FEATURES) or not all(map(math.isfinite, self.weights)):
            raise BadNumber(f"weights={self.weights!r}.", remedy=f"Give at least {len(FEATURES)}, all finite.")

    @property
    def looks(self) -> bool:
        """Whether it looks at x."""
        return len(self.weights) > len(FEATURES)

    def logit(self, state: State) -> float:
        """w.f. Raises BadDefinition where x has another length than it was trained with."""
        values = features(state if self.looks else state._replace(x=()))
        if len(values) != len(self.weights):
            d, mine = len(values) - len(FEATURES), len(self.weights) - len(FEATURES)
            raise BadDefinition(
                f"The policy was trained with {mine} features in x and now meets {d}.",
                remedy="Use the embedder it was trained with, or train it again.",
            )
        return math.fsum(w * f for w, f in zip(self.weights, values, strict=True))

    def large(self, state: State, /) -> float:
        z = self.logit(state)
        return chance(z) if self.drawn else float(z > 0.0)

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        return {"version": VERSION, "weights": list(self.weights), "drawn": self.drawn}


def linear_from_plain(data: Mapping[str, Any]) -> Linear:
    """Raises JournalVersion for another format, BadNumber for damaged weights."""
    if data.get("version") != VERSION:
        raise JournalVersion(
            f"A policy of format {data.get('version')!r} was found; this is format {VERSION}.", remedy="Train it again."
        )
    try:
        return Linear(tuple(float(weight) for weight in data["weights"]), bool(data.get("drawn", False)))
    except (KeyError, TypeError, ValueError) as error:
        raise BadNumber(f"The policy is damaged: {error!r}.", remedy="Train it again.") from None


def chance(z: float) -> float:
    """The logistic function, for any z."""
    return 0.5 + 0.5 * math.tanh(0.5 * z)


def _count(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise BadNumber(f"{n!r} is no number of steps.", remedy="Give a whole number from 0.")
    return n
