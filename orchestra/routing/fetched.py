"""A remote embedder as a local one: what it was asked for is kept, what is not known yet is a call to be made first."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from orchestra.core.call import Batch, Call, Filing, ModelName, tolerated
from orchestra.core.errors import BadReply
from orchestra.core.message import Message
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.ports.embedder import Remote
from orchestra.ports.model import Reply, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

KEPT_TEXTS = 8192
TEXTS_A_CALL = 256
CHARACTERS_A_CALL = 100_000
# Of longer texts the beginning has to do: servers refuse what passes their context.
READ_CHARACTERS = 6000
REMEDY = "Check that it is an embedding model, and declare its dimensions: 'provider:model@d'."
TIMEOUT_S = 10.0
"""How long a decision waits for its features, retries included. Our default."""
Asking = Generator[Batch, tuple[Outcome, ...], tuple[Filing, ...] | Failed]


class Unfetched(Exception):
    """The vector of a text is not known. ``kind`` is that of the error that the call for it ended with."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Fetched:
    """An Embedder over a Remote. Its vectors are normalised to length 1; the last 8,192 texts are kept.

    Shapes: ``embed`` (d,), ``d`` is 0 while nobody said and nothing came.
    Raises: ``embed``: Unfetched.
    """

    def __init__(self, remote: Remote) -> None:
        self.name = remote.name
        self.d = remote.d or 0
        self._text_to_vector: OrderedDict[str, Array] = OrderedDict()
        self._kind = "NotAsked"

    def embed(self, text: str, /) -> Sequence[float]:
        vector = self._text_to_vector.get(text)
        if vector is None:
            raise Unfetched(self._kind)
        values: list[float] = vector.tolist()
        return values

    def asking(self, text: str, others: Sequence[str], *, down: bool = False) -> Asking:
        """Yields one batch with the calls for what is not known of a task's text and the other texts, if anything; none
        where the breaker says that the embedder is down, and nothing but its features is lost.

        Returns the records of the calls that failed, or the failure itself where nothing stands in for it: as long as
        nobody knows how long the vectors are, there are no features to fall back on.
        """
        for known in (text, *others):
            if known in self._text_to_vector:
                self._text_to_vector.move_to_end(known)
        while len(self._text_to_vector) > KEPT_TEXTS:
            self._text_to_vector.popitem(last=False)
        missing = [one for one in dict.fromkeys(others) if one not in self._text_to_vector and one != text]
        groups = [[text]] if text not in self._text_to_vector else []
        groups += _groups(missing)
        if groups and down and self.d:
            self._kind, groups = "BreakerOpen", []
        if not groups:
            return ()
        outcomes = yield Batch(calls=tuple(self._call(group) for group in groups))
        failures: list[Failed] = []
        for group, outcome in zip(groups, outcomes, strict=True):
            if isinstance(outcome, Failed):
                self._kind = outcome.cause.kind
                failures.append(outcome)
            elif isinstance(outcome, Done):
                self._take(group, outcome.output)
        if not self.d:
            return failures[0] if failures else failed(BadReply(f"{self.name} gave no vectors.", remedy=REMEDY))
        return tuple(filing for failure in failures for filing in tolerated(failure, "features"))

    def _call(self, texts: Sequence[str]) -> Call:
        messages = tuple(Message(role="user", text=text[:READ_CHARACTERS]) for text in texts)
        return Call(
            target=ModelName(name=self.name), input=Request(messages=messages, max_tokens=0), timeout_s=TIMEOUT_S
        )

    def _take(self, texts: Sequence[str], reply: Any) -> None:
        """Keeps what can be used: as many vectors as texts, of the known length, finite."""
        import numpy as np

        try:
            assert isinstance(reply, Reply)
            made = np.array(json.loads(reply.text), dtype=np.float32)
        except (AssertionError, TypeError, ValueError):
            self._kind = "BadReply"
            return
        if made.ndim != 2 or len(made) != len(texts) or made.shape[1] != (self.d or made.shape[1]):
            self._kind = "OtherDimension"
            return
        self.d = made.shape[1]
        norms = np.linalg.norm(made, axis=1, keepdims=True)
        if not np.isfinite(norms).all():
            self._kind = "NotFinite"
            return
        for text, row in zip(texts, made / np.where(norms > 0, norms, 1), strict=True):
            self._text_to_vector[text] = row


def _groups(texts: Iterable[str]) -> list[list[str]]:
    """In calls of a bounded size."""
    groups: list[list[str]] = []
    size = 0
    for text in texts:
        length = min(len(text), READ_CHARACTERS)
        if not groups or len(groups[-1]) >= TEXTS_A_CALL or size + length > CHARACTERS_A_CALL:
            groups.append([])
            size = 0
        groups[-1].append(text)
        size += length
    return groups
