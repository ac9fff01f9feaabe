"""Which contexts were seen, and how far a new one is from them.

Formula: s(x) is the mean cosine of x with its k nearest contexts; the share as far is (1 + #{i: s(x_i) <= s(x)}) /
(n + 1), where s(x_i) leaves x_i itself out. Source: the p-value of inductive conformal prediction (Vovk et al. 2005)
with the distance to the nearest as its score; that the x_i are scored on one another, k = 5 and 256 are our defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestra.core.decision import Decision, Option
from orchestra.ports.router import Lesson, Terms
from orchestra.routing.state.examples import SAMPLE
from orchestra.routing.state.recall import Recall
from orchestra.routing.state.sums import vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

ALL = "all"


class Seen:
    """A uniform sample of the contexts of all decisions that got a reward, whatever they chose.

    With fewer than ``least`` contexts nothing is far. Shapes: contexts (d,), any d, the same from then on.
    """

    terms = Terms(feedback="bandit", how="similarity")

    def __init__(self, name: str, *, cap: int = 256, k: int = 5, least: int = 20) -> None:
        self.name, self.k, self.least = name, k, least
        self._recall = Recall(cap, SAMPLE, lambda decision: decision.x or (1.0,))
        self._known: tuple[tuple[str, ...], Rows, Rows] | None = None

    @property
    def version(self) -> int:
        return self._recall.version

    def pulls(self, _option: str, /) -> int:
        return 0

    def share_as_far(self, x: Sequence[float]) -> float:
        """Near 0 for a context unlike all others, near 1 for the most usual; 1 as long as there are too few to say."""
        import numpy as np

        known = self._contexts()
        if known is None or not x:
            return 1.0
        _, rows, own = known
        row = vector(x, self._recall.d).astype(np.float32)
        row /= max(float(np.linalg.norm(row)), 1e-12)
        near = _nearest(rows.dot(row)[None, :], self.k)[0]
        return (1.0 + int((own <= near + 1e-6).sum())) / (len(own) + 1.0)

    def _contexts(self) -> tuple[tuple[str, ...], Rows, Rows] | None:
        """The contexts, each of length 1, and how near each is to the others. Made again where the sample changed."""
        import numpy as np

        examples = self._recall.totals.get(ALL)
        if examples is None or len(examples.id_to_example) < max(self.least, self.k + 1):
            return None
        ids = tuple(examples.id_to_example)
        if self._known is None or self._known[0] != ids:
            rows = np.array([example.x for example in examples.id_to_example.values()], dtype=np.float32)
            rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
            each = rows.dot(rows.T)
            np.fill_diagonal(each, -np.inf)
            self._known = ids, rows, _nearest(each, self.k)
        return self._known

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """Their contexts. Raises BadDefinition for other features than before; then nothing is learned."""
        self._recall.learn([Lesson(_context(decision), 0.0, before and 0.0) for decision, _, before in lessons])

    def state(self) -> Mapping[str, Any]:
        return self._recall.state()

    def delta(self) -> Mapping[str, Any]:
        return self._recall.delta()

    def load(self, state: Mapping[str, Any], /) -> None:
        """Raises JournalVersion, BadNumber, BadDefinition; then nothing has changed."""
        self._recall.load(state)


def _context(decision: Decision) -> Decision:
    return replace(decision, options=(Option(ALL),), chosen=(ALL,))


def _nearest(similarities: Rows, k: int) -> Rows:
    """The mean of the k highest of each row. Shapes: (n, m) to (n,)."""
    import numpy as np

    top = np.partition(similarities, similarities.shape[1] - k, axis=1)[:, -k:]
    return np.asarray(top.mean(axis=1), dtype=np.float32)
