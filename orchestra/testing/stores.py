"""What every store keeps to."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from orchestra.core.decision import Decision, Option
from orchestra.core.errors import UnknownRun
from orchestra.core.events import (
    CallEnded,
    CallStarted,
    Charged,
    Decided,
    Event,
    Filed,
    Recalled,
    Rewarded,
    RunEnded,
    RunStarted,
)
from orchestra.core.outcome import Cause, Done, Failed
from orchestra.core.usage import Usage
from orchestra.ports.store import Entry, Store
from orchestra.testing.laws import check, run_laws

Make = Callable[[], Store]
THREADS, ADDS = 4, 5


def store_laws(make_store: Callable[[], Store], *, seed: int = 0) -> None:
    """Checks a store against the promises of its port: call it from a test, with a function that makes an empty one.

    Events come back as they were, in the order of writing, run by run; ``append`` and ``add_state`` are all or nothing;
    late rows come last; runs are listed newest first; without content no content is kept; what is handed out is a copy;
    sums that several threads add to are complete; a transaction is all or nothing, and nobody writes in between.
    Raises: LawBroken, with the names of the laws.
    """

    def closing(law: Callable[[Store, random.Random], None]) -> Callable[[Make, random.Random], None]:
        def run(make: Make, rng: random.Random) -> None:
            store = make()
            try:
                law(store, rng)
            finally:
                store.close()

        return run

    run_laws("store", {name: closing(law) for name, law in LAWS.items()}, make_store, seed)


def events(rng: random.Random, run: str, count: int = 12) -> list[Event]:
    """A run's events, of every common kind."""
    at = rng.random() * 1e9
    cause = Cause(kind="Overloaded", message="too much \u00e9", family=("ModelError",), remedy="Wait.")
    usage = Usage(nano_usd=rng.randrange(10**12), input_tokens=rng.randrange(99), requests=1)
    output = {"text": "\u00fc \U0001f600 'quoted' \n", "list": [1, 2.5, None, True], "n": rng.randrange(2**53)}
    options = (Option("a", prior=rng.random(), score=0.25, probability=1.0), Option("b", filtered="too dear"))
    decision = Decision(
        key=f"{run}/run/decide:{rng.random()}",
        capability="work",
        policy="p",
        version=3,
        options=options,
        chosen=("a",),
        probability=1.0,
        reason="why not",
        x=(1.0, 0.5),
    )
    kinds: list[Event] = [
        CallStarted("run/a", at, "agent", "a", effect="e", side_effect="mail", input=output),
        CallEnded("run/a", at, "agent", "a", Done(output=output, usage=usage), usage, at, decision=decision.key),
        CallEnded("run/b", at, "tool", "b", Failed(cause=cause, usage=usage, origin="run/b"), usage, at),
        Charged("run/a", at, usage),
        Decided("run/a", at, decision),
        Filed("run/b", at, "escalated", "caller", "b", cause),
        Recalled("run/a", at),
    ]
    started = RunStarted("run", at, run, "m:w", output, rng.randrange(2**31), {"usd": None, "seconds": 3})
    ended = RunEnded("run", at + 1, "done", usage, None, output)
    return [started, *(rng.choice(kinds) for _ in range(count)), *kinds, ended]


def entries(run: str, run_events: list[Event], start: int = 0, content: bool = True) -> list[Entry]:
    return [Entry(run, seq, event, content) for seq, event in enumerate(run_events, start)]


def expect(store: Store, run: str, expected: list[Event], why: str) -> None:
    found = store.read(run)
    check(len(found) == len(expected), f"{why}: {len(found)} events were read, {len(expected)} written")
    for n, (one, other) in enumerate(zip(found, expected, strict=True)):
        check(one == other, f"{why}: event {n} was read as {one}, written as {other}")


def events_come_back_in_order(store: Store, rng: random.Random) -> None:
    run_events = events(rng, "r")
    place = 0
    while place < len(run_events):
        size = rng.randrange(1, 5)
        store.append(entries("r", run_events[place : place + size], place))
        place += size
    expect(store, "r", run_events, "written in several batches")


