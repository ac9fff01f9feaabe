"""Kernel ridge regression: several quantities learned at once from the same examples, in closed form.

Formula: f(v) = sum_i a_i exp(-gamma |v - u_i|^2) with (K + lam I) a = y over the examples u_i.
Source: Saunders, Gammerman and Vovk 1998.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestra.core.errors import BadDefinition, BadNumber

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

ASKED_TOGETHER = 2000


def rbf(one: Array, two: Array, gamma: float = 1.0) -> Array:
    """exp(-gamma |u - v|^2) for every pair. Shapes: (n, d), (m, d) -> (n, m), single precision."""
    import numpy as np

    out: Array = one @ two.T
    out *= 2.0
    out -= np.einsum("ij,ij->i", one, one)[:, None]
    out -= np.einsum("ij,ij->i", two, two)
    np.minimum(out, 0.0, out=out)
    out *= gamma
    return np.exp(out, out=out)


def solved(gram: Array, y: Array, lam: float) -> Array:
    """(K + lam I)^-1 y. Shapes: gram (n, n), y (n, k); returns (n, k). Takes the time of n^3 multiplications.

    Raises: BadNumber for a ``lam`` that is not above 0.
    """
    import numpy as np

    if not lam > 0.0:
        raise BadNumber(f"lam={lam!r}.", remedy="Give a ridge above 0.")
    ridged = gram.copy()
    ridged[np.diag_indices(len(gram))] += np.float32(lam)
    out: Array = np.linalg.solve(ridged, y.astype(np.float32))
    return out


def predicted(x: Array, rows: Array, weights: Array, gamma: float = 1.0) -> tuple[Array, Array]:
    """f at every x, and the kernel's value at the nearest row.

    Shapes: x (m, d), rows (n, d), weights (n, k); returns (m, k), (m,). Raises BadDefinition for other features.
    """
    import numpy as np

    if x.shape[1:] != rows.shape[1:]:
        raise BadDefinition(
            f"It was trained on {rows.shape[1]} features and now meets {x.shape[1:]}.",
            remedy="Use the embedder it was trained with.",
        )
    values, nearest = [np.zeros((0, weights.shape[1]), dtype=np.float32)], [np.zeros(0, dtype=np.float32)]
    for start in range(0, len(x), ASKED_TOGETHER):
        alike = rbf(x[start : start + ASKED_TOGETHER], rows, gamma)
        values.append(alike @ weights)
        nearest.append(alike.max(axis=1))
    return np.concatenate(values), np.concatenate(nearest)
