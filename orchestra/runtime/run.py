"""One run: what it shares with the team, what it has done, what its journal remembers."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from orchestra.core.call import Filing
from orchestra.core.catalog import Catalog, Node
from orchestra.core.clock import Clock
from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BudgetExceeded
from orchestra.core.events import CallEnded, CallStarted, Charged, Decided, Event, Filed
from orchestra.core.outcome import Cause, Done, Failed, Outcome
from orchestra.core.usage import ZERO, Usage
from orchestra.ports.binder import Binder
from orchestra.ports.guard import Guard
from orchestra.ports.health import Health
from orchestra.ports.model import Models
from orchestra.ports.prices import Prices
from orchestra.ports.sink import Sink
from orchestra.ports.store import Codec
from orchestra.runtime.effects import Effects, below
from orchestra.runtime.writer import Writer

GRACE_S = 1.0
"""How long the end of a run waits for the calls that it cancels. Our default."""

NODES = frozenset({"agent", "tool", "workflow", "model"})
"""The kinds of calls that are a node's own, unlike those that bind or plan."""
PATHS = frozenset({"bind", "plan", "route"})

Body = Callable[[Any, Any], Awaitable[Outcome]]
"""(scope of the call, call) -> its outcome."""
Choose = Callable[[Decide, str, random.Random], Decision]
Around = Callable[[str, str], Any]
"""(run id, key) -> a context manager that makes the call's span current around user code and requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all runs of a team share, as ports. ``journal`` is whether each finished call is committed before code
    goes on.
    """

    models: Models
    prices: Prices
    binder: Binder
    choose: Choose
    health: Health
    codec: Codec
    clock: Clock
    writer: Writer | None = None
    journal: bool = False
    content: bool = False
    sinks: tuple[Sink, ...] = ()
    around: Around | None = None
    native: bool = True


def written_down(question: Decide, key: str) -> Decision:
    """The decision of a question that holds its answer."""
    return Decision(
        key=key,
        capability=question.capability,
        policy=question.policy,
        version=1,
        options=question.options,
        chosen=question.chosen,
        probability=question.probability,
        reason=question.reason,
        x=question.x,
        marks=question.marks,
        budget_left_nano=question.budget_left_nano,
        because=question.because,
        previous=question.previous,
        step=question.step,
    )


