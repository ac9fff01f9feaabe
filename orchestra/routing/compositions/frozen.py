"""A router that goes on as it is: it is asked, and told nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestra.core.catalog import Catalog
from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadDefinition
from orchestra.core.outcome import Failed
from orchestra.ports.router import Lesson, Router
from orchestra.routing.made import Made
from orchestra.routing.registry import router as named
from orchestra.routing.rules.reads import Asking
from orchestra.routing.terms import may, refuses, terms_of


class Frozen(Made):
    """The router with what it knows now, which neither lessons nor a load change; so it needs no feedback.

    As a part of a composition it is how a router that was trained offline stands where only the reward of what was
    chosen is told. ``name`` and ``version`` are those of the router, unless another name is given. It asks, chooses
    several and walks paths as the router does.
    """

    learns = False

    def __init__(self, router: str | Router, *, name: str | None = None) -> None:
        self.router = named(router)
        self.name = name or self.router.name
        self.terms = terms_of(self.router)._replace(feedback="none")
        self.sets, self.refuses = may(self.router, "sets"), refuses(self.router)
        self.walks = may(self.router, "walks")
        self.signals: Any = getattr(self.router, "signals", None)

    def made_with(self) -> dict[str, Any]:
        """As ``Made``. Raises BadDefinition where the router knows something: no state that is exchanged holds it."""
        if getattr(self.router, "state", dict)():
            raise BadDefinition(
                f"What {self.router.name!r} learned before it was frozen is in no policy file.",
                remedy=f"Export {self.router.name!r} itself, and serve that.",
            )
        return super().made_with()

    @property
    def version(self) -> int:
        return self.router.version

    @property
    def asking(self) -> Callable[[Decide, Any, Catalog], Asking] | None:
        """The router's own, under this name; None where it has none."""
        return None if getattr(self.router, "asking", None) is None else self._asking

    def _asking(self, question: Decide, value: Any, catalog: Catalog, /) -> Asking:
        router: Any = self.router
        answer = yield from router.asking(question, value, catalog)
        if isinstance(answer, Failed):
            return answer
        asked, filings = answer
        return (replace(asked, policy=self.name) if asked.policy else asked), filings

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng)."""
        return replace(self.router.choose(question, key, rng), policy=self.name)

    def learn(self, _lessons: Sequence[Lesson], /) -> None:
        """Nothing is learned."""

    def pulls(self, option: str, /) -> int:
        return self.router.pulls(option)

    def state(self) -> dict[str, Any]:
        """Nothing that could be loaded."""
        return {}

    def delta(self) -> dict[str, Any]:
        return {}

    def load(self, _state: Mapping[str, Any], /) -> None:
        """Nothing is loaded: it stays as it is."""
