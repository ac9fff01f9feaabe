"""What is done where no node and no path is left: a lesser goal, a model asked once, a person."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from orchestra.core.call import Batch, Call, Filing, Goal, Plan, Stuck
from orchestra.core.errors import EffectStands, EffectUnknown
from orchestra.core.outcome import Failed, Outcome
from orchestra.graph.attempt import FINAL, Tried, asked, escalated, given_up, written

PERSON = "person"
SHOWN = 240
"""Characters of an input and of each failure that a question shows. Our default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What may still be done for a call, in this order.

    ``goals`` are the lesser goals that were declared for it, ``model`` is asked once, with the facts, and with
    ``person`` the run pauses and a person is asked. ``standing`` is the goal that the call had come down to when its
    run was interrupted; ``answered`` is whether the person's answer is there: both go on from there.
    """

    goals: tuple[str, ...] = ()
    model: str | None = None
    person: bool = False
    standing: str | None = None
    answered: bool = False


def recovery_of(escalate: Recovery | str | None) -> Recovery:
    """A model's name alone is all that may be done."""
    return escalate if isinstance(escalate, Recovery) else Recovery(model=escalate)


def gone_on(recovery: Recovery, call: Call) -> Plan | None:
    """The plan of a call that an earlier part of its run had given up already; None where it begins as any other."""
    if recovery.answered:
        return _person(call, None, [], ())
    if recovery.standing in recovery.goals:
        return _recovered(recovery, call, None, [], (), recovery.goals.index(recovery.standing))
    return None


def recovered(
    escalate: Recovery | str | None, call: Call, failure: Failed, tried: Sequence[Tried], finished: Sequence[str] = ()
) -> Plan:
    """Nobody is left for the call: what becomes of it.

    Each lesser goal is bound as a capability of its own, with the call's input; the failure before it is filed as
    demoted to it. What none of them did goes to the model, then to the person, else back unfiled to the caller.
    Source: our default; Self-Healing Router lets one model call choose between demotion and escalation.
    """
    if failure.filed and not failure.origin:
        failure = replace(failure, filed=False)  # nobody was called, and that nobody could be has no record yet
    told = [*tried] if failure.origin else [*tried, Tried(asked(call), failure.cause)]
    return (yield from _recovered(recovery_of(escalate), call, failure, told, finished, 0))


def ended(escalate: Recovery | str | None, call: Call, failure: Failed) -> Plan:
    """A failure that may not go elsewhere: a person is asked what became of an effect, else it goes to the caller."""
    unknown = failure.cause.is_a(EffectUnknown) and not failure.cause.is_a(EffectStands)
    if recovery_of(escalate).person and unknown and failure.origin and not failure.filed:
        return (yield from _person(call, failure, [], ()))
    return failure


def _recovered(
    recovery: Recovery, call: Call, failure: Failed | None, tried: list[Tried], finished: Sequence[str], first: int
) -> Plan:
    for goal in recovery.goals[first:]:
        (outcome,) = yield Batch(calls=(_lesser(goal, call),), filings=_demoted(failure, goal))
        if not isinstance(outcome, Failed):
            return outcome
        if any(outcome.cause.is_a(error) for error in FINAL):
            return (yield from ended(recovery, call, outcome))
        tried.append(Tried(goal, outcome.cause))
        failure = outcome
    assert failure is not None
    if recovery.model is not None:
        outcome = yield from given_up(recovery.model, call, failure, tried, finished)
        if not isinstance(outcome, Failed) or any(outcome.cause.is_a(error) for error in FINAL):
            return outcome
        tried.append(Tried(recovery.model, outcome.cause))
        failure = outcome
    return (yield from _person(call, failure, tried, finished)) if recovery.person else failure


def _lesser(goal: str, call: Call) -> Call:
    return replace(call, target=Goal(name=goal), key=f"goal:{goal}", hedge_s=None, fallback=(), after_s=0.0)


def _demoted(failure: Failed | None, goal: str) -> tuple[Filing, ...]:
    if failure is None or failure.filed:
        return ()
    cause = None if failure.origin else failure.cause
    return (Filing(origin=failure.origin, how="demoted", to=goal, detour=failure.detour, cause=cause),)


def _person(
    call: Call, failure: Failed | None, tried: Sequence[Tried], finished: Sequence[str]
) -> Generator[Batch, tuple[Outcome, ...], Outcome]:
    """One question; what is answered is the step's result."""
    question = "" if failure is None else _question(call, failure, tried, finished)
    unknown = failure is not None and failure.cause.is_a(EffectUnknown)
    target = Stuck(question=question, origin=failure.origin if failure is not None and unknown else "")
    ask = Call(target=target, key=PERSON, output_type=call.output_type)
    filings = () if failure is None else escalated(failure, PERSON)
    (outcome,) = yield Batch(calls=(ask,), filings=filings)
    return outcome


def _question(call: Call, failure: Failed, tried: Sequence[Tried], finished: Sequence[str]) -> str:
    about = f"{asked(call)!r} with the input {_cut(written(call.input))}"
    if failure.cause.is_a(EffectUnknown):
        return f"{about}: {_cut(failure.cause.message)} {EffectUnknown.remedy}"
    what = "; ".join(f"{name}: {cause.kind}: {_cut(cause.message)}" for name, cause in tried) or _cut(
        failure.cause.message
    )
    done = f" Already done: {', '.join(finished)}." if finished else ""
    return (
        f"Nobody could do {about}. {what}.{done} "
        "Answer with the result to go on with, or 'give up'; resumed without an answer, it is tried again."
    )


def _cut(text: str) -> str:
    text = text.rstrip(".")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text) - SHOWN} more characters)"