@dataclass(slots=True, kw_only=True)
class Run:
    """``past`` are the events of the run that is resumed or replayed; ``mode`` is live, resume or replay. ``guard``
    stands before every node. ``status`` is that of the run if its first call ends done.

    ``bodies`` says how each kind of target is run, ``met`` which nodes were called, by name. ``known`` is what is
    finished, in the past or in this run, ``used`` what this run has settled. ``late`` holds what a call ended with that
    was cancelled on its way back, ``key_to_doer`` which node did what is done.
    """

    id: str
    services: Services
    catalog: Catalog
    bodies: Mapping[type, Body]
    perform: Callable[[Any, Any, tuple[str, ...]], Awaitable[tuple[Outcome, ...]]]
    seed: int = 0
    deps: Any = None
    mode: str = "live"
    past: Sequence[Event] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)
    extra_sinks: tuple[Sink, ...] = ()
    guard: Guard | None = None
    status: str = "done"
    events: list[Event] = field(default_factory=list)
    open: dict[str, tuple[str, Cause]] = field(default_factory=dict)
    live: set[anyio.CancelScope] = field(default_factory=set)
    effects: Effects = field(default_factory=Effects)
    met: dict[str, Node] = field(default_factory=dict)
    known: dict[str, Outcome] = field(default_factory=dict)
    late: dict[str, Outcome] = field(default_factory=dict)
    key_to_doer: dict[str, str] = field(default_factory=dict)
    used: Usage = ZERO
    closed: bool = False
    idle: anyio.Event | None = None
    on_asyncio: bool = False
    _seq: int = 0

    def __post_init__(self) -> None:
        self._seq = len(self.past)
        lasts: dict[str, str] = {}
        for event in self.past:
            if isinstance(event, CallEnded):
                self.known[event.key] = event.outcome
                doer = event.name if event.kind in NODES else lasts.get(event.key)
                if type(event.outcome) is Done and event.kind in NODES | PATHS and doer is not None:
                    self.key_to_doer[event.key] = lasts[event.key.rpartition("/")[0]] = doer
                if event.side_effect:
                    self.effects.ended(event.side_effect, event.effect or event.key, event.name, event.outcome)
            elif isinstance(event, Decided):
                self.known[event.key] = Done(output=event.decision)
            elif isinstance(event, CallStarted) and event.side_effect:
                self.effects.started(event.side_effect, event.effect or event.key, event.name)
        if self.past:
            self.effects.remember()

    def now(self) -> float:
        return self.services.clock.now()

    def emit(self, event: Event) -> None:
        """Into the run's table, the journal's queue and the sinks. Never blocks."""
        self.events.append(event)
        services = self.services
        if services.writer is not None:
            services.writer.put(self.id, self._seq, event, services.content)
        self._seq += 1
        for sink in services.sinks:
            sink(self.id, event)
        for sink in self.extra_sinks:
            sink(self.id, event)

    def show(self, event: Event) -> None:
        """To those who watch this run alone: nothing of it is kept."""
        for sink in self.extra_sinks:
            sink(self.id, event)

    async def commit(self) -> None:
        """Returns when all that was emitted is durable; at once without a journal."""
        if self.services.journal and self.services.writer is not None:
            await self.services.writer.flush(self.id)

    async def drain(self) -> None:
        """Returns when all that was emitted is written, with a journal or not. Raises what the store raised."""
        if self.services.writer is not None:
            await self.services.writer.flush(self.id)

    def recall(self, key: str) -> Outcome | None:
        """What the journal holds for a key: a resume reuses only Done, a replay everything."""
        outcome = self.known.get(key)
        if outcome is None or (self.mode == "resume" and type(outcome) is not Done):
            return None
        return outcome

    def charged(self, prefix: str) -> Usage:
        """What the past run settled below a key."""
        total = ZERO
        for event in self.past:
            if isinstance(event, Charged) and (event.key == prefix or event.key.startswith(prefix + "/")):
                total = total + event.usage
        return total

    def choose(self, question: Decide, key: str, rng: random.Random) -> Decision:
        if question.policy:
            decision = written_down(question, f"{self.id}/{key}")
        else:
            decision = self.services.choose(question, f"{self.id}/{key}", rng)
        self.emit(Decided(key, self.now(), decision))
        return decision

    def failure(self, failed: Failed, key: str, name: str) -> Failed:
        """Notes a new failure as open, under the key where it began."""
        if failed.origin or failed.filed:
            return failed
        self.open[key] = (name, failed.cause)
        return Failed(cause=failed.cause, usage=failed.usage, origin=key, detour=failed.detour)

    def file(self, filing: Filing, by: str = "") -> None:
        """Writes the record; a second one for the same failure is not written. ``by`` is the key of who files it."""
        origin = filing.origin or by
        entry = self.open.pop(filing.origin, None)
        if entry is None and not filing.origin and filing.cause is not None:
            entry = (by.rpartition("/")[2].partition(":")[0], filing.cause)
        if entry is not None:
            self.emit(Filed(origin, self.now(), filing.how, filing.to, *entry, filing.detour))

    def lesser(self, key: str) -> str | None:
        """The lesser goal that this step had come down to, and was at work on or done with, when the run ended."""
        found = None
        for event in self.past if self.mode == "resume" else ():
            if isinstance(event, Filed) and event.how == "demoted" and below(event.key, key):
                goal = f"{key}/goal:{event.to}"
                if not self.effects.failed(goal, self.known.get(goal)) and any(below(e.key, goal) for e in self.past):
                    found = event.to
        return found

    def escalate(self, outcome: Outcome) -> Outcome:
        """At the door to user code: a failure without a record gets its last one."""
        if type(outcome) is not Failed or outcome.filed:
            return outcome
        to = "budget" if outcome.cause.is_a(BudgetExceeded) else "caller"
        self.file(Filing(origin=outcome.origin, how="escalated", to=to, detour=outcome.detour))
        return Failed(cause=outcome.cause, usage=outcome.usage, origin=outcome.origin, filed=True)

    def tolerate(self, below: Iterable[str]) -> None:
        """Failures below these keys were not needed by their join."""
        if self.open:
            for key in below:
                for origin in [o for o in self.open if o == key or o.startswith(key + "/")]:
                    self.file(Filing(origin=origin, how="tolerated", to="join"))

    async def close(self) -> None:
        """Cancels what still runs, gives it a moment to end, and files what is still open."""
        self.closed = True
        if self.live:
            self.idle = anyio.Event()
            for scope in list(self.live):
                scope.cancel()
            with anyio.move_on_after(GRACE_S, shield=True):
                await self.idle.wait()
        for origin, (_, cause) in list(self.open.items()):
            to = "budget" if cause.is_a(BudgetExceeded) else "caller"
            self.file(Filing(origin=origin, how="escalated", to=to))
