"""What a run came to."""

from __future__ import annotations

from collections.abc import Mapping
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
        """key -> output of what is finished, without what is below it: what a stopped or failed run has already done.

        Outputs of a resumed run's earlier parts are plain JSON values.
        """
        key_to_output = {
            e.key: e.outcome.output for e in self.events if isinstance(e, CallEnded) and isinstance(e.outcome, Done)
        }
        return {key: value for key, value in key_to_output.items() if not _below(key, key_to_output)}

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


def _below(key: str, finished: Mapping[str, Any]) -> bool:
    """Whether a call above this one is finished too."""
    above = key.rpartition("/")[0]
    while above and above not in finished:
        above = above.rpartition("/")[0]
    return bool(above)
