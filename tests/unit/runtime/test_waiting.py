"""A provider's wish to be left alone: who waits, who is asked instead, and what other runs know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from orchestra import Agent, Budget, Orchestra
from orchestra.core.call import Batch, Call, ModelName, OneOf, Plan, Planned
from orchestra.core.errors import AuthFailed, ContextWindow, ModelError, Overloaded, QuotaExceeded, RateLimited
from orchestra.core.events import Attempt, Decided, Filed
from orchestra.core.message import user
from orchestra.core.outcome import Done, Failed
from orchestra.graph.health import Health
from orchestra.ports.model import Request
from orchestra.runtime import models, waiting
from tests.support.models import Told
from tests.support.runtime import Rig, go, on_every_loop

REQUEST = Request(messages=(user("hello"),), max_tokens=5)
LONG = RateLimited("429", retry_after_s=30.0)
EITHER = OneOf(label="x", models=("test:a", "test:b"))


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "FIRST_WAIT_S", 0.001)


def pair(first: Exception, native: bool = False) -> tuple[Rig, Told, Told]:
    a, b = Told(steps=(first,), name="test:a"), Told(name="test:b")
    return Rig(models={"test:a": a, "test:b": b}, native=native), a, b


@on_every_loop
@pytest.mark.parametrize("error", [LONG, Overloaded("529", retry_after_s=2.0)])
def test_a_long_wait_is_the_others_turn(loop: str, native: bool, error: ModelError) -> None:
    team, a, b = pair(error, native)
    outcome, usage = go(loop, team.run, EITHER, REQUEST)
    assert isinstance(outcome, Done) and outcome.output.model == "test:b"
    assert (len(a.asked), len(b.asked)) == (1, 1) and not team.of(Attempt)
    (filed,) = team.of(Filed)
    assert (filed.how, filed.to) == ("rerouted", "test:b") and "another candidate" in filed.cause.message
    assert usage.requests == 2


@pytest.mark.parametrize("error", [QuotaExceeded("pay"), AuthFailed("key"), ContextWindow("long")])
def test_what_no_wait_heals_is_the_others_turn_at_once(error: ModelError) -> None:
    team, a, b = pair(error)
    outcome, _ = go("asyncio", team.run, EITHER, REQUEST)
    assert isinstance(outcome, Done) and (len(a.asked), len(b.asked)) == (1, 1)


def test_a_short_wait_is_waited_for_though_there_are_others() -> None:
    a, b = Told(steps=(RateLimited("429", retry_after_s=0.01), "ok")), Told()
    outcome, _ = go("asyncio", Rig(models={"test:a": a, "test:b": b}).run, EITHER, REQUEST)
    assert isinstance(outcome, Done) and (len(a.asked), len(b.asked)) == (2, 0)


@on_every_loop
def test_the_last_one_standing_waits(loop: str, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LONG_S", 0.005)
    wait = RateLimited("429", retry_after_s=0.02)
    a, b = Told(steps=(wait, "late"), name="test:a"), Told(steps=(wait, "ok"), name="test:b")
    outcome, _ = go(loop, Rig(models={"test:a": a, "test:b": b}, native=native).run, EITHER, REQUEST)
    assert isinstance(outcome, Done) and (len(a.asked), len(b.asked)) == (1, 2)


@on_every_loop
@pytest.mark.parametrize("parallel", [False, True])
def test_a_wait_that_does_not_fit_fails_at_once_and_says_so(loop: str, native: bool, parallel: bool) -> None:
    """In a batch too, whose branches are tasks of their own."""
    call = Call(target=ModelName(name="test:a"), input=REQUEST)
    team, a, _ = pair(LONG, native)

    def plan(_: object) -> Plan:
        calls = [Call(target=call.target, input=REQUEST, key=str(i)) for i in range(2 if parallel else 1)]
        outcomes = yield Batch.all(*calls)
        return outcomes[0]

    async def timed() -> tuple[Any, float]:
        began = anyio.current_time()
        outcome, _ = await team.run(Planned(name="plan", plan=plan), None, Budget(seconds=20))
        return outcome, anyio.current_time() - began

    outcome, took = go(loop, timed)
    assert isinstance(outcome, Failed) and outcome.cause.kind == "RateLimited" and took < 5
    assert "30.0 s" in outcome.cause.message and "until the deadline" in outcome.cause.message
    assert len(a.asked) == 1, "the twin knew"


def test_no_call_waits_for_hours() -> None:
    team, a, _ = pair(RateLimited("429", retry_after_s=7200.0))
    outcome, _ = go("asyncio", team.run, ModelName(name="test:a"), REQUEST)
    assert isinstance(outcome, Failed) and "longer than 60 s" in outcome.cause.message and len(a.asked) == 1


@dataclass
class Hand:
    """A clock that is set by hand."""

    at: float = 1000.0

    def now(self) -> float:
        return self.at


@on_every_loop
def test_all_runs_know_until_it_is_over(loop: str, native: bool) -> None:
    a, b = Told(steps=(LONG, "a"), name="test:a"), Told(("b",), name="test:b")
    talker, clock = Agent("talker", model=["test:a", "test:b"]), Hand()

    async def three() -> list[Any]:
        clients = {"test:a": a, "test:b": b}
        async with Orchestra(agents=[talker], models=clients, router="fixed", native_tasks=native, clock=clock) as team:
            results = [await team.run("hello", to="talker") for _ in range(2)]
            clock.at += 30.0
            return [*results, await team.run("hello", to="talker")]

    results = go(loop, three)
    assert [result.output for result in results] == ["b", "b", "a"] and len(a.asked) == 2
    (decided,) = (e.decision for e in results[1].events if isinstance(e, Decided) and len(e.decision.options) == 2)
    assert {o.name: o.filtered for o in decided.options} == {
        "test:a": "rate limited for another 30.0 s",
        "test:b": None,
    }


@on_every_loop
def test_an_agent_without_another_model_gives_way_to_another_agent(loop: str, native: bool) -> None:
    a, b = Told(steps=(LONG,), name="test:a"), Told(name="test:b")
    agents = [Agent("first", model="test:a", provides="talk"), Agent("second", model="test:b", provides="talk")]

    async def twice() -> list[Any]:
        clients = {"test:a": a, "test:b": b}
        async with Orchestra(agents=agents, models=clients, router="fixed", native_tasks=native) as team:
            return [await team.run("hello", to="talk") for _ in range(2)]

    results = go(loop, twice)
    assert [result.output for result in results] == ["ok", "ok"]
    assert len(a.asked) == 1, "the second run knew"
    (decided,) = (e.decision for e in results[1].events if isinstance(e, Decided))
    assert any(o.name == "first" and (o.filtered or "").startswith("rate limited") for o in decided.options)


def test_where_all_are_limited_the_soonest_is_waited_for() -> None:
    a = Told(steps=(RateLimited("429", retry_after_s=40.0),), name="test:a")
    b = Told(steps=(RateLimited("429", retry_after_s=30.0), "b"), name="test:b")
    talker, clock = Agent("talker", model=["test:a", "test:b"]), Hand()

    async def two() -> list[Any]:
        clients = {"test:a": a, "test:b": b}
        async with Orchestra(agents=[talker], models=clients, router="fixed", clock=clock) as team:
            first = await team.run("hello", to="talker", budget=Budget(seconds=20))
            clock.at += 29.98
            return [first, await team.run("hello", to="talker", budget=Budget(seconds=20))]

    first, second = go("asyncio", two)
    assert first.status == "failed" and "until the deadline" in str(first.outcome.cause)
    assert second.output == "b" and (len(a.asked), len(b.asked)) == (1, 2)


def test_a_wait_opens_no_breaker() -> None:
    health = Health()
    health.limit("m", 130.0)
    health.limit("m", 120.0)
    assert health.hidden("m", 100.0) == "rate limited for another 30.0 s" and health.limited_s("m", 100.0) == 30.0
    assert health.hidden("m", 130.0) is None and health.limited_s("m", 131.0) == 0.0
    assert health.limited_s("other", 0.0) == 0.0 and health.penalty("m", 100.0) == 1.0
