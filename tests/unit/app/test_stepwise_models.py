"""An agent of two models: every turn is a step, its record says where in the work it was, and the cap masks the dear
one.
"""

from typing import Any
from unittest.mock import patch

import pytest

from orchestra import Agent, Budget, Orchestra, gather, step, tool, workflow
from orchestra.core.decision import Decision, Step
from orchestra.core.errors import BudgetExceeded, ModelTimeout
from orchestra.core.events import CallEnded, Filed
from orchestra.core.message import ToolCall
from orchestra.core.money import nano
from orchestra.core.outcome import Failed
from orchestra.models.scripted import Scripted
from orchestra.routing.constraints import OVER_BUDGET
from orchestra.routing.learners.steps import AlwaysLarge, Policy, Threshold
from orchestra.routing.learners.stepwise import Stepwise
from tests.support.runtime import go, on_every_loop

SMALL, LARGE = "test:small", "test:large"
PRICES: Any = {SMALL: (1, 2), LARGE: (100, 200)}


@tool
def look(order_id: str) -> str:
    """Looks an order up."""
    if order_id == "A-1":
        raise LookupError("there is no A-1")
    return f"{order_id} was shipped"


def wants(order_id: str) -> ToolCall:
    return ToolCall(id=order_id, name="look", arguments={"order_id": order_id})


def team(policy: Policy, small: Scripted, large: Scripted, **options: Any) -> Orchestra:
    clerk = Agent("clerk", "Looks orders up.", tools=[look], model=[SMALL, LARGE], max_tokens=100, max_turns=5)
    router = Stepwise(policy, floor=0.0)
    return Orchestra(agents=[clerk], models={SMALL: small, LARGE: large}, prices=PRICES, router=router, **options)


def steps(decisions: tuple[Decision, ...]) -> list[Decision]:
    return [decision for decision in decisions if decision.capability.startswith("model/")]


@on_every_loop
def test_every_turn_is_a_step(loop: str, native: bool) -> None:
    async def main() -> None:
        small, large = Scripted(wants("A-1"), "It was shipped."), Scripted(wants("A-2"))
        async with team(Threshold(), small, large, native_tasks=native) as one:
            result = await one.run("Where is it?")
            assert result.output == "It was shipped."
            made = steps(result.decisions)
            assert [decision.chosen for decision in made] == [(SMALL,), (LARGE,), (SMALL,)]
            told = [(s.turn, s.most, s.failed, s.failures) for s in (d.step or Step() for d in made)]
            assert told == [(0, 5, False, 0), (1, 5, True, 1), (2, 5, False, 1)]
            lengths = [(d.step or Step()).length for d in made]
            assert 0 < lengths[0] < lengths[1] < lengths[2]
            assert await one.feedback(result.run_id, 1.0) == 4
            others = [decision for decision in result.decisions if decision not in made]
            assert [decision.step for decision in others] == [None]

    go(loop, main)


def test_a_step_stays_in_the_record(tmp_path: Any) -> None:
    async def main() -> None:
        where = str(tmp_path / "team.db")
        async with team(Threshold(), Scripted("hi"), Scripted(), state=where, journal=True) as one:
            result = await one.run("Hello?")
            again = await one.replay(result.run_id)
            assert [d.step for d in steps(again.decisions)] == [d.step for d in steps(result.decisions)] != [None]

    go("asyncio", main)


def capped(usd: float, small: Scripted, large: Scripted) -> Any:
    async def main() -> Any:
        async with team(AlwaysLarge(), small, large) as one:
            return await one.run("Where is it?", budget=Budget(usd=usd))

    return go("asyncio", main)


