"""What every store and every row keeps to."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core import events as vocabulary
from orchestra.core.decision import Decision, Option
from orchestra.core.errors import NotSerialisable, StateUnusable, UnknownRun
from orchestra.core.events import (
    Answered,
    Attempt,
    CallEnded,
    CallStarted,
    Charged,
    Decided,
    Dropped,
    Event,
    Filed,
    Overrun,
    Recalled,
    Refused,
    Rewarded,
    RunEnded,
    RunStarted,
    Signalled,
    Streamed,
    Withheld,
)
from orchestra.core.outcome import Cancelled, Cause, Detour, Done, Failed, Paused
from orchestra.core.usage import Usage
from orchestra.ports.store import Entry, Store
from orchestra.stores.memory import MemoryStore
from orchestra.stores.rows import decode, encode, split
from orchestra.stores.sqlite import SqliteStore

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
maybe = st.none() | names
times = st.floats(min_value=0, max_value=4e9)
counts = st.integers(min_value=0, max_value=2**60)
floats = st.floats(allow_nan=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
usages = st.builds(
    Usage, **dict.fromkeys(("nano_usd", "input_tokens", "requests", "unpriced"), counts), estimated=st.booleans()
)
causes = st.builds(Cause, kind=names, message=st.text(), family=st.tuples() | st.tuples(names, names), remedy=st.text())
some = st.lists(names, max_size=2).map(tuple)
detours = st.builds(
    Detour,
    before=some,
    before_cost=st.none() | floats,
    stands=st.text(),
    after=some,
    after_cost=st.none() | floats,
    known=st.lists(st.tuples(names, names), max_size=2).map(tuple),
    why=st.text(),
)
amounts = st.tuples(counts, counts, counts, counts)
outcomes = (
    st.builds(Done, output=json_values, usage=usages)
    | st.builds(Failed, cause=causes, usage=usages, origin=st.text(), filed=st.booleans(), detour=st.none() | detours)
    | st.builds(Cancelled, usage=usages, cause=st.none() | causes)
    | st.builds(Paused, cause=causes, usage=usages, asks=st.lists(st.tuples(names, names), max_size=2).map(tuple))
)
options = st.builds(
    Option, names, counts, floats, floats, floats, counts, counts, maybe, st.none() | floats, st.none() | floats
)
decisions = st.builds(
    Decision,
    key=names,
    capability=names,
    policy=names,
    version=counts,
    options=st.lists(options, max_size=3).map(tuple),
    chosen=st.lists(names, max_size=2).map(tuple),
    probability=st.none() | floats,
    explored=st.booleans(),
    reason=st.text(),
    x=st.lists(floats, max_size=4).map(tuple),
    marks=st.text(),
    budget_left_nano=st.none() | counts,
    because=maybe,
)
limits = st.dictionaries(names, st.none() | counts, max_size=3)
KINDS: dict[type, st.SearchStrategy[Any]] = {
    RunStarted: st.builds(RunStarted, names, times, names, names, json_values, counts, limits, counts, counts, names),
    CallStarted: st.builds(CallStarted, names, times, names, names, maybe, maybe, maybe, json_values, maybe),
    CallEnded: st.builds(CallEnded, names, times, names, names, outcomes, usages, times, maybe, maybe, maybe),
    Charged: st.builds(Charged, names, times, usages),
    Overrun: st.builds(Overrun, names, times, amounts),
    Refused: st.builds(Refused, names, times, names, amounts),
    Attempt: st.builds(Attempt, names, times, counts, causes, floats),
    Decided: st.builds(Decided, names, times, decisions),
    Filed: st.builds(Filed, names, times, names, names, names, causes, st.none() | detours),
    Dropped: st.builds(Dropped, names, times, names),
    Recalled: st.builds(Recalled, names, times),
    Signalled: st.builds(
        Signalled, names, times, names, floats, names, names, st.lists(names, max_size=2).map(tuple), json_values
    ),
    Streamed: st.builds(Streamed, names, times, floats, st.lists(counts, max_size=3).map(tuple)),
    Rewarded: st.builds(Rewarded, names, times, floats, names, st.none() | floats),
    Withheld: st.builds(Withheld, names, times, names, names, st.none() | floats),
    Answered: st.builds(Answered, names, times, json_values, counts),
    RunEnded: st.builds(RunEnded, names, times, names, usages, st.none() | causes, json_values),
}
any_event = st.one_of(*KINDS.values())


def test_every_event_has_a_strategy() -> None:
    # Pieces of a reply are shown and never kept.
    assert {*KINDS, vocabulary.TextDelta} == set(vocabulary.Event.__args__)


@given(any_event)
def test_a_row_comes_back_as_its_event(event: Event) -> None:
    kind, facts, payload = encode(event)
    back = decode(kind, event.key, event.at, facts, payload)
    assert back == event
    if isinstance(event, CallEnded) and isinstance(event.outcome, Failed):  # equal whatever their detours are
        assert isinstance(back, CallEnded) and isinstance(back.outcome, Failed)
        assert back.outcome.detour == event.outcome.detour


@given(any_event)
def test_a_row_without_content_comes_back_as_the_event_without_content(event: Event) -> None:
    kind, facts, payload = encode(event, content=False)
    assert payload is None
    assert decode(kind, event.key, event.at, facts, payload) == split(event)[0]


@contextmanager
def stores() -> Iterator[list[Store]]:
    with tempfile.TemporaryDirectory() as folder:
        both: list[Store] = [MemoryStore(), SqliteStore(Path(folder) / "team.db")]
        yield both
        for store in both:
            store.close()


batches = st.lists(st.lists(st.tuples(st.sampled_from("ab"), any_event, st.booleans()), max_size=4), max_size=4)


@settings(max_examples=25)
@given(batches)
def test_both_stores_tell_the_same(written: list[list[tuple[str, Event, bool]]]) -> None:
    expected: dict[str, list[Event]] = {}
    with stores() as (memory, sqlite):
        for batch in written:
            entries = []
            for run_id, event, content in batch:
                run = expected.setdefault(run_id, [])
                entries.append(Entry(run_id, len(run), event, content))
                run.append(event if content else split(event)[0])
            memory.append(entries)
            sqlite.append(entries)
        for run_id, run in expected.items():
            assert memory.read(run_id) == sqlite.read(run_id) == run
            for event in run:
                if isinstance(event, Decided):
                    assert memory.run_of(event.decision.key) == sqlite.run_of(event.decision.key) is not None
        assert memory.runs() == sqlite.runs()


@given(st.lists(st.dictionaries(st.sampled_from("xyz"), st.integers(-9, 9), max_size=3), max_size=6))
@settings(max_examples=25)
def test_state_is_the_sum_of_its_deltas(deltas: list[dict[str, int]]) -> None:
    with stores() as both:
        for store in both:
            for delta in deltas:
                store.add_state("p", {k: [v] for k, v in delta.items()}, _add)
            total: dict[str, list[int]] = {}
            for delta in deltas:
                for option, change in delta.items():
                    total[option] = [total.get(option, [0])[0] + change]
            assert store.load_state("p") == total
            assert store.load_state("q") == {}


def _add(old: list[int] | None, delta: list[int]) -> list[int]:
    return [(old or [0])[0] + delta[0]]


def _refusing(old: Any, delta: Any) -> Any:
    if delta == 2:
        raise ValueError("no")
    return delta


def test_append_and_add_state_are_all_or_nothing() -> None:
    good, bad = Recalled("run", 1.0), RunEnded("run", 2.0, "done", Usage(), output=object())
    with stores() as both:
        for store in both:
            with pytest.raises(NotSerialisable):
                store.append([Entry("r", 0, good, True), Entry("r", 1, bad, True)])
            with pytest.raises(UnknownRun):
                store.read("r")
            store.append([Entry("r", 0, good, True)])
            with pytest.raises(StateUnusable, match="one process"):
                store.append([Entry("r", 1, good, True), Entry("r", 0, good, True)])
            assert store.read("r") == [good]
            with pytest.raises(ValueError, match="no"):
                store.add_state("p", {"a": 1, "b": 2}, _refusing)
            assert store.load_state("p") == {}


def test_an_input_that_json_cannot_hold_is_named_and_spoils_nothing() -> None:
    started = CallStarted("run/a", 1.0, "agent", "a", input=object())
    with stores() as both:
        for store in both:
            store.append([Entry("r", 0, started, True)])
            assert store.read("r") == [started._replace(input={"unrecorded": "builtins.object"})]


def test_half_a_surrogate_pair_survives() -> None:
    ended = RunEnded("run", 1.0, "done", Usage(), output="\ud800")
    with stores() as both:
        for store in both:
            store.append([Entry("r", 0, ended, True)])
            assert store.read("r") == [ended]


def test_runs_are_listed_newest_first_with_their_status() -> None:
    with stores() as both:
        for store in both:
            for n, name in enumerate(("first", "second")):
                store.append([Entry(name, 0, RunStarted("run", float(n), name, "m:w", None, 0, {}), True)])
            store.append([Entry("first", 1, RunEnded("run", 9.0, "paused", Usage()), True)])
            assert [(r.run_id, r.status) for r in store.runs()] == [("second", "running"), ("first", "paused")]
            assert [r.run_id for r in store.runs(1)] == ["second"]
            store.append([Entry("first", 2, RunStarted("run", 10.0, "first", "m:w", None, 0, {}), True)])
            assert [(r.at, r.status) for r in store.runs()] == [(1.0, "running"), (0.0, "running")]


def test_late_rows_come_last_and_never_in_the_way_of_the_run() -> None:
    def reward(value: float) -> Event:
        return Rewarded("r/d", 1.0, value, "user")

    with stores() as both:
        for store in both:
            store.append([Entry("r", 0, Recalled("run", 1.0), True), Entry("r", None, reward(0.1), True)])
            store.append([Entry("r", None, reward(0.2), True), Entry("r", None, reward(0.3), True)])
            store.append([Entry("r", 1, Recalled("run/a", 2.0), True)])
            assert [getattr(e, "reward", None) for e in store.read("r")] == [None, None, 0.1, 0.2, 0.3]
