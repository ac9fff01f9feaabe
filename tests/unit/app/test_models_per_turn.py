"""An agent of several models: one is chosen at every turn, each choice has its record, and prices are part of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from orchestra import Agent, Orchestra, tool
from orchestra.core.decision import Decide, Decision
from orchestra.core.events import CallEnded, Decided
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Request
from orchestra.ports.router import Lesson
from tests.support.runtime import go, on_every_loop

CHEAP, DEAR = "test:cheap", "test:dear"
PRICES = {CHEAP: (1, 2), DEAR: {"input": 10, "output": 20, "cached": 1}}


@tool
def look(order_id: str) -> str:
    """Looks an order up."""
    return f"{order_id} was shipped"


class Alternating:
    """Takes the first option at even turns and the last at odd ones."""

    name = "alternating"
    version = 1
    learns = False

    def __init__(self) -> None:
        self.turn = -1

    def learn(self, lessons: Sequence[Lesson], /) -> None: ...

    def pulls(self, option: str, /) -> int:
        return 0

    def delta(self) -> dict[str, Any]:
        return {}

    def load(self, state: Mapping[str, Any], /) -> None: ...

    def choose(self, question: Decide, key: str, rng: random.Random) -> Decision:
        offered = [option.name for option in question.eligible]
        self.turn += len(offered) > 1
        return Decision(
            key=key,
            capability=question.capability,
            policy=self.name,
            version=self.version,
            options=question.options,
            chosen=(offered[-(self.turn % 2)],),
            probability=1.0,
        )


def looked_up(request: Request) -> str | ToolCall:
    """Asks for the tool once, then answers."""
    if request.messages[-1].role == "tool":
        return "It was shipped."
    return ToolCall(id="c1", name="look", arguments={"order_id": "A-17"})


async def run(router: Any, native: bool, prices: Any = PRICES) -> Any:
    talker = Agent("talker", model=[CHEAP, DEAR], tools=[look])
    async with Orchestra(
        agents=[talker],
        models={name: Scripted(*[looked_up] * 2, name=name) for name in (CHEAP, DEAR)},
        prices=prices,
        router=router,
        native_tasks=native,
    ) as team:
        return await team.run("Where is A-17?", to="talker")


def choices(result: Any) -> list[Decision]:
    return [e.decision for e in result.events if isinstance(e, Decided) and len(e.decision.options) == 2]


@on_every_loop
def test_each_turn_may_have_another_model_and_says_which(loop: str, native: bool) -> None:
    result = go(loop, run, Alternating(), native)
    first, second = choices(result)
    assert (first.chosen, second.chosen) == ((CHEAP,), (DEAR,)) and first.key != second.key
    asked = [e for e in result.events if isinstance(e, CallEnded) and e.kind == "model"]
    assert [(e.name, e.decision) for e in asked] == [(CHEAP, first.key), (DEAR, second.key)]


def test_the_declared_price_is_the_expected_cost_of_the_option() -> None:
    (first, *_) = choices(go("asyncio", run, Alternating(), False))
    costs = {option.name: option.cost_nano for option in first.options}
    assert costs[DEAR] == 10 * costs[CHEAP] > 0


def test_the_cheapest_is_taken_at_every_turn() -> None:
    turned = {CHEAP: (9, 9), DEAR: (1, 1)}
    for prices, name in ((PRICES, CHEAP), (turned, DEAR)):
        result = go("asyncio", run, "cheapest", False, prices)
        assert [decision.chosen for decision in choices(result)] == [(name,), (name,)]
