"""What a real HTTP server can do wrong, and the error each wrong ends as, in both clients."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import pytest

from orchestra.core import errors
from orchestra.core.message import user
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Request

ASK = Request(messages=(user("hello"),), max_tokens=5)
VENDOR_TO_GOOD: dict[str, dict[str, Any]] = {
    "openai": {"model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]},
    "anthropic": {"model": "m", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"},
}
HANG_S = 5.0
KEY = "sk-very-secret-key"


class Faults(BaseHTTPRequestHandler):
    """The model's name in the request says what goes wrong."""

    protocol_version = "HTTP/1.1"
    calls: list[str] = []  # noqa: RUF012
    over = threading.Event()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        kind, vendor = body["model"], "anthropic" if self.path.endswith("/messages") else "openai"
        self.calls.append(kind)
        if kind == "slow first byte":
            self.over.wait(HANG_S)
            self.close_connection = True
        elif kind in ("dropped", "stuck"):
            self._send(200, b'{"choices": [', {}, 500)
            if kind == "stuck":
                self.over.wait(HANG_S)
            self.close_connection = True
        elif kind == "hung up":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif kind == "good":
            content = json.dumps(VENDOR_TO_GOOD[vendor]).encode()
            self._send(200, content, {}, len(content))
        else:
            status, content, headers = ANSWERS[kind]
            self._send(status, content, headers, len(content))

    def _send(self, status: int, content: bytes, headers: dict[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Silent."""


ANSWERS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "limited": (429, b'{"error": {"message": "slow down"}}', {"Retry-After": "3"}),
    "quota": (429, b'{"error": {"code": "insufficient_quota", "message": "pay"}}', {}),
    "broken": (500, b"<html>", {"content-type": "text/html"}),
    "overloaded": (529, b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}', {}),
    "garbage": (200, b"\xff\xfe not json", {}),
    "html": (200, b"<html>a proxy</html>", {"content-type": "text/html"}),
    "half": (200, b'{"choices": [{"mess', {}),
    "other": (200, b'[{"a": 1}]', {}),
    "empty": (200, b"", {}),
    "error in 200": (200, b'{"error": {"message": "upstream"}}', {}),
    "key": (401, b'{"error": {"message": "wrong key sk-very-secret-key"}}', {}),
    "long": (400, b'{"error": {"code": "context_length_exceeded", "message": "long"}}', {}),
}


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is what some of these tests are about."""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["openai", "anthropic"])
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    Faults.over.clear()
    server = Quiet(("127.0.0.1", 0), Faults)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    Faults.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def client(vendor: str, kind: str, url: str, timeout_s: float = 5.0) -> OpenAIModel | AnthropicModel:
    made = OpenAIModel if vendor == "openai" else AnthropicModel
    return made(kind, base_url=url, timeout_s=timeout_s, api_key=KEY)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "expected", "facts"),
    [
        ("limited", errors.RateLimited, {"status": 429, "retry_after_s": 3.0}),
        ("quota", errors.QuotaExceeded, {"status": 429}),
        ("broken", errors.Overloaded, {"status": 500, "retry_after_s": None}),
        ("overloaded", errors.Overloaded, {"status": 529, "retry_after_s": None}),
        ("garbage", errors.BadRequest, {}),
        ("html", errors.BadRequest, {}),
        ("half", errors.BadRequest, {}),
        ("other", errors.BadRequest, {}),
        ("empty", errors.BadRequest, {}),
        ("error in 200", errors.BadRequest, {}),
        ("key", errors.AuthFailed, {"status": 401}),
        ("long", errors.ContextWindow, {"status": 400}),
        ("dropped", errors.ModelUnreachable, {}),
        ("hung up", errors.ModelUnreachable, {}),
        ("stuck", errors.ModelTimeout, {}),
        ("slow first byte", errors.ModelTimeout, {}),
    ],
)
async def test_each_fault_has_its_error(
    url: str, vendor: str, kind: str, expected: type[errors.ModelError], facts: dict[str, Any]
) -> None:
    model = client(vendor, kind, url, 0.2 if expected is errors.ModelTimeout else 5.0)
    before = len(Faults.calls)
    with anyio.fail_after(3), pytest.raises(errors.ModelError) as caught:
        await model.request(ASK)
    await model.aclose()
    assert type(caught.value) is expected, caught.value
    assert caught.value.facts == facts and KEY not in str(caught.value)
    assert len(Faults.calls) == before + 1


@pytest.mark.anyio
async def test_good_without_usage(url: str, vendor: str) -> None:
    model = client(vendor, "good", url)
    reply = await model.request(ASK)
    await model.aclose()
    assert reply.text == "hi" and reply.usage.estimated
    assert reply.usage.input_tokens == model.count(ASK)


@pytest.mark.anyio
async def test_nobody_there(vendor: str) -> None:
    model = client(vendor, "m", "http://127.0.0.1:1/v1")
    with pytest.raises(errors.ModelUnreachable, match=r"127\.0\.0\.1:1"):
        await model.request(ASK)
    await model.aclose()


@pytest.mark.anyio
async def test_a_cancelled_request_ends_at_once(url: str, vendor: str) -> None:
    model = client(vendor, "slow first byte", url, 60.0)
    with anyio.fail_after(2), anyio.move_on_after(0.05) as scope:
        await model.request(ASK)
    await model.aclose()
    assert scope.cancelled_caught


@pytest.mark.anyio
async def test_the_key_is_in_no_log_at_any_level(url: str, vendor: str, caplog: pytest.LogCaptureFixture) -> None:
    """The vendors' libraries write what they send and get at DEBUG, as does the one that carries it."""
    with caplog.at_level(logging.DEBUG):
        for kind in ("good", "key", "limited", "dropped"):
            model = client(vendor, kind, url)
            for ask in (model.request(ASK), model.stream(ASK, lambda _: None)):
                with suppress(errors.ModelError):
                    await ask
            await model.aclose()
    assert caplog.records and KEY not in caplog.text
    assert not any(KEY in str(vars(record)) for record in caplog.records)
