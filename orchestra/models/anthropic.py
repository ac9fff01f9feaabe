"""A client of Anthropic and of servers that speak its messages protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestra.models.access import access
from orchestra.models.endpoint import Endpoint, load
from orchestra.models.limits import Allowance
from orchestra.models.pieces import Pieces, asked, heard, held, plain
from orchestra.models.wire_anthropic import STREAMED, MessageChunks, body, bound, forced, reply
from orchestra.ports.model import OnDelta, Reply, Request

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

HOST = "api.anthropic.com"
VENDORS_URL = f"https://{HOST}"


@dataclass(eq=False)
class AnthropicModel:
    """One model behind one base URL, with or without /v1; works on asyncio and trio.

    ``temperature`` is used where a request names none; a request's seed is not sent, the protocol has none.
    ``transport`` replaces the network.
    Units: ``timeout_s`` seconds without a byte; ``context_window`` tokens.
    Raises: BadDefinition for a base_url that is no http address; on requests the errors of ModelError's tree.
    """

    model: str
    _: KW_ONLY
    name: str = ""
    base_url: str = VENDORS_URL
    api_key: str = field(default="none", repr=False)
    timeout_s: float = 60.0
    context_window: int | None = None
    temperature: float | None = None
    transport: httpx2.AsyncBaseTransport | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/").removesuffix("/v1")
        self.name = self.name or f"anthropic:{self.model}"
        self._endpoint = Endpoint(
            name=self.name,
            vendor="anthropic",
            path="/v1/messages",
            base_url=self.base_url,
            api_key=self.api_key,
            timeout_s=self.timeout_s,
            transport=self.transport,
            connect=self._connected,
        )
        self.hosted = self._endpoint.hostname == HOST

    @property
    def server(self) -> str:
        """Where it is asked, as host:port."""
        return self._endpoint.server

    def load(self) -> None:
        """Imports the vendor's library, which may take a second. Blocks."""
        load("anthropic")

    def count(self, request: Request, /) -> int:
        """UTF-8 bytes of the prompt, tools and schema, and what the vendor adds to them."""
        return bound(self._body(request))

    async def request(self, request: Request, /) -> Reply:
        data = self._body(request)
        content = await asked(self._endpoint, data)
        return reply(content, request, bound(data), hosted=self.hosted)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """As ``request``, the text in pieces; a reply by a forced tool comes as one."""
        data = self._body(request)
        view = held if request.schema is not None and self._reshaped(request) else plain
        pieces = Pieces(MessageChunks(self.name), view, on_delta, bound(data), request.max_tokens)
        return await heard(
            self._endpoint,
            data | STREAMED,
            pieces,
            lambda content: reply(content, request, bound(data), hosted=self.hosted),
        )

    @property
    def allowance(self) -> Allowance | None:
        """What was left of the rate limit at the last reply."""
        return self._endpoint.allowance

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        await self._endpoint.aclose()

    def _reshaped(self, request: Request) -> bool:
        """Whether the reply's text is not the model's own."""
        typed = (request.schema or {}).get("type") == "object"
        return forced(request, hosted=self.hosted) or not typed

    def _body(self, request: Request) -> dict[str, Any]:
        if request.temperature is None and self.temperature is not None:
            request = replace(request, temperature=self.temperature)
        return body(request, self.model, hosted=self.hosted)

    def _connected(self, http: httpx2.AsyncClient) -> AsyncAnthropic:
        import anthropic

        # The vendor's own spans would double ours.
        return anthropic.AsyncAnthropic(
            api_key=self.api_key,
            base_url=self.base_url,
            timeout=self.timeout_s,
            max_retries=0,
            http_client=http,
            open_telemetry=False,
        )


def check(model: str, env: Mapping[str, str]) -> None:
    """Raises MissingKey if Anthropic itself is meant and ANTHROPIC_API_KEY is not set."""
    access("anthropic", model, env, VENDORS_URL)


def create(model: str, env: Mapping[str, str]) -> AnthropicModel:
    """The client of 'anthropic:model', by ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL. Raises MissingKey."""
    return AnthropicModel(model, **access("anthropic", model, env, VENDORS_URL)._asdict())
