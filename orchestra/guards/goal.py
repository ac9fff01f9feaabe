"""A stage machine as data: the stages of a goal, the legal moves, and when which skill may be used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestra.core.catalog import Node
from orchestra.core.errors import BadDefinition
from orchestra.guards.predicates import ROOTS, Predicate, begins_in

Unnamed = Literal["allow", "harmless", "block"]
BEFORE = ("facts", "input")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a skill may be used, and what its success does to the goal.

    ``stages`` where it is legal (empty: in all that are not final); ``before`` has to hold of facts and input before it
    starts, ``after`` of facts, input and output once it is done; then the goal is at ``to`` (None: where it was) and
    each fact of ``sets`` has the value at its path.
    """

    stages: tuple[str, ...] = ()
    before: tuple[Predicate, ...] = ()
    after: tuple[Predicate, ...] = ()
    to: str | None = None
    sets: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        return self.to is not None or bool(self.sets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A kind of goal. The first stage is the start; ``transitions`` are the legal moves, and a stage without one is
    final. ``skills`` has a rule for each skill, which is a node's name or a capability: of several that fit a node, all
    have to be met. ``unnamed`` is what becomes of nodes that no rule names: allow, block, or harmless, which blocks
    those with a side effect.

    Raises: BadDefinition, where it could never work as it is written: a stage that nobody declared or that cannot be
    reached, a rule whose ``to`` is no legal move from one of its stages, a path that begins nowhere.
    Source: SDOF (state-constrained dispatch): FSM (S, s0, T, I, Lambda); ``unnamed`` is our default.
    """

    name: str
    stages: tuple[str, ...]
    transitions: Mapping[str, tuple[str, ...]]
    skills: Mapping[str, Rule]
    unnamed: Unnamed = "harmless"

    def __post_init__(self) -> None:
        if not self.name or ":" in self.name:
            raise BadDefinition(f"A goal cannot be named {self.name!r}.", remedy="Give it a name without a colon.")
        if not self.stages or len(set(self.stages)) < len(self.stages) or "" in self.stages:
            raise self._bad("needs stages, each of them once")
        for stage, following in self.transitions.items():
            self._known((stage, *following), "its transitions")
        self._reachable()
        for skill, rule in self.skills.items():
            self._check(skill, rule)

    @property
    def start(self) -> str:
        return self.stages[0]

    @property
    def final(self) -> tuple[str, ...]:
        return tuple(stage for stage in self.stages if not self.transitions.get(stage))

    def may_move(self, stage: str, to: str) -> bool:
        """To where it is, a goal may always go."""
        return stage == to or to in self.transitions.get(stage, ())

    def stages_of(self, rule: Rule) -> tuple[str, ...]:
        return rule.stages or tuple(stage for stage in self.stages if self.transitions.get(stage)) or self.stages

    def rules_for(self, node: Node) -> tuple[Rule, ...]:
        """Its own first, then those of what it provides."""
        names = dict.fromkeys((node.name, *node.provides))
        return tuple(self.skills[name] for name in names if name in self.skills)

    def _reachable(self) -> None:
        seen, todo = {self.start}, [self.start]
        while todo:
            fresh = [one for one in self.transitions.get(todo.pop(), ()) if one not in seen]
            seen.update(fresh)
            todo += fresh
        if lost := [stage for stage in self.stages if stage not in seen]:
            raise self._bad(f"never comes to {', '.join(map(repr, lost))}: no transition leads there")

    def _check(self, skill: str, rule: Rule) -> None:
        self._known((*rule.stages, *([rule.to] if rule.to is not None else ())), f"the rule of {skill!r}")
        for stage in self.stages_of(rule):
            if rule.to is not None and not self.may_move(stage, rule.to):
                raise self._bad(f"lets {skill!r} go from {stage!r} to {rule.to!r}, which is no transition")
        for part in rule.before:
            self._begins(skill, part.paths, BEFORE)
        for part in rule.after:
            self._begins(skill, part.paths, ROOTS)
        self._begins(skill, rule.sets.values(), ROOTS)

    def _begins(self, skill: str, paths: Iterable[str], roots: tuple[str, ...]) -> None:
        for path in paths:
            if not begins_in(path, roots):
                raise self._bad(f"reads {path!r} for {skill!r}; a path begins there with {'., '.join(roots)}.")

    def _known(self, stages: Iterable[str], where: str) -> None:
        if unknown := [stage for stage in stages if stage not in self.stages]:
            raise self._bad(f"has no stage {unknown[0]!r}, which {where} names; there are {', '.join(self.stages)}")

    def _bad(self, what: str) -> BadDefinition:
        return BadDefinition(f"The goal {self.name!r} {what}.", remedy="Correct the goal.")


def goal_named(goal_id: str) -> tuple[str, str]:
    """The kind and the id in 'kind:id'. Raises BadDefinition."""
    kind, colon, one = goal_id.partition(":") if isinstance(goal_id, str) else ("", "", "")
    if not kind or not colon or not one:
        raise BadDefinition(f"goal={goal_id!r} names no goal.", remedy="Write it as 'kind:id', as in 'order:A-17'.")
    return kind, one
