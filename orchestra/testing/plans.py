"""What every plan keeps to."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from orchestra.core.call import Batch, Call, ModelName, OneOf, Plan
from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import NoProvider, Overloaded
from orchestra.core.ids import canonical
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, cause_of
from orchestra.ports.model import Reply
from orchestra.testing.laws import check, run_laws

Answer = Callable[[Call], Any]
MOST_BATCHES = 1000


def answer_of(call: Call) -> Any:
    """What a call's Done holds by default: a reply of a model, the first option of a decision, otherwise a text."""
    target = call.target
    if isinstance(target, (ModelName, OneOf)):
        return Reply(text="ok")
    if isinstance(target, Decide):
        return Decision(
            key="run/decide",
            capability=target.capability,
            policy="first",
            version=1,
            options=target.options,
            chosen=tuple(option.name for option in target.eligible[:1]),
            probability=1.0,
        )
    return "ok"


class Subject(NamedTuple):
    make: Callable[[], Plan]
    answer: Answer


def plan_laws(make_plan: Callable[[], Plan], *, answer: Answer = answer_of, seed: int = 0) -> None:
    """Checks a plan against what the runtime relies on: call it from a test, with a function that makes it anew.

    A plan is a generator of well-formed batches; sent the same outcomes, it asks for the same again, which replay
    needs; it ends, whatever succeeds and fails; a failed call is a value and no exception; no failure is filed twice,
    or under a key that nobody sent; it lets itself be closed at any point. ``answer`` gives the output of a call that
    succeeds; calls then fail or succeed by chance.
    Raises: LawBroken, with the names of the laws.
    """
    run_laws("plan", LAWS, Subject(make_plan, answer), seed)


@dataclass(slots=True)
class Course:
    """One way that a plan took: its batches, the failures that were sent to it, and how it ended."""

    answer: Answer
    rng: random.Random
    failing: float
    batches: list[Batch] = field(default_factory=list)
    sent: list[tuple[Outcome, ...]] = field(default_factory=list)
    ended: Any = None
    error: Exception | None = None

    def take(self, plan: Plan, most: int = MOST_BATCHES) -> bool:
        """Whether the plan ended within so many batches."""
        outcomes: tuple[Outcome, ...] | None = None
        for _ in range(most + 1):
            try:
                batch = next(plan) if outcomes is None else plan.send(outcomes)
            except StopIteration as stop:
                self.ended = stop.value
                return True
            except Exception as error:
                self.error = error
                return True
            check(isinstance(batch, Batch), f"it yielded a {type(batch).__name__}, no Batch")
            outcomes = self._performed(batch)
            self.batches.append(batch)
            self.sent.append(outcomes)
        return False

    def _performed(self, batch: Batch) -> tuple[Outcome, ...]:
        made: list[Outcome] = []
        done = failures = 0
        for place, call in enumerate(batch.calls):
            if (batch.done is not None and done >= batch.done) or (batch.failed and failures >= batch.failed):
                made.append(Cancelled())
            elif self.rng.random() < self.failing:
                failures += 1
                error = self.rng.choice((Overloaded("as told"), NoProvider("as told"), ValueError("as told")))
                made.append(Failed(cause=cause_of(error), origin=f"run/{len(self.batches)}/{place}"))
            else:
                done += 1
                made.append(Done(output=self.answer(call)))
        return tuple(made)


def courses(subject: Subject, rng: random.Random) -> Generator[tuple[Course, bool], None, None]:
    for failing in (0.0, 0.3, 0.7, 1.0):
        course = Course(subject.answer, random.Random(rng.random()), failing)
        yield course, course.take(subject.make())


