"""An embedding endpoint of OpenAI, or of a server that speaks its protocol, as a model that answers with numbers."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition, BadRequest
from orchestra.core.usage import Usage
from orchestra.models.endpoint import Endpoint, load
from orchestra.models.limits import Allowance
from orchestra.models.openai import VENDORS_URL
from orchestra.models.pieces import asked
from orchestra.models.wire import clean, dumps, short, tokens, word
from orchestra.ports.embedder import Remote
from orchestra.ports.model import Reply, Request

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

MODEL_TO_D = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
"""Dimensions as OpenAI documents them."""
SHORTENED = "text-embedding-3"
"""Models that are asked for as many dimensions as are declared; others give what they give."""
TIMEOUT_S = 10.0
NAME = re.compile(r"([^:]+:.+?)(?:@([1-9][0-9]{0,4}))?")


def remote_of(name: str) -> Remote:
    """The embedder 'provider:model', or 'provider:model@d' with its dimensions declared. Raises BadDefinition."""
    found = NAME.fullmatch(name)
    if found is None:
        raise BadDefinition(
            f"{name!r} names no embedding model.", remedy="Write 'provider:model', or 'provider:model@768' with its d."
        )
    d = int(found[2]) if found[2] else MODEL_TO_D.get(found[1].partition(":")[2])
    return Remote(name=found[1], d=d)


@dataclass(eq=False)
class OpenAIEmbeddings:
    """Vectors of the texts of a request's messages, as JSON in the reply's text: a list of lists, in their order.

    It is a Model, so that its calls are charged, retried and recorded as any other's; it answers with no words.
    ``d`` is asked for where the model can be shortened. ``transport`` replaces the network.
    Units: ``timeout_s`` seconds without a byte.
    Raises: BadDefinition for a base_url that is no http address; on requests the errors of ModelError's tree.
    """

    model: str
    _: KW_ONLY
    name: str = ""
    base_url: str = VENDORS_URL
    api_key: str = field(default="none", repr=False)
    d: int | None = None
    timeout_s: float = TIMEOUT_S
    context_window: int | None = None
    transport: httpx2.AsyncBaseTransport | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.name = self.name or f"openai:{self.model}"
        self._endpoint = Endpoint(
            name=self.name,
            vendor="openai",
            path="/embeddings",
            base_url=self.base_url,
            api_key=self.api_key,
            timeout_s=self.timeout_s,
            transport=self.transport,
            connect=self._connected,
        )

    @property
    def server(self) -> str:
        """Where it is asked, as host:port."""
        return self._endpoint.server

    def load(self) -> None:
        """Imports the vendor's library, which may take a second. Blocks."""
        load("openai")

    def count(self, request: Request, /) -> int:
        """UTF-8 bytes of the texts, and two marks around each."""
        return sum(len(text.encode()) + 2 for text in _texts(request))

    async def request(self, request: Request, /) -> Reply:
        """Raises BadRequest for an answer that does not hold one vector for each text."""
        texts = _texts(request)
        data: dict[str, Any] = {"model": self.model, "input": texts, "encoding_format": "float"}
        if self.d is not None and self.model.startswith(SHORTENED):
            data["dimensions"] = self.d
        answer = await asked(self._endpoint, data)
        vectors = _vectors(answer, len(texts))
        given = answer.get("usage") if isinstance(answer, dict) else None
        read = tokens(given.get("prompt_tokens")) if isinstance(given, dict) else None
        bound = self.count(request)
        usage = Usage(input_tokens=bound if read is None else read, requests=1, estimated=read is None)
        model = word(answer.get("model")) if isinstance(answer, dict) else ""
        return Reply(text=dumps(vectors), usage=usage, model=model)

    @property
    def allowance(self) -> Allowance | None:
        """What was left of the rate limit at the last reply."""
        return self._endpoint.allowance

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        await self._endpoint.aclose()

    def _connected(self, http: httpx2.AsyncClient) -> AsyncOpenAI:
        import openai

        return openai.AsyncOpenAI(
            api_key=self.api_key, base_url=self.base_url, timeout=self.timeout_s, max_retries=0, http_client=http
        )


def _texts(request: Request) -> list[str]:
    """Servers refuse an empty text."""
    return [clean(message.text) or " " for message in request.messages]


def _vectors(answer: Any, n: int) -> list[list[float]]:
    """In the order of the texts, whatever the order of the answer."""
    try:
        rows = sorted(((int(item["index"]), item["embedding"]) for item in answer["data"]), key=lambda row: row[0])
        vectors = [[float(value) for value in row] for _, row in rows]
    except (KeyError, TypeError, ValueError):
        vectors, rows = [], []
    lengths = {len(vector) for vector in vectors}
    if [at for at, _ in rows] != list(range(n)) or len(lengths) != 1 or lengths == {0}:
        raise BadRequest(
            f"The server's answer is no list of {n} vectors of one length: {short(answer)}.",
            remedy="Check that the model is one for embeddings.",
        )
    return vectors
