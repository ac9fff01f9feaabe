"""Healing as a team does it: declared lesser goals, the model, the person, and what a resumed run makes of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from orchestra import Orchestra, agent, errors, step, workflow
from orchestra.core.events import CallEnded, Event, Filed
from orchestra.core.outcome import Done, Failed
from orchestra.models.scripted import Scripted
from orchestra.ports.store import Entry
from orchestra.stores.memory import MemoryStore
from tests.support.runtime import go, on_every_loop

down: set[str] = set()
acted: list[str] = []


@pytest.fixture(autouse=True)
def clean() -> None:
    down.clear()
    acted.clear()


def act(name: str, what: str) -> str:
    if name in down:
        raise errors.NoEffect(f"{name} is down")
    if f"{name}?" in down:
        raise TimeoutError("no answer")
    acted.append(name)
    return f"{what} by {name}"


@agent(provides="refund", cost_usd=0.001, side_effect="payment")
def stripe(order: str) -> str:
    return act("stripe", order)


@agent(provides="refund", cost_usd=0.002, side_effect="payment")
def adyen(order: str) -> str:
    return act("adyen", order)


@agent(provides="voucher", side_effect="letter")
def voucher(order: str) -> str:
    return act("voucher", order)


@agent(provides="callback")
def callback(order: str) -> str:
    return act("callback", order)


@agent(provides="count")
def count(order: str) -> int:
    act("count", order)
    return 1


@workflow
async def settle(order: str) -> str:
    done: str = await step("refund", order, fallback=["voucher", "callback"])
    return done


@workflow
async def counted(order: str) -> int:
    return await step("count", order, output_type=int)


@workflow
async def bare(order: str) -> str:
    done: str = await step("refund", order, fallback=[])
    return done


TEAM: Sequence[Any] = (stripe, adyen, voucher, callback, count)


def team(store: Any = None, **rest: Any) -> Orchestra:
    kept: dict[str, Any] = {} if store is None else {"state": store, "journal": True}
    return Orchestra(agents=TEAM, router="cheapest", **kept, **rest)


def filed(result: Any) -> list[tuple[str, str, str]]:
    return [(e.name, e.how, e.to) for e in result.events if isinstance(e, Filed)]


REFUND_IS_DOWN = [("stripe", "rerouted", "adyen"), ("adyen", "demoted", "voucher")]


@on_every_loop
def test_a_step_comes_down_to_its_lesser_goal_and_the_result_says_so(loop: str, native: bool) -> None:
    down.update({"stripe", "adyen"})

    async def play() -> Any:
        async with team(native_tasks=native) as one:
            return await one.run(settle, "A")

    result = go(loop, play)
    assert result.output == "A by voucher" and filed(result) == REFUND_IS_DOWN
    assert list(result.demoted.values()) == ["voucher"] and next(iter(result.demoted)).startswith("run/settle/refund:")
    told = str(result.explain())
    assert "adyen is down -> demoted to voucher" in told and "Demoted: refund -> voucher" in told
    assert "was: adyen (0.002); no other: " in told


def test_the_next_lesser_goal_takes_over_from_the_first() -> None:
    down.update({"stripe", "adyen", "voucher"})
    result = team().run_sync(settle, "A")
    assert result.output == "A by callback" and list(result.demoted.values()) == ["callback"]
    assert filed(result) == [*REFUND_IS_DOWN, ("voucher", "demoted", "callback")]


def test_the_team_declares_them_and_a_step_may_overrule_that() -> None:
    down.update({"stripe", "adyen"})
    one = team(fallbacks={"refund": ["callback"], "refund>voucher": ["callback"]})
    assert one.run_sync("A", to="refund").output == "A by callback"
    assert one.run_sync("A", to="refund", fallback=["voucher"]).output == "A by voucher"
    assert one.run_sync("A", to=["refund", "voucher"]).output == "A by callback"
    assert one.run_sync("A", to=["refund", "voucher"], fallback=["voucher"]).output == "A by voucher"
    assert one.run_sync(bare, "A").status == "failed", "none"
    assert one.run_sync("A", to="refund", fallback=[]).status == "failed"


def test_a_run_that_went_as_asked_is_not_demoted() -> None:
    result = team().run_sync(settle, "A")
    assert result.output == "A by stripe" and result.demoted == {} == result.explain().demoted


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"to": "refund", "fallback": "voucher"}, errors.BadInput),
        ({"to": "stripe", "fallback": ["voucher"]}, errors.BadInput),
        ({"to": "refund", "fallback": ["nonsense"]}, errors.UnknownCapability),
    ],
)
def test_what_is_wrong_is_said_at_once(options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        team().run_sync("A", **options)


def test_what_is_declared_wrongly_is_said_at_once() -> None:
    with pytest.raises(errors.BadDefinition):
        team(fallbacks={"refund": "voucher"})
    with pytest.raises(errors.JournalMissing):
        team(escalate_to_person=True)


def test_the_model_comes_after_the_goals_and_is_asked_once() -> None:
    down.update({"stripe", "adyen", "voucher", "callback"})
    last = Scripted("a person should look")
    result = team(escalate="test:last", models={"test:last": last}).run_sync(settle, "A")
    assert result.output == "a person should look" and result.demoted == {}
    assert filed(result)[-1] == ("callback", "escalated", "model")
    last.assert_consumed()


def test_no_model_is_asked_while_there_is_a_way() -> None:
    down.update({"stripe", "adyen"})
    last = Scripted()
    assert team(escalate="test:last", models={"test:last": last}).run_sync(settle, "A").status == "done"


EVERYBODY = {"stripe", "adyen", "voucher", "callback"}


@on_every_loop
def test_then_a_person_is_asked_and_the_answer_is_the_steps_result(loop: str, native: bool) -> None:
    down.update(EVERYBODY)

    async def play() -> Any:
        async with team(MemoryStore(), escalate_to_person=True, native_tasks=native) as one:
            first = await one.run(settle, "A")
            again = await one.resume(first.run_id)
            answers = dict.fromkeys(again.asks, "by hand")
            done = await one.resume(first.run_id, answers=answers)
            return first, again, done, await one.replay(first.run_id)

    first, again, done, replayed = go(loop, play)
    assert first.status == again.status == "paused" and first.asks.keys() == again.asks.keys()
    assert filed(first)[-1] == ("callback", "escalated", "person") and len(filed(first)) == 4
    assert len(filed(again)) == 8, "tried again: each of its failures has its own record"
    assert done.output == replayed.output == "by hand" and acted == []
    assert filed(done)[8:] == [], "and nobody was called for the answer"


def test_the_person_may_give_up() -> None:
    down.update(EVERYBODY)
    one = team(MemoryStore(), escalate_to_person=True)
    first = one.run_sync(settle, "A")
    result = one.resume_sync(first.run_id, answers=dict.fromkeys(first.asks, "give up"))
    assert result.cause is not None and result.cause.is_a(errors.GivenUp) and "stripe is down" in result.cause.message
    assert len(filed(result)) == 4, "the failures have their records"
    down.clear()
    one._team.health._records.clear()
    assert one.resume_sync(first.run_id).output == "A by stripe", "resumed again, it is tried again"


def test_an_answer_has_the_type_that_the_step_returns() -> None:
    down.add("count")
    one = team(MemoryStore(), escalate_to_person=True)
    first = one.run_sync(counted, "A")
    wrong = one.resume_sync(first.run_id, answers=dict.fromkeys(first.asks, "many"))
    assert wrong.status == "paused" and "does not fit int" in next(iter(wrong.asks.values()))
    assert "Nobody could do 'count'" in next(iter(wrong.asks.values()))
    assert one.resume_sync(first.run_id, answers=dict.fromkeys(first.asks, 7)).output == 7


def test_an_effect_that_may_have_happened_is_asked_at_once_under_its_own_key() -> None:
    down.add("stripe?")
    one = team(MemoryStore(), escalate_to_person=True)
    first = one.run_sync(settle, "A")
    ((key, question),) = first.asks.items()
    assert first.status == "paused" and key.endswith(".0") and "'not done'" in question
    assert filed(first) == [("stripe", "escalated", "person")] and acted == []
    down.clear()
    done = one.resume_sync(first.run_id, answers={key: "not done"})
    assert done.output == "A by stripe" and acted == ["stripe"]
    again = one.run_sync("again", to="refund")
    assert again.output == "again by stripe"
    down.add("stripe?")
    other = one.run_sync("other", to="refund")
    assert one.resume_sync(other.run_id, answers=dict.fromkeys(other.asks, "receipt 1")).output == "receipt 1"
    assert acted == ["stripe", "stripe"]


def cut(store: MemoryStore, run_id: str, after: str) -> None:
    """The journal of a process that died right after this node had ended done."""
    events = store.read(run_id)
    last = next(
        i for i, e in enumerate(events) if isinstance(e, CallEnded) and e.name == after and type(e.outcome) is Done
    )
    store._events[run_id].clear()
    rewrite(store, run_id, events[: last + 1])


def rewrite(store: MemoryStore, run_id: str, events: Sequence[Event]) -> None:
    store.append([Entry(run_id, i, event, True) for i, event in enumerate(events)])


@on_every_loop
def test_a_run_that_died_at_a_lesser_goal_goes_on_there(loop: str, native: bool) -> None:
    """The refund works again by then: the voucher is out, so nothing is refunded."""
    down.update({"stripe", "adyen"})
    store = MemoryStore()

    async def play() -> Any:
        async with team(store, native_tasks=native) as one:
            first = await one.run(settle, "A")
            cut(store, first.run_id, "voucher")
            down.clear()
        async with team(store, native_tasks=native) as other:
            return await other.resume(first.run_id, workflow=settle)

    result = go(loop, play)
    assert result.output == "A by voucher" and acted == ["voucher"]


def test_a_goal_that_failed_does_not_keep_the_resumed_run_from_the_first() -> None:
    down.update(EVERYBODY)
    store = MemoryStore()
    first = team(store).run_sync(settle, "A")
    assert first.status == "failed"
    down.clear()
    assert team(store).resume_sync(first.run_id, workflow=settle).output == "A by stripe"


def test_lesser_goals_of_a_run_are_known_to_who_resumes_it() -> None:
    down.update(EVERYBODY)
    store = MemoryStore()
    first = team(store).run_sync("A", to="refund", fallback=["callback"])
    down.discard("callback")
    assert team(store).resume_sync(first.run_id).output == "A by callback"


@agent(provides="first", cost_usd=0.001)
def here(word: str) -> str:
    acted.append("here")
    return f"{word} here"


@agent(provides="first", cost_usd=0.002)
def there(word: str) -> str:
    acted.append("there")
    return f"{word} there"


@agent(provides="second")
def on(word: str) -> str:
    return act("on", word)


def routed(store: Any, **rest: Any) -> Orchestra:
    return Orchestra(agents=[here, there, on], router="cheapest", state=store, journal=True, **rest)


@on_every_loop
def test_a_resumed_route_keeps_to_the_path_it_was_on(loop: str, native: bool) -> None:
    """By then the other first hop is the cheaper one: what is finished is not run again all the same."""
    store = MemoryStore()

    async def play() -> Any:
        async with routed(store, native_tasks=native) as one:
            first = await one.run("A", to=["first", "second"])
            cut(store, first.run_id, "here")
        async with routed(store, native_tasks=native) as other:
            for _ in range(3):
                other._team.health.seen("here", False, 0.1, other.clock.now())
            return await other.resume(first.run_id)

    result = go(loop, play)
    assert result.output == "A here by on" and acted == ["here", "on", "on"]


def test_a_route_is_a_decision_that_feedback_reaches() -> None:
    one = routed(MemoryStore())
    result = one.run_sync("A", to=["first", "second"])
    (decision,) = result.decisions
    assert (decision.policy, decision.chosen) == ("dijkstra", ("1:here", "2:on"))
    assert [option.cost_nano for option in decision.options] == [1_000_000, 0]
    assert one.feedback_sync(result.run_id, 1.0) == 1 and one.feedback_sync(result.run_id, 1.0) == 0


def test_between_equals_a_route_stays_with_who_took_over() -> None:
    """What failed weighs more for a while, so the next runs do not go back to it, and then it has its turn again."""

    @agent(provides="look", cost_usd=0.001)
    def a(word: str) -> str:
        return act("a", word)

    @agent(provides="look", cost_usd=0.001)
    def b(word: str) -> str:
        return act("b", word)

    one = Orchestra(agents=[a, b, on], router="cheapest")
    down.add("a")
    path = ["look", "second"]
    assert one.run_sync("A", to=path).output == "A by b by on"
    down.clear()
    for _ in range(5):
        one.run_sync("A", to=path)
    assert [name for name in acted if name != "on"] == ["b"] * 6
    one._team.health._records.clear()  # the window is over
    one.run_sync("A", to=path)
    assert acted[-2] == "a"


def test_what_the_record_of_a_route_says() -> None:
    down.add("on")
    one = routed(MemoryStore())
    result = one.run_sync("A", to=["first", "second"])
    (failure,) = result.explain().failures
    detour = failure.detour
    assert detour is not None and detour.before == ("here", "on") and detour.before_cost == pytest.approx(0.001)
    assert detour.after == () and detour.why == "no path leads from '1:here' to a goal"
    events = one._team.writer.store.read(result.run_id)  # type: ignore[union-attr]
    assert [e.detour for e in events if isinstance(e, Filed)] == [detour], "and it is kept"
    assert isinstance(result.outcome, Failed)
