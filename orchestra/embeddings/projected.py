"""Another embedder's vectors in few dimensions: those in which texts of the kind that will come differ most.

Formula: v = W'(u - m), divided by its length; m is the mean of the vectors u of the texts given, W their d leading
principal directions, so that no label is needed.
Source: principal component analysis, by subspace iteration (Halko et al. 2011, arXiv:0909.4061); for hashed n-grams it
is latent semantic analysis (Deerwester et al. 1990). That a bandit should see 32 dimensions is our default: it learns
each of them for each option, from its own choices alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.ids import canonical, digest
from orchestra.embeddings.batch import matrix_of
from orchestra.ports.embedder import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

D = 32
# More texts than this change the directions little.
MOST_ROWS = 2000
# As many directions more are followed, so that the last that count are found in few rounds.
SPARE, ROUNDS = 8, 6
# A direction in which the texts differ by rounding alone is none.
LEAST = 1e-5


class Projection:
    """The ``d`` leading principal directions of the rows of ``vectors``; of many rows 2,000, evenly spread, count.

    Directions in which the rows do not differ are zeros.

    Shapes: ``vectors`` (n, e), ``mean`` (e,), ``axes`` (e, d), ``of`` (m, e) to (m, d), rows of length 1 or zeros.
    Raises: BadNumber for d below 1, BadDefinition for fewer than two rows.
    """

    def __init__(self, vectors: Array, d: int = D) -> None:
        import numpy as np

        if d < 1:
            raise BadNumber(f"d={d!r}.", remedy="Give the number of dimensions, at least 1.")
        if len(vectors) < 2:
            raise BadDefinition("A projection needs two texts or more.", remedy="Give texts like those that will come.")
        chosen = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), MOST_ROWS)).round().astype(np.intp))
        rows = np.asarray(vectors, dtype=np.float32)[chosen]
        self.mean: Array = rows.mean(axis=0)
        rows = rows - self.mean
        width = min(*rows.shape, d + SPARE)
        span = np.random.default_rng(0).standard_normal((rows.shape[1], width)).astype(np.float32)
        for _ in range(ROUNDS):
            span, _ = np.linalg.qr(rows.T @ (rows @ span))
        seen = (rows @ span).astype(np.float64)
        values, turn = np.linalg.eigh(seen.T @ seen)
        axes = span @ turn[:, ::-1][:, :d]
        kept = values[::-1][:d]
        axes[:, kept <= LEAST * max(float(kept[0]), LEAST)] = 0.0
        largest = axes[np.abs(axes).argmax(axis=0), np.arange(len(kept))]
        self.axes: Array = np.zeros((rows.shape[1], d), dtype=np.float32)
        self.axes[:, : len(kept)] = axes * np.where(largest < 0, -1.0, 1.0)  # else a direction's sign is arbitrary

    def of(self, vectors: Array) -> Array:
        import numpy as np

        out: Array = ((np.asarray(vectors, dtype=np.float32) - self.mean) @ self.axes).astype(np.float32)
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        out /= np.where(norms > 0, norms, np.float32(1))
        return out


class Projected:
    """``embedder`` in ``d`` dimensions, fitted on ``texts``: past tasks of a team, or others like them.

    Its vectors are for what a router learns. Cosines with the descriptions of agents say less in few dimensions.
    The same texts give the same vectors and the same ``name``; other texts another name, as what was learned on the one
    means nothing on the other.

    Shapes: ``embed`` (d,), ``matrix`` (n, d) float32, of length 1; zeros for a text that ``embedder`` has zeros for.
    Raises: BadNumber for d below 1, BadDefinition for fewer than two texts.
    """

    def __init__(self, embedder: Embedder, texts: Sequence[str], d: int = D) -> None:
        given = list(texts)
        self._embedder = embedder
        self._projection = Projection(matrix_of(embedder, given), d)
        self.d = d
        self.name = f"{embedder.name}:{d}-{digest(canonical(given), 4)}"

    def embed(self, text: str, /) -> Sequence[float]:
        values: list[float] = self.matrix([text])[0].tolist()
        return values

    def matrix(self, texts: Sequence[str], /) -> Array:
        """``embed`` of each text. Shapes: returns (n, d)."""
        vectors = matrix_of(self._embedder, texts)
        out = self._projection.of(vectors)
        out[~vectors.any(axis=1)] = 0.0
        return out
