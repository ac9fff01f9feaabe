"""Many texts to one matrix, whatever the embedder can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from orchestra.ports.embedder import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]


def matrix_of(embedder: Embedder, texts: Sequence[str]) -> Array:
    """The embedder's own ``matrix`` where it has one, else ``embed`` text by text.

    Shapes: returns (n, d) float32. Raises: ValueError where the vectors are not all of one length.
    """
    import numpy as np

    own: Callable[[Sequence[str]], Any] | None = getattr(embedder, "matrix", None)
    if own is not None:
        return np.asarray(own(texts), dtype=np.float32)
    rows = [np.asarray(embedder.embed(text), dtype=np.float32) for text in texts]
    return np.stack(rows) if rows else np.zeros((0, embedder.d), dtype=np.float32)
