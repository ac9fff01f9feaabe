"""The type of a task: a one at the type whose examples are nearest.

Formula: argmax_t cos(v, mu_t), mu_t the mean of the vectors of type t's examples.
Source: the one-hot task type of GreenServ, arXiv:2601.17551; the nearest mean instead of a regression is our default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestra.core.errors import BadDefinition
from orchestra.core.ids import canonical, digest
from orchestra.embeddings.batch import matrix_of
from orchestra.ports.embedder import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]


class TaskTypes:
    """An embedder that knows the type of a task by ``examples``, {type: texts}; of equals the first type counts.

    ``types`` are in the order of the dimensions.

    Shapes: ``embed`` (types,), ``matrix`` (n, types) float32; zeros for a text without features.
    Raises: BadDefinition for no types, or one without examples.
    """

    def __init__(self, embedder: Embedder, examples: Mapping[str, Sequence[str]]) -> None:
        import numpy as np

        wrong = next((name for name, texts in examples.items() if isinstance(texts, str) or not texts), None)
        if wrong is not None or not examples:
            raise BadDefinition(
                f"The task type {wrong!r} has no examples." if examples else "There are no task types.",
                remedy="Give {'maths': ['How much is 3 times 4?'], ...}.",
            )
        self.types = tuple(examples)
        self.d = len(self.types)
        told = {name: list(texts) for name, texts in examples.items()}
        self.name = f"tasks{self.d}-{digest(embedder.name + canonical(told), 4)}"
        self._embedder = embedder
        means = np.stack([matrix_of(embedder, texts).mean(0) for texts in told.values()])
        norms = np.linalg.norm(means, axis=1, keepdims=True)
        self._means: Array = (means / np.where(norms > 0, norms, 1)).astype(np.float32)

    def embed(self, text: str, /) -> Sequence[float]:
        values: list[float] = self.matrix([text])[0].tolist()
        return values

    def matrix(self, texts: Sequence[str], /) -> Array:
        """``embed`` of each text. Shapes: returns (n, types)."""
        import numpy as np

        vectors = matrix_of(self._embedder, texts)
        out = np.zeros((len(texts), self.d), dtype=np.float32)
        out[np.arange(len(texts)), (vectors @ self._means.T).argmax(1)] = vectors.any(1)
        return out
