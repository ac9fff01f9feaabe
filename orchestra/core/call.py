"""What a plan yields: calls, in batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestra.core.decision import Step
from orchestra.core.errors import BadInput
from orchestra.core.money import finite
from orchestra.core.outcome import Cause, Detour, Failed, Outcome
from orchestra.core.signal import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """The one record of a failure: ``how`` is rerouted, tolerated, demoted or escalated, ``to`` whom or what.

    Where no call stands behind it (``origin`` ""), since nobody could be asked at all, ``cause`` says why, and it is
    the failure of whoever yields it. ``detour`` is what was known, and the ways before and after.
    """

    origin: str
    how: str
    to: str
    detour: Detour | None = field(default=None, compare=False)
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeName:
    """That very node of the catalogue, bound by nobody."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """One request to one model; the call's input is a ports.model.Request."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """Any of these models, decided now. ``label`` names the decision, ``step`` says where in the work it is made."""

    label: str
    models: tuple[str, ...]
    step: Step | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Who would be chosen, and how the others compare: a decision without its call.

    Among the nodes of these ``names``, or without any among all that provide the capability. Done holds
    ``{"decision": its key, "chosen": name, "options": [[name, score, cost_nano], ...]}``, the options that may be used
    in their order; a score is None where the router gave none.
    """

    capability: str
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"rank {self.capability}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """The decision who of a capability's nodes take the task, ``most`` of them at most, or that it is out of scope.

    Its output is a list of ``{"name", "decision"}``, the keys of the decisions; the name is "" for out of scope.
    Nothing is called. Who provides one of ``without`` is not on offer.
    """

    capability: str
    most: int = 3
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.capability


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Several capabilities in a row, bound together as one cheapest path; each is given the output of the one
    before.
    """

    capabilities: tuple[str, ...]

    @property
    def name(self) -> str:
        return ">".join(self.capabilities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A nested plan in a keyed scope of its own."""

    name: str
    plan: Callable[[Any], Plan]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A topology however it is given, made a plan when it is called. ``name`` stands in the call's key."""

    name: str
    topology: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question to a person: the run pauses until resume(answers=...) brings the answer."""

    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The question whether a node may be called as it is about to be: only yes or no answers it."""

    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A capability as a lesser goal: bound as any other, but nothing lesser is tried for it and nobody is asked."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """The question to a person what is to become of a step that nobody could do. ``origin`` is the failure's."""

    question: str
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Any awaitable of user code, run in a keyed scope of its own. It is not recorded itself; its steps are."""

    awaitable: Awaitable[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One thing to do. ``target`` is a capability's name, a node, or one of the targets of this module.

    Units: ``after_s``, ``hedge_s`` and ``timeout_s`` in seconds. With ``after_s`` it begins so much later than the rest
    of its batch, and not at all if by then all that have begun have failed. With ``hedge_s`` a second provider is asked
    if the first has not answered by then; the first answer counts.
    ``fallback`` are lesser goals, tried in turn where nobody can do this; None is what the team declares.
    ``key`` is needed only for identical twins in parallel branches. ``output_type`` types the result; None is plain
    JSON. ``others``: someone else stands by should this fail, so a provider's long wait is not waited for.
    ``decision`` is the key of the decision that chose the target, ``tool_call_id`` what the model that asked for
    this calls it.
    """

    target: Any
    input: Any = None
    key: str | None = None
    after_s: float = 0.0
    timeout_s: float | None = None
    output_type: Any = None
    decision: str | None = None
    others: bool = False
    tool_call_id: str | None = None
    hedge_s: float | None = None
    fallback: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Calls that run together: stop at ``done`` Done or ``failed`` Failed, or when ``done`` is out of reach.

    Outcomes come in the order of the calls. ``filings`` are the failures that this batch takes over from; ``outvoted``
    are the places, in the plan's batch before this one, of what was Done and is not used. ``signals`` are what
    monitors said that changed what happens. ``at_once``: no more calls than that run at a time, the others wait.
    ``dropped`` are the keys of calls that the plan made earlier, each with a ``key`` of its own, whose output goes into
    no answer.
    """

    calls: tuple[Call, ...]
    done: int | None = None
    failed: int | None = None
    filings: tuple[Filing, ...] = ()
    outvoted: tuple[int, ...] = ()
    signals: tuple[Signal, ...] = ()
    at_once: int | None = None
    dropped: tuple[str, ...] = ()

    @classmethod
    def all(cls, *calls: Call) -> Batch:
        """Every call ends."""
        return cls(calls=calls)

    @classmethod
    def first(cls, *calls: Call) -> Batch:
        """The first Done wins, the others are cancelled."""
        return cls(calls=calls, done=1)

    @classmethod
    def quorum(cls, n: int, *calls: Call) -> Batch:
        """Stop at n Done, or when they are out of reach."""
        return cls(calls=calls, done=n)

    @classmethod
    def fail_fast(cls, *calls: Call) -> Batch:
        """The first Failed cancels the others."""
        return cls(calls=calls, failed=1)

    @property
    def may_cancel(self) -> bool:
        return self.done is not None or self.failed is not None


def lesser_goals(target: Any, given: Sequence[str] | None) -> tuple[str, ...] | None:
    """The lesser goals that were given for a target, None if none were. Raises BadInput where they cannot be tried."""
    if given is None:
        return None
    if isinstance(given, str) or not all(isinstance(goal, str) for goal in given):
        raise BadInput(f"fallback={given!r} is no list of capabilities.", remedy="Write fallback=['voucher'].")
    if not isinstance(target, (str, Route)):
        raise BadInput("fallback= goes with a capability, or with several in a row.", remedy="Leave it out.")
    return tuple(given)


def hedge_of(target: Any, given: float | None) -> float | None:
    """The delay of a hedge. Raises BadInput where there can be none, BadNumber."""
    if given is not None and not isinstance(target, str):
        raise BadInput("hedge_s= goes with one capability: a hedge asks another provider.", remedy="Leave it out.")
    return None if given is None else float(finite(given, "hedge_s"))


Plan = Generator[Batch, tuple[Outcome, ...], Any]
"""Yields batches, is sent their outcomes, returns an Outcome or an output."""


def rerouted(failure: Failed, to: str, detour: Detour | None = None) -> tuple[Filing, ...]:
    """The filing for a failure that another node takes over; none if it has its record already."""
    return () if failure.filed else (Filing(origin=failure.origin, how="rerouted", to=to, detour=detour),)


def tolerated(failure: Failed, by: str) -> tuple[Filing, ...]:
    return () if failure.filed else (Filing(origin=failure.origin, how="tolerated", to=by, detour=failure.detour),)
