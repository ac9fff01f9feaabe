"""The model leaf: retries, holds and settlements."""

from __future__ import annotations

from decimal import Decimal

import anyio
import pytest

from orchestra.core.budget import Budget
from orchestra.core.call import Batch, Call, ModelName, Plan, Planned
from orchestra.core.errors import AuthFailed, ModelTimeout, ModelUnreachable, Overloaded, RateLimited
from orchestra.core.events import Attempt, CallEnded, Charged, Filed, Overrun, Refused
from orchestra.core.message import user
from orchestra.core.outcome import Cancelled, Done, Failed
from orchestra.core.usage import Usage
from orchestra.ports.model import Reply, Request
from orchestra.ports.prices import Price
from orchestra.runtime import models
from orchestra.runtime.execute import status_of
from tests.support.models import Told
from tests.support.runtime import Rig, go, on_every_loop

PRICE = Price(input_nano=Decimal(2), output_nano=Decimal(4))
REQUEST = Request(messages=(user("hello"),), max_tokens=5)
MODEL = ModelName(name="test:told")


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "FIRST_WAIT_S", 0.001)


def rig(told: Told, native: bool = False, price: Price | None = PRICE) -> Rig:
    return Rig(models={"test:told": told}, price=price, native=native)


@on_every_loop
def test_a_reply_is_settled_at_what_it_used(loop: str, native: bool) -> None:
    told = Told(tokens=(8, 3))
    team = rig(told, native)
    outcome, usage = go(loop, team.run, MODEL, REQUEST)
    assert isinstance(outcome, Done) and isinstance(outcome.output, Reply)
    assert usage == outcome.usage == Usage(nano_usd=28, input_tokens=8, output_tokens=3, requests=1)
    assert outcome.output.usage.nano_usd == 28


@on_every_loop
@pytest.mark.parametrize("error", [RateLimited("429"), Overloaded("503"), ModelUnreachable("refused")])
def test_what_may_pass_is_asked_again(loop: str, native: bool, error: Exception) -> None:
    told = Told(steps=(error, error, "ok"))
    team = rig(told, native)
    outcome, usage = go(loop, team.run, MODEL, REQUEST)
    assert isinstance(outcome, Done) and len(told.asked) == 3
    assert [(e.number, e.cause.kind) for e in team.of(Attempt)] == [
        (1, type(error).__name__),
        (2, type(error).__name__),
    ]
    assert usage.requests == 3 and usage.nano_usd == 40, "a refused attempt is a request, and costs nothing"
    assert len(team.of(Charged)) == 3 and not team.of(Filed)


@on_every_loop
def test_two_retries_and_no_more(loop: str, native: bool) -> None:
    told = Told(steps=(Overloaded("503"),))
    team = rig(told, native)
    outcome, _ = go(loop, team.run, MODEL, REQUEST)
    assert isinstance(outcome, Failed) and outcome.cause.kind == "Overloaded"
    assert len(told.asked) == 3 and len(team.of(Attempt)) == 2 and len(team.of(Filed)) == 1


@pytest.mark.parametrize("error", [AuthFailed("no"), RateLimited("later", retry_after_s=61.0), TypeError("a bug")])
def test_what_will_not_pass_is_not_asked_again(error: Exception) -> None:
    told = Told(steps=(error,))
    outcome, _ = go("asyncio", rig(told).run, MODEL, REQUEST)
    assert isinstance(outcome, Failed) and len(told.asked) == 1


def test_a_timeout_may_have_been_billed() -> None:
    team = rig(Told(steps=(ModelTimeout("late"), "ok"), tokens=(1, 1)))
    _, usage = go("asyncio", team.run, MODEL, REQUEST)
    assert usage.estimated and usage.nano_usd == 40 + 6


@on_every_loop
def test_every_attempt_has_a_hold_of_its_own(loop: str, native: bool) -> None:
    told = Told(steps=(ModelTimeout("late"),), tokens=(10, 5))
    team = rig(told, native)
    outcome, usage = go(loop, team.run, MODEL, REQUEST, Budget(usd="0.000000100"))
    assert len(told.asked) == 2, "the third of 40 does not fit into 100"
    assert isinstance(outcome, Failed) and outcome.cause.kind == "BudgetExceeded" and usage.nano_usd == 80
    assert status_of(outcome) == "stopped" and len(team.of(Refused)) == 1


@on_every_loop
def test_a_cancelled_call_is_settled_at_its_whole_hold(loop: str, native: bool) -> None:
    team = rig(Told(steps=(None,)), native)
    outcome, usage = go(loop, team.run, MODEL, REQUEST, Budget(seconds=0.02))
    assert status_of(outcome) == "stopped" and outcome.cause is not None
    assert usage == Usage(nano_usd=40, input_tokens=10, output_tokens=5, requests=1, estimated=True)
    (ended,) = team.of(CallEnded)
    assert isinstance(ended.outcome, Cancelled) and ended.outcome.usage == usage


@on_every_loop
def test_an_overrun_is_settled_in_full_and_stops_the_next(loop: str, native: bool) -> None:
    told = Told(tokens=(30, 5))
    team = rig(told, native)

    def twice(_: object) -> Plan:
        yield Batch.all(Call(target=MODEL, input=REQUEST))
        (second,) = yield Batch.all(Call(target=MODEL, input=REQUEST))
        return second

    outcome, usage = go(loop, team.run, Planned(name="twice", plan=twice), None, Budget(usd="0.000000079"))
    assert len(told.asked) == 1 and usage.nano_usd == 80 and status_of(outcome) == "stopped"
    assert [e.by for e in team.of(Overrun)] == [(40, 20, 0, 0)]


def test_an_unknown_price_is_not_zero() -> None:
    outcome, usage = go("asyncio", rig(Told(), price=None).run, MODEL, REQUEST)
    assert isinstance(outcome, Done) and usage.unpriced == 1 and usage.usd is None and usage.tokens == 15


def test_a_client_that_returns_nonsense_leaks_no_hold() -> None:
    class Broken(Told):
        async def request(self, request: Request, /) -> Reply:
            return Reply(text="no usage", usage=None)  # type: ignore[arg-type]  # what a broken client does

    outcome, usage = go("asyncio", rig(Broken()).run, MODEL, REQUEST, Budget(tokens=15))
    assert isinstance(outcome, Failed) and usage.estimated and usage.tokens == 15


@on_every_loop
def test_a_retry_waits_inside_the_deadline(loop: str, native: bool) -> None:
    team = rig(Told(steps=(RateLimited("429", retry_after_s=5.0),)), native)

    async def timed() -> float:
        began = anyio.current_time()
        await team.run(MODEL, REQUEST, Budget(seconds=0.03))
        return anyio.current_time() - began

    assert go(loop, timed) < 2
