"""What is left of a rate limit, from a reply's headers to the weight of its model."""

from __future__ import annotations

from typing import Any

import anyio
import httpx2
import pytest

from orchestra import Agent, Orchestra
from orchestra.core.message import user
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.limits import Allowance, allowance
from orchestra.models.openai import OpenAIModel
from orchestra.models.scripted import Echo
from orchestra.ports.model import Request

DATE = {"date": "Wed, 21 Oct 2015 07:28:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, None),
        ({"x-ratelimit-remaining-requests": "5"}, None),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-limit-requests": "0"}, None),
        ({"x-ratelimit-remaining-requests": "x", "x-ratelimit-limit-requests": "10"}, None),
        ({"x-ratelimit-remaining-requests": "nan", "x-ratelimit-limit-requests": "10"}, None),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-limit-requests": "10"}, None),
        ({"x-ratelimit-remaining-requests": "50", "x-ratelimit-limit-requests": "10"}, Allowance(1.0, None)),
        (
            {
                "X-RateLimit-Remaining-Requests": "5",
                "X-RateLimit-Limit-Requests": "10",
                "x-ratelimit-reset-requests": "6m0s",
                "x-ratelimit-remaining-tokens": "10",
                "x-ratelimit-limit-tokens": "1000",
                "x-ratelimit-reset-tokens": "30ms",
            },
            Allowance(0.01, 0.03),
        ),
        (
            {
                **DATE,
                "anthropic-ratelimit-tokens-remaining": "1",
                "anthropic-ratelimit-tokens-limit": "4",
                "anthropic-ratelimit-tokens-reset": "2015-10-21T07:28:09Z",
            },
            Allowance(0.25, 9.0),
        ),
    ],
)
def test_the_scarcest_allowance_counts(headers: dict[str, str], found: Allowance | None) -> None:
    assert allowance(headers) == found


@pytest.mark.parametrize(("told", "factor"), [(Allowance(0.1, 30.0), 3.5), (Allowance(0.5, None), 1.0), (None, 1.0)])
def test_a_run_tells_all_others_of_it(told: Allowance | None, factor: float) -> None:
    class Metered(Echo):
        allowance: Any = told

    team = Orchestra(agents=[Agent("a", model="test:a")], models={"test:a": Metered()})
    assert team.run_sync("hello", to="a").status == "done"
    now = team.clock.now()
    assert team._team.health.penalty("test:a", now) == pytest.approx(factor)
    assert team._team.health.penalty("test:a", now + 61.0) == 1.0
    team.close()


HEADERS = {"x-ratelimit-remaining-requests": "1", "x-ratelimit-limit-requests": "4"}
OPENAI = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
ANTHROPIC = {"content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": {"input_tokens": 1}}


@pytest.mark.parametrize(("kind", "json"), [(OpenAIModel, OPENAI), (AnthropicModel, ANTHROPIC)])
def test_a_client_keeps_what_its_last_reply_said(kind: Any, json: dict[str, Any]) -> None:
    headers = iter([HEADERS, {}])
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=json, headers=next(headers)))
    model = kind("m", base_url="http://127.0.0.1:9", api_key="none-needed", transport=transport)
    request = Request(messages=(user("hello"),))

    async def main() -> list[Allowance | None]:
        found = [model.allowance]
        for _ in range(2):
            await model.request(request)
            found.append(model.allowance)
        await model.aclose()
        return found

    assert anyio.run(main) == [None, Allowance(0.25, None), None]
