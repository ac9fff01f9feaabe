"""A team whose runs wait for persons. DESK_STATE is its file, DESK_KNOWS=no leaves the workflows out."""

from __future__ import annotations

import os
from pathlib import Path

from orchestra import Context, Orchestra, errors, step, tool, workflow


def note(line: str) -> None:
    with Path(os.environ["DESK_STATE"]).with_suffix(".log").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


@tool
def unpay(order: str, output: str) -> str:
    note(f"unpay {order} {output}")
    return "undone"


@tool(side_effect="payment", approval=True, compensate=unpay)
def pay(order: str) -> str:
    note(f"pay {order}")
    return f"receipt {order}"


@tool
async def wonder(ctx: Context[None], order: str) -> int:
    return await ctx.ask(f"How much is {order}?", output_type=int)


@workflow
async def settle(order: str) -> str:
    amount = await step(wonder, order)
    receipt: str = await step(pay, f"{order}:{amount}")
    if order == "broken":
        raise errors.NoEffect("the printer is out of paper")
    return receipt


knows = os.environ.get("DESK_KNOWS", "yes") == "yes"
team = Orchestra(
    agents=[pay], state=os.environ["DESK_STATE"], journal=True, workflows=[settle] if knows else [], native_tasks=True
)
