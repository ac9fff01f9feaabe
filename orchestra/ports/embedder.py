"""Text to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """A pure, local embedder. ``name`` goes into every decision's record.

    Shapes: ``embed`` returns (d,), L2-normalised unless the text has no features (then zeros).
    """

    name: str
    d: int

    def embed(self, text: str, /) -> Sequence[float]: ...
