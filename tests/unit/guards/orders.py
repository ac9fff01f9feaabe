"""A team that takes money and ships, and the stages of an order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from orchestra import Orchestra, Result, agent, errors, step, tool, workflow
from tests.support.runtime import go

MACHINE: dict[str, Any] = {
    "name": "order",
    "stages": ["new", "paid", "sent"],
    "transitions": {"new": ["paid"], "paid": ["sent"]},
    "skills": {
        "pay": {
            "stages": ["new"],
            "before": {"input.cents": {"more_than": 0}},
            "sets": {"cents": "input.cents"},
            "to": "paid",
        },
        "ship": {"stages": ["paid"], "after": {"output": {"equals": "shipped"}}, "to": "sent"},
        "look": {"stages": ["new", "paid"]},
    },
}
CALLED: list[str] = []


@tool(side_effect="payment")
def pay(cents: int = 100) -> int:
    """Pays."""
    CALLED.append("pay")
    return cents


@agent(provides="ship", cost_usd=0.5)
def by_road(what: str) -> str:
    """Ships by road."""
    CALLED.append("by_road")
    return "shipped"


@agent(provides="ship", cost_usd=0.7)
def by_air(what: str) -> str:
    """Ships by air."""
    CALLED.append("by_air")
    return "shipped"


@tool
def look(what: str = "it") -> str:
    """Looks."""
    CALLED.append("look")
    return what


def played(loop: str, native: bool, play: Callable[[Orchestra], Awaitable[Any]], **rest: Any) -> Any:
    async def run() -> Any:
        given: dict[str, Any] = {"agents": [pay, by_road, by_air, look], "router": "cheapest", "goals": [MACHINE]}
        async with Orchestra(native_tasks=native, **(given | rest)) as team:
            return await play(team)

    return go(loop, run)


async def at(team: Orchestra, goal: str = "order:1") -> tuple[str, tuple[str, ...]]:
    state = await team.goal(goal).state()
    return state.stage, state.holders


def is_blocked(result: Result, said: str = "") -> bool:
    return result.cause is not None and result.cause.is_a(errors.Blocked) and said in result.cause.message


@workflow
async def by_step() -> Any:
    """Ships by whoever can."""
    return await step("ship", "it")
