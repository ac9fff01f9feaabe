"""Text to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Embedder(Protocol):
    """A pure, local embedder. ``name`` goes into every decision's record: another name says that the vectors of the one
    mean nothing to what was learned on the other's.

    An embedder may also have ``matrix(texts)``: the vectors of many texts at once, (n, d), where that is quicker.

    Shapes: ``embed`` returns (d,), L2-normalised unless the text has no features (then zeros).
    """

    name: str
    d: int

    def embed(self, text: str, /) -> Sequence[float]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """An embedder that has to be asked: a call to the model ``name``, charged and recorded as any other.

    The call's input is a Request with one user message for each text; its reply's text is JSON, a list of as many lists
    of numbers.

    Shapes: ``d``, None while it is not known.
    """

    name: str
    d: int | None = None
