"""A small team on scripted models: what the tests of the app and of the command line work with."""

from __future__ import annotations

import os
from typing import Any

import anyio

from orchestra import Agent, Context, Orchestra, agent, errors, gather, step, workflow
from orchestra.models.scripted import Echo


@agent(provides="refund", cost_usd=0.002, side_effect="payment")
async def stripe(order: str) -> str:
    """Refunds a card payment."""
    raise errors.NoEffect(f"no connection for {order}")


@agent(provides="refund", cost_usd=0.004, side_effect="payment")
def adyen(order: str) -> str:
    """Refunds a payment of any kind."""
    return f"refunded {order}"


@agent
async def broken(task: str) -> str:
    """Never works."""
    raise ValueError("bad wiring")


@agent
async def careful(ctx: Context[None], task: str) -> str:
    """Asks a person first."""
    answer: str = await ctx.ask(f"May I {task}?", key="may")
    return f"{task}: {answer}"


@agent
async def endless(task: str) -> str:
    """Takes longer than anybody waits."""
    await anyio.sleep(60)
    return task


writer = Agent("writer", "Answers questions about the shop.", provides="answer", model="test:echo")


@workflow
async def close(text: str, order: str) -> str:
    """Two steps at once."""
    answer, refund = await gather(step("answer", text), step("refund", order))
    return f"{answer}; {refund}"


def made(**options: Any) -> Orchestra:
    """The team, with other options where they are given."""
    return Orchestra(
        **{
            "agents": [stripe, adyen, broken, careful, endless, writer],
            "models": {"test:echo": Echo()},
            "workflows": [close],
            **options,
        }
    )


def team() -> Orchestra:
    """What the command line is given: its state lies where SHOP_STATE says."""
    state = os.environ.get("SHOP_STATE")
    return made(state=state, journal=state is not None)
