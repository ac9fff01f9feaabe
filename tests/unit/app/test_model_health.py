"""Whose fault a model's error is: tasks that are too long or refused do not make a model or its agent unhealthy."""

import pytest

from orchestra import Agent, Orchestra, errors
from orchestra.core.outcome import Failed
from orchestra.graph.breaker import BreakerRule
from orchestra.models.scripted import Failing
from tests.support.runtime import go


async def causes(error: errors.ModelError) -> list[str]:
    talker = Agent("talker", model="test:failing")
    async with Orchestra(agents=[talker], models={"test:failing": Failing(error)}) as team:
        outcomes = [(await team.run("hello", to="talker")).outcome for _ in range(BreakerRule().failures + 1)]
    return [outcome.cause.kind for outcome in outcomes if isinstance(outcome, Failed)]


@pytest.mark.parametrize("error", [errors.ContextWindow("long"), errors.ContentRefused("no"), errors.LengthStop("cut")])
def test_the_tasks_fault_opens_no_breaker(error: errors.ModelError) -> None:
    assert set(go("asyncio", causes, error)) == {type(error).__name__}


def test_the_models_fault_does() -> None:
    found = go("asyncio", causes, errors.AuthFailed("who are you?"))
    assert found == ["AuthFailed"] * BreakerRule().failures + ["NoProvider"]
