"""From feedback to what the router knows: off the serving path, idempotent by (decision, source)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from orchestra.core.decision import Decision
from orchestra.core.errors import BadInput, BadNumber, BudgetExceeded, DepsMissing, RunClosed
from orchestra.core.events import CallEnded, Decided, Event, Filed, Rewarded
from orchestra.core.outcome import Done, Failed
from orchestra.ports.router import Lesson

RUNTIME = "runtime"
NOT_THE_CHOICES_FAULT = (BudgetExceeded, BadInput, DepsMissing, RunClosed)


def checked_reward(reward: float) -> float:
    """Raises BadNumber for anything outside [0, 1]."""
    value = float(reward)
    if math.isnan(value) or not 0.0 <= value <= 1.0:
        raise BadNumber(f"reward={reward!r} is not in [0, 1].", remedy="Give 0 for useless, 1 for right, or between.")
    return value


def used_decisions(events: Iterable[Event]) -> list[Decision]:
    """The decisions that a run's reward goes to: their call ended Done and no join dropped or outvoted it."""
    events = list(events)
    decisions = {e.decision.key: e.decision for e in events if isinstance(e, Decided)}
    dropped = {e.key for e in events if isinstance(e, Filed) and e.how == "tolerated" and e.to == "outvoted"}
    used = [
        e.decision
        for e in events
        if isinstance(e, CallEnded) and e.decision and type(e.outcome) is Done and e.key not in dropped
    ]
    return [decisions[key] for key in dict.fromkeys(used) if key in decisions]


def failed_decisions(events: Iterable[Event]) -> list[Decision]:
    """The decisions whose call failed by its own fault: they get their own reward of 0."""
    events = list(events)
    decisions = {e.decision.key: e.decision for e in events if isinstance(e, Decided)}
    failures = [
        e.decision
        for e in events
        if isinstance(e, CallEnded)
        and e.decision
        and type(e.outcome) is Failed
        and not any(map(e.outcome.cause.is_a, NOT_THE_CHOICES_FAULT))
    ]
    return [decisions[key] for key in dict.fromkeys(failures) if key in decisions]


def lessons(decisions: Sequence[Decision], reward: float, source: str, events: Iterable[Event]) -> list[Lesson]:
    """What is new in this feedback: nothing for a repeated value, a correction for another one."""
    before = {(e.key, e.source): e.reward for e in events if isinstance(e, Rewarded)}
    known = [(d, before.get((d.key, source))) for d in decisions]
    return [Lesson(d, reward, old) for d, old in known if old != reward]