def runs_are_apart(store: Store, rng: random.Random) -> None:
    one, two = events(rng, "one"), events(rng, "two")
    mixed = [entry for pair in zip(entries("one", one), entries("two", two), strict=True) for entry in pair]
    store.append(mixed)
    expect(store, "one", one, "two runs in one batch")
    expect(store, "two", two, "two runs in one batch")
    try:
        store.read("three")
    except UnknownRun:
        return
    check(False, "a run that was never written was read, instead of UnknownRun")


def without_content_none_is_kept(store: Store, rng: random.Random) -> None:
    store.append(entries("r", events(rng, "r"), content=False))
    for event in store.read("r"):
        inner = event.outcome if isinstance(event, CallEnded) else event
        held = [getattr(inner, name, None) for name in ("arguments", "input", "output")]
        check(held == [None] * 3, f"content was kept of {event}")


def append_is_all_or_nothing(store: Store, rng: random.Random) -> None:
    good = events(rng, "r")
    bad = RunEnded("run", 2.0, "done", Usage(), output=object())
    _refused(lambda: store.append([*entries("r", good), Entry("r", len(good), bad, True)]), "an output without JSON")
    try:
        found = store.read("r")
    except UnknownRun:
        found = []
    check(not found and not store.runs(), "part of a batch that was refused is there")
    store.append(entries("r", good))
    again = [Entry("r", len(good), Recalled("run", 1.0), True), Entry("r", 0, Recalled("run", 1.0), True)]
    _refused(lambda: store.append(again), "a row that is there already")
    expect(store, "r", good, "after a batch was refused")


def late_rows_come_last(store: Store, rng: random.Random) -> None:
    late = [Rewarded("r/d", float(n), rng.random(), "user") for n in range(3)]
    first, second = Recalled("run", 1.0), Recalled("run/a", 2.0)
    store.append([Entry("r", None, late[0], False), Entry("r", 0, first, True)])
    store.append([Entry("r", None, late[1], False), Entry("r", None, late[2], False)])
    store.append([Entry("r", 1, second, True)])
    expect(store, "r", [first, second, *late], "rows without a number")


def runs_are_listed_newest_first(store: Store, rng: random.Random) -> None:
    names = [f"run-{n}" for n in range(5)]
    ats = {name: float(at) for name, at in zip(names, rng.sample(range(100), 5), strict=True)}
    for name, at in ats.items():
        store.append([Entry(name, 0, RunStarted("run", at, name, "m:w", None, 0, {}), True)])
    store.append([Entry(names[0], 1, RunEnded("run", 200.0, "paused", Usage()), True)])
    newest = sorted(names, key=lambda name: -ats[name])
    rows = store.runs()
    check([row.run_id for row in rows] == newest, f"the runs are listed as {[row.run_id for row in rows]}")
    expected = {name: "paused" if name == names[0] else "running" for name in names}
    check({row.run_id: row.status for row in rows} == expected, f"their states are {rows}")
    check([row.run_id for row in store.runs(2)] == newest[:2], "the limit is not kept")


def a_decision_knows_its_run(store: Store, rng: random.Random) -> None:
    for run in ("one", "two"):
        written = events(rng, run)
        store.append(entries(run, written))
        for event in written:
            if isinstance(event, Decided):
                found = store.run_of(event.decision.key)
                check(found == run, f"a decision of {run!r} is said to be of {found!r}")
    check(store.run_of("nobody's") is None, "a decision that was never written has a run")


def state_is_the_sum_of_its_deltas(store: Store, rng: random.Random) -> None:
    total: dict[str, dict[str, int]] = {}
    for _ in range(8):
        delta = {name: {"n": rng.randrange(9)} for name in rng.sample("abc", rng.randrange(4))}
        for name, change in delta.items():
            total[name] = _added(total.get(name), change)
        store.add_state("p", delta, _added)
    check(store.load_state("p") == total, f"the state is {store.load_state('p')}, the sum {total}")
    check(store.load_state("q") == {}, "one policy's state shows in another's")


