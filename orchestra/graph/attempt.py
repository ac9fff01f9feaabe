"""What binding and routing share: one call of a node, when a failure may go elsewhere, the model asked at last."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from orchestra.core.call import Batch, Call, Filing, ModelName, Plan
from orchestra.core.errors import (
    Avoided,
    BadInput,
    BudgetExceeded,
    Diverged,
    EffectStands,
    EffectUnknown,
    GivenUp,
    NoEffect,
    NotApproved,
    RunClosed,
    UnsafeBatch,
)
from orchestra.core.ids import canonical
from orchestra.core.message import system, user
from orchestra.core.outcome import Cause, Done, Failed, Outcome, cause_of
from orchestra.ports.health import Health
from orchestra.ports.model import Request

# No other node could do better: the run's money, time or log is at its end, an effect may already have happened,
# or did happen inside what failed, or a person said no.
FINAL = (BudgetExceeded, RunClosed, Diverged, EffectUnknown, EffectStands, NotApproved, GivenUp)
# Nothing was done: said by the node, or refused before it started (what a started node raises is marked EffectUnknown).
NOTHING_DONE = (NoEffect, BadInput, UnsafeBatch)

LAST_RESORT = (
    "You are asked because no agent of a system could do a task: each that might have done it failed or may not be "
    "used now. If words alone can do the task, do it. If not, say in one or two sentences what was not done and what a "
    "person should do next. Never claim that anything was carried out."
)


class Candidate(Protocol):
    """What must be known of a thing that may be chosen. A catalogue's Node is one."""

    @property
    def name(self) -> str: ...
    @property
    def side_effect(self) -> str | None: ...
    @property
    def provides(self) -> tuple[str, ...]: ...


class Tried(NamedTuple):
    """A node that failed, and why."""

    name: str
    cause: Cause


def attempt(
    call: Call, name: str, filings: tuple[Filing, ...], health: Health | None, now: Callable[[], float]
) -> Generator[Batch, tuple[Outcome, ...], Outcome]:
    """One call, counted in flight from here until it ends or the plan is closed; ``avoided`` where another call is
    already the probe of its breaker.
    """
    if health is not None and (why := health.enter(name, now())) is not None:
        return avoided(name, why, filings)
    try:
        (outcome,) = yield Batch(calls=(call,), filings=filings)
    finally:
        if health is not None:
            health.leave(name)
    return outcome


def avoided(name: str, why: str, filings: Sequence[Filing] = ()) -> Failed:
    """What a call that is not made ends as, so that it goes elsewhere. It is no failure, and takes the place of the
    one that it was to take over from: that one gets its record where it goes next.
    """
    cause = cause_of(Avoided(f"{name!r} was not called: {why}."))
    return Failed(cause=cause, origin=filings[0].origin if filings else "", filed=not filings)


def final(failure: Failed, node: Candidate) -> Failed | None:
    """What the failure ends as where no other node may take over; None where one may.

    A node with a side effect gives way only if nothing was done (NoEffect, or an input or batch that was refused before
    the start): otherwise it may have acted, and the cause becomes EffectUnknown, naming the node and the first cause.
    """
    cause = failure.cause
    if any(cause.is_a(error) for error in FINAL):
        return failure
    if node.side_effect is None or any(cause.is_a(error) for error in NOTHING_DONE):
        return None
    unknown = EffectUnknown(
        f"{node.name!r} failed ({cause.kind}: {cause.message}); its side effect {node.side_effect!r} may have happened."
    )
    return replace(failure, cause=cause_of(unknown))


def escalated(failure: Failed, to: str) -> tuple[Filing, ...]:
    """The filing for a failure that goes up; none if it has its record."""
    if failure.filed:
        return ()
    cause = None if failure.origin else failure.cause
    return (Filing(origin=failure.origin, how="escalated", to=to, detour=failure.detour, cause=cause),)


def ask_model(
    model: str, call: Call, failure: Failed, tried: Sequence[Tried], finished: Sequence[str] = ()
) -> Generator[Batch, tuple[Outcome, ...], Outcome]:
    """The last resort: one call of a model that is told what was asked and what failed; its text is the output.

    If it fails too, that failure is the result: the first one has its record by then.
    """
    facts = [f"The task: {asked(call)}", f"Its input: {written(call.input)}"]
    if finished:
        facts.append(f"Already done: {', '.join(finished)}")
    facts += ["What failed:", *(f"- {name}: {cause.kind}: {cause.message}" for name, cause in tried)]
    if not tried:
        facts.append(f"- {failure.cause.kind}: {failure.cause.message}")
    request = Request(messages=(system(LAST_RESORT), user("\n".join(facts))))
    last = Call(target=ModelName(name=model), input=request, timeout_s=call.timeout_s)
    (outcome,) = yield Batch(calls=(last,), filings=escalated(failure, "model"))
    return replace(outcome, output=outcome.output.text) if isinstance(outcome, Done) else outcome


def given_up(
    escalate: str | None, call: Call, failure: Failed, tried: Sequence[Tried], finished: Sequence[str] = ()
) -> Plan:
    """Nobody is left: the model is asked if there is one, else the failure goes to the caller, who files it."""
    if escalate is None:
        return failure
    return (yield from ask_model(escalate, call, failure, tried, finished))


def asked(call: Call) -> str:
    """The name of what a call asks for: a capability, a node, or a decision's label."""
    target = call.target
    return target if isinstance(target, str) else str(getattr(target, "name", getattr(target, "label", target)))


def written(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)
