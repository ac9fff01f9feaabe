"""A budget that stops a run, and a second process that goes on with it: what is done is done once.

Look for: `stopped` before the step that would break the cap, with what is finished in `partial`; then, from a team that
knows nothing but the state file, `done`, where `draft` was answered by the journal and not called again. No key, no
server, no account.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from orchestra import Budget, Orchestra, agent, step, workflow

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


@workflow(budget=Budget(usd="0.015"))
async def publish(topic: str) -> str:
    """Drafts, then polishes: 0.02 dollars, and so more than it may spend."""
    return await step(polish, await step(draft, topic))


def team(state: Path) -> Orchestra:
    """The workflow is named so that its runs can be resumed in a new process: none is imported from the file."""
    return Orchestra(agents=[draft, polish], workflows=[publish], state=state, journal=True)


async def main() -> None:
    """Stops a run at its budget, then resumes it with a larger one."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "team.db")
        async with team(state) as first:
            result = await first.run(publish, "rivers")
        print(result.status, result.usage.usd, [*result.partial.values()])
        print(result.cause)
        async with team(state) as second:
            result = await second.resume(result.run_id, budget=Budget(usd="0.03"))
        print(result.status, result.usage.usd, result.output)
    print("agents called:", ", ".join(CALLS))


if __name__ == "__main__":
    asyncio.run(main())
