"""From feedback to what the router knows: off the serving path, idempotent by (decision, source)."""

from __future__ import annotations

import math
import random
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from orchestra.app.embedding import Marks
from orchestra.app.means import Means
from orchestra.app.serving import keep, kept
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
from orchestra.core.events import CallEnded, Decided, Dropped, Event, Rewarded, Withheld
from orchestra.core.outcome import Cancelled, Done, Failed
from orchestra.core.usage import ZERO, Usage
from orchestra.graph.route import POLICY as CHEAPEST_PATH
from orchestra.ports.router import Lesson, Router
from orchestra.ports.store import Entry
from orchestra.routing.rewards import Rewards, told_of, was_withheld
from orchestra.routing.state.sums import reward_of
from orchestra.runtime.execute import ROOT
from orchestra.runtime.writer import Writer

RUNTIME = "runtime"
NOT_THE_CHOICES_FAULT = (BudgetExceeded, BadInput, DepsMissing, NotApproved, RunClosed, Diverged, StateUnusable)
RECENT_RUNS = 1000
"""Runs whose events are kept in memory for late feedback where there is no store. Our default."""
BATCH = 100
"""How many rewards are learned in one transaction at most. Our default."""
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
            if entry.run_id in self._runs:  # a run that is forgotten has nowhere to write
                self._runs[entry.run_id].append(entry.event)


@dataclass(slots=True, kw_only=True, eq=False)
class Feedback:
    """A reward on its way to the decisions of a run that ``pick`` names. ``reward`` None: ``why`` there is none.

    Once it was its turn, ``news`` is for how many decisions it was news, or ``error`` says what was wrong with it.
    """

    run_id: str
    pick: Pick
    reward: float | None
    source: str
    confidence: float = 1.0
    why: str = ""
    known: Sequence[Event] | None = None
    news: int = 0
    error: Exception | None = None

    def rows(self, events: Sequence[Event], at: float, rewards: Rewards) -> tuple[list[Event], list[Lesson]]:
        """What is to be written and what to be learned; nothing for a repeated value, a correction for another one.

        Raises what ``pick`` raises.
        """
        if self.reward is None:
            return [Withheld(ROOT, at, self.source, self.why)], []
        rows: list[Event] = []
        lessons: list[Lesson] = []
        refusal = rewards.refusal(self.source, self.confidence)
        for decision in self.pick(events):
            if refusal is not None:
                row = Withheld(decision.key, at, self.source, refusal, self.reward)
                rows += [] if was_withheld(row, events) else [row]
                continue
            sources, before = told_of(decision.key, events, rewards)
            if sources.get(self.source) == self.reward:
                continue
            now = rewards.value({**sources, self.source: self.reward}, rewards.spent(decision, events))
            rows.append(Rewarded(decision.key, at, self.reward, self.source, None if now == self.reward else now))
            if now != before:
                lessons.append(Lesson(decision, now, before))
        return rows, lessons


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """Where a team's rewards went since it was made: how many wait in the ``queue``, how many were ``learned``, and how
    many were not: ``withheld`` by reason, ``dropped`` because the queue was full, ``failed`` with the error's name (a
    reward, the reading of what others learned, or an evaluator). ``judged`` is what its judges used.
    """

    queued: int = 0
    learned: int = 0
    withheld: Mapping[str, int] = field(default_factory=dict[str, int])
    dropped: int = 0
    failed: Mapping[str, int] = field(default_factory=dict[str, int])
    judged: Usage = ZERO


