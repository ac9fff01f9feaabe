"""An answer that two sources judge: a check in code, and a model.

Look for: what each of them said, the one reward that was learned of it, and that the judge's call is not on the run's
bill. The judge's second reply is no verdict: it gives no reward, and the log says so. No key, no server, no account.
"""

from __future__ import annotations

import asyncio
import json

from orchestra import Budget, Orchestra, Result, agent
from orchestra.app.judging import Judge
from orchestra.core.events import Rewarded, Withheld
from orchestra.core.task import Task
from orchestra.models.scripted import Scripted
from orchestra.routing.rewards import Rewards


@agent(provides="reply")
def clerk(text: str) -> str:
    """Answers customers."""
    return f"Your parcel is on its way. ({text})"


def says_where(task: Task, result: Result) -> bool:
    return "on its way" in result.output


def team() -> Orchestra:
    replies = [json.dumps({"reason": "It does not greet.", "score": 5}), *["What a nice answer!"] * 8]
    return Orchestra(
        agents=[clerk],
        evaluators=[says_where, Judge(by="test:judge", budget=Budget(usd=0.01))],
        rewards=Rewards(sources={"says_where": 3}),
        models={"test:judge": Scripted(*replies, name="test:judge")},
        prices={"test:judge": (1, 1)},
    )


async def main() -> None:
    async with team() as shop:
        for text in ("Where is my parcel?", "When will it be here?"):
            result = await shop.run(text, to="reply")
            await shop.learned()
            for event in await shop.events(result.run_id):
                if isinstance(event, Rewarded):
                    learned = event.reward if event.learned is None else event.learned
                    print(f"{event.source} says {event.reward}, the reward is now {learned:.3f}")
                elif isinstance(event, Withheld):
                    print(f"{event.source} gave no reward: {event.why}")
            print(f"the run itself used {result.usage.requests} requests")
        print(f"the judge used {shop.lessons.judged.requests}; learned {shop.lessons.learned} times")


if __name__ == "__main__":
    asyncio.run(main())
