"""What a real HTTP server can do wrong, and the error each wrong ends as."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import pytest

from orchestra.core import errors
from orchestra.core.message import user
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Request

ASK = Request(messages=(user("hello"),), max_tokens=5)
GOOD = {"model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
HANG_S = 5.0


class Faults(BaseHTTPRequestHandler):
    """The model's name in the request says what goes wrong."""

    protocol_version = "HTTP/1.1"
    calls: list[str] = []  # noqa: RUF012
    over = threading.Event()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        kind = body["model"]
        self.calls.append(kind)
        if kind == "hang":
            self.over.wait(HANG_S)
            self.close_connection = True
        elif kind == "cut":
            self._send(200, b'{"choices": [', {}, 500)
            self.close_connection = True
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
    "good": (200, json.dumps(GOOD).encode(), {}),
    "limited": (429, b'{"error": {"message": "slow down"}}', {"Retry-After": "3"}),
    "quota": (429, b'{"error": {"code": "insufficient_quota", "message": "pay"}}', {}),
    "broken": (500, b"<html>", {"content-type": "text/html"}),
    "garbage": (200, b"\xff\xfe not json", {}),
    "html": (200, b"<html>a proxy</html>", {"content-type": "text/html"}),
    "half": (200, b'{"choices": [{"mess', {}),
    "other": (200, b'[{"a": 1}]', {}),
    "empty": (200, b"", {}),
    "error-in-200": (200, b'{"error": {"message": "upstream"}}', {}),
    "key": (401, b'{"error": {"message": "wrong"}}', {}),
    "long": (400, b'{"error": {"code": "context_length_exceeded", "message": "long"}}', {}),
}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    Faults.over.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Faults)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    Faults.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "expected", "facts"),
    [
        ("limited", errors.RateLimited, {"status": 429, "retry_after_s": 3.0}),
        ("quota", errors.QuotaExceeded, {"status": 429}),
        ("broken", errors.Overloaded, {"status": 500, "retry_after_s": None}),
        ("garbage", errors.BadRequest, {}),
        ("html", errors.BadRequest, {}),
        ("half", errors.BadRequest, {}),
        ("other", errors.BadRequest, {}),
        ("empty", errors.BadRequest, {}),
        ("error-in-200", errors.BadRequest, {}),
        ("key", errors.AuthFailed, {"status": 401}),
        ("long", errors.ContextWindow, {"status": 400}),
        ("cut", errors.ModelUnreachable, {}),
        ("hang", errors.ModelTimeout, {}),
    ],
)
async def test_each_fault_has_its_error(
    url: str, kind: str, expected: type[errors.ModelError], facts: dict[str, Any]
) -> None:
    model = OpenAIModel(kind, base_url=url, timeout_s=0.2 if kind == "hang" else 5.0)
    before = len(Faults.calls)
    with pytest.raises(errors.ModelError) as caught:
        await model.request(ASK)
    await model.aclose()
    assert type(caught.value) is expected, caught.value
    assert caught.value.facts == facts
    assert len(Faults.calls) == before + 1


@pytest.mark.anyio
async def test_good_without_usage(url: str) -> None:
    model = OpenAIModel("good", base_url=url)
    reply = await model.request(ASK)
    await model.aclose()
    assert reply.text == "hi" and reply.usage.estimated
    assert reply.usage.input_tokens == model.count(ASK)


@pytest.mark.anyio
async def test_nobody_there() -> None:
    model = OpenAIModel("m", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(errors.ModelUnreachable, match=r"127\.0\.0\.1:1"):
        await model.request(ASK)
    await model.aclose()


@pytest.mark.anyio
async def test_a_cancelled_request_ends_at_once(url: str) -> None:
    model = OpenAIModel("hang", base_url=url, timeout_s=60)
    with anyio.fail_after(2), anyio.move_on_after(0.05) as scope:
        await model.request(ASK)
    await model.aclose()
    assert scope.cancelled_caught
