"""A client of OpenAI and of every server that speaks its chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orchestra.core.errors import BadDefinition, ContextWindow, MissingKey, ModelError, ModelTimeout, ModelUnreachable
from orchestra.models.constrained import constrained, unconstrained
from orchestra.models.wire_openai import body, bound, failure, loads, reply
from orchestra.ports.model import Reply, Request

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

HOST = "api.openai.com"
# Text that packs more bytes into each token is not met in practice; nearer cases are the provider's to judge.
BYTES_PER_TOKEN = 8
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(eq=False)
class OpenAIModel:
    """One model behind one base URL; works on asyncio and trio, with connections of its own per event loop.

    ``native_tools=False`` turns tools into constrained decoding, ``json_schema=False`` tells a schema as text where the
    server enforces none. ``temperature`` is used where a request names none. ``transport`` replaces the network.
    Units: ``timeout_s`` seconds without a byte; ``context_window`` tokens: a request that cannot fit is not sent.
    Raises: BadDefinition for a base_url that is no http address; on requests the errors of ModelError's tree.
    """

    model: str
    _: KW_ONLY
    name: str = ""
    base_url: str = f"https://{HOST}/v1"
    api_key: str = field(default="none", repr=False)
    timeout_s: float = 60.0
    context_window: int | None = None
    temperature: float | None = None
    native_tools: bool = True
    json_schema: bool = True
    transport: httpx2.AsyncBaseTransport | None = field(default=None, repr=False)
    _loop_to_client: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise BadDefinition(f"base_url={self.base_url!r} is no http address.", remedy="Write http://host:port/v1.")
        self.hosted = url.hostname == HOST
        self.name = self.name or f"openai:{self.model}"

    def count(self, request: Request, /) -> int:
        """UTF-8 bytes of the prompt, tools and schema, and what chat templates add."""
        return bound(self._body(self._prepared(request)))

    async def request(self, request: Request, /) -> Reply:
        sent = self._prepared(request)
        data = self._body(sent)
        prompt_bound = bound(data)
        if self.context_window is not None and prompt_bound > BYTES_PER_TOKEN * self.context_window:
            raise ContextWindow(f"{prompt_bound} bytes do not fit {self.name}'s {self.context_window} tokens.")
        content = await self._send(data)
        found = reply(loads(content) or content, sent, prompt_bound, hosted=self.hosted)
        return found if self.native_tools else unconstrained(found, request)

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        client = self._loop_to_client and self._loop_to_client.get(None)
        if client is not None:
            self._loop_to_client.set(None)
            await client.close()

    def _prepared(self, request: Request) -> Request:
        if request.temperature is None and self.temperature is not None:
            request = replace(request, temperature=self.temperature)
        return request if self.native_tools else constrained(request)

    def _body(self, request: Request) -> dict[str, Any]:
        return body(request, self.model, hosted=self.hosted, json_schema=self.json_schema)

    async def _send(self, data: dict[str, Any]) -> str:
        import httpx2
        import openai

        try:
            response = await self._client().post("/chat/completions", cast_to=httpx2.Response, body=data)
        except openai.APITimeoutError:
            error: ModelError = ModelTimeout(f"{self.name} did not answer within {self.timeout_s} s.")
        except openai.APIConnectionError as cause:
            error = ModelUnreachable(self._safe(f"No answer from {self.base_url}: {cause.__cause__ or cause}."))
        except openai.APIStatusError as cause:
            text = self._safe(cause.response.text)
            error = failure(cause.status_code, text, cause.response.headers, self.name)
        else:
            return response.text
        raise error

    def _safe(self, text: str) -> str:
        return text.replace(self.api_key, "***") if len(self.api_key) > 8 else text

    def _client(self) -> AsyncOpenAI:
        """A pool of connections belongs to the event loop that opened them."""
        from anyio.lowlevel import RunVar

        if self._loop_to_client is None:
            self._loop_to_client = RunVar(f"clients of {self.name}")
        client: AsyncOpenAI | None = self._loop_to_client.get(None)
        if client is None:
            client = self._connected()
            self._loop_to_client.set(client)
        return client

    def _connected(self) -> AsyncOpenAI:
        import httpx2
        import openai

        # On this machine a connection costs nothing, and one kept open may be gone when it is used again.
        kept = 0 if urlsplit(self.base_url).hostname in _LOOPBACK else 100
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=kept)
        http = httpx2.AsyncClient(
            transport=self.transport, limits=limits, timeout=self.timeout_s, follow_redirects=True
        )
        return openai.AsyncOpenAI(
            api_key=self.api_key, base_url=self.base_url, timeout=self.timeout_s, max_retries=0, http_client=http
        )


def check(model: str, env: Mapping[str, str]) -> None:
    """Raises MissingKey if OpenAI itself is meant and OPENAI_API_KEY is not set."""
    url = env.get("OPENAI_BASE_URL") or f"https://{HOST}/v1"
    hostname = None
    with suppress(ValueError):
        hostname = urlsplit(url).hostname
    if hostname == HOST and not env.get("OPENAI_API_KEY"):
        raise MissingKey(
            f"'openai:{model}' needs a key.",
            remedy="Set OPENAI_API_KEY, or OPENAI_BASE_URL to a server that needs none.",
        )


def create(model: str, env: Mapping[str, str]) -> OpenAIModel:
    """The client of 'openai:model', by OPENAI_API_KEY and OPENAI_BASE_URL."""
    check(model, env)
    return OpenAIModel(
        model,
        base_url=env.get("OPENAI_BASE_URL") or f"https://{HOST}/v1",
        api_key=(env.get("OPENAI_API_KEY") or "none").strip(),
    )
