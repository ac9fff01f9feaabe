"""What a real HTTP server can do wrong in the middle of a stream, and the error each wrong ends as, in both clients."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import pytest

from orchestra.core import errors
from orchestra.core.message import user
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Delta, Reply, Request

ASK = Request(messages=(user("hello"),), max_tokens=5)
HANG_S = 5.0
KEY = "sk-very-secret-key"


def event(data: Any, kind: str = "") -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {kind}\n" if kind else "").encode() + f"data: {text}\n\n".encode()


def piece(text: str) -> bytes:
    return event({"model": "m", "choices": [{"delta": {"content": text}}]})


def block(text: str) -> bytes:
    return event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


START = event({"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 7, "output_tokens": 1}}})
START += event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
END = event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})
VENDOR_TO_HEAD = {"openai": piece("Hi "), "anthropic": START + block("Hi ")}
VENDOR_TO_TAIL = {
    "openai": piece("you")
    + event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    + event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})
    + event("[DONE]"),
    "anthropic": block("you") + END + event({"type": "message_stop"}),
}
VENDOR_TO_WHOLE = {
    "openai": {"model": "m", "choices": [{"message": {"content": "Hi you"}, "finish_reason": "stop"}]},
    "anthropic": {"model": "m", "content": [{"type": "text", "text": "Hi you"}], "stop_reason": "end_turn"},
}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": f"busy {KEY}"}}


class Faults(BaseHTTPRequestHandler):
    """The model's name in the request says what goes wrong."""

    protocol_version = "HTTP/1.1"
    calls: list[str] = []  # noqa: RUF012
    over = threading.Event()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        kind, vendor = body["model"], "anthropic" if self.path.endswith("/messages") else "openai"
        self.calls.append(kind)
        assert body["stream"] is True
        if kind in WHOLE:
            status, headers, content = WHOLE[kind]
            self._head(status, {"content-length": str(len(content)), **headers})
            self.wfile.write(content)
        elif kind == "unstreamed":
            content = json.dumps(VENDOR_TO_WHOLE[vendor]).encode()
            self._head(200, {"content-length": str(len(content)), "content-type": "application/json"})
            self.wfile.write(content)
        else:
            self._stream(kind, vendor)

    def _stream(self, kind: str, vendor: str) -> None:
        if kind == "slow first byte":
            self.over.wait(HANG_S)
        head, tail = VENDOR_TO_HEAD[vendor], VENDOR_TO_TAIL[vendor]
        self._head(200, {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"})
        if kind == "slow first event":
            self.over.wait(HANG_S)
        first = {"garbage": b"\xff\xfe\r\x00 not an event\n\n", "no object": event("[1]"), "early end": b""}
        self._chunk(first.get(kind, head))
        rest = {"half": event(tail[6:40].decode()), "error": event(OVERLOADED, "error")}
        if kind == "dropped":
            self._chunk(tail[:20])
        elif kind == "stuck":
            self.over.wait(HANG_S)
        elif kind == "byte by byte":
            for byte in tail:
                self._chunk(bytes([byte]))
            self.over.wait(HANG_S)
        else:
            cut = {"ended", "garbage", "no object", "early end"}
            self._chunk(rest.get(kind, b"" if kind in cut else tail))
        if kind != "dropped":
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, content: bytes) -> None:
        if content:
            self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")

    def log_message(self, *_: object) -> None:
        """Silent."""


WHOLE: dict[str, tuple[int, dict[str, str], bytes]] = {
    "limited": (429, {"Retry-After": "3"}, b'{"error": {"type": "rate_limit_error", "message": "slow down"}}'),
    "broken": (500, {"content-type": "text/html"}, b"<html>"),
    "overloaded": (529, {}, b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}'),
    "html": (200, {"content-type": "text/html"}, b"<html>a proxy</html>"),
    "empty": (200, {}, b""),
}


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is what some of these tests are about."""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
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


@pytest.fixture(params=["openai", "anthropic"])
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def client(vendor: str, kind: str, url: str, timeout_s: float = 5.0) -> OpenAIModel | AnthropicModel:
    made = OpenAIModel if vendor == "openai" else AnthropicModel
    return made(kind, base_url=url, timeout_s=timeout_s, api_key=KEY)


async def streamed(model: OpenAIModel | AnthropicModel) -> tuple[Reply, list[Delta]]:
    deltas: list[Delta] = []
    try:
        return await model.stream(ASK, deltas.append), deltas
    finally:
        await model.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "expected", "after_text"),
    [
        ("dropped", errors.ModelUnreachable, True),
        ("ended", errors.ModelUnreachable, True),
        ("early end", errors.ModelUnreachable, False),
        ("half", errors.BadRequest, True),
        ("error", errors.Overloaded, True),
        ("stuck", errors.ModelTimeout, True),
        ("slow first byte", errors.ModelTimeout, False),
        ("slow first event", errors.ModelTimeout, False),
        ("garbage", errors.ModelUnreachable, False),
        ("no object", errors.BadRequest, False),
        ("limited", errors.RateLimited, False),
        ("broken", errors.Overloaded, False),
        ("overloaded", errors.Overloaded, False),
        ("html", errors.BadRequest, False),
        ("empty", errors.BadRequest, False),
    ],
)
async def test_each_fault_has_its_error(
    url: str, vendor: str, kind: str, expected: type[errors.ModelError], after_text: bool
) -> None:
    late = kind == "stuck" or kind.startswith("slow")
    model = client(vendor, kind, url, 0.2 if late else 5.0)
    deltas: list[Delta] = []
    before = len(Faults.calls)
    with anyio.fail_after(3), pytest.raises(errors.ModelError) as caught:
        await model.stream(ASK, deltas.append)
    await model.aclose()
    assert type(caught.value) is expected, caught.value
    assert len(Faults.calls) == before + 1 and KEY not in str(caught.value)
    assert "".join(delta.text for delta in deltas) == ("Hi " if after_text else "")
    billed = {key: caught.value.facts.get(key) for key in ("streamed_chars", "input_tokens", "output_tokens")}
    prompt = 7 if vendor == "anthropic" else model.count(ASK)
    paid = {"streamed_chars": 3, "input_tokens": prompt, "output_tokens": 3}
    assert billed == (paid if after_text else dict.fromkeys(paid))


@pytest.mark.anyio
async def test_429_tells_how_long_to_wait(url: str, vendor: str) -> None:
    with pytest.raises(errors.RateLimited) as caught:
        await streamed(client(vendor, "limited", url))
    assert caught.value.facts == {"status": 429, "retry_after_s": 3.0}


@pytest.mark.anyio
async def test_a_good_stream(url: str, vendor: str) -> None:
    reply, deltas = await streamed(client(vendor, "good", url))
    assert (reply.text, reply.finish, reply.model) == ("Hi you", "stop", "m")
    assert [delta.text for delta in deltas] == ["Hi ", "you"]
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.estimated) == (7, 2, False)


@pytest.mark.anyio
async def test_wherever_it_is_cut_and_though_it_never_ends(url: str, vendor: str) -> None:
    with anyio.fail_after(3):
        reply, deltas = await streamed(client(vendor, "byte by byte", url))
    assert reply.text == "".join(delta.text for delta in deltas) == "Hi you"


@pytest.mark.anyio
async def test_a_server_that_does_not_stream(url: str, vendor: str) -> None:
    reply, deltas = await streamed(client(vendor, "unstreamed", url))
    assert reply.text == "Hi you" and deltas == [Delta("Hi you")]
    assert reply.usage.estimated


@pytest.mark.anyio
async def test_a_cancelled_stream_ends_at_once_and_has_told_its_bytes(url: str, vendor: str) -> None:
    model = client(vendor, "stuck", url, 60.0)
    deltas: list[Delta] = []
    with anyio.fail_after(2), anyio.CancelScope() as scope:

        def stop(delta: Delta) -> None:
            deltas.append(delta)
            scope.cancel()

        await model.stream(ASK, stop)
    await model.aclose()
    assert scope.cancelled_caught and deltas == [Delta("Hi ", 3)]


@pytest.mark.anyio
async def test_a_reader_that_raises_is_not_hidden(url: str, vendor: str) -> None:
    model = client(vendor, "good", url)

    def fail(_: Delta) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await model.stream(ASK, fail)
    await model.aclose()


@pytest.mark.anyio
async def test_nobody_there(vendor: str) -> None:
    with pytest.raises(errors.ModelUnreachable, match=r"127\.0\.0\.1:1"):
        await streamed(client(vendor, "m", "http://127.0.0.1:1/v1"))
