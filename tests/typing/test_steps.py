"""What a step, its outcome and several together are, by what the step is of."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Literal, Optional, TypedDict, assert_type, get_args, get_type_hints

from pydantic import BaseModel

from orchestra import (
    Agent,
    Cancelled,
    Context,
    Done,
    Failed,
    Outcome,
    Paused,
    agent,
    gather,
    outcome,
    step,
    tool,
    workflow,
)
from orchestra.core.outcome import Cause
from orchestra.workflows.steps import Step


class Receipt(BaseModel):
    order: str


@dataclass
class Parcel:
    weight: float


class Row(TypedDict):
    order: str


@agent
async def count(text: str) -> int:
    return len(text)


@agent(provides="refund", side_effect="payment")
async def refund(ctx: Context[str], order: str, cents: int = 0) -> Receipt:
    return Receipt(order=order)


@tool
def words(text: str) -> list[str]:
    return text.split()


@agent
def find(ctx: Context[str], text: str) -> Parcel | None:
    return None


@agent
async def maybe(text: str) -> str | None:
    return text or None


@agent
def nothing(text: str) -> None: ...


@agent
async def rows(text: str) -> list[dict[str, Any]]:
    return []


@workflow
async def nested(text: str) -> bool:
    return bool(text)


async def of_functions(text: str, anything: Any) -> None:
    assert_type(step(count, text), Step[int])
    assert_type(step(count, anything), Step[int])
    assert_type(await step(count, text), int)
    assert_type(await step(refund, {"order": text, "cents": 3}), Receipt)
    assert_type(await step(words, text, key="again", timeout_s=1), list[str])
    assert_type(await step(find, text), Parcel | None)
    assert_type(await step(maybe, text), str | None)
    assert_type(step(nothing, text), Step[None])
    assert_type(await step(nested, text), bool)
    # mypy takes a coroutine whose result holds an Any for a plain result too, and answers Any for both.
    assert_type(await step(rows, text), list[dict[str, Any]])  # type: ignore[assert-type]


async def of_capabilities(text: str) -> None:
    assert_type(step("refund", text), Step[Any])
    assert_type(await step("refund", {"order": text}), Any)
    assert_type(await step(["find", "refund"], text), Any)
    assert_type(await step(Agent("clerk"), text), Any)


async def of_types(text: str) -> None:
    """``output_type`` is anything that may stand behind a colon."""
    assert_type(await step("refund", text, output_type=Receipt), Receipt)
    assert_type(await step("refund", text, output_type=Parcel), Parcel)
    assert_type(await step("refund", text, output_type=Row), Row)
    assert_type(await step("refund", text, output_type=list[int]), list[int])
    assert_type(await step("refund", text, output_type=dict[str, Receipt]), dict[str, Receipt])
    assert_type(await step("refund", text, output_type=int | str), int | str)
    assert_type(await step("refund", text, output_type=Receipt | None), Receipt | None)
    assert_type(await step("refund", text, output_type=Optional[Receipt]), Receipt | None)  # noqa: UP045
    assert_type(await step("refund", text, output_type=Literal["yes", "no"]), Literal["yes", "no"])
    assert_type(await step(["find", "refund"], text, output_type=Receipt), Receipt)
    assert_type(await step(Agent("clerk"), text, output_type=list[Receipt]), list[Receipt])
    assert_type(await step(count, text, output_type=float), float)
    assert_type(step("refund", text, output_type=bool, key="k", timeout_s=2), Step[bool])


async def of_shapes(text: str) -> None:
    assert_type(await step(text, topology="auto"), Any)
    assert_type(await step(text, topology="parallel", output_type=Receipt), Receipt)


async def as_values(text: str) -> None:
    ended = await outcome(step(count, text))
    assert_type(ended, Outcome[int])
    if isinstance(ended, Done):
        assert_type(ended.output, int)
    elif isinstance(ended, Failed):
        assert_type(ended.cause, Cause)
    elif isinstance(ended, Paused):
        assert_type(ended.asks, tuple[tuple[str, str], ...])
    else:
        assert_type(ended, Cancelled)
    match await outcome(step("refund", text, output_type=Receipt)):
        case Done(output=receipt):
            assert_type(receipt, Receipt)
        case Failed(cause=cause):
            assert_type(cause, Cause)
        case Cancelled() | Paused():
            pass
    plain: Outcome = await outcome(step("refund", text))
    assert_type(plain, Outcome[Any])


async def together(text: str, future: Awaitable[bytes]) -> None:
    one, two, three = step(count, text), step("refund", text, output_type=Receipt), outcome(step(words, text))
    assert_type(await gather(one), tuple[int])
    assert_type(await gather(one, two), tuple[int, Receipt])
    assert_type(await gather(one, two, three), tuple[int, Receipt, Outcome[list[str]]])
    assert_type(await gather(one, two, future, maybe(text)), tuple[int, Receipt, bytes, str | None])
    assert_type(await gather(one, two, one, two, one), tuple[int, Receipt, int, Receipt, int])
    assert_type(await gather(one, two, one, two, one, future), tuple[int, Receipt, int, Receipt, int, bytes])
    assert_type(await gather(one, one, one, one, one, one, one, fail_fast=True), tuple[int, ...])
    assert_type(await gather(*[step(count, word) for word in text.split()], fail_fast=True), tuple[int, ...])
    assert_type(await gather(gather(one, two), future), tuple[tuple[int, Receipt], bytes])
    facts, receipt = await gather(step("analysis", text), outcome(two))
    assert_type(facts, Any)
    assert_type(receipt, Outcome[Receipt])


async def refused(text: str) -> None:
    step(count, text, timeout="1")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    step("refund", text, output_type=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    number: str = await step(count, text)  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]
    ended = await outcome(step(count, text))
    print(ended.output)  # type: ignore[union-attr]  # pyright: ignore
    outcome(count(number))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await gather(3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    pair: tuple[int, int] = await gather(step(count, text))  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(pair)


def test_outcomes_take_a_type_where_python_reads_it() -> None:
    def ended(value: int) -> Outcome[int]:
        return Done(output=value)

    assert ended(3) == Done(output=3)
    assert get_args(get_type_hints(ended)["return"]) == (Done[int], Failed, Cancelled, Paused)
