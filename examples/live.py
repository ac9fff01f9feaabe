"""A team that changes while it works: an agent joins from code, another as a file, and one leaves when its run is over.

No key, no server, no account: the file's model is scripted.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from orchestra import Context, Orchestra, agent, step, workflow
from orchestra.models.scripted import Scripted

PARCELS = """---
description: Says where a parcel is and when it will arrive.
examples:
  - Where is my parcel?
model: test:scripted
cost_usd: 0.001
risk: medium
---
Say where the parcel is: {{ task.text }}
"""
QUESTION = "Where is my parcel?"


@agent(description="Refunds orders.", cost_usd=0.01)
def refunds(text: str) -> str:
    return "It was refunded."


@agent(description="Adds up what an invoice lists.", cost_usd=0.002)
def invoices(text: str) -> str:
    return "It comes to 12."


@workflow
async def slow_question(ctx: Context[asyncio.Event], text: str) -> str:
    """Asks the agent for parcels as late as it is let."""
    await ctx.deps.wait()
    return str(await step("parcels", text))


def drop(folder: Path, name: str, text: str) -> None:
    """Writes under a hidden name first: a rename makes the whole file appear at once."""
    hidden = folder / f".{name}"
    hidden.write_text(text, encoding="utf-8")
    hidden.rename(folder / name)


async def until(team: Orchestra, name: str, there: bool) -> None:
    began = time.monotonic()
    while (name in team.catalog.nodes) is not there:
        await asyncio.sleep(0.01)
    took_s = time.monotonic() - began
    print(f"{name} {'joined' if there else 'left'}", "within a second" if took_s < 1.0 else f"after {took_s:.1f} s")


def show(team: Orchestra) -> None:
    """Who would answer now, and what is known of each."""
    decision = team.route(QUESTION)
    print(f"{QUESTION} -> {decision.chosen[0]}: {decision.reason}")
    for option in decision.options:
        why = option.filtered or f"prior {option.prior:.2f}, similarity {option.similarity:.2f}, {option.tries} rewards"
        print(f"  {option.name}: {why}")


async def main() -> None:
    """Prints who is chosen as the team changes, and how a removed agent drains."""
    model = Scripted("It arrives today.", "It arrives tomorrow.")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        async with (
            asyncio.timeout(10),
            Orchestra(agents=[refunds], models={"test:scripted": model}, folders=[folder]) as team,
        ):
            team.register(invoices)
            show(team)

            drop(folder, "parcels.md", PARCELS)
            await until(team, "parcels", there=True)
            show(team)
            result = await team.run(QUESTION)
            print(result.output)
            await team.feedback(result.run_id, 1.0)

            drop(folder, "broken.md", PARCELS.replace("cost_usd: 0.001", "cost_usd: cheap"))
            while not team.problems:
                await asyncio.sleep(0.01)
            print("refused:", team.problems[0].error)

            gate = asyncio.Event()
            running = asyncio.create_task(team.run(slow_question, QUESTION, deps=gate))
            await asyncio.sleep(0)  # it begins
            (folder / "parcels.md").unlink()
            await until(team, "parcels", there=False)
            print("drained:", await team.drained("parcels", timeout_s=0.05))
            gate.set()
            print("the run in flight:", (await running).output)
            print("drained:", await team.drained("parcels", timeout_s=5))
            show(team)


if __name__ == "__main__":
    asyncio.run(main())
