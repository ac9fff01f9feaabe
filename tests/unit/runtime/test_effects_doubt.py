"""An idempotent node is asked again: what its last attempt says is true of that attempt alone."""

from __future__ import annotations

import pytest

from orchestra.agents.decorator import agent
from orchestra.core.errors import EffectUnknown, NoEffect
from orchestra.core.outcome import Done, Failed
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import step
from tests.support.runtime import Rig, go, on_every_loop

acted: list[str] = []
answers: list[Exception | None] = []


@agent(provides="refund", side_effect="payment")
async def other(order: str) -> str:
    acted.append("other")
    return "paid by other"


@workflow
async def refund(order: str) -> str:
    done: str = await step("refund", order)
    return done


@agent(provides="refund", side_effect="payment", idempotent=True)
async def repeating(order: str) -> str:
    acted.append("repeating")
    error = answers.pop(0)
    if error is not None:
        raise error
    return "paid by repeating"


@on_every_loop
@pytest.mark.parametrize(
    ("said", "taken_over"),
    [
        ([ConnectionError("cut off"), NoEffect("refused")], False),
        ([NoEffect("refused")], True),
        ([ConnectionError("cut off"), None], True),
    ],
    ids=["doubt", "surely nothing", "repeated"],
)
def test_a_last_attempt_does_not_speak_for_those_before(
    loop: str, native: bool, said: list[Exception | None], taken_over: bool
) -> None:
    acted.clear()
    answers[:] = said
    rig = Rig((repeating, other), native=native)
    result, _ = go(loop, rig.run, refund, "A-17")
    assert acted.count("repeating") == len(said)
    if taken_over:
        assert isinstance(result, Done)
    else:
        assert isinstance(result, Failed) and result.cause.is_a(EffectUnknown) and "other" not in acted
        assert "the last one says NoEffect: refused" in result.cause.message
