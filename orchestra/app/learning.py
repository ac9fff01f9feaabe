"""From feedback to what the router knows: off the serving path, idempotent by (decision, source)."""

from __future__ import annotations

import random
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from orchestra.app.means import Means
from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import (
    BadInput,
    BadNumber,
    BudgetExceeded,
    DepsMissing,
    Diverged,
    NotApproved,
    RunClosed,
    StateUnusable,
    UnknownName,
    UnknownRun,
)
from orchestra.core.events import CallEnded, Decided, Dropped, Event, Rewarded
from orchestra.core.outcome import Cancelled, Done, Failed
from orchestra.ports.router import Lesson, Router
from orchestra.ports.store import Entry
from orchestra.routing.sums import add_plain, reward_of
from orchestra.runtime.writer import Writer

RUNTIME = "runtime"
NOT_THE_CHOICES_FAULT = (BudgetExceeded, BadInput, DepsMissing, NotApproved, RunClosed, Diverged, StateUnusable)
RECENT_RUNS = 1000
"""Runs whose events are kept in memory for late feedback where there is no store. Our default."""
Pick = Callable[[Sequence[Event]], Sequence[Decision]]


def checked_reward(reward: float) -> float:
    """Raises BadNumber for anything but a number in [0, 1]."""
    if isinstance(reward, (str, bytes)):
        raise BadNumber(f"reward={reward!r} is no number.", remedy="Give 0 for useless, 1 for right, or between.")
    return float(reward_of(reward))


def used_decisions(events: Iterable[Event]) -> list[Decision]:
    """The decisions that a run's reward goes to.

    Their call ended Done, no join dropped or outvoted it, and it was not inside a call that was cancelled or, being
    an agent or a tool, failed: what such a call had been given went into no answer.
    """
    events = list(events)
    decisions = _decisions(events)
    last = {e.key: e for e in events if isinstance(e, CallEnded)}
    lost = {e.key for e in events if isinstance(e, Dropped)}
    lost |= {e.key for e in last.values() if _lost(e)}
    used = [
        e.decision
        for e in last.values()
        if e.decision and type(e.outcome) is Done and not any(key in lost for key in _and_above(e.key))
    ]
    return [decisions[key] for key in dict.fromkeys(used) if key in decisions]


def _lost(end: CallEnded) -> bool:
    return type(end.outcome) is Cancelled or (type(end.outcome) is Failed and end.kind in ("agent", "tool"))


def _and_above(key: str) -> Iterable[str]:
    while key:
        yield key
        key = key.rpartition("/")[0]


def failed_decisions(events: Sequence[Event], past: Sequence[Event] = ()) -> list[Decision]:
    """The decisions whose call failed by its own fault: they get their own reward of 0.

    ``past`` are the events of the run before it was resumed, where a recalled decision stands.
    """
    decisions = _decisions([*past, *events])
    failures = [
        e.decision
        for e in events
        if isinstance(e, CallEnded)
        and e.decision
        and type(e.outcome) is Failed
        and not any(map(e.outcome.cause.is_a, NOT_THE_CHOICES_FAULT))
    ]
    return [decisions[key] for key in dict.fromkeys(failures) if key in decisions]


def one_decision(key: str, events: Iterable[Event]) -> list[Decision]:
    """Raises UnknownName where the run made no decision of this key."""
    found = _decisions(list(events))
    if key not in found:
        raise UnknownName(f"The run made no decision {key!r}.", remedy="Take a key from result.decisions.")
    return [found[key]]


def _decisions(events: Iterable[Event]) -> dict[str, Decision]:
    return {e.decision.key: e.decision for e in events if isinstance(e, Decided)}


def lessons(decisions: Sequence[Decision], reward: float, source: str, events: Iterable[Event]) -> list[Lesson]:
    """What is new in this feedback: nothing for a repeated value, a correction for another one."""
    before = {(e.key, e.source): e.reward for e in events if isinstance(e, Rewarded)}
    known = [(d, before.get((d.key, source))) for d in decisions]
    return [Lesson(d, reward, old) for d, old in known if old != reward]


