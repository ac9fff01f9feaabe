"""A tool that a person must allow: the run ends `paused`, and goes on when somebody has answered.

Look for: a small refund, which nobody is asked for; a large one, `paused` with the very arguments in the question, and
made once it is allowed; and one that is refused, of which the model is told why. At last a workflow asks something
itself. No key, no server, no account: the model is scripted.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from orchestra import Agent, Context, Orchestra, Result, tool, workflow
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted

PAID: list[str] = []


def is_large(cents: int, **_: object) -> bool:
    """Which payments a person is asked for; ``approval=True`` would be all of them."""
    return cents > 5000


@tool(side_effect="payment", approval=is_large)
def refund(order_id: str, cents: int) -> str:
    """Pays money back.

    Args:
        order_id: the order's number
        cents: how much
    """
    PAID.append(order_id)
    return f"{cents / 100:.2f} EUR were paid back for {order_id}"


@workflow
async def newsletter(ctx: Context[None], topic: str) -> str:
    """Asks before it is sent; the answer is a bool because ``output_type`` says so."""
    if await ctx.ask(f"Send the newsletter about {topic}?", output_type=bool):
        return "sent"
    return "kept back"


clerk = Agent("clerk", "Pays money back.", tools=[refund], model="test:scripted")


def asks_for(order_id: str, cents: int) -> ToolCall:
    """What the scripted model asks for."""
    return ToolCall(id=order_id, name="refund", arguments={"order_id": order_id, "cents": cents})


MODEL = Scripted(
    *(asks_for("A-17", 4900), "A-17 was paid back."),
    *(asks_for("A-18", 9900), "A-18 was paid back."),
    *(asks_for("A-19", 99000), "A-19 was not paid back: it is a gift."),
)


def show(result: Result) -> None:
    """How it ended, and what a person is asked."""
    print(result.status, *([result.output] if result.status == "done" else result.asks.values()), sep=": ")


async def answered(team: Orchestra, result: Result, answer: Any) -> Result:
    """What an application does when somebody has clicked: it needs the run's id, the questions' keys, and the state."""
    return await team.resume(result.run_id, answers=dict.fromkeys(result.asks, answer))


async def main() -> None:
    """Four runs, of which three wait for a person."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "team.db")
        async with Orchestra(agents=[clerk], models={"test:scripted": MODEL}, state=state, journal=True) as team:
            show(await team.run(clerk, "Pay A-17 back."))
            for order_id, answer in (("A-18", True), ("A-19", {"approved": False, "reason": "it is a gift"})):
                result = await team.run(clerk, f"Pay {order_id} back.")
                show(result)
                show(await answered(team, result, answer))
            result = await team.run(newsletter, "rivers")
            show(result)
            show(await answered(team, result, True))
    print("paid back:", ", ".join(PAID))


if __name__ == "__main__":
    asyncio.run(main())