def batches_are_well_formed(subject: Subject, rng: random.Random) -> None:
    for course, _ in courses(subject, rng):
        before, keyed = 0, set[str]()
        for batch in course.batches:
            n = len(batch.calls)
            check(bool(n or batch.filings or batch.outvoted or batch.dropped), "a batch of nothing")
            check(all(isinstance(call, Call) for call in batch.calls), f"a batch of {batch.calls}")
            for name, limit in (("done", batch.done), ("failed", batch.failed)):
                check(limit is None or 1 <= limit <= n, f"{name}={limit} in a batch of {n} calls")
            check(batch.at_once is None or batch.at_once >= 1, f"at_once={batch.at_once}: nothing could run")
            keys = [call.key for call in batch.calls if call.key is not None]
            check(len(set(keys)) == len(keys), f"two calls of one batch have one key: {sorted(keys)}")
            check(all(0 <= place < before for place in batch.outvoted), f"outvoted={batch.outvoted} of {before} calls")
            check(keyed >= set(batch.dropped), f"dropped={batch.dropped}, and it made no such calls before")
            for call in batch.calls:
                described(call)
            keyed |= set(keys)
            before = n


def it_is_deterministic(subject: Subject, rng: random.Random) -> None:
    state = random.getstate()
    try:
        for failing in (0.0, 0.5, 1.0):
            seed, ways = rng.random(), []
            for n in range(3):
                random.seed(n)
                course = Course(subject.answer, random.Random(seed), failing)
                course.take(subject.make(), 50)
                ways.append(([shape(batch) for batch in course.batches], repr(course.ended)))
            for batches, ended in ways[1:]:
                check(batches == ways[0][0], f"sent the same, it asked {batches} and before {ways[0][0]}")
                check(ended == ways[0][1], f"sent the same, it ended with {ended} and before {ways[0][1]}")
    finally:
        random.setstate(state)


def it_ends(subject: Subject, rng: random.Random) -> None:
    for course, ended in courses(subject, rng):
        check(ended, f"it has not ended after {MOST_BATCHES} batches with {course.failing:.0%} failures")


def a_failure_is_a_value(subject: Subject, rng: random.Random) -> None:
    for course, _ in courses(subject, rng):
        error = course.error
        check(error is None, f"with {course.failing:.0%} failures it raised {type(error).__name__}: {error}")


def a_failure_is_filed_once(subject: Subject, rng: random.Random) -> None:
    for course, _ in courses(subject, rng):
        known: set[str] = set()
        filed: set[str] = set()
        for batch, outcomes in zip(course.batches, course.sent, strict=True):
            for filing in batch.filings:
                check(filing.origin in known, f"{filing} is of a failure that it was not sent")
                check(filing.origin not in filed, f"{filing} is the second of its failure")
                filed.add(filing.origin)
            known |= {outcome.origin for outcome in outcomes if isinstance(outcome, Failed)}
        if isinstance(course.ended, Failed) and course.ended.origin in filed:
            check(course.ended.filed, f"it ended with the failure of {course.ended.origin}, which it had filed")


def it_can_be_closed(subject: Subject, rng: random.Random) -> None:
    for after in range(6):
        plan = subject.make()
        Course(subject.answer, random.Random(rng.random()), 0.3).take(plan, after)
        try:
            plan.close()
        except Exception as error:
            check(False, f"closed after {after + 1} batches, it raised {type(error).__name__}: {error}")
        check(next(plan, None) is None, f"closed after {after + 1} batches, it goes on")


def shape(batch: Batch) -> tuple[Any, ...]:
    calls = tuple(described(call) for call in batch.calls)
    return calls, batch.done, batch.failed, batch.filings, batch.outvoted, batch.dropped, batch.at_once


def described(call: Call) -> tuple[Any, ...]:
    """What a call's key and its replay depend on. Raises NotSerialisable for an input without a JSON form."""
    target = call.target
    who = target if isinstance(target, (str, Decide)) else getattr(target, "name", target)
    if isinstance(target, OneOf):
        who = (target.label, *target.models)
    return type(target).__name__, who, canonical(call.input), replace(call, target=None, input=None)


LAWS = {
    law.__name__: law
    for law in (
        batches_are_well_formed,
        it_is_deterministic,
        it_ends,
        a_failure_is_a_value,
        a_failure_is_filed_once,
        it_can_be_closed,
    )
}
