# pyright: standard
"""The program of the README: a ticket is answered and its order refunded, all in plain Python.

Look for: the refund, which the router gives to `stripe` or `adyen` and says why; the lookup that the model asks for;
one reward, which teaches every decision of the run; an agent that joins and one that leaves; and the events of a second
run, for which the agent that joined plans who does what. No key, no server, no account: the models are scripted, below.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from functools import partial

from examples.shop import Receipt, Shop  # the user's pydantic model and database
from orchestra import Agent, Budget, Context, Orchestra, agent, gather, outcome, step, tool, workflow
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Model, Request


@tool(idempotent=True, timeout_s=5)
async def find_order(ctx: Context[Shop], order_id: str) -> dict:
    """Look an order up.  Args: order_id: the id printed on the receipt."""
    return await ctx.deps.order(order_id)


@agent(provides="refund", cost_usd=0.002, side_effect="payment")  # a code agent: its signature is its contract
async def stripe(ctx: Context[Shop], order_id: str) -> Receipt:
    """Refunds a card payment through Stripe."""
    order = await ctx.call(find_order, order_id=order_id)  # charged, traced, replayed
    return await ctx.deps.stripe.refund(order)


@agent(provides="refund", cost_usd=0.004, side_effect="payment")  # a second provider: where a failure goes
async def adyen(ctx: Context[Shop], order_id: str) -> Receipt: ...


analyst = Agent(
    "analyst",
    "Answers questions about orders.",
    provides="analysis",
    tools=[find_order],
    model=["openai:gpt-5-mini", "openai:gpt-5"],  # several models: routed at every step
    instructions="Answer {{ task.text }} from the tools only.",
)


@workflow(budget=Budget(usd=0.05, seconds=30))
async def close_ticket(text: str, order_id: str) -> str:  # plain Python: if, loops, try
    facts, receipt = await gather(
        step("analysis", text), outcome(step("refund", {"order_id": order_id}, output_type=Receipt))
    )
    return await step("summary", [facts, receipt])  # a failed refund is a value here; a plain step raises


async def main() -> None:
    async with Orchestra(
        agents=[stripe, adyen, analyst, "summarizer"], router="linucb", state="team.db", journal=True
    ) as team:
        result = await team.run(close_ticket, "Where is my money?", "A-17", deps=Shop("shop.db"))
        print(result.status, result.usage.usd, result.explain())  # done | stopped | paused | failed; never raises
        if result.status == "stopped":  # the cap was met: nothing done is done twice
            result = await team.resume(result.run_id, budget=Budget(usd=0.10))
        await team.feedback(result.run_id, reward=1.0, source="customer")
        team.register(another)
        team.unregister("stripe")  # runs in flight keep what they began with
        async with team.stream("Compare last month's refunds.", topology="auto", budget=Budget(usd=0.02)) as events:
            async for event in events:
                print(event)


another = "planner"  # a shipped agent that provides "plan": topology="auto" asks it to take a task apart

# What follows replaces the models by scripts, so that the program runs without a key.

PLAN = """{"steps": [
  {"id": "last", "capability": "analysis", "task": "Add up the refunds of the last month."},
  {"id": "before", "capability": "analysis", "task": "Add up the refunds of the month before."},
  {"id": "compare", "capability": "summary", "task": "Compare the two.", "after": ["last", "before"]}]}"""


def added_up(request: Request) -> str:
    """What the analyst finds: the two months are looked at together, in any order."""
    before = "month before" in request.messages[-1].text
    return "The month before: 3 refunds, 77.00 EUR." if before else "Last month: 2 refunds, 61.50 EUR."


def scripted() -> dict[str, Model]:
    """The models of the program, each with its answers in order."""
    return {
        "openai:gpt-5-mini": Scripted(
            ToolCall(id="1", name="find_order", arguments={"order_id": "A-17"}),
            "Order A-17 was delivered.",
            added_up,
            added_up,
            name="openai:gpt-5-mini",
        ),
        "openai:gpt-5": Scripted(name="openai:gpt-5"),
        "openai:gpt-5-nano": Scripted(
            "Order A-17 was delivered; its 49.00 EUR were refunded.",
            PLAN,
            "One refund fewer than in the month before, and 15.50 EUR less.",
            name="openai:gpt-5-nano",
        ),
    }


if __name__ == "__main__":
    globals()["Orchestra"] = partial(Orchestra, model="openai:gpt-5-nano", models=scripted())
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        asyncio.run(main())
