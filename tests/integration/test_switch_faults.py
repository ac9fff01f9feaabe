"""A 429 of one model that wants a long wait is answered by the other one, on a real server and by both clients."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from orchestra import Agent, Budget, Orchestra
from orchestra.core.errors import RateLimited
from orchestra.core.events import Attempt, Filed
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Model
from tests.support.runtime import go, on_every_loop

WAIT_S = 30


class Limited(BaseHTTPRequestHandler):
    """The model 'limited' always wants a wait; every other one answers, in pieces where it is asked to."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, float]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append((body["model"], time.monotonic()))
        if body["model"] == "limited":
            self._send(429, b'{"error": {"message": "slow down"}}', {"Retry-After": str(WAIT_S)})
        elif self.path.endswith("/messages"):
            content = {"model": "m", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}
            self._send(200, json.dumps(content).encode(), {})
        else:
            reply = {"model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
            self._send(200, json.dumps(reply).encode(), {})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-type": "application/json", "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Limited)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def clients(url: str) -> dict[str, Model]:
    return {
        "openai:limited": OpenAIModel("limited", base_url=url),
        "anthropic:limited": AnthropicModel("limited", base_url=url),
        "openai:good": OpenAIModel("good", base_url=url),
        "anthropic:good": AnthropicModel("good", base_url=url),
    }


async def ask(url: str, models: list[str], native: bool, watched: bool) -> list[Any]:
    made = clients(url)
    talker = Agent("talker", model=models)
    prices = dict.fromkeys(made, (1, 1))
    try:
        async with Orchestra(agents=[talker], models=made, prices=prices, router="fixed", native_tasks=native) as team:
            if not watched:
                return [await team.run("hello", to="talker") for _ in range(2)]
            async with team.stream("hello", to="talker") as events:
                async for _ in events:
                    pass
                return [events.result, await team.run("hello", to="talker")]
    finally:
        for model in made.values():
            await model.aclose()  # type: ignore[attr-defined]  # these two have it


@on_every_loop
@pytest.mark.parametrize("watched", [False, True], ids=["run", "stream"])
@pytest.mark.parametrize(("first", "second"), [("openai", "anthropic"), ("anthropic", "openai")])
def test_the_answer_comes_from_the_other(
    url: str, loop: str, native: bool, first: str, second: str, watched: bool
) -> None:
    before = len(Limited.seen)
    results = go(loop, ask, url, [f"{first}:limited", f"{second}:good"], native, watched)
    assert [result.output for result in results] == ["hi", "hi"]
    seen = Limited.seen[before:]
    assert [name for name, _ in seen] == ["limited", "good", "good"], "the second run knew"
    assert seen[1][1] - seen[0][1] < WAIT_S / 3
    kinds = [type(event) for event in results[0].events]
    assert Attempt not in kinds and kinds.count(Filed) == 1


def test_alone_it_is_not_asked_again_where_the_wait_is_too_long(url: str) -> None:
    async def alone() -> Any:
        made = {"openai:limited": OpenAIModel("limited", base_url=url)}
        talker = Agent("talker", model="openai:limited")
        async with Orchestra(agents=[talker], models=made, prices=dict.fromkeys(made, (1, 1))) as team:
            return await team.run("hello", to="talker", budget=Budget(seconds=10))

    before = len(Limited.seen)
    result = go("asyncio", alone)
    assert result.status == "failed" and len(Limited.seen) == before + 1
    assert result.outcome.cause.is_a(RateLimited) and "until the deadline" in str(result.outcome.cause)
