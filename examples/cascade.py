"""Cheap first, and rules of one's own: who is asked, what is paid, and what the record says.

Look for: the small model's answer that passes the check, and the one that does not and costs a second call; three
probes that disagree, so that two other models vote and change the answer; a rule that sends one request to the large
model by a word in it. No key, no server, no account: the models are scripted.
"""

from __future__ import annotations

import asyncio
from typing import Any

from orchestra import Agent, Orchestra
from orchestra.app.result import Result
from orchestra.core.events import Decided
from orchestra.models.scripted import Scripted
from orchestra.routing.rules.rules import Rule, Rules
from orchestra.routing.rules.signals import Keyword, Length
from orchestra.topologies.acar import acar
from orchestra.topologies.cascade import cascade

CLIENTS = {
    "test:small": Scripted("1/2", "about 5", "0.5", "1/3", "2/4.", "Hello!", name="test:small"),
    "test:large": Scripted("6", "1/3", "The contract is void.", name="test:large"),
    "test:other": Scripted("1/3", name="test:other"),
}
PRICES = {"test:small": (0.1, 0.4), "test:large": (2, 8), "test:other": (1, 4)}
AGENTS = [Agent(name.partition(":")[2], "Answers questions.", model=name) for name in CLIENTS]


def a_number(answer: str) -> bool:
    """What is good enough here."""
    return answer.replace("/", "").replace(".", "").isdigit()


def show(result: Result) -> None:
    """The answer, the calls of models, and the last decision that a plan wrote down."""
    decided = [event.decision for event in result.events if isinstance(event, Decided)]
    print(f"{result.output!r} after {result.usage.requests} calls: {decided[-1].reason}")


async def main() -> None:
    """Two teams of the same three agents."""
    given: dict[str, Any] = {"agents": AGENTS, "models": CLIENTS, "prices": PRICES}
    async with Orchestra(**given) as team:
        cheap_first = cascade("small", "large", accept=a_number)
        show(await team.run("What is 3 / 6?", topology=cheap_first))
        show(await team.run("What is 2 * 3?", topology=cheap_first))
        show(await team.run("What is 4 / 12?", topology=acar("small", "large", "other")))
    rules = Rules(
        [Rule("legal", {"and": ["law", {"not": "long"}]}, "large", priority=1)],
        [Keyword(name="law", patterns=("contract", "liability")), Length(name="long", low=2000)],
        otherwise="small",
    )
    async with Orchestra(router=rules, **given) as team:
        show(await team.run("Good morning."))
        result = await team.run("Is this contract binding?")
        show(result)
        print(result.decisions[0].chosen)


if __name__ == "__main__":
    asyncio.run(main())
