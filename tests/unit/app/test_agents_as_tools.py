"""An agent as another agent's tool: one budget, one trace, its answer comes back."""

from orchestra import Agent, Budget, Orchestra, Result, tool
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted
from orchestra.telemetry.explain import explain
from tests.support.runtime import go, on_every_loop


@tool
async def price(name: str) -> int:
    """The price of a thing."""
    return {"lamp": 30, "mug": 12}[name]


BUYER = Agent("buyer", "Knows prices.", instructions="Find the price.", tools=[price], model="test:buyer")
CLERK = Agent("clerk", "Answers customers.", instructions="Answer.", tools=[BUYER], model="test:clerk")


def ask(tool: str, **arguments: str) -> ToolCall:
    return ToolCall(id="1", name=tool, arguments=arguments)


async def served(native: bool, budget: Budget) -> Result:
    clerk = Scripted(ask("buyer", task="the lamp"), "It costs 30.")
    buyer = Scripted(ask("price", name="lamp"), "30")
    async with Orchestra(
        agents=[CLERK],
        models={"test:clerk": clerk, "test:buyer": buyer},
        prices={"test:clerk": (1, 1), "test:buyer": (2, 2)},
        native_tasks=native,
    ) as team:
        return await team.run("What is the lamp?", to="clerk", budget=budget)


@on_every_loop
def test_the_answer_comes_back_and_everything_is_on_one_bill(loop: str, native: bool) -> None:
    result = go(loop, served, native, Budget(usd=1))
    assert result.output == "It costs 30."
    assert (result.usage.requests, result.usage.tool_calls) == (4, 1)
    cost = explain(result.events).cost
    assert cost.model_to_usage.keys() == {"test:clerk", "test:buyer"}
    assert sum(usage.nano_usd for usage in cost.model_to_usage.values()) == result.usage.nano_usd


@on_every_loop
def test_the_budget_holds_for_the_agent_below(loop: str, native: bool) -> None:
    """Two requests: the clerk's and the buyer's first; the tool's answer finds no third one to go to."""
    result = go(loop, served, native, Budget(requests=2))
    assert result.status == "stopped" and result.usage.requests == 2
