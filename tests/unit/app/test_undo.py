"""Abandoning a run: what it did is undone, the last effect first, each once, whatever happens in between."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra import Orchestra, agent, errors, step, tool, workflow
from orchestra.app.undo import effects_of
from orchestra.core.events import CallEnded, CallStarted, Event, Filed, RunEnded
from orchestra.core.outcome import Done
from orchestra.core.usage import ZERO
from orchestra.ports.store import Entry
from orchestra.stores.memory import MemoryStore
from tests.support.runtime import go, on_every_loop

log: list[str] = []
broken: set[str] = set()


@pytest.fixture(autouse=True)
def clean() -> None:
    log.clear()
    broken.clear()


def act(name: str, what: str, output: str = "") -> str:
    if name in broken:
        raise RuntimeError(f"{name} is broken")
    log.append(f"{name} {what}{f' {output}' if output else ''}")
    if f"{name}?" in broken:
        raise TimeoutError("no answer")
    return f"{name}-1"


@tool
def unbook(order: str, output: str) -> str:
    return act("unbook", order, output)


@tool(side_effect="payment")
def unpay(input: str) -> str:
    return act("unpay", input)


@agent(side_effect="booking", compensate=unbook)
def book(order: str) -> str:
    return act("book", order)


@tool(side_effect="payment", compensate=unpay)
def pay(order: str) -> str:
    return act("pay", order)


@agent(side_effect="mail")
def mail(order: str) -> str:
    return act("mail", order)


@agent
def ship(order: str) -> str:
    return act("ship", order)


@workflow
async def buy(order: str) -> str:
    await step("book", order)
    await step(pay, order)
    await step("mail", order)
    done: str = await step("ship", order)
    return done


@workflow(compensate=True)
async def all_or_nothing(order: str) -> str:
    done: str = await step(buy, order)
    return done


def team(store: Any, native: bool = True) -> Orchestra:
    return Orchestra(agents=[book, mail, ship, pay], router="cheapest", state=store, journal=True, native_tasks=native)


DONE = ["book A", "pay A", "mail A"]
UNDONE = ["unpay A", "unbook A book-1"]


@on_every_loop
def test_the_last_effect_is_undone_first(loop: str, native: bool) -> None:
    broken.add("ship")
    store = MemoryStore()

    async def play() -> Any:
        async with team(store, native) as one:
            failed = await one.run(buy, "A")
        async with team(store, native) as other:  # whose process has never seen the workflow
            return failed, await other.abandon(failed.run_id)

    failed, undone = go(loop, play)
    assert failed.status == "failed" and undone.status == "abandoned" and log == DONE + UNDONE
    assert undone.output == {"undone": ["pay", "book"], "left": ["mail"], "not done": []}
    assert store.runs()[0][2:] == ("buy", "abandoned")
    ends = [e.key for e in undone.events if isinstance(e, CallEnded) and e.key.startswith("run/abandon/undo:")]
    assert len(ends) == 2, "each compensation is in the journal"


def test_what_is_abandoned_stays_so() -> None:
    broken.add("ship")
    one = team(MemoryStore())
    failed = one.run_sync(buy, "A")
    one.abandon_sync(failed.run_id)
    for again in (one.abandon_sync, one.resume_sync):
        with pytest.raises(errors.Abandoned):
            again(failed.run_id)
    with pytest.raises(errors.Abandoned):
        go("asyncio", one.replay, failed.run_id)
    assert log == DONE + UNDONE


def test_a_compensation_that_fails_is_escalated_and_abandoning_goes_on_there() -> None:
    broken.update({"ship", "unbook"})
    one = team(MemoryStore())
    failed = one.run_sync(buy, "A")
    stuck = one.abandon_sync(failed.run_id)
    assert stuck.status == "failed" and "unbook is broken" in str(stuck.cause)
    filed = [(e.name, e.how, e.to) for e in stuck.events if isinstance(e, Filed)]
    assert filed == [("ship", "escalated", "caller"), ("unbook", "escalated", "caller")]
    broken.clear()
    assert one.resume_sync(failed.run_id).status == "abandoned", "resume goes on with undoing"
    assert log == DONE + UNDONE, "what was undone was not undone again"


def test_the_first_that_fails_stops_it() -> None:
    broken.update({"ship", "unpay"})
    one = team(MemoryStore())
    failed = one.run_sync(buy, "A")
    assert one.abandon_sync(failed.run_id).status == "failed" and log == DONE


def test_a_compensation_that_may_have_acted_is_asked_for() -> None:
    broken.update({"ship", "unpay?"})
    one = team(MemoryStore())
    failed = one.run_sync(buy, "A")
    cause = one.abandon_sync(failed.run_id).cause
    assert cause is not None and cause.is_a(errors.EffectUnknown)
    asked = one.abandon_sync(failed.run_id)
    ((key, question),) = asked.asks.items()
    assert asked.status == "paused" and "'unpay' may have done its 'payment' effect" in question
    assert log == [*DONE, "unpay A"]
    done = one.abandon_sync(failed.run_id, answers={key: "refunded"})
    assert done.status == "abandoned" and log == DONE + UNDONE


@pytest.mark.parametrize("happened", [True, False])
def test_an_effect_that_may_have_happened_is_asked_for_before_it_is_undone(happened: bool) -> None:
    broken.add("pay?")
    one = team(MemoryStore())
    failed = one.run_sync(buy, "A")
    asked = one.abandon_sync(failed.run_id)
    ((key, question),) = asked.asks.items()
    assert asked.status == "paused" and "'pay' (payment" in question and log == ["book A", "pay A"]
    done = one.resume_sync(failed.run_id, answers={key: "receipt 7" if happened else "not done"})
    assert done.status == "abandoned" and log[2:] == (UNDONE if happened else UNDONE[1:])
    assert done.output["not done"] == ([] if happened else ["pay"])


def test_what_nobody_here_knows_is_asked_for() -> None:
    broken.add("ship")
    store = MemoryStore()
    failed = team(store).run_sync(buy, "A")
    stranger = Orchestra(agents=[ship, mail, pay], state=store, journal=True)
    asked = stranger.abandon_sync(failed.run_id)
    assert asked.status == "paused" and "nobody here knows 'book'" in next(iter(asked.asks.values()))
    done = stranger.abandon_sync(failed.run_id, answers=dict.fromkeys(asked.asks, "undone"))
    assert done.status == "abandoned" and log == [*DONE, "unpay A"]


def test_a_run_that_died_half_way_through_undoing_goes_on_there() -> None:
    broken.add("ship")
    store = MemoryStore()
    run_id = team(store).run_sync(buy, "A").run_id
    team(store).abandon_sync(run_id)
    events = store.read(run_id)
    last = next(
        i for i, e in enumerate(events) if isinstance(e, CallEnded) and e.name == "unpay" and type(e.outcome) is Done
    )
    store._events[run_id].clear()
    store.append([Entry(run_id, i, event, True) for i, event in enumerate(events[: last + 1])])
    assert team(store).abandon_sync(run_id).status == "abandoned"
    assert log == [*DONE, *UNDONE, UNDONE[1]], "the journal had lost the second one alone"


@on_every_loop
def test_a_workflow_may_undo_itself(loop: str, native: bool) -> None:
    broken.add("ship")

    async def play() -> Any:
        async with team(MemoryStore(), native) as one:
            return await one.run(all_or_nothing, "A")

    result = go(loop, play)
    assert result.status == "failed" and "ship is broken" in result.cause.message and log == DONE + UNDONE
    assert [e.status for e in result.events if isinstance(e, RunEnded)] == ["failed", "abandoned"]


def test_one_that_undoes_itself_and_cannot_says_so() -> None:
    broken.update({"ship", "unbook"})
    one = team(MemoryStore())
    result = one.run_sync(all_or_nothing, "A")
    assert result.status == "failed" and "unbook is broken" in str(result.cause)
    broken.add("pay?")
    result = one.run_sync(all_or_nothing, "B")
    assert result.status == "paused" and "may have happened" in next(iter(result.asks.values()))


def test_a_run_that_went_well_is_left_alone() -> None:
    one = team(MemoryStore())
    result = one.run_sync(all_or_nothing, "A")
    assert result.status == "done" and log == [*DONE, "ship A"]
    with pytest.raises(errors.BadInput, match="is done"):
        one.abandon_sync(result.run_id)


def test_it_needs_a_journal() -> None:
    one = Orchestra(agents=[book, mail, ship, pay])
    with pytest.raises(errors.JournalMissing):
        one.run_sync(all_or_nothing, "A")
    with pytest.raises(errors.JournalMissing):
        one.abandon_sync("x")
    with pytest.raises(errors.UnknownRun):
        team(MemoryStore()).abandon_sync("x")


@on_every_loop
def test_a_run_under_way_is_not_undone_under_its_feet(loop: str, native: bool) -> None:
    found: list[str] = []

    async def play() -> None:
        async with team(MemoryStore(), native) as one:

            @agent
            async def meddling(ctx_order: str) -> str:
                (row,) = one._team.writer.store.runs()  # type: ignore[union-attr]
                try:
                    await one.abandon(row.run_id)
                except errors.BadInput as error:
                    found.append(error.what)
                return "x"

            one.register(meddling)
            await one.run("A", to="meddling")

    go(loop, play)
    assert len(found) == 1 and "under way" in found[0]


def undo_wrong(amount: int) -> None: ...


@pytest.mark.parametrize(
    "options",
    [
        {"compensate": unbook},
        {"side_effect": "x", "compensate": undo_wrong},
        {"side_effect": "x", "compensate": tool(undo_wrong)},
    ],
)
def test_what_is_declared_wrongly_is_said_at_once(options: Any) -> None:
    with pytest.raises(errors.BadDefinition):
        tool(**options)(lambda_of)


def lambda_of(order: str) -> str:
    return order


def test_an_answered_effect_counts_as_the_person_said() -> None:
    """Not done, and then done by somebody else: one effect, not two."""
    events: list[Event] = [
        CallStarted("run/a/@x", 1, "agent", "x", "run/a", "payment", None, "in"),
        CallStarted("run/a/@y", 2, "agent", "y", "run/a", "payment", None, "in"),
        CallEnded("run/a/@y", 3, "agent", "y", Done(output="y1"), ZERO, 2, None, "run/a", "payment"),
        CallEnded("run/a", 4, "bind", "a", Done(output="y1"), ZERO, 1),
    ]
    assert [(one.node, one.output) for one in effects_of(events)] == [("y", "y1")]
    said: list[Event] = [events[0], CallEnded("run/a", 4, "bind", "a", Done(output="by hand"), ZERO, 1)]
    assert [(one.node, one.output, one.known) for one in effects_of(said)] == [("x", "by hand", True)]
