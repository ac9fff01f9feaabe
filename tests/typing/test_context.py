"""What a function may ask of its run: its dependencies, other functions with their arguments, a person."""

from __future__ import annotations

from typing import Any, Literal, assert_type

from orchestra import Context, agent, tool, workflow


class Shop:
    name = "shop"


@tool
async def find_order(ctx: Context[Shop], order: str, *, lines: int = 0) -> list[str]:
    assert_type(ctx.deps, Shop)
    assert_type(ctx.deps.name, str)
    return [order]


@tool
def price(ctx: Context[Shop], product: str) -> int:
    return 0


@tool
async def convert(cents: int, *, currency: str) -> float:
    return cents / 100


@tool
def words(text: str = "") -> list[str]:
    return text.split()


@agent
async def maybe(text: str) -> str | None:
    return text or None


@agent
def nothing(ctx: Context[Any]) -> None: ...


@tool
async def row(ctx: Context[Shop], order: str) -> dict[str, Any]:
    return {}


@workflow
async def called(ctx: Context[Shop], anything: Any) -> None:
    assert_type(await ctx.call(find_order, "A-17"), list[str])
    assert_type(await ctx.call(find_order, order="A-17", lines=2), list[str])
    assert_type(await ctx.call(find_order, anything, lines=anything), list[str])
    assert_type(await ctx.call(price, "lamp"), int)
    assert_type(await ctx.call(price, product=anything), int)
    assert_type(await ctx.call(convert, 4900, currency="EUR"), float)
    assert_type(await ctx.call(convert, cents=anything, currency="EUR"), float)
    assert_type(await ctx.call(words), list[str])
    assert_type(await ctx.call(words, "a b"), list[str])
    assert_type(await ctx.call(maybe, "a"), str | None)
    await ctx.call(nothing)
    # mypy takes a coroutine whose result holds an Any for a plain result too, and answers Any for both.
    assert_type(await ctx.call(row, "A-17"), dict[str, Any])  # type: ignore[assert-type]


async def asked(ctx: Context[Shop]) -> None:
    assert_type(await ctx.ask("Who?"), str)
    assert_type(await ctx.ask("Who?", key="who"), str)
    assert_type(await ctx.ask("Really?", output_type=bool), bool)
    assert_type(await ctx.ask("How many?", output_type=int | None, key="number"), int | None)
    assert_type(await ctx.ask("Which?", output_type=Literal["a", "b"]), Literal["a", "b"])
    assert_type(await ctx.ask("Which?", output_type=list[str]), list[str])
    assert_type(ctx.effect_key, str)
    assert_type(ctx.run_id, str)


async def refused(ctx: Context[Shop], other: Context[int]) -> None:
    await ctx.call(find_order)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await ctx.call(find_order, 17)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await ctx.call(find_order, "A-17", line=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await ctx.call(price, "lamp", 3)  # type: ignore[call-overload]  # pyright: ignore
    await ctx.call(convert, 4900)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await ctx.call(words, 17)  # type: ignore[call-overload]  # pyright: ignore
    await ctx.call("find_order")  # type: ignore[call-overload]  # pyright: ignore
    await ctx.ask(17)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    yes: int = await ctx.ask("Yes?")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(ctx.deps.price)  # type: ignore[attr-defined]  # pyright: ignore
    wrong: Context[Shop] = other  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(yes, wrong)