def test_the_dear_model_is_masked_when_its_worst_case_does_not_fit() -> None:
    """A request of 100 tokens at most costs up to $.02 and more with the dear one."""
    rich = capped(1.0, Scripted(), Scripted("done"))
    assert [d.chosen for d in steps(rich.decisions)] == [(LARGE,)]
    poor = capped(0.02, Scripted("done"), Scripted())
    (decision,) = steps(poor.decisions)
    assert poor.output == "done" and decision.chosen == (SMALL,)
    masked = {option.name: option.filtered for option in decision.options}
    assert masked[SMALL] is None and (masked[LARGE] or "").startswith(f"{OVER_BUDGET}up to $0.0")


def test_where_neither_fits_the_end_is_explicit_and_free() -> None:
    small, large = Scripted(), Scripted()
    result = capped(0.0001, small, large)
    assert result.status == "stopped" and result.cause.is_a(BudgetExceeded)
    assert result.usage.nano_usd == 0 and not small.requests and not large.requests


def refusals(result: Any) -> list[str]:
    """The models whose request the ledger refused, in order."""
    ends = (event for event in result.events if isinstance(event, CallEnded) and event.kind == "model")
    return [e.name for e in ends if isinstance(e.outcome, Failed) and e.outcome.cause.is_a(BudgetExceeded)]


def writers(small: Scripted, large: Scripted, **options: Any) -> Orchestra:
    """A request costs up to $.4042 and something with the large model, $.0041 with the small one."""
    writer = Agent("writer", "Writes.", model=[SMALL, LARGE], max_tokens=2000)
    router = Stepwise(AlwaysLarge(), floor=0.0)
    return Orchestra(agents=[writer], models={SMALL: small, LARGE: large}, prices=PRICES, router=router, **options)


def unanswered(_: Any) -> Any:
    """Nobody knows whether it was billed, so it counts at its most."""
    raise ModelTimeout("nobody answered")


@on_every_loop
@pytest.mark.parametrize(("usd", "left"), [(0.6, True), (0.405, False)])
def test_a_retry_that_no_longer_fits_falls_to_the_small_model(loop: str, native: bool, usd: float, left: bool) -> None:
    async def main() -> None:
        small, large = Scripted("done"), Scripted(unanswered, "never asked for")
        async with writers(small, large, native_tasks=native) as one:
            result = await one.run("Write.", budget=Budget(usd=usd))
            assert nano(0.4) < result.usage.nano_usd <= nano(usd) and len(large.requests) == 1
            first, second = steps(result.decisions)
            assert (first.chosen, second.chosen) == ((LARGE,), (SMALL,))
            assert (second.because or "").endswith(f"@{LARGE}") and "only one left" in second.reason
            went = [(event.how, event.to) for event in result.events if isinstance(event, Filed)]
            if left:
                assert result.output == "done" and refusals(result) == [LARGE] and went == [("rerouted", SMALL)]
                assert await one.feedback(result.run_id, 1.0) == 2, "none for the request that was refused"
                return
            assert result.status == "stopped" and result.cause is not None and result.cause.is_a(BudgetExceeded)
            assert refusals(result) == [LARGE, SMALL] and not small.requests
            assert went == [("rerouted", SMALL), ("escalated", "budget")]

    with patch("orchestra.runtime.models.FIRST_WAIT_S", 0.0):
        go(loop, main)


@on_every_loop
def test_small_takes_over_where_two_large_requests_at_once_do_not_both_come_again(loop: str, native: bool) -> None:
    """Both fit once; of the two retries neither does."""

    async def main() -> None:
        small, large = Scripted("small", "small"), Scripted(unanswered, unanswered)

        @workflow
        async def both(text: str) -> list[str]:
            return list(await gather(step("writer", f"{text} one."), step("writer", f"{text} two.")))

        async with writers(small, large, native_tasks=native) as one:
            result = await one.run(both, "Write", budget=Budget(usd=1.0))
            assert result.output == ["small", "small"] and sorted(refusals(result)) == [LARGE, LARGE]
            assert nano(0.8) < result.usage.nano_usd <= nano(1.0)

    with patch("orchestra.runtime.models.FIRST_WAIT_S", 0.0):
        go(loop, main)
