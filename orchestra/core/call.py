"""What a plan yields: calls, in batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

from orchestra.core.outcome import Failed, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """The one record of a failure: ``how`` is rerouted, tolerated, demoted or escalated, ``to`` whom or what."""

    origin: str
    how: str
    to: str


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
    """Any of these models, decided now. ``label`` names the decision."""

    label: str
    models: tuple[str, ...]


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
class Ask:
    """A question to a person: the run pauses until resume(answers=...) brings the answer."""

    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Any awaitable of user code, run in a keyed scope of its own. It is not recorded itself; its steps are."""

    awaitable: Awaitable[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One thing to do. ``target`` is a capability's name, a node, or one of the targets of this module.

    Units: ``after_s`` (a hedge's delay) and ``timeout_s`` in seconds.
    ``key`` is needed only for identical twins in parallel branches. ``output_type`` types the result; None is plain
    JSON. ``decision`` is the key of the decision that chose the target.
    """

    target: Any
    input: Any = None
    key: str | None = None
    after_s: float = 0.0
    timeout_s: float | None = None
    output_type: Any = None
    decision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Calls that run together: stop at ``done`` Done or ``failed`` Failed, or when ``done`` is out of reach.

    Outcomes come in the order of the calls. ``filings`` are the failures that this batch takes over from; ``outvoted``
    are the places, in the plan's batch before this one, of what was Done and is not used.
    """

    calls: tuple[Call, ...]
    done: int | None = None
    failed: int | None = None
    filings: tuple[Filing, ...] = ()
    outvoted: tuple[int, ...] = ()

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


Plan = Generator[Batch, tuple[Outcome, ...], Any]
"""Yields batches, is sent their outcomes, returns an Outcome or an output."""


def rerouted(failure: Failed, to: str) -> tuple[Filing, ...]:
    """The filing for a failure that another node takes over; none if it has its record already."""
    return () if failure.filed else (Filing(origin=failure.origin, how="rerouted", to=to),)


def tolerated(failure: Failed, by: str) -> tuple[Filing, ...]:
    return () if failure.filed else (Filing(origin=failure.origin, how="tolerated", to=by),)
