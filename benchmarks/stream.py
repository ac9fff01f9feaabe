"""What a reader costs: the same run of many steps, watched and not watched. ``python -m benchmarks.stream``."""

from __future__ import annotations

import asyncio
import statistics
import time

from benchmarks.ours import answer, chain_of
from orchestra import Orchestra

STEPS, ROUNDS = 1_000, 9


async def watched(team: Orchestra) -> int:
    count = 0
    async with team.stream(chain_of, None, STEPS) as events:
        async for _ in events:
            count += 1
    assert events.result.status == "done"
    return count


async def main() -> None:
    team = Orchestra(agents=[answer])
    costs = []
    for turn in range(ROUNDS + 1):
        began = time.process_time()
        assert (await team.run(chain_of, None, STEPS)).status == "done"
        alone = time.process_time() - began
        began = time.process_time()
        count = await watched(team)
        if turn:  # the first warms up
            costs.append((time.process_time() - began - alone) / count * 1e6)
    print(f"{statistics.median(costs):.2f} us an event ({min(costs):.2f}..{max(costs):.2f}), {count} events a run")


if __name__ == "__main__":
    asyncio.run(main())
