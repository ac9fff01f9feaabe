"""What a plan writes down of its own decisions, and what ends it whatever it would do next."""

from __future__ import annotations

from collections.abc import Sequence

from orchestra.core.call import Call
from orchestra.core.decision import Decide, Option
from orchestra.core.errors import BudgetExceeded, EffectStands, EffectUnknown, RunClosed
from orchestra.core.outcome import Cancelled, Failed, Outcome, Paused

FINAL = (BudgetExceeded, EffectUnknown, EffectStands, RunClosed)


def written(
    policy: str, what: str, options: Sequence[Option], chosen: str, *, x: tuple[float, ...], marks: str, reason: str
) -> Call:
    """The call that records a decision which the plan itself has made. ``reason`` is content, the rest is not."""
    question = Decide(
        capability=what,
        options=tuple(options),
        x=x,
        marks=marks,
        policy=policy,
        chosen=(chosen,),
        reason=reason,
    )
    return Call(target=question)


def ending(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The outcome after which nobody else is asked: a pause, a cancellation, a budget's end, an effect unknown."""
    for outcome in outcomes:
        if isinstance(outcome, (Paused, Cancelled)):
            return outcome
    failures = (outcome for outcome in outcomes if isinstance(outcome, Failed))
    return next((one for one in failures if any(one.cause.is_a(error) for error in FINAL)), None)
