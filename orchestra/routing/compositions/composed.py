"""Routers that act as one, and the first such form: a chain in which all but the last may abstain.

Source: that deployed routers are compositions is arXiv:2603.04445; the rules of abstention are our defaults.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from orchestra.core.catalog import Catalog
from orchestra.core.decision import OOS, Decide, Decision
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.router import How, Lesson, Router, When
from orchestra.routing.compositions.scored import scored, scores_of, without
from orchestra.routing.compositions.seen import Seen
from orchestra.routing.floor import eligible_of
from orchestra.routing.made import Made
from orchestra.routing.registry import router as named
from orchestra.routing.rules.reads import Asking, calls_first, joined, reading
from orchestra.routing.terms import check_parts, check_takes_one, learns, may, refuses, terms_of, together

ONE = "who decides chooses one that is to answer"


class Memory(Protocol):
    """The learning half of a router."""

    @property
    def name(self) -> str: ...

    def learn(self, lessons: Sequence[Lesson], /) -> None: ...

    def pulls(self, option: str, /) -> int: ...

    def state(self) -> Mapping[str, Any]: ...

    def delta(self) -> Mapping[str, Any]: ...

    def load(self, state: Mapping[str, Any], /) -> None: ...


class Composition(Made):
    """Several routers behind one port. Each part that learns is told every lesson, whoever decided.

    What a part learns is kept under its own name, also in a team's store: ``learners`` are those names, and an entry of
    the state is "NAME/option". So a router keeps what it knows when it becomes part of a composition, and two parts of
    one name are refused. ``memory`` is what the composition itself has to learn.

    The signals that parts read, and no calls, are read for them. The steps of a path are decided one by one where a
    part does that. Without ``passes_on_sets`` one option is chosen, and a part that may choose out of scope is refused;
    with it a part's choice comes out of ``choose`` as it is, and a part that chooses one is asked for one.

    Raises: UnknownRouter; BadDefinition for parts that cannot work together.
    """

    passes_on_sets = False

    def __init__(
        self,
        name: str,
        parts: Sequence[str | Router],
        *,
        memory: Sequence[Memory] = (),
        uses: frozenset[str] = frozenset(),
        how: How = "rule",
        when: When = "before",
    ) -> None:
        self.name = name
        self.parts: tuple[Router, ...] = tuple(named(part) for part in parts)
        check_parts(name, self.parts)
        self.terms = together(self.parts, uses, how, when)
        if not self.passes_on_sets:
            check_takes_one(name, self.parts)
        self.sets = self.passes_on_sets and any(may(part, "sets") for part in self.parts)
        self.refuses = any(map(refuses, self.parts))
        self.walks = any(may(part, "walks") for part in self.parts)
        self.signals = joined(name, (), self.parts)
        self._learners: dict[str, Any] = {}
        for part in self.parts:
            if isinstance(part, Composition) and part.outermost:
                raise BadDefinition(
                    f"{name!r} has the part {part.name!r}, which has to know what it decided itself.",
                    remedy="Put it outermost, around this composition.",
                )
            if calls_first(part):
                raise BadDefinition(
                    f"{part.name!r} makes calls before it decides, and the composition {name!r} would make none.",
                    remedy="Use it by itself or in Frozen, or take a part that decides at once.",
                )
            for inner, learner in (part._learners if isinstance(part, Composition) else {part.name: part}).items():
                if learns(learner):
                    self._add(inner, learner)
        self.pulled = tuple(self._learners.values())
        for one in memory:
            self._add(one.name, one)
        self.learns = bool(self._learners)
        self.order_sensitive = any(getattr(one, "order_sensitive", False) for one in self._learners.values())

    def _add(self, name: str, learner: Any) -> None:
        if "/" in name:
            raise BadDefinition(f"A part that learns is named {name!r}.", remedy="Give it a name without a slash.")
        if name in self._learners:
            check_parts(self.name, (self._learners[name], learner))
        self._learners[name] = learner

    @property
    def outermost(self) -> bool:
        """Whether it has to know what it decided itself, as who learns in a way of its own has."""
        return type(self).learn is not Composition.learn

    @property
    def asking(self) -> Callable[[Decide, Any, Catalog], Asking] | None:
        """Reads what the parts look at; None where that is nothing."""
        return self._asking if self.signals else None

    def _asking(self, question: Decide, value: Any, _catalog: Catalog, /) -> Asking:
        return reading(self.signals, question, value)

    @property
    def learners(self) -> tuple[str, ...]:
        """The names under which what is learned is kept."""
        return tuple(self._learners)

    @property
    def version(self) -> int:
        return max(part.version for part in self.parts)

    def pulls(self, option: str, /) -> int:
        return max((one.pulls(option) for one in self.pulled), default=0)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng)."""
        raise NotImplementedError

    def signed(self, decision: Decision, reason: str) -> Decision:
        """A part's decision as that of the whole."""
        return replace(decision, policy=self.name, version=self.version, reason=reason)

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """All of the lessons or, where one is bad, none: who looks at the context, and may refuse it, learns first."""
        for one in sorted(self._learners.values(), key=lambda one: "query" not in terms_of(one).uses):
            one.learn(lessons)

    def state(self) -> dict[str, Any]:
        """Everything learned, "NAME/option" by "NAME/option", as JSON values."""
        return self._prefixed({name: one.state() for name, one in self._learners.items()})

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call."""
        return self._prefixed({name: one.delta() for name, one in self._learners.items()})

    def load(self, state: Mapping[str, Any], /) -> None:
        """Takes this state and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        name_to_state: dict[str, dict[str, Any]] = {name: {} for name in self._learners}
        for entry, value in state.items():
            name, _, option = entry.partition("/")
            if name not in name_to_state:
                raise BadDefinition(
                    f"{self.name!r} has no part {name!r}, of which something was learned.",
                    remedy=f"Parts that learn: {', '.join(name_to_state)}. Take a policy of this very composition.",
                )
            name_to_state[name][option] = value
        first, *others = self._learners or {"": None}
        for name in others:  # one by one nothing would be left of the old state of those before the one that refuses
            deepcopy(self._learners[name]).load(name_to_state[name])
        for name in filter(None, (first, *others)):
            self._learners[name].load(name_to_state[name])

    def _prefixed(self, name_to_state: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        return {f"{name}/{option}": v for name, state in name_to_state.items() for option, v in state.items()}


class Sure(NamedTuple):
    """A router that abstains where it is not sure: with fewer than ``rewards`` rewards for all that may be chosen
    together, where its best two scores lie closer than ``margin``, or where the question is ``far``: further from the
    contexts seen so far than all but this share of them are from their own like. 0 switches a rule off.

    Source: the rules are our defaults, and so is 20; far is the p-value of a conformal test (Vovk et al. 2005).
    """

    router: str | Router
    rewards: int = 20
    margin: float = 0.0
    far: float = 0.0


class Chain(Composition):
    """Asks in order; who is not sure abstains, the last never does. ``Chain(Sure("linucb", margin=.05), "cheapest")``.

    By name: "linucb>cheapest". A part but the last that is given without rules has those of ``Sure``. Who abstains does
    so by state and question alone, never by a draw, so the probabilities of the one that decides are exact for the
    chain. The reason names who decided, and why the others did not.

    Raises: BadNumber, UnknownRouter; BadDefinition for parts that cannot work together, rules for the last one, and a
    margin between scores that a router does not give.
    """

    passes_on_sets = True

    def __init__(self, *routers: str | Router | Sure, name: str | None = None) -> None:
        rules = [one if isinstance(one, Sure) else Sure(one) for one in routers]
        if len(rules) < 2 or isinstance(routers[-1], Sure):
            raise BadDefinition(
                "The last router of a chain never abstains, and there is one before it.",
                remedy="Write Chain(Sure(...), 'cheapest'): rules for all but the last.",
            )
        self.rules = tuple(rule._replace(router=named(rule.router)) for rule in rules)
        _checked(self.rules)
        parts = [named(rule.router) for rule in self.rules]
        name = name or ">".join(part.name for part in parts)
        self._seen = Seen(f"{name}:seen") if any(rule.far for rule in self.rules[:-1]) else None
        memory = () if self._seen is None else (self._seen,)
        super().__init__(name, parts, memory=memory, uses=frozenset({"query"}) if memory else frozenset())
        for rule, part in zip(self.rules[:-1], self.parts, strict=False):
            if rule.margin and not terms_of(part).scores:
                raise _no_margin(part)

    @property
    def routers(self) -> tuple[Any, ...]:
        """As it was built."""
        return (*self.rules[:-1], self.parts[-1])

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        abstained = []
        for rule, part in zip(self.rules[:-1], self.parts, strict=False):
            why = self._unsure(rule, part, question, places, key)
            if why is None:
                break
            abstained.append(f"{part.name}: {why}")
        decider = self.parts[len(abstained)]
        made = decider.choose(asked_of(decider, question) if self.sets else question, key, rng)
        others = f"; abstained: {', '.join(abstained)}" if abstained else ""
        return self.signed(made, f"{decider.name}: {made.reason}{others}")

    def _unsure(self, rule: Sure, part: Router, question: Decide, places: Sequence[int], key: str) -> str | None:
        """Why it abstains, None where it is sure."""
        if rule.rewards:
            seen = sum(part.pulls(question.options[place].name) for place in places)
            if seen < rule.rewards:
                return f"{seen} rewards of {rule.rewards}"
        if rule.far and self._seen is not None:
            like = self._seen.share_as_far(question.x)
            if like < rule.far:
                return f"far from all seen ({like:.3f} are as far)"
        if rule.margin and sum(question.options[place].name != OOS for place in places) > 1:
            gap = margin(part, asked_of(part, question), key)
            if gap < rule.margin:
                return f"margin {gap:.3f} of {rule.margin:g}"
        return None


def asked_of(router: Router, question: Decide) -> Decide:
    """The question as the router is asked it: one that chooses one is not offered out of scope."""
    return question if may(router, "sets") else for_one(question)


def for_one(question: Decide) -> Decide:
    """The question for one that is to answer."""
    if question.most == 1 and all(option.name != OOS for option in question.options):
        return question
    options = [o._replace(filtered=ONE) if o.name == OOS and o.filtered is None else o for o in question.options]
    return replace(question, options=tuple(options), most=1)


def margin(router: Router, question: Decide, key: str) -> float:
    """The highest score less the second highest. Raises BadDefinition where the router gives none."""
    first = scored(router.choose(question, key, random.Random(0)))
    best = max(first, key=first.__getitem__, default=None)
    second = {} if best is None else scores_of(router, without(question, {best}), key, lambda _known, _rest: True)
    if best is None or not second:
        raise _no_margin(router)
    return first[best] - max(second.values())


def _no_margin(router: Router) -> BadDefinition:
    return BadDefinition(
        f"{router.name!r} gives no scores, so there is no margin between them.",
        remedy="Leave margin= out, or take a router that scores the options.",
    )


def _checked(rules: Sequence[Sure]) -> None:
    for rule in rules:
        if rule.rewards < 0 or not 0.0 <= rule.margin < float("inf") or not 0.0 <= rule.far <= 1.0:
            raise BadNumber(
                f"rewards={rule.rewards!r}, margin={rule.margin!r}, far={rule.far!r}.",
                remedy="rewards and margin must be 0 or more, far a share from 0 to 1.",
            )