def add_state_is_all_or_nothing(store: Store, rng: random.Random) -> None:
    store.add_state("p", {"a": {"n": 1}}, _added)
    failing = rng.randrange(1, 3)
    calls = 0

    def add(old: Any, delta: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > failing:
            raise ValueError("refused on purpose")
        return _added(old, delta)

    _refused(lambda: store.add_state("p", {"a": {"n": 5}, "b": {"n": 5}, "c": {"n": 5}}, add), "an error in add")
    check(store.load_state("p") == {"a": {"n": 1}}, f"after an error in add the state is {store.load_state('p')}")


def no_sum_is_lost_between_threads(store: Store, rng: random.Random) -> None:
    def slowly(old: Any, delta: Any) -> Any:
        time.sleep(0.0005)  # long enough for another thread to come between
        return _added(old, delta)

    errors: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(ADDS):
                store.add_state("p", {"a": {"n": 1}}, slowly)
        except Exception as error:
            errors.append(error)

    store.add_state("p", {"a": {"n": rng.randrange(1)}}, _added)
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not errors, f"add_state of several threads raised {errors}")
    found = store.load_state("p")["a"]["n"]
    check(found == THREADS * ADDS, f"{THREADS * ADDS} were added by several threads, {found} are there")


def what_is_handed_out_is_a_copy(store: Store, rng: random.Random) -> None:
    written = events(rng, "r")
    store.append(entries("r", written))
    store.add_state("p", {"a": {"n": 1}}, _added)
    store.read("r").clear()
    for event in store.read("r"):
        if isinstance(event, RunStarted):
            event.arguments["text"] = "changed"
    store.load_state("p")["a"]["n"] = 7
    expect(store, "r", written, "after a reader changed what it was given")
    check(store.load_state("p") == {"a": {"n": 1}}, "the state changed with what a reader was given")


def a_transaction_is_all_or_nothing(store: Store, rng: random.Random) -> None:
    started = RunStarted("run", 1.0, "r", "m:w", None, rng.randrange(9), {})
    store.append([Entry("r", 0, started, True)])
    store.add_state("p", {"a": {"n": 1}}, _added)
    reward = Rewarded("r/d", 2.0, rng.random(), "user")

    def work(fail: bool) -> None:
        with store.transaction():
            store.append([Entry("r", None, reward, False), Entry("s", 0, started, True)])
            store.add_state("p", {"a": {"n": 2}, "b": {"n": 2}}, _added)
            check(store.read("r")[-1] == reward, "what a transaction wrote does not show inside it")
            if fail:
                raise ValueError("refused on purpose")

    _refused(lambda: work(True), "an error in a transaction")
    expect(store, "r", [started], "after an error in a transaction")
    check(store.load_state("p") == {"a": {"n": 1}}, f"after an error in a transaction: {store.load_state('p')}")
    check([row.run_id for row in store.runs()] == ["r"], "a run that was begun in a transaction that failed is listed")
    work(False)
    expect(store, "r", [started, reward], "after a transaction")
    check(store.load_state("p") == {"a": {"n": 3}, "b": {"n": 2}}, f"after a transaction: {store.load_state('p')}")


def nobody_writes_between_in_a_transaction(store: Store, rng: random.Random) -> None:
    store.append([Entry("r", 0, Recalled("run", rng.random()), True)])
    errors: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(ADDS):
                with store.transaction():
                    told = len(store.read("r"))
                    time.sleep(0.0005)
                    store.append([Entry("r", None, Rewarded("r/d", float(told), 0.5, "user"), False)])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not errors, f"transactions of several threads raised {errors}")
    told = [int(event.at) for event in store.read("r") if isinstance(event, Rewarded)]
    check(told == list(range(1, THREADS * ADDS + 1)), f"somebody wrote between: {told} were counted")


def _added(old: Any, delta: Any) -> Any:
    return {"n": (old or {"n": 0})["n"] + delta["n"]}


def _refused(work: Callable[[], None], what: str) -> None:
    try:
        work()
    except Exception:
        return
    check(False, f"{what} was taken without an error")


LAWS: dict[str, Callable[[Store, random.Random], None]] = {
    law.__name__: law
    for law in (
        events_come_back_in_order,
        runs_are_apart,
        without_content_none_is_kept,
        append_is_all_or_nothing,
        late_rows_come_last,
        runs_are_listed_newest_first,
        a_decision_knows_its_run,
        state_is_the_sum_of_its_deltas,
        add_state_is_all_or_nothing,
        no_sum_is_lost_between_threads,
        what_is_handed_out_is_a_copy,
        a_transaction_is_all_or_nothing,
        nobody_writes_between_in_a_transaction,
    )
}
