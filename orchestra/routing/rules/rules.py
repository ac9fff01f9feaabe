"""Rules of the team's own: signals, Boolean formulas over them, and who is taken where a formula holds.

Formula: a rule holds where its formula does, over leaves that are true for a signal of confidence above 0. Of the rules
that hold, the one of the highest priority decides (or of the highest confidence: the mean over its satisfied leaves),
of equals the one written first.
Source: vLLM Semantic Router (its August 2026 sources): signals, decisions, selectors; without its plugins and its
projections.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, cast

from orchestra.core.catalog import Catalog
from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadDefinition, DuplicateName, UnknownName
from orchestra.ports.router import Lesson, Router, Terms
from orchestra.routing.floor import decision, eligible_of
from orchestra.routing.made import Made
from orchestra.routing.rules.reads import Asking, calls_first, joined, reading, values_of
from orchestra.routing.rules.selectors import BestOf, Listed, Selector, among
from orchestra.routing.rules.signals import Signal
from orchestra.routing.terms import check_takes_one, learns, may, together, widens

DEEPEST = 32
FILTERED = "left out by the rule"
Strategy = Literal["priority", "confidence"]


class Formula(NamedTuple):
    """``kind`` is "leaf" (``parts`` holds one name), "and", "or" or "not" (of one formula)."""

    kind: str
    parts: tuple[Any, ...]

    def holds(self, values: Mapping[str, float], satisfied: list[float], even: bool = True) -> bool:
        """Whether it does. ``satisfied`` gets the confidence of every true leaf that is not denied (``even``)."""
        if self.kind == "leaf":
            value = values.get(self.parts[0], 0.0)
            if value > 0.0 and even:
                satisfied.append(value)
            return value > 0.0
        if self.kind == "not":
            return not self.parts[0].holds(values, satisfied, not even)
        found = [part.holds(values, satisfied, even) for part in self.parts]
        return all(found) if self.kind == "and" else any(found)

    @property
    def names(self) -> tuple[str, ...]:
        """The signals that it speaks of."""
        if self.kind == "leaf":
            return self.parts
        return tuple(dict.fromkeys(name for part in self.parts for name in part.names))


def formula(given: Any, depth: int = 0) -> Formula:
    """A signal's name, ``{"and": [...]}``, ``{"or": [...]}``, ``{"not": ...}`` or a Formula. Raises BadDefinition."""
    if isinstance(given, Formula):
        return given
    if isinstance(given, str) and given:
        return Formula("leaf", (given,))
    if depth >= DEEPEST:
        raise BadDefinition(
            f"A formula lies more than {DEEPEST} deep.", remedy="Split it into several rules or signals."
        )
    if isinstance(given, Mapping) and len(given) == 1:
        ((kind, parts),) = given.items()
        if kind == "not":
            return Formula("not", (formula(parts, depth + 1),))
        if kind in ("and", "or") and isinstance(parts, (list, tuple)) and parts:
            return Formula(kind, tuple(formula(part, depth + 1) for part in parts))
    raise BadDefinition(
        f"{given!r} is no formula.", remedy="Write a signal's name, or one of and: [...], or: [...] and not: ..."
    )


@dataclass(frozen=True, slots=True)
class Through:
    """Another router chooses, among the options of these names; no names are all options."""

    router: Router
    names: tuple[str, ...] = ()


Use = Selector | Through


def use_of(given: Any) -> Use:
    """A selector, a router, or names of which the first that may be used is taken. Raises BadDefinition."""
    if isinstance(given, Through) or callable(getattr(given, "pick", None)):
        return cast("Use", given)
    if callable(getattr(given, "choose", None)):
        return Through(given)
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) and name for name in names):
        raise BadDefinition(f"{given!r} says nobody.", remedy="Give names, a selector or a router.")
    return Listed(tuple(names))


@dataclass(frozen=True, slots=True)
class Rule:
    """Where ``when`` holds, ``use`` says who is taken. Raises BadDefinition."""

    name: str
    when: Any
    use: Any
    priority: float = 0.0

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "when", formula(self.when))
            object.__setattr__(self, "use", use_of(self.use))
        except BadDefinition as error:
            raise BadDefinition(f"The rule {self.name!r}: {error.what}", remedy=error.fix) from None


