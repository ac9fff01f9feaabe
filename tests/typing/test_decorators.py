"""A decorated function has the type that it had: its parameters, their defaults, their kinds and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, assert_type

from orchestra import Budget, Context, agent, skill, tool, workflow


class Async(Protocol):
    """What the asynchronous functions below are, decorated or not."""

    async def __call__(self, ctx: Context[str], order: str, cents: int = 0, *, note: str = "") -> bytes: ...


class Plain(Protocol):
    def __call__(self, order: str, /, *more: int, note: str | None = None) -> list[int]: ...


@tool
async def bare_tool(ctx: Context[str], order: str, cents: int = 0, *, note: str = "") -> bytes:
    assert_type(ctx.deps, str)
    assert_type(ctx.run_id, str)
    assert_type(ctx.effect_key, str)
    return order.encode() + note.encode()


@tool(idempotent=True, timeout_s=5, cost_usd="0.01", side_effect="payment", no_effect_on=(OSError,))
async def called_tool(ctx: Context[str], order: str, cents: int = 0, *, note: str = "") -> bytes:
    return b""


@agent
async def bare_agent(ctx: Context[str], order: str, cents: int = 0, *, note: str = "") -> bytes:
    return b""


@agent(provides=["refund", "money"], cost_usd=0.002, side_effect="payment", examples=["Refund A-17"])
async def called_agent(ctx: Context[str], order: str, cents: int = 0, *, note: str = "") -> bytes:
    return b""


@skill
async def bare_skill(ctx: Context[str], order: str, cents: int = 0, *, note: str = "") -> bytes:
    return b""


@skill("cite-sources", provides="citing")
async def called_skill(ctx: Context[str], order: str, cents: int = 0, *, note: str = "") -> bytes:
    return b""


@workflow
async def bare_workflow(ctx: Context[str], order: str, cents: int = 0, *, note: str = "") -> bytes:
    return b""


@workflow(budget=Budget(usd="0.05", seconds=30))
async def called_workflow(ctx: Context[str], order: str, cents: int = 0, *, note: str = "") -> bytes:
    return b""


@tool
def plain_tool(order: str) -> list[int]:
    return [len(order)]


@tool()
def plain_called_tool(order: str) -> list[int]:
    return [len(order)]


@agent
def plain_agent(order: str) -> list[int]:
    return [len(order)]


@agent()
def plain_called_agent(order: str) -> list[int]:
    return [len(order)]


@skill
def plain_skill(order: str) -> list[int]:
    return [len(order)]


@skill()
def plain_called_skill(order: str) -> list[int]:
    return [len(order)]


@workflow
def plain_workflow(order: str) -> list[int]:
    return [len(order)]


@workflow()
def plain_called_workflow(order: str) -> list[int]:
    return [len(order)]


ASYNC: list[Async] = [
    bare_tool,
    called_tool,
    bare_agent,
    called_agent,
    bare_skill,
    called_skill,
    bare_workflow,
    called_workflow,
]
PLAIN: list[Callable[[str], list[int]]] = [
    plain_tool,
    plain_called_tool,
    plain_agent,
    plain_called_agent,
    plain_skill,
    plain_called_skill,
    plain_workflow,
    plain_called_workflow,
]


async def kept(ctx: Context[str]) -> None:
    written: Coroutine[Any, Any, bytes] = bare_agent(ctx, "A-17")
    assert_type(await written, bytes)
    for one in (bare_tool, called_tool, bare_agent, called_agent, bare_skill, called_skill, bare_workflow):
        assert_type(await one(ctx, "A-17", 3, note="x"), bytes)
    assert_type(plain_skill("A-17"), list[int])
    assert_type(plain_called_agent(order="A-17"), list[int])


async def refused(ctx: Context[str], other: Context[int]) -> None:
    await bare_tool(ctx)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await called_tool(ctx, 17)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bare_agent(other, "A-17")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await called_agent(ctx, "A-17", 3, "x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await bare_skill(ctx, "A-17", nota="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await called_skill(ctx, order=17)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bare_workflow("A-17")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    await called_workflow(ctx, "A-17", note=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    plain_tool(17)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wrong: list[Plain] = [plain_tool]  # type: ignore[list-item]  # pyright: ignore[reportAssignmentType]
    assert wrong
    tool(idempotant=True)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    agent(provide="refund")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    skill(cost="1")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    workflow(budget=0.05)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


def test_what_a_decorator_returns_is_the_function() -> None:
    assert {fn("A-17")[0] for fn in PLAIN} == {4}
    assert [getattr(fn, "__name__", "") for fn in ASYNC][:2] == ["bare_tool", "called_tool"]
    assert bare_agent.__annotations__["return"] == "bytes"
