"""Who picks."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from orchestra.core.decision import Decide, Decision


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
    """

    name: str
    version: int

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision: ...

    def learn(self, lessons: Sequence[Lesson], /) -> None: ...

    def pulls(self, option: str, /) -> int: ...

    def delta(self) -> Mapping[str, Any]: ...

    def load(self, state: Mapping[str, Any], /) -> None: ...
