"""Drives plans without an event loop: every call is answered by a function, every record is kept."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestra.core.call import Batch, Call, Filing, Plan
from orchestra.core.decision import Decision
from orchestra.core.errors import NoProvider
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.graph.attempt import Candidate

Answer = Callable[[Call], Outcome]


@dataclass(slots=True)
class Driver:
    """What a runtime does as far as plans can tell: failures get their call's key, what is left over is filed.

    ``calls`` are (key, call) in order, ``failures`` the keys of those that failed, ``records`` every filing.
    """

    answer: Answer
    calls: list[tuple[str, Call]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    records: list[Filing] = field(default_factory=list)

    def run(self, plan: Plan) -> Outcome:
        sent: tuple[Outcome, ...] | None = None
        while True:
            try:
                batch = next(plan) if sent is None else plan.send(sent)
            except StopIteration as stop:
                return self._ended(stop.value)
            sent = self._performed(batch)

    def _performed(self, batch: Batch) -> tuple[Outcome, ...]:
        self.records += batch.filings
        return tuple(self._called(call) for call in batch.calls)

    def _called(self, call: Call) -> Outcome:
        key = f"{len(self.calls)}/{getattr(call.target, 'name', call.target)}"
        self.calls.append((key, call))
        outcome = self.answer(call)
        if not isinstance(outcome, Failed):
            return outcome
        self.failures.append(key)
        return replace(outcome, origin=key)

    def _ended(self, value: Any) -> Outcome:
        outcome: Outcome = value
        if isinstance(outcome, Failed) and not outcome.filed and outcome.origin:
            self.records.append(Filing(origin=outcome.origin, how="escalated", to="caller"))
            return replace(outcome, filed=True)
        return outcome

    @property
    def names(self) -> list[str]:
        """The targets of all calls, in order."""
        return [str(getattr(call.target, "name", call.target)) for _, call in self.calls]


def decision(*chosen: str, key: str = "d") -> Decision:
    return Decision(key=key, capability="c", policy="first", version=1, options=(), chosen=chosen, probability=1.0)


def first_standing(
    standing: Sequence[Candidate], failure: Failed | None
) -> Generator[Batch, tuple[Outcome, ...], Decision | Failed]:
    """The simplest decider: asks nobody and takes the first."""
    yield from ()
    return decision(standing[0].name) if standing else failed(NoProvider("nobody is left"))


def echo(call: Call) -> Outcome:
    return Done(output=call.target.name)
