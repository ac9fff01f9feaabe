"""Small or large at every step: a policy trained on simulated episodes, then an agent of two models under a budget.

Look for: the trained policy against the random mixture of the same cost; the agent that starts on the small model,
gives the step after a failed tool to the large one and goes back; and the second run, whose budget cannot pay for
that, so the large model is masked and the reason is on record. No key, no server, no account: the models are scripted.
"""

from __future__ import annotations

import asyncio
import random

from orchestra import Agent, Budget, Orchestra, tool
from orchestra.core.message import ToolCall
from orchestra.evaluation.episodes import episodes, point, tolerant
from orchestra.models.scripted import Scripted
from orchestra.routing.learners.rollouts import Training, train
from orchestra.routing.learners.steps import RandomLarge, Threshold
from orchestra.routing.learners.stepwise import Stepwise

PRICES = {"test:small": (0.1, 0.4), "test:large": (10, 40)}


def trained() -> None:
    """A policy from 60 simulated tasks, tried on 300 others."""
    policy, kinds = train(episodes(60, random.Random(0)), tolerant, random.Random(0), Training(rounds=40))
    print("tasks:", ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    tasks = episodes(300, random.Random(1))
    mine = point(policy, tasks, random.Random(2))
    mixtures = [point(RandomLarge(n / 20), tasks, random.Random(3)) for n in range(21)]
    mixture = next(one for one in mixtures if one.usd >= mine.usd)
    print(f"at no more than a mixture's cost: {mine.success > mixture.success}")
    print(f"large steps where it matters: {mine.large_on_hard > 0.0}")


@tool
def read_table(name: str) -> str:
    """Reads a table."""
    if name == "sales":
        raise LookupError("there is no table 'sales'; there are: sales_2025, sales_2026")
    return "42 rows"


def wants(table: str) -> ToolCall:
    """What a scripted model asks for."""
    return ToolCall(id=table, name="read_table", arguments={"name": table})


async def answered(budget: Budget, small: Scripted, large: Scripted) -> None:
    """One run, and who did each of its steps."""
    analyst = Agent("analyst", "Reads tables.", tools=[read_table], model=[*PRICES], max_tokens=200)
    router = Stepwise(Threshold("failed"), floor=0.0)
    models = {"test:small": small, "test:large": large}
    async with Orchestra(agents=[analyst], models=models, prices=PRICES, router=router) as team:
        result = await team.run("How many sales?", budget=budget)
        print(result.status, result.output)
        for decision in result.decisions[1:]:
            masked = [f"{option.name} {option.filtered}" for option in decision.options if option.filtered]
            print(f"  {decision.chosen[0]}", *masked)


async def main() -> None:
    """Trains, then runs an agent twice."""
    trained()
    await answered(Budget(usd=0.10), Scripted(wants("sales"), "42"), Scripted(wants("sales_2026")))
    await answered(Budget(usd=0.005), Scripted(wants("sales"), wants("sales_2026"), "42"), Scripted())


if __name__ == "__main__":
    asyncio.run(main())
