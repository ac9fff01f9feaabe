"""What a run came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestra.app.conversation import conversation
from orchestra.core.decision import Decision
from orchestra.core.events import CallEnded, Decided, Event
from orchestra.core.message import Message
from orchestra.core.outcome import Cause, Done, Outcome, Paused
from orchestra.core.usage import Usage
from orchestra.ports.scope import unwrap
from orchestra.telemetry.log import was_cut

if TYPE_CHECKING:
    from orchestra.telemetry.explain import Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``status`` is done, stopped (the budget was met), paused (a person is asked), failed, or abandoned; ``run``
    never raises for those.

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
    def cut(self) -> tuple[str, ...]:
        """The keys of model calls whose reply ended at ``max_tokens``, empty if none did. A text that was cut is an
        answer all the same; a typed one is asked for again.
        """
        return tuple(e.key for e in self.events if isinstance(e, CallEnded) and was_cut(e))

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Every decision of the run, in order."""
        return tuple(e.decision for e in self.events if isinstance(e, Decided))

    @property
    def demoted(self) -> dict[str, str]:
        """The key of each step that came down to a declared lesser goal -> that goal; empty where all went as asked."""
        from orchestra.telemetry.explain import demotions

        return demotions(self.events)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation of the agent that answered, its answer last, without its instructions: what
        ``run(..., history=...)`` goes on with. ``to_json`` of each is its JSON. Of a function, its task and answer.

        Raises: StepFailed unless the status is done; UnknownAgent where a workflow or a topology answered;
        JournalMissing where what was said was not kept.
        """
        unwrap(self.outcome)
        return conversation(self.events)

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
