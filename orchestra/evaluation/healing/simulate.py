"""Runs of one item side by side without an event loop: a queue of what happens when, on a clock of its own."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from orchestra.core.call import Call, ModelName, Plan
from orchestra.core.errors import AuthFailed
from orchestra.core.outcome import Done, Failed, Outcome, cause_of
from orchestra.evaluation.healing.faults import Ended
from orchestra.evaluation.healing.item import Item
from orchestra.evaluation.healing.watch import Watch
from orchestra.ports.model import Reply

MOST_EVENTS = 100_000


@dataclass(slots=True)
class Course:
    """A run under way. ``filed`` are the records that a runtime would have written."""

    name: str
    watch: Watch
    plan: Plan
    calls: int = 0
    filed: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Pending:
    """A call under way: what it will end with."""

    course: Course
    call: Call
    ended: Ended
    began: float


def simulate(item: Item) -> None:
    """All runs of the item to their ends, with its edits in between. Raises Violation."""
    _Simulation(item).run()


class _Simulation:
    def __init__(self, item: Item) -> None:
        self.item = item
        self.queue: list[tuple[float, int, Any]] = []
        self.count = 0

    def run(self) -> None:
        item = self.item
        for number in range(item.runs):
            self._at(item.rng.choice((0.0, item.rng.uniform(0.0, 90.0))), number)
        for _ in range(item.edits):
            self._at(item.rng.uniform(0.0, 30.0), None)
        while self.queue:
            at, _, what = heapq.heappop(self.queue)
            item.hands.at = at
            if what is None:
                item.edit()
            elif isinstance(what, Pending):
                self._end(what)
            else:
                watch, plan = item.begun()
                self._step(Course(f"r{what}", watch, plan), None)
            if self.count > MOST_EVENTS:
                raise AssertionError("it does not end")
        item.finished()

    def _at(self, at: float, what: Any) -> None:
        self.count += 1
        heapq.heappush(self.queue, (at, self.count, what))

    def _step(self, course: Course, sent: Any) -> None:
        """Lets the plan go on until it waits for a call or has ended."""
        while True:
            try:
                batch = course.plan.send(sent)
            except StopIteration as stop:
                self._over(course, stop.value)
                return
            for filing in batch.filings:
                course.filed[filing.origin] += 1
            if not batch.calls:
                sent = ()
                continue
            (call,) = batch.calls
            self._begin(course, call)
            return

    def _begin(self, course: Course, call: Call) -> None:
        item = self.item
        course.calls += 1
        if isinstance(call.target, ModelName):
            ended = Ended(AuthFailed("no key") if item.model_fails else None, False, 0.1)
        else:
            ended = item.called(call.target.name)
            if ended.acted:
                course.watch.act(course.watch.version.vertex_to_node[course.watch.ahead[0]])
        self._at(item.hands.at + ended.seconds, Pending(course, call, ended, item.hands.at))

    def _end(self, pending: Pending) -> None:
        item, course, ended, call = self.item, pending.course, pending.ended, pending.call
        at, outcome = item.hands.at, self._outcome(pending)
        if not isinstance(call.target, ModelName):
            if ended.limit_s:
                item.health.limit(call.target.name, at + ended.limit_s)
            else:
                item.health.seen(call.target.name, ended.error is None, at - pending.began, at)
        self._step(course, (outcome,))

    def _outcome(self, pending: Pending) -> Outcome:
        course, error = pending.course, pending.ended.error
        if error is None:
            model = isinstance(pending.call.target, ModelName)
            return Done(output=Reply(text="asked") if model else "done")
        return Failed(cause=cause_of(error), origin=f"{course.name}/{course.calls}")

    def _over(self, course: Course, value: Any) -> None:
        if isinstance(value, Failed) and value.origin and not value.filed:
            course.filed[value.origin] += 1
        course.watch.close(course.filed)
