"""A client of OpenAI and of every server that speaks its chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import ContextWindow
from orchestra.models.access import access
from orchestra.models.constrained import Answer, constrained, unconstrained
from orchestra.models.endpoint import Endpoint, load
from orchestra.models.limits import Allowance
from orchestra.models.pieces import Pieces, View, asked, heard, held, plain
from orchestra.models.wire_openai import LIMITS, PER_IMAGE, STREAMED, CompletionChunks, body, bound, reply
from orchestra.ports.model import OnDelta, Reply, Request

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

HOST = "api.openai.com"
AZURE = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
VENDORS_URL = f"https://{HOST}/v1"
# Text that packs more bytes into each token is not met in practice; nearer cases are the provider's to judge.
BYTES_PER_TOKEN = 8


@dataclass(eq=False)
class OpenAIModel:
    """One model behind one base URL; works on asyncio and trio, with connections of its own per event loop.

    ``native_tools=False`` turns tools into constrained decoding, ``json_schema=False`` tells a schema as text where the
    server enforces none. ``hosted`` speaks OpenAI's own dialect; by default on OpenAI's hosts and Azure's.
    ``temperature`` is used where a request names none. ``transport`` replaces the network.
    Units: ``timeout_s`` seconds without a byte; ``context_window`` tokens: a request that cannot fit is not sent.
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
    native_tools: bool = True
    json_schema: bool = True
    hosted: bool | None = None
    transport: httpx2.AsyncBaseTransport | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.name = self.name or f"openai:{self.model}"
        self._endpoint = Endpoint(
            name=self.name,
            vendor="openai",
            path="/chat/completions",
            base_url=self.base_url,
            api_key=self.api_key,
            timeout_s=self.timeout_s,
            transport=self.transport,
            connect=self._connected,
        )
        host = self._endpoint.hostname
        self._hosted = host == HOST or host.endswith(AZURE) if self.hosted is None else self.hosted
        self.hosted = self._hosted
        self._limits = LIMITS if host == HOST and not self.model.startswith("ft:") else frozenset[str]()

    @property
    def server(self) -> str:
        """Where it is asked, as host:port."""
        return self._endpoint.server

    def load(self) -> None:
        """Imports the vendor's library, which may take a second. Blocks."""
        load("openai")

    def count(self, request: Request, /) -> int:
        """UTF-8 bytes of the prompt, tools and schema, and what chat templates add."""
        return bound(self._body(self._prepared(request)))

    async def request(self, request: Request, /) -> Reply:
        sent = self._prepared(request)
        data, prompt_bound = self._fitting(sent)
        return self._read(await asked(self._endpoint, data), request, sent, prompt_bound)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """As ``request``, the text in pieces; an answer that is not the model's own words comes as one."""
        sent = self._prepared(request)
        data, prompt_bound = self._fitting(sent)
        pieces = Pieces(CompletionChunks(self.name), self._view(request), on_delta, prompt_bound, request.max_tokens)
        return await heard(
            self._endpoint,
            data | STREAMED,
            pieces,
            lambda content: self._read(content, request, sent, prompt_bound),
        )

    @property
    def allowance(self) -> Allowance | None:
        """What was left of the rate limit at the last reply."""
        return self._endpoint.allowance

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        await self._endpoint.aclose()

    def _prepared(self, request: Request) -> Request:
        if request.temperature is None and self.temperature is not None:
            request = replace(request, temperature=self.temperature)
        return request if self.native_tools else constrained(request)

    def _body(self, request: Request) -> dict[str, Any]:
        return body(request, self.model, hosted=self._hosted, json_schema=self.json_schema, limits=self._limits)

    def _fitting(self, sent: Request) -> tuple[dict[str, Any], int]:
        data = self._body(sent)
        prompt_bound = bound(data)
        written = prompt_bound - PER_IMAGE * sum(len(message.images) for message in sent.messages)
        if self.context_window is not None and written > BYTES_PER_TOKEN * self.context_window:
            raise ContextWindow(f"{written} bytes do not fit {self.name}'s {self.context_window} tokens.")
        return data, prompt_bound

    def _read(self, content: object, request: Request, sent: Request, prompt_bound: int) -> Reply:
        found = reply(content, sent, prompt_bound, hosted=self._hosted)
        return found if self.native_tools else unconstrained(found, request)

    def _view(self, request: Request) -> View:
        if request.tools and not self.native_tools:
            return Answer() if request.schema is None else held
        wrapped = self._hosted and request.schema is not None and request.schema.get("type") != "object"
        return held if wrapped else plain

    def _connected(self, http: httpx2.AsyncClient) -> AsyncOpenAI:
        import openai

        return openai.AsyncOpenAI(
            api_key=self.api_key, base_url=self.base_url, timeout=self.timeout_s, max_retries=0, http_client=http
        )


def check(model: str, env: Mapping[str, str]) -> None:
    """Raises MissingKey if OpenAI itself is meant and OPENAI_API_KEY is not set."""
    access("openai", model, env, VENDORS_URL)


def create(model: str, env: Mapping[str, str]) -> OpenAIModel:
    """The client of 'openai:model', by OPENAI_API_KEY and OPENAI_BASE_URL. Raises MissingKey."""
    return OpenAIModel(model, **access("openai", model, env, VENDORS_URL)._asdict())
