"""A router that goes on as it is: it is asked, and told nothing."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestra.core.decision import Decide, Decision
from orchestra.ports.router import Lesson, Router
from orchestra.routing.registry import router as named
from orchestra.routing.terms import terms_of


class Frozen:
    """The router with what it knows now, which neither lessons nor a load change; so it needs no feedback.

    As a part of a composition it is how a router that was trained offline stands where only the reward of what was
    chosen is told. ``name`` and ``version`` are those of the router, unless another name is given.
    """

    learns = False

    def __init__(self, router: str | Router, *, name: str | None = None) -> None:
        self.router = named(router)
        self.name = name or self.router.name
        self.terms = terms_of(self.router)._replace(feedback="none")

    @property
    def version(self) -> int:
        return self.router.version

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng)."""
        return replace(self.router.choose(question, key, rng), policy=self.name)

    def learn(self, _lessons: Sequence[Lesson], /) -> None:
        """Nothing is learned."""

    def pulls(self, option: str, /) -> int:
        return self.router.pulls(option)

    def delta(self) -> dict[str, Any]:
        return {}

    def load(self, _state: Mapping[str, Any], /) -> None:
        """Nothing is loaded: it stays as it is."""