class Learning:
    """One router, taught by rewards: each value of (decision, source) counts once, whoever gives it how often.

    Rewards wait in a queue and are learned in the order in which they came, many at a time where many wait. What was
    said and what was learned of it are written in one transaction, in which nobody else writes. Where the store refuses
    it, none of it stands, and it is tried again with the next reward, or when the team closes. ``choose`` never meets a
    half-learned state. Without a store there is no transaction and nothing to refuse.
    """

    def __init__(
        self,
        router: Router,
        log: Log,
        writer: Writer | None,
        now: Callable[[], float],
        rewards: Rewards | None = None,
        marks: Marks | None = None,
    ) -> None:
        self._router, self._log, self._writer, self._now = router, log, writer, now
        self.rewards, self._marks = rewards or Rewards(), marks
        self._lock = threading.Lock()
        self._working = threading.Lock()
        self.means = Means()
        self._queue: deque[Feedback] = deque()
        self._kept: list[Feedback] = []
        self._stale = False
        self._read_at = -math.inf
        self.loaded = writer is None
        self.learned = self.dropped = 0
        self.withheld: Counter[str] = Counter()

    def choose(self, question: Decide, key: str, rng: random.Random) -> Decision:
        with self._lock:
            return self._router.choose(question, key, rng)

    def __len__(self) -> int:
        return len(self._queue) + len(self._kept)

    async def load(self) -> None:
        """Takes over what was learned before, once. Raises JournalVersion, StateUnusable, BadDefinition."""
        if not self.loaded and self._writer is not None:
            await self._writer.call(self._read_once)

    @property
    def due(self) -> bool:
        """Whether it is time to read what others have learned."""
        return self._writer is not None and self.loaded and self._now() - self._read_at >= self.rewards.refresh_s

    async def refresh(self) -> None:
        """Takes over what all processes have learned. Raises as ``load``."""
        if self._writer is not None:
            self._read_at = self._now()  # who asks meanwhile need not do it too
            await self._writer.call(self._read)

    def offer(self, feedback: Feedback) -> bool:
        """Puts it last in the queue; False, and counted, where that is full."""
        if len(self) >= self.rewards.queue:
            self.dropped += 1
            return False
        self._queue.append(feedback)
        return True

    async def reward(
        self, run_id: str, pick: Pick, reward: float, source: str, known: Sequence[Event] | None = None
    ) -> int:
        """How many decisions this value is news for, once it is learned and written; ``known`` are the run's events if
        the log may not have them. It always finds room: its caller waits.

        Raises: UnknownRun, StateUnusable, and what the router says of features that it did not learn on.
        """
        feedback = Feedback(run_id=run_id, pick=pick, reward=reward, source=source, known=known)
        self._queue.append(feedback)
        await self.drain()
        if feedback.error is not None:
            raise feedback.error
        return feedback.news

    async def drain(self) -> None:
        """Returns when all that was in the queue had its turn."""
        if self._writer is None:
            self._work()
        else:
            await self._writer.call(self._work)

    async def save(self) -> None:
        """Has everything learned that still waits. Raises what the store raises; then it still waits."""
        if len(self):
            await self.drain()
        if self._kept:
            raise self._kept[0].error or AssertionError

    def _work(self) -> None:
        with self._working:
            again, self._kept = self._kept, []
            for feedback in again:
                self._one_by_one([feedback])
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                try:
                    self._learn(batch)
                except Exception:
                    self._one_by_one(batch)

    def _one_by_one(self, batch: Sequence[Feedback]) -> None:
        """One that cannot be written must not take the others with it."""
        for feedback in batch:
            try:
                self._learn([feedback])
            except Exception as error:
                feedback.error = error
                self._kept.append(feedback)

    def _learn(self, batch: Sequence[Feedback]) -> None:
        """All of it, or nothing: then this raises."""
        store = self._writer.store if self._writer is not None else None
        try:
            with store.transaction() if store is not None else nullcontext():
                if self._stale:
                    self._read()
                told = [self._tell(feedback) for feedback in batch]
                with self._lock:
                    delta = self._router.delta()
                if store is not None and delta:
                    keep(store, self._router, delta)
                    if self._marks is not None:
                        self._marks.add(store, [lesson for _, lessons in told for lesson in lessons])
        except BaseException:
            self._undo()
            raise
        for rows, lessons in told:
            self.means.learn(lessons)
            self.learned += len(lessons)
            self.withheld.update(row.why for row in rows if isinstance(row, Withheld))
        for feedback, (rows, _) in zip(batch, told, strict=True):
            feedback.news = sum(isinstance(row, Rewarded) for row in rows)

    def _tell(self, feedback: Feedback) -> tuple[list[Event], list[Lesson]]:
        """Learns and writes one reward. What is wrong with itself is its ``error``; what the store raises is raised."""
        feedback.error = None
        try:
            events: Sequence[Event] = self._log.read(feedback.run_id)
        except UnknownRun as error:
            if feedback.known is None:
                feedback.error = error
                return [], []
            events = feedback.known
        try:
            rows, lessons = feedback.rows(events, self._now(), self.rewards)
            # A cheapest path was no router's choice, and has no features to learn on.
            if taught := [lesson for lesson in lessons if lesson.decision.policy != CHEAPEST_PATH]:
                with self._lock:
                    self._router.learn(taught)
        except Exception as error:
            feedback.error = error
            return [], []
        if rows:
            self._log.append([Entry(feedback.run_id, None, row, False) for row in rows])
        return rows, lessons

    def _undo(self) -> None:
        """The router has learned what was not written: what was written is read again before it learns more."""
        with self._lock:
            self._router.delta()
        self._stale = self._writer is not None

    def _read_once(self) -> None:
        if not self.loaded:
            self._read()

    def _read(self) -> None:
        assert self._writer is not None
        if self._marks is not None:
            self._marks.check(self._writer.store)
        state = kept(self._writer.store, self._router)
        with self._lock:
            self._router.load(state)
        self.loaded, self._stale, self._read_at = True, False, self._now()
