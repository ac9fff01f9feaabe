"""A hard budget over agents that are routed step by step: never passed, and never silently the end."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import count
from typing import Any
from unittest.mock import patch

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra import Agent, Budget, Orchestra, gather, outcome, step, tool, workflow
from orchestra.app.result import Result
from orchestra.core.errors import BudgetExceeded, ModelTimeout, Overloaded
from orchestra.core.events import CallEnded, CallStarted, Overrun
from orchestra.core.message import ToolCall
from orchestra.core.money import nano
from orchestra.core.outcome import Failed
from orchestra.core.usage import Usage
from orchestra.ports.model import Reply, Request
from orchestra.routing.constraints import OVER_BUDGET
from orchestra.routing.learners.steps import AlwaysLarge, FirstLarge, Policy, RandomLarge
from orchestra.routing.learners.stepwise import Stepwise
from orchestra.testing.function import FunctionModel

SMALL, LARGE = "test:small", "test:large"
POLICIES: list[Policy] = [AlwaysLarge(), FirstLarge(1), RandomLarge(0.5)]


@dataclass(frozen=True)
class World:
    """What is drawn: dollars a million tokens, how long the work is, how often a request is refused."""

    seed: int
    prices: dict[str, tuple[float, float]]
    turns: int
    agents: int
    max_tokens: int
    refused: float
    policy: Policy
    budget_usd: float


worlds = st.builds(
    World,
    seed=st.integers(0, 10**6),
    prices=st.builds(
        lambda small, large: {SMALL: small, LARGE: large},
        st.tuples(st.floats(0.0, 2.0), st.floats(0.1, 4.0)),
        st.tuples(st.floats(2.0, 20.0), st.floats(4.0, 80.0)),
    ),
    turns=st.integers(1, 4),
    agents=st.integers(1, 3),
    max_tokens=st.integers(10, 400),
    refused=st.sampled_from([0.0, 0.3]),
    policy=st.sampled_from(POLICIES),
    budget_usd=st.floats(0.0001, 0.05),
)


@tool
def look(at: int) -> str:
    """Looks."""
    return f"seen {at}"


def model(world: World, name: str, rng: random.Random, number: count[int]) -> FunctionModel:
    def answer(request: Request) -> Reply:
        if rng.random() < world.refused:
            raise rng.choice((Overloaded, ModelTimeout))("Come back later.")
        used = Usage(
            input_tokens=rng.randint(1, counted.count(request)),
            output_tokens=rng.randint(1, request.max_tokens),
            requests=1,
        )
        if sum(message.role == "assistant" for message in request.messages) >= world.turns:
            return Reply(text="done", usage=used)
        asked = ToolCall(id=f"c{next(number)}", name="look", arguments={"at": next(number)})
        return Reply(tool_calls=(asked,), finish="tool_calls", usage=used)

    counted = FunctionModel(answer, name=name)
    return counted


async def walked(world: World) -> Result:
    rng, number = random.Random(world.seed), count()
    walker = Agent("walker", "Walks.", tools=[look], model=[SMALL, LARGE], max_tokens=world.max_tokens)

    @workflow
    async def walks(text: str) -> list[str]:
        found = await gather(*(outcome(step("walker", f"{text} {n}")) for n in range(world.agents)))
        return ["" if one.cause is None else " ".join(one.cause.family) for one in found]

    models: Any = {name: model(world, name, rng, number) for name in (SMALL, LARGE)}
    router = Stepwise(world.policy, floor=0.1)
    async with Orchestra(agents=[walker], models=models, prices=world.prices, router=router) as team:
        return await team.run(walks, "go", budget=Budget(usd=world.budget_usd), seed=world.seed)


@given(world=worlds)
@settings(max_examples=60)
def test_the_cap_holds_whatever_is_drawn(world: World) -> None:
    with patch("orchestra.runtime.models.FIRST_WAIT_S", 0.0):
        result = anyio.run(walked, world)
    assert result.usage.nano_usd <= nano(world.budget_usd)
    assert not [event for event in result.events if isinstance(event, Overrun)]
    for kinds in result.output:
        allowed = ("BudgetExceeded", "Overloaded", "ModelTimeout") if world.refused else ("BudgetExceeded",)
        assert not kinds or any(kind in kinds for kind in allowed), "what does not fit ends by name"
    for decision in result.decisions:
        if not decision.capability.startswith("model/"):
            continue
        assert decision.step is not None and decision.budget_left_nano is not None
        over = {option.name for option in decision.options if (option.filtered or "").startswith(OVER_BUDGET)}
        assert not over & set(decision.chosen)
        assert len(over) < 2, "the last one is left to the ledger"


unlucky = st.builds(
    World,
    seed=st.integers(0, 10**6),
    prices=st.just({SMALL: (0.1, 0.4), LARGE: (5.0, 20.0)}),
    turns=st.integers(1, 2),
    agents=st.integers(1, 3),
    max_tokens=st.integers(2000, 6000),
    refused=st.just(0.6),
    policy=st.just(AlwaysLarge()),
    budget_usd=st.floats(0.05, 0.3),
)


@given(world=unlucky)
@settings(max_examples=40)
def test_what_the_ledger_refuses_as_large_is_asked_of_small(world: World) -> None:
    """Attempts that nobody answered are billed, so that retries are often refused."""
    with patch("orchestra.runtime.models.FIRST_WAIT_S", 0.0):
        result = anyio.run(walked, world)
    assert result.usage.nano_usd <= nano(world.budget_usd)
    asked = {event.key for event in result.events if isinstance(event, CallStarted)}
    for event in result.events:
        if isinstance(event, CallEnded) and _over_budget(event):
            step_key, _, name = event.key.rpartition("/@")
            assert name == SMALL or f"{step_key}/@{SMALL}" in asked


def test_the_ledger_does_refuse_large_ones_in_such_worlds() -> None:
    """Without it the law above could hold of nothing."""
    worlds = [
        World(
            seed=seed,
            prices={SMALL: (0.1, 0.4), LARGE: (5.0, 20.0)},
            turns=2,
            agents=3,
            max_tokens=6000,
            refused=0.6,
            policy=AlwaysLarge(),
            budget_usd=0.2,
        )
        for seed in range(6)
    ]
    with patch("orchestra.runtime.models.FIRST_WAIT_S", 0.0):
        events = [event for world in worlds for event in anyio.run(walked, world).events]
    names = {event.name for event in events if isinstance(event, CallEnded) and _over_budget(event)}
    assert LARGE in names


def _over_budget(event: CallEnded) -> bool:
    return event.kind == "model" and isinstance(event.outcome, Failed) and event.outcome.cause.is_a(BudgetExceeded)


@given(world=worlds.filter(lambda world: world.agents == 1 and not world.refused))
@settings(max_examples=30, suppress_health_check=[HealthCheck.filter_too_much])
def test_large_is_masked_before_it_could_be_refused_and_small_ends_the_run(world: World) -> None:
    """Alone and without retries, what a decision sees as left is left when the call is reserved."""
    result = anyio.run(walked, world)
    refused = [
        event.name
        for event in result.events
        if isinstance(event, CallEnded) and event.kind == "model" and type(event.outcome) is Failed
    ]
    assert refused in ([], [SMALL])
    assert (refused == []) == (result.output == [""])
