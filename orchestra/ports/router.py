"""Who picks."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from orchestra.core.decision import Decide, Decision

When = Literal["before", "during", "after"]
How = Literal["rule", "similarity", "learned", "model"]
Feedback = Literal["none", "bandit", "full"]


class Terms(NamedTuple):
    """What a router declares of itself, so that a composition which cannot work is refused when it is built.

    ``when``: before anybody answers, during (between the steps of one answer), or after (it needs an answer to look
    at). ``uses``: of "query" (the context x), "similarity", "prior", "cost", "latency", "load" (calls in flight),
    "budget", "history" (what was decided before), "response". ``how`` it is computed. ``feedback``: none, the reward of
    what was chosen (bandit), or that of every option (full). ``training``: it decides nothing sensible before it was
    trained. ``scores``: it can be asked for the score of each option.
    Source: the axes when, what and how of arXiv:2603.04445, timing and families of arXiv:2502.00409.
    """

    when: When = "before"
    uses: frozenset[str] = frozenset({"query"})
    how: How = "learned"
    feedback: Feedback = "bandit"
    training: bool = False
    scores: bool = True


class Lesson(NamedTuple):
    """A reward for one decision. ``before`` is the value it corrects, None the first time. Units: reward in [0, 1]."""

    decision: Decision
    reward: float
    before: float | None = None


class Router(Protocol):
    """``choose`` is pure in (state, question, rng); only ``learn`` and ``load`` change the state.

    ``pulls`` is how many rewards an option has seen. ``state`` and ``load`` exchange plain data (JSON values), option
    by option; ``delta`` is what ``learn`` added since the last ``load`` or ``delta``, so that processes can be added
    up.

    A router may have more attributes. ``terms``: without it the defaults of ``Terms`` are taken as declared.
    ``sets``: true if it may choose several options, or out of scope, where a question allows that; ``refuses``: false
    if it does so, and never chooses out of scope. ``walks``: true if
    it decides the steps of a path one by one, where there would be one path else. ``asking(question, value, catalog)``:
    a plan that makes calls before the choice and returns the question, answered or not, and filings. ``signals``: what
    ``asking`` reads off the task, where it makes no call. ``widened``: true if its state has other features than x.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision: ...

    def learn(self, lessons: Sequence[Lesson], /) -> None: ...

    def pulls(self, option: str, /) -> int: ...

    def delta(self) -> Mapping[str, Any]: ...

    def load(self, state: Mapping[str, Any], /) -> None: ...
