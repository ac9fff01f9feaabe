"""A run that stops at its budget, goes on with more, pauses for a person, and ends: what is done is done once."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from orchestra import Budget, Context, Orchestra, agent, step, workflow

CALLS: list[str] = []


@agent(cost_usd=0.01)
def draft(topic: str) -> str:
    """Writes a draft."""
    CALLS.append("draft")
    return f"a draft about {topic}"


@agent(cost_usd=0.01)
def polish(text: str) -> str:
    """Polishes a draft."""
    CALLS.append("polish")
    return text.replace("a draft", "a polished text")


@workflow
async def publish(ctx: Context[None], topic: str) -> str:
    """Drafts, polishes, asks a person."""
    text = await step("polish", await step("draft", topic))
    if not await ctx.ask(f"Publish {text!r}?", output_type=bool):
        return "withdrawn"
    return f"published: {text}"


async def main() -> None:
    """Takes one run through stopped, paused and done."""
    with tempfile.TemporaryDirectory() as folder:
        async with Orchestra(agents=[draft, polish], state=Path(folder, "team.db"), journal=True) as team:
            result = await team.run(publish, "rivers", budget=Budget(usd=0.015))
            print(result.status, result.usage.usd, result.partial)
            result = await team.resume(result.run_id, budget=Budget(usd=0.03))
            print(result.status, result.usage.usd, list(result.asks.values()))
            result = await team.resume(result.run_id, answers=dict.fromkeys(result.asks, True))
            print(result.status, result.usage.usd, result.output)
    print("agents called:", ", ".join(CALLS))


if __name__ == "__main__":
    asyncio.run(main())
