"""What type checkers make of the public names: ``make check`` reads these functions, the tests call the first few."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

from pydantic import BaseModel

from orchestra import (
    Agent,
    Budget,
    Context,
    Decision,
    Orchestra,
    Outcome,
    Result,
    agent,
    gather,
    outcome,
    skill,
    step,
    tool,
    workflow,
)
from orchestra.core.outcome import Cause
from orchestra.workflows.steps import Step


class Receipt(BaseModel):
    order: str


@agent
async def bare_agent(text: str) -> int:
    return len(text)


@agent(provides="refund", cost_usd=0.002, side_effect="payment")
async def called_agent(ctx: Context[dict[str, str]], order: str, cents: int = 0) -> Receipt:
    assert_type(ctx.deps, dict[str, str])
    assert_type(await ctx.call(bare_tool, 1), str)
    assert_type(await ctx.call(called_tool, 1), float)
    assert_type(await ctx.call(with_context, order, cents=3), bytes)
    assert_type(ctx.effect_key, str)
    return Receipt(order=order)


@agent()
def sync_agent(text: str) -> list[str]:
    return [text]


@tool
def bare_tool(number: int) -> str:
    return str(number)


@skill
def bare_skill(number: int) -> str:
    return str(number)


@skill("cite-sources", provides="citing")
async def shipped_skill(text: str) -> list[str]:
    return [text]


@tool(idempotent=True, timeout_s=5)
async def called_tool(number: int) -> float:
    return float(number)


@tool
async def with_context(ctx: Context[dict[str, str]], order: str, *, cents: int) -> bytes:
    return order.encode()


@workflow
async def bare_workflow(text: str) -> bool:
    return bool(text)


@workflow(budget=Budget(usd="0.05"))
async def called_workflow(text: str, order: str) -> str:
    assert_type(step(bare_agent, text), Step[int])
    assert_type(await step(bare_agent, text), int)
    assert_type(await step(called_agent, order), Receipt)
    assert_type(await step(bare_workflow, text, key="again", timeout_s=1), bool)
    assert_type(await step("refund", {"order": order}, output_type=Receipt), Receipt)
    assert_type(await step(Agent("a"), text, output_type=list[int]), list[int])
    assert_type(await outcome(step("refund", order)), Outcome)
    assert_type(await gather(step(bare_agent, text)), tuple[int])
    facts, receipt, ended = await gather(
        step(bare_agent, text), step("refund", order, output_type=Receipt), outcome(step("refund", order))
    )
    assert_type(facts, int)
    assert_type(receipt, Receipt)
    assert_type(ended, Outcome)
    assert_type(await gather(*[step(bare_agent, word) for word in text.split()], fail_fast=True), tuple[int, ...])
    untyped = await step("analysis", text)
    assert_type(untyped, Any)
    return text


async def outside(team: Orchestra) -> None:
    result = await team.run(called_workflow, "text", "A1", deps={"a": "b"}, budget=Budget(usd=1), seed=3)
    assert_type(result, Result)
    assert_type(result.run_id, str)
    assert_type(result.status, str)
    assert_type(result.partial, dict[str, Any])
    assert_type(result.asks, dict[str, str])
    assert_type(result.cause, Cause | None)
    assert_type(result.decisions, tuple[Decision, ...])
    assert_type(team.run_sync("text"), Result)
    assert_type(await team.run("text", topology="auto"), Result)
    assert_type(await team.resume(result.run_id, budget=Budget(usd=2)), Result)
    assert_type(await team.replay(result.run_id), Result)
    assert_type(await team.feedback(result.run_id, 1.0), int)
    assert_type(team.route("text"), Decision)
    async with team as opened:
        assert_type(opened, Orchestra)


async def calls_plain_python() -> None:
    """Decorated functions keep their signatures."""
    assert_type(await bare_agent("x"), int)
    assert_type(sync_agent("x"), list[str])
    assert_type(bare_tool(1), str)
    assert_type(await called_tool(1), float)
    assert_type(await bare_workflow("x"), bool)
    assert_type(bare_skill(1), str)
    assert_type(await shipped_skill("x"), list[str])


def test_what_a_decorator_returns_is_the_function() -> None:
    import anyio

    anyio.run(calls_plain_python)
    assert (bare_tool(3), sync_agent("x")) == ("3", ["x"])
    assert bare_agent.__name__ == "bare_agent"
    assert called_agent.__annotations__["return"] == "Receipt"


def test_a_mapping_of_models_is_accepted() -> None:
    from orchestra.models.scripted import Echo
    from orchestra.ports.model import Model

    models: Mapping[str, Model] = {"test:echo": Echo()}
    team = Orchestra(agents=[Agent("a", model="test:echo"), bare_agent], models=models)
    assert [*team.catalog.nodes] == ["a", "bare_agent"]
