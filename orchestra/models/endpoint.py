"""One address behind a vendor's client: bodies out, texts and events in, and what goes wrong on the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orchestra.core.errors import BadDefinition, ModelError, ModelTimeout, ModelUnreachable
from orchestra.models.limits import Allowance, allowance
from orchestra.models.sse import Event, Events
from orchestra.models.wire import failure
from orchestra.ports.trace import trace_headers

if TYPE_CHECKING:
    from ssl import SSLContext

    import httpx2

# A connection can be used again once its stream was read to the end, which is not worth waiting for.
DRAIN_S = 0.1
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(eq=False, kw_only=True)
class Endpoint:
    """Posts to ``path``; works on asyncio and trio, with a pool of connections for each event loop.

    ``vendor`` is the library whose errors are met, ``connect`` its client around a transport; ``allowance`` is what was
    left of the rate limit at the last reply.
    Units: ``timeout_s`` seconds without a byte.
    Raises: BadDefinition for a base_url that is no http address; on requests the errors of ModelError's tree.
    """

    name: str
    vendor: str
    path: str
    base_url: str
    api_key: str = field(repr=False)
    timeout_s: float
    transport: httpx2.AsyncBaseTransport | None = field(repr=False)
    connect: Callable[[httpx2.AsyncClient], Any] = field(repr=False)
    allowance: Allowance | None = field(default=None, init=False, repr=False)
    _loop_to_client: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise BadDefinition(f"base_url={self.base_url!r} is no http address.", remedy="Write http://host:port.")
        self.hostname = url.hostname
        self.server = f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}"

    async def post(self, data: dict[str, Any]) -> str:
        """The whole answer."""
        return self._safe((await self._send(data, streamed=False)).text)

    async def stream(self, data: dict[str, Any], take: Callable[[Event], bool]) -> str | None:
        """Gives every event to ``take`` until that says it was the last. None, or the whole answer of a server that
        does not stream.

        Raises: what ``take`` raises, ModelTimeout, ModelUnreachable for a stream that breaks.
        """
        response = await self._send(data, streamed=True)
        try:
            if response.headers.get("content-type", "").lower().startswith("text/event-stream"):
                await self._read(response, take)
                return None
            return str(await self._whole(response))
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        client = self._loop_to_client and self._loop_to_client.get(None)
        if client is not None:
            self._loop_to_client.set(None)
            await client.close()

    async def _read(self, response: httpx2.Response, take: Callable[[Event], bool]) -> None:
        import httpx2
        from anyio import CancelScope, current_time

        events, over = Events(), False
        error: Exception | None = None
        with CancelScope() as scope:
            try:
                async with aclosing(response.aiter_bytes()) as chunks:
                    async for chunk in chunks:
                        if over:
                            continue
                        # The loop is never left: on trio the transport's generators end well by a cancellation only.
                        try:
                            over = self._taken(events.feed(chunk), take)
                        except Exception as cause:
                            error, over = cause, True
                        if over:
                            scope.deadline = -math.inf if error else current_time() + DRAIN_S
            except httpx2.RequestError as cause:
                error = error if over else self._lost(cause)
        if error is not None:
            raise error

    def _taken(self, events: list[Event], take: Callable[[Event], bool]) -> bool:
        # Text that a careless server repeats our key in goes on to readers and logs.
        return any(take(Event(kind, self._safe(data))) for kind, data in events)

    async def _whole(self, response: httpx2.Response) -> str:
        import httpx2

        try:
            await response.aread()
        except httpx2.RequestError as cause:
            error = self._lost(cause)
        else:
            return self._safe(response.text)
        raise error

    async def _send(self, data: dict[str, Any], *, streamed: bool) -> httpx2.Response:
        import httpx2

        vendor = import_module(self.vendor)
        error: ModelError
        try:
            response: httpx2.Response = await self._client().post(
                self.path,
                cast_to=httpx2.Response,
                body=data,
                stream=streamed,
                options={"headers": trace_headers()},
            )
        except vendor.APITimeoutError:
            error = self._late()
        except vendor.APIConnectionError as cause:
            error = self._unreachable(cause.__cause__ or cause)
        except vendor.APIStatusError as cause:
            text = self._safe(cause.response.text)
            error = failure(cause.status_code, text, cause.response.headers, self.name)
        except httpx2.RequestError as cause:
            error = self._lost(cause)
        else:
            self.allowance = allowance(response.headers)
            return response
        raise error

    def _lost(self, cause: httpx2.RequestError) -> ModelError:
        import httpx2

        return self._late() if isinstance(cause, httpx2.TimeoutException) else self._unreachable(cause)

    def _late(self) -> ModelError:
        return ModelTimeout(f"{self.name} did not answer within {self.timeout_s} s.")

    def _unreachable(self, cause: BaseException) -> ModelError:
        return ModelUnreachable(self._safe(f"No answer from {self.base_url}: {cause}."))

    def _safe(self, text: str) -> str:
        return text.replace(self.api_key, "***") if len(self.api_key) > 8 else text

    def _client(self) -> Any:
        """A pool of connections belongs to the event loop that opened them."""
        from anyio.lowlevel import RunVar

        if self._loop_to_client is None:
            self._loop_to_client = RunVar(f"clients of {self.name}")
        client = self._loop_to_client.get(None)
        if client is None:
            client = self.connect(self._pool())
            self._loop_to_client.set(client)
        return client

    def _pool(self) -> httpx2.AsyncClient:
        import httpx2

        # On this machine a connection costs nothing, and one kept open may be gone when it is used again.
        kept = 0 if self.hostname in _LOOPBACK else 100
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=kept)
        return httpx2.AsyncClient(
            transport=self.transport,
            verify=_tls() if self.transport is None else True,
            limits=limits,
            timeout=self.timeout_s,
            follow_redirects=True,
            event_hooks={"response": [_in_utf_8]},
        )


def load(vendor: str) -> None:
    """Imports what a vendor's client is made of, and reads the certificates. Blocks for a second at first."""
    for name in (vendor, "httpcore2"):
        import_module(name)
    _tls()


@cache
def _tls() -> SSLContext:
    """That of httpx2, made once: reading the certificates takes as long as a switch may."""
    import httpx2

    return httpx2.create_ssl_context()


async def _in_utf_8(response: httpx2.Response) -> None:
    # JSON is UTF-8 (RFC 8259); a charset named in a header may be any codec of Python's, those of bytes too.
    response.encoding = "utf-8"
