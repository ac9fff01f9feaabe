"""What each option is worth, learned at once from outcomes that are known for all of them.

Formula: value(v) = sum_t p(t | v) m_t + r(v). m_t are the means of task t, drawn towards those of all rows;
p(t | v) = softmax(sharpness z(v)), z a kernel ridge regression of the tasks' labels (lam ``label_ridge``), r one of
what the means leave over (lam ``ridge``). Without tasks the means are those of all rows. A question that is like no
training row (its nearest is further than that of most training rows) and whose task is uncertain is worth the overall
means: then the best single option is chosen, as no learned router is better than that far from what it has seen.
Source: kernel ridge regression (see ``kernel``); that the label of the task carries most of what a router can know is
measured in RouterBench's and LLMRouterBench's sets; the combination and its constants are ours, chosen by
cross-validation on public development data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchestra.core.errors import BadDefinition
from orchestra.routing.learners.kernel import predicted, rbf, solved

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

RIDGE, ROWS_FOR_RIDGE, LABEL_RIDGE, SHARPNESS, DRAWN = 10.0, 500, 0.3, 12.0, 10.0
# Both chosen so that on tasks left out of training little is lost against the best single option, and in domain less.
UNCERTAIN, FAR_SHARE, FAR_SAMPLE = 0.6, 0.3, 2000
SURFACE_WEIGHT = 0.2
SURFACE_LIMIT = 3.0
# A kernel over more would not fit into the memory of an ordinary machine. Our default.
MOST_ROWS = 30_000


class Scale(NamedTuple):
    """Plain numbers beside a vector of length 1: standardised, clipped at 3 deviations, weighed. Shapes: (d,) each."""

    mean: Array
    factor: Array

    def of(self, vectors: Array, plain: Array) -> Array:
        """Shapes: (n, e), (n, d) -> (n, e + d)."""
        import numpy as np

        limit = SURFACE_LIMIT * (SURFACE_WEIGHT / max(1, len(self.mean))) ** 0.5
        return np.hstack([vectors, np.clip((plain - self.mean) * self.factor, -limit, limit)]).astype(np.float32)


def scale_of(plain: Array) -> Scale:
    """From the numbers of the training rows. Shapes: (n, d)."""
    import numpy as np

    spread = np.asarray(plain.std(axis=0), dtype=np.float32)
    weight = (SURFACE_WEIGHT / max(1, plain.shape[1])) ** 0.5
    return Scale(plain.mean(axis=0), np.where(spread > 1e-6, weight / np.maximum(spread, 1e-6), 0.0))


class Trained(NamedTuple):
    """``near`` is the kernel's value below which a question counts as far from all rows.

    Shapes: ``rows`` (n, d), ``weights`` (n, k), ``label_weights`` (n, tasks), ``means`` (tasks, k), ``overall`` (k,).
    """

    rows: Array
    weights: Array
    label_weights: Array
    means: Array
    overall: Array
    sharpness: float
    near: float

    def expected(self, x: Array) -> tuple[Array, NDArray[np.bool_]]:
        """What is expected of each quantity, and which questions are far from all that was learned from.

        Shapes: (m, d) -> (m, k), (m,). Raises BadDefinition for other features.
        """
        import numpy as np

        both, nearest = predicted(x, self.rows, np.hstack([self.weights, self.label_weights]))
        k = self.weights.shape[1]
        logits = self.sharpness * both[:, k:]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        values: Array = (odds / odds.sum(axis=1, keepdims=True)) @ self.means + both[:, :k]
        uncertain = both[:, k:].max(axis=1) < UNCERTAIN if len(self.means) > 1 else np.zeros(len(x), dtype=np.bool_)
        return values, uncertain & (nearest < self.near)

    def values(self, x: Array) -> Array:
        """The same, the overall means of questions that are far. Shapes: (m, d) -> (m, k). Raises BadDefinition."""
        values, far = self.expected(x)
        values[far] = self.overall
        return values


def train(
    x: Array,
    values: Array,
    tasks: Sequence[str] = (),
    *,
    ridge: float | None = None,
    label_ridge: float = LABEL_RIDGE,
    sharpness: float = SHARPNESS,
    drawn: float = DRAWN,
) -> Trained:
    """Learns k quantities of n rows: scores and costs of options, for example. NaN counts as the task's mean.

    Without ``ridge`` it is the larger of 10 and n / 500.

    Shapes: x (n, d), vectors of about length 1; values (n, k); ``tasks`` n labels, or none.
    Raises: BadDefinition for no rows, more than 30,000, or as many labels as there are not rows.
    """
    import numpy as np

    n = len(x)
    if not 0 < n <= MOST_ROWS or len(values) != n or len(tasks) not in (0, n):
        raise BadDefinition(
            f"{n} rows of features, {len(values)} of values and {len(tasks)} labels are nothing to train on.",
            remedy=f"Give as many of each, from 1 to {MOST_ROWS:,}: a sample, of more.",
        )
    kinds = sorted(set(tasks)) or [""]
    at = np.array([kinds.index(task) for task in tasks], dtype=np.intp) if tasks else np.zeros(n, dtype=np.intp)
    labels = np.eye(len(kinds), dtype=np.float32)[at]
    means, overall = _means(values, labels, drawn)
    rest = np.nan_to_num(values - means[at]).astype(np.float32)
    gram = rbf(x, x)
    weights = solved(gram, rest, max(RIDGE, n / ROWS_FOR_RIDGE) if ridge is None else ridge)
    label_weights = solved(gram, labels, label_ridge) if len(kinds) > 1 else np.zeros((n, 1), dtype=np.float32)
    return Trained(x, weights, label_weights, means, overall, sharpness, _near(gram))


def _near(gram: Array) -> float:
    """The share FAR_SHARE of the rows has its nearest other row further than this."""
    import numpy as np

    some = np.linspace(0, len(gram) - 1, min(len(gram), FAR_SAMPLE)).astype(np.intp)
    alike = gram[some]
    alike[np.arange(len(some)), some] = 0.0
    return float(np.quantile(alike.max(axis=1), FAR_SHARE))


def _means(values: Array, labels: Array, drawn: float) -> tuple[Array, Array]:
    """Of each task, and of all rows. Shapes: (n, k), (n, tasks) -> (tasks, k), (k,)."""
    import numpy as np

    known = (~np.isnan(values)).astype(np.float32)
    filled = np.nan_to_num(values)
    overall = filled.sum(axis=0) / np.maximum(1.0, known.sum(axis=0))
    means: Array = ((labels.T @ filled + drawn * overall) / (labels.T @ known + drawn)).astype(np.float32)
    return means, overall.astype(np.float32)
