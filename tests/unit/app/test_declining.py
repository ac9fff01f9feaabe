"""An agent that says that a task is not for it: no failure of its own, and a lesson for the router."""

import pytest

from orchestra import Orchestra, agent, errors
from orchestra.core.events import Rewarded
from orchestra.core.outcome import Failed
from orchestra.graph.breaker import BreakerRule
from orchestra.routing.learners.linucb import LinUCB
from tests.support.runtime import go


@agent(provides="refund", side_effect="payment")
async def card(text: str) -> str:
    raise errors.Declined("nothing to refund")


@agent(provides="refund", side_effect="payment")
async def wire(text: str) -> str:
    return "paid"


@agent(provides="hours")
async def porter(text: str) -> str:
    return "until six"


def test_who_declines_stays_healthy_and_anybody_may_take_over() -> None:
    async def main() -> None:
        async with Orchestra(agents=[card, porter, wire], router="fixed:card") as team:
            for _ in range(BreakerRule().failures + 1):
                result = await team.run("When do you close?")
                # The next in order, and not the one that can do the same.
                assert result.output == "until six"
                assert [d.chosen for d in result.decisions] == [("card",), ("porter",)]
                assert [(f.name, f.how, f.to) for f in result.explain().failures] == [("card", "rerouted", "porter")]

    go("asyncio", main)


def test_the_choice_is_taught_a_reward_of_nothing() -> None:
    router = LinUCB()

    async def main() -> None:
        async with Orchestra(agents=[card], router=router) as team:
            result = await team.run("When do you close?")
            assert isinstance(result.outcome, Failed) and result.outcome.cause.is_a(errors.Declined)
            told = [e for e in await team.events(result.run_id) if isinstance(e, Rewarded)]
            assert [(e.reward, e.source) for e in told] == [(0.0, "runtime")]

    go("asyncio", main)
    assert router.pulls("card") == 1


def test_declining_is_no_effect_and_pickles_with_its_remedy() -> None:
    assert issubclass(errors.Declined, errors.NoEffect)
    with pytest.raises(errors.NoEffect):
        raise errors.Declined("not mine")
