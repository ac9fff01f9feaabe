"""What a run came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestra.core.decision import Decision
from orchestra.core.events import CallEnded, Decided, Event
from orchestra.core.outcome import Cause, Done, Outcome, Paused
from orchestra.core.usage import Usage
from orchestra.ports.scope import unwrap

if TYPE_CHECKING:
    from orchestra.telemetry.explain import Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``status`` is done, stopped (the budget was met), paused (a person is asked) or failed; ``run`` never raises for
    those.

    ``usage`` is all that the run has used, earlier parts of a resumed run included.
    """

    run_id: str
    status: str
    outcome: Outcome
    usage: Usage
    events: tuple[Event, ...] = field(default=(), repr=False)

    @property
    def output(self) -> Any:
        """The answer. Raises StepFailed unless the status is done."""
        return unwrap(self.outcome)

    @property
    def cause(self) -> Cause | None:
        """Why it did not end done, None if it did."""
        return self.outcome.cause

    @property
    def asks(self) -> dict[str, str]:
        """key -> question, for ``resume(run_id, answers={key: value})``; empty unless paused."""
        return dict(self.outcome.asks) if isinstance(self.outcome, Paused) else {}

    @property
    def partial(self) -> dict[str, Any]:
        """key -> output of the outermost calls that are finished: what a stopped or failed run has already done."""
        done = [e for e in self.events if isinstance(e, CallEnded) and type(e.outcome) is Done]
        depth = min((e.key.count("/") for e in done), default=0)
        return {e.key: e.outcome.output for e in done if e.key.count("/") == depth and type(e.outcome) is Done}

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Every decision of the run, in order."""
        return tuple(e.decision for e in self.events if isinstance(e, Decided))

    def explain(self) -> Explanation:
        """Who was considered with what score, why chosen, what was filtered, what failed, where it went, what it
        cost.
        """
        from orchestra.telemetry.explain import explain

        return explain(self.events)