class Log(Protocol):
    """Where a run's events can be read, and rewards be added."""

    def read(self, run_id: str, /) -> list[Event]: ...

    def append(self, entries: Sequence[Entry], /) -> None: ...


class Recent:
    """The last runs, in memory: the log of a team without a store."""

    def __init__(self, limit: int = RECENT_RUNS) -> None:
        self._limit = limit
        self._runs: OrderedDict[str, list[Event]] = OrderedDict()

    def keep(self, run_id: str, events: Sequence[Event]) -> None:
        self._runs[run_id] = [*events]
        while len(self._runs) > self._limit:
            self._runs.popitem(last=False)

    def read(self, run_id: str, /) -> list[Event]:
        """Raises UnknownRun."""
        if run_id not in self._runs:
            raise UnknownRun(
                f"No run {run_id!r} is remembered; without state the last {self._limit} of this team are.",
                remedy="Build the team with state='file.db' to keep them all.",
            )
        return [*self._runs[run_id]]

    def append(self, entries: Sequence[Entry], /) -> None:
        for entry in entries:
            self._runs[entry.run_id].append(entry.event)


class Learning:
    """One router, taught by rewards: each value of (decision, source) counts once, whoever gives it how often.

    What was said is written first, then learned, then added to the store's sums. A sum that the store refused is kept
    and handed over again with the next one, or when the team closes. ``choose`` never meets a half-learned state.
    """

    def __init__(self, router: Router, log: Log, writer: Writer | None, now: Callable[[], float]) -> None:
        self._router, self._log, self._writer, self._now = router, log, writer, now
        self._lock = threading.Lock()
        self.means = Means()
        self._unsaved: deque[Mapping[str, Any]] = deque()
        self.loaded = writer is None

    def choose(self, question: Decide, key: str, rng: random.Random) -> Decision:
        with self._lock:
            return self._router.choose(question, key, rng)

    async def load(self) -> None:
        """Takes over what was learned before, once. Raises JournalVersion, StateUnusable, BadDefinition."""
        if self.loaded or self._writer is None:
            return
        store = self._writer.store
        state = await self._writer.call(lambda: store.load_state(self._router.name))
        with self._lock:
            if not self.loaded:
                self._router.load(state)
                self.loaded = True

    async def reward(
        self, run_id: str, pick: Pick, reward: float, source: str, known: Sequence[Event] | None = None
    ) -> int:
        """How many decisions this value is news for; ``known`` are the run's events if they need not be read.

        Raises: UnknownRun, StateUnusable, and what the router says of features that it did not learn on.
        """

        def noted() -> list[Lesson]:
            events = self._log.read(run_id) if known is None else known
            new = lessons(pick(events), reward, source, events)
            at = self._now()
            rows = [Rewarded(one.decision.key, at, reward, source) for one in new]
            if rows:
                self._log.append([Entry(run_id, None, row, False) for row in rows])
            return new

        if self._writer is None:
            with self._lock:
                new = noted()
        else:  # on the writer's thread nothing comes between the reading and the writing
            new = await self._writer.call(noted)
        if new:
            with self._lock:
                self._router.learn(new)
                self.means.learn(new)
                delta = self._router.delta()
            if delta:
                self._unsaved.append(delta)
            await self.save()
        return len(new)

    async def save(self) -> None:
        """Adds to the store what it has not yet. Raises StateUnusable; then it is still to be added."""
        if self._writer is None:
            self._unsaved.clear()
        elif self._unsaved:
            await self._writer.call(self._save)

    def _save(self) -> None:
        assert self._writer is not None
        while self._unsaved:
            self._writer.store.add_state(self._router.name, self._unsaved[0], add_plain)
            self._unsaved.popleft()
