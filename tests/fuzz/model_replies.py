"""Raw HTTP answers to the real clients of OpenAI and Anthropic, over a transport that is no network.

The first line holds words: ``anthropic`` (else OpenAI), ``stream``, ``tools``, ``schema``, ``constrained``, ``hosted``.
Then come responses as they stand on the wire, ``HTTP/1.1 200`` and headers and a blank line and a body; a line
``%%%%`` begins the next one, for a client that asks again. Separators are where the body's chunks are cut, ``KEY``
stands for the key that the client was given: a careless server may say it back.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from typing import Any

import httpx2

from orchestra.core.errors import ModelError, OrchestraError
from orchestra.core.message import user
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Delta, Reply, Request, ToolSpec
from orchestra.tools.structured import OutputSchema
from tests.fuzz.loop import run
from tests.fuzz.oracle import KEY, SEPARATOR, Finding, clean, told, watched
from tests.fuzz.signatures import TOOLS, Strict

MOST_REQUESTS = 64
STATUS = re.compile(rb"HTTP/\S* ([1-5][0-9][0-9])")
TOOL_SPECS = tuple(
    ToolSpec(name=tool.name, description=tool.description, parameters=tool.contract.schema) for tool in TOOLS[:4]
)


class Chunks(httpx2.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._chunks = body.split(SEPARATOR)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


class Wire(httpx2.AsyncBaseTransport):
    """Gives the next response, the last one again and again, and sees where the key goes."""

    def __init__(self) -> None:
        self.responses: list[bytes] = []
        self.asked = 0
        self.host = ""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        if self.asked > MOST_REQUESTS:
            raise Finding(f"more than {MOST_REQUESTS} requests for one answer")
        here = f"{request.url.scheme}://{request.url.netloc.decode()}"
        self.host = self.host or here
        if here != self.host and any(KEY in f"{name} {value}" for name, value in request.headers.items()):
            raise Finding(f"the key went to {here}")
        raw = self.responses[min(self.asked, len(self.responses)) - 1]
        return _response(raw, request)


def target(data: bytes) -> None:
    line, _, rest = data.partition(b"\n")
    words = frozenset(line.decode("ascii", "replace").split())
    wire, client = _client(words & {"anthropic", "constrained", "hosted"})
    wire.responses = [one.replace(b"KEY", KEY.encode()) for one in re.split(rb"\n%%%%\n", rest)]
    wire.asked, wire.host = 0, ""
    schema = OutputSchema(Strict).schema if "schema" in words else None
    schema = {"type": "integer"} if "number" in words else schema
    request = Request(
        messages=(user("Where is it?"),), tools=TOOL_SPECS if "tools" in words else (), schema=schema, max_tokens=64
    )
    with watched():
        try:
            reply, heard = run(_answered(client, request, "stream" in words))
        except ModelError as error:
            told(error)
        except OrchestraError as error:
            raise Finding(f"a client raised {type(error).__name__}, which no caller expects") from error
        else:
            # The answer in a broken object was shown before it broke.
            if "constrained" not in words and "stream" in words and heard != reply.text:
                raise Finding(f"the pieces {heard[:200]!r} are not the reply {reply.text[:200]!r}")
            _judged(reply)


async def _answered(client: Any, request: Request, stream: bool) -> tuple[Reply, str]:
    heard: list[str] = []
    if not stream:
        return await client.request(request), ""

    def hear(delta: Delta) -> None:
        heard.append(delta.text)

    return await client.stream(request, hear), "".join(heard)


def _judged(reply: Reply) -> None:
    usage = reply.usage
    if usage.requests != 1 or usage.input_tokens < 0 or usage.output_tokens < 0:
        raise Finding(f"a reply with the usage {usage}")
    clean(reply.text, reply.model, *(f"{call.id} {call.name}" for call in reply.tool_calls))
    for call in reply.tool_calls:
        for tool in TOOLS:
            if tool.name == call.name:
                try:
                    tool.contract.bind(dict(call.arguments))
                except OrchestraError as error:
                    told(error)


def _response(raw: bytes, request: httpx2.Request) -> httpx2.Response:
    head, blank, body = raw.partition(b"\n\n")
    status, *lines = head.split(b"\n")
    found = STATUS.match(status)
    pairs = [line.partition(b":") for line in lines if b":" in line]
    headers = [(name.strip(), value.strip()) for name, _, value in pairs if name.strip().isascii()]
    if not blank:
        raise httpx2.RemoteProtocolError(f"a broken answer to {KEY}", request=request)
    return httpx2.Response(int(found[1]) if found else 200, headers=headers, stream=Chunks(body), request=request)


@cache
def _client(kinds: frozenset[str]) -> tuple[Wire, Any]:
    wire = Wire()
    wire.responses = [b"HTTP/1.1 500\n\n{}"]
    client = _connected(kinds, wire)
    # The vendors' libraries look at the system once, for a header.
    with suppress(ModelError):
        run(client.request(Request(messages=(user("Hello."),))))
    return wire, client


def _connected(kinds: frozenset[str], wire: Wire) -> Any:
    if "anthropic" in kinds:
        url = "https://api.anthropic.com" if "hosted" in kinds else "http://127.0.0.1:9"
        return AnthropicModel("m", base_url=url, api_key=KEY, transport=wire)
    url = "https://api.openai.com/v1" if "hosted" in kinds else "http://127.0.0.1:9/v1"
    native = "constrained" not in kinds
    return OpenAIModel("m", base_url=url, api_key=KEY, native_tools=native, transport=wire)
