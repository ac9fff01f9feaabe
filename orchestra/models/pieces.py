"""A streamed reply, from its events to its pieces and its end: what both clients share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from orchestra.core.errors import ModelError, ModelUnreachable
from orchestra.models.endpoint import Endpoint
from orchestra.models.sse import Event
from orchestra.models.wire import loads
from orchestra.ports.model import Delta, OnDelta, Reply

View = Callable[[str], str]
"""What a piece of the model's text adds to the reply's: in one state or another, so made anew for each reply."""


def held(_: str) -> str:
    """The view of a text that is read at its end only."""
    return ""


def plain(piece: str) -> str:
    """The view of a text that is the reply's own."""
    return piece


class Chunks(Protocol):
    """Events put together to the body that an unstreamed answer would have."""

    over: bool
    """The stream's last event was seen."""

    @property
    def complete(self) -> bool:
        """The reply's end was seen, which not all servers follow by the stream's."""
        ...

    def take(self, event: Event) -> Delta:
        """What the event adds. Raises the errors of ModelError's tree."""
        ...

    def body(self) -> dict[str, Any]: ...

    def input_tokens(self) -> int | None:
        """The prompt's tokens, if they were reported yet."""
        ...


class Pieces:
    """Hands a reply's pieces over and counts them. Units: ``prompt_bound`` and ``max_tokens`` in tokens."""

    def __init__(self, chunks: Chunks, view: View, on_delta: OnDelta, prompt_bound: int, max_tokens: int) -> None:
        self.chunks = chunks
        self._view = view
        self._on_delta = on_delta
        self._prompt_bound = prompt_bound
        self._max_tokens = max_tokens
        self._output_bytes = 0
        self._texts: list[str] = []

    def take(self, event: Event) -> bool:
        """Whether the event was the last."""
        text, output_bytes = self.chunks.take(event)
        self._hand_over(self._view(text) if text else "", output_bytes)
        return self.chunks.over

    def finish(self, reply: Reply) -> Reply:
        """Hands over what was held back."""
        shown = "".join(self._texts)
        if reply.text.startswith(shown):
            self._hand_over(reply.text[len(shown) :], 0)
        return reply

    def billed(self, error: ModelError) -> None:
        """Writes into an error what has to be paid for the pieces that came before it."""
        if not self._output_bytes:
            return
        reported = self.chunks.input_tokens()
        facts = {
            "streamed_chars": sum(map(len, self._texts)),
            "input_tokens": self._prompt_bound if reported is None else reported,
            "output_tokens": min(self._output_bytes, self._max_tokens),
        }
        error.facts = facts | error.facts

    def _hand_over(self, text: str, output_bytes: int) -> None:
        if text or output_bytes:
            self._output_bytes += output_bytes
            self._texts.append(text)
            self._on_delta(Delta(text, output_bytes))


async def asked(endpoint: Endpoint, data: dict[str, Any]) -> object:
    """The decoded answer, or its text where that is no JSON."""
    content = await endpoint.post(data)
    return loads(content) or content


async def heard(endpoint: Endpoint, data: dict[str, Any], pieces: Pieces, read: Callable[[object], Reply]) -> Reply:
    """The reply of a stream, handed over in pieces.

    Raises: the errors of ModelError's tree, with what has to be paid once a piece has come.
    """
    try:
        content = await endpoint.stream(data, pieces.take)
        if content is not None:
            return pieces.finish(read(loads(content) or content))
        if not pieces.chunks.complete:
            raise ModelUnreachable(f"{endpoint.name}'s stream ended before its reply did.")
        return pieces.finish(read(pieces.chunks.body()))
    except ModelError as error:
        pieces.billed(error)
        raise