class Rules(Made):
    """The rules that hold are tried in order, until one has an option that may be used; then ``otherwise``.

    ``asking`` computes the signals that a rule or one of its routers names, and no others; their values go into the
    question and the record, so that ``choose`` is pure in the question and no text is kept. A rule that holds and of
    whose options none may be used is passed over. The record's reason names every rule that held. The probability is 1,
    unless another router chooses: then it is that router's, and it alone learns. At most one router that learns can be
    among them.

    Raises: DuplicateName, UnknownName for a signal that is not there, BadDefinition.
    Source: see above; what becomes of a rule without a usable option, and ``otherwise`` (the highest prior), are our
    defaults.
    """

    terms = Terms(
        uses=frozenset({"query", "prior", "cost", "latency", "load"}), how="rule", feedback="none", scores=False
    )

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        signals: Sequence[Signal] = (),
        *,
        strategy: Strategy = "priority",
        otherwise: Any = None,
        name: str = "rules",
    ) -> None:
        if strategy not in ("priority", "confidence"):
            raise BadDefinition(
                f"strategy={strategy!r} is not 'priority' or 'confidence'.", remedy="Say one of the two."
            )
        self.name, self.rules, self.strategy = name, tuple(rules), strategy
        self.otherwise = BestOf() if otherwise is None else use_of(otherwise)
        for what, names in (("rules", [rule.name for rule in rules]), ("signals", [one.name for one in signals])):
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise DuplicateName(f"Two {what} are named {twice!r}.", remedy="Rename one of them.")
        named = dict.fromkeys(name for rule in rules for name in rule.when.names)
        known = {signal.name: signal for signal in signals}
        if missing := next((name for name in named if name not in known), None):
            there = ", ".join(known) or "none"
            raise UnknownName(f"A rule names the signal {missing!r}; there are {there}.", remedy="Declare it.")
        routers = self._routers()
        self.signals = joined(name, tuple(known[name] for name in named), routers)
        self.walks = any(may(one, "walks") for one in routers)
        self.widened = any(map(widens, routers))
        if routers:
            self.terms = together(routers, Rules.terms.uses, "rule")._replace(scores=False)
        learners: list[Any] = [one for one in routers if learns(one)]
        if len(learners) > 1:
            raise BadDefinition("Two routers that learn would mix what they learn.", remedy="Use one in all rules.")
        self._learner = learners[0] if learners else None

    def _routers(self) -> list[Router]:
        """Those that decide for a rule. Raises BadDefinition for what no rule can use."""
        uses = [*(rule.use for rule in self.rules), self.otherwise]
        routers = list({id(use.router): use.router for use in uses if isinstance(use, Through)}.values())
        for one in routers:
            if calls_first(one):
                raise BadDefinition(
                    f"{one.name!r} makes calls before it decides, and no rule can make them for it.",
                    remedy="Take a router that decides at once, such as 'linucb'.",
                )
            if getattr(one, "outermost", False):
                raise BadDefinition(
                    f"{one.name!r} has to know what it decided itself, and in a rule the rules decide.",
                    remedy="Put it outermost, around the rules.",
                )
        check_takes_one("a rule", routers)
        return routers

    @property
    def learns(self) -> bool:
        return self._learner is not None

    @property
    def order_sensitive(self) -> bool:
        return bool(getattr(self._learner, "order_sensitive", False))

    @property
    def version(self) -> int:
        return 1 if self._learner is None else int(self._learner.version)

    def asking(self, question: Decide, value: Any, _catalog: Catalog, /) -> Asking:
        """The question with its signals; no call is made for them."""
        return reading(self.signals, question, value)

    def signals_of(self, value: Any) -> tuple[tuple[str, float], ...]:
        """The signals that some rule names, with their values, of a task or an input."""
        return values_of(self.signals, value)

    def holding(self, signals: Mapping[str, float]) -> list[tuple[Rule, float]]:
        """The rules that hold, with their confidences, in the order in which they are tried."""
        found = []
        for rule in self.rules:
            satisfied: list[float] = []
            if rule.when.holds(signals, satisfied):
                # What holds by what is not there has nothing to be unsure of.
                found.append((rule, sum(satisfied) / len(satisfied) if satisfied else 1.0))
        return sorted(found, key=lambda one: -(one[0].priority if self.strategy == "priority" else one[1]))

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        eligible_of(question)
        found = self.holding(dict(question.signals))
        held = ", ".join(f"{rule.name} {confidence:.2g}" for rule, confidence in found) or "none"
        for rule, _ in found:
            made = self._used(rule.use, question, key, rng, f"{rule.name} decides, of those that hold: {held}")
            if made is not None:
                return made
        why = f"no rule decides; those that hold: {held}"
        made = self._used(self.otherwise, question, key, rng, why) or self._used(BestOf(), question, key, rng, why)
        assert made is not None, "an option is eligible, and the highest prior is always somebody's"
        return made

    def _used(self, use: Use, question: Decide, key: str, rng: random.Random, why: str) -> Decision | None:
        if isinstance(use, Through):
            return self._through(use, question, key, rng, why)
        pick = use.pick(question)
        if pick is None:
            return None
        policy, reason = (self.name, self.version), (f"{why}; {pick.why}", False)
        return decision(question, key, pick.place, policy=policy, best=pick.place, scores=pick.scores, reason=reason)

    def _through(self, use: Through, question: Decide, key: str, rng: random.Random, why: str) -> Decision | None:
        places = set(among(question, use.names))
        if not places:
            return None
        shown = tuple(
            option if place in places or option.filtered is not None else option._replace(filtered=FILTERED)
            for place, option in enumerate(question.options)
        )
        made = use.router.choose(replace(question, options=shown), key, rng)
        options = tuple(
            was._replace(score=now.score, probability=0.0 if now.filtered == FILTERED else now.probability)
            for was, now in zip(question.options, made.options, strict=True)
        )
        reason = f"{why}; {made.policy}: {made.reason}"
        return replace(made, policy=self.name, version=self.version, options=options, reason=reason)

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        if self._learner is not None:
            self._learner.learn(lessons)

    def pulls(self, option: str, /) -> int:
        return 0 if self._learner is None else int(self._learner.pulls(option))

    def state(self) -> dict[str, Any]:
        return {} if self._learner is None else dict(self._learner.state())

    def delta(self) -> dict[str, Any]:
        return {} if self._learner is None else dict(self._learner.delta())

    def load(self, state: Mapping[str, Any], /) -> None:
        if self._learner is not None:
            self._learner.load(state)
