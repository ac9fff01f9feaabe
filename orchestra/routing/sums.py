"""What a linear learner keeps of one option: sums, so that what two processes saw can simply be added.

``b`` is the sum of reward times context, the Gram matrix the sum of the contexts' outer products. While an option has
had fewer pulls than the context has dimensions, the contexts themselves say the same in less room.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.decision import Decision
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.ports.router import Lesson
from orchestra.routing.examples import add_plain as add_examples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

VERSION = 1


@dataclass(slots=True, kw_only=True)
class Sums:
    """The sums over one option's rewards; ``see`` and ``correct`` add to them in place.

    Shapes: ``b`` (d,); ``rows`` pulls contexts (d,) while pulls < d, then None; ``gram`` (d, d) from then on.
    """

    pulls: int
    b: Array
    rows: list[Array] | None
    gram: Array | None

    @property
    def d(self) -> int:
        return len(self.b)

    def see(self, x: Array, reward: float) -> None:
        """The first reward for one context."""
        import numpy as np

        self.pulls += 1
        self.b += reward * x
        if self.rows is None:
            assert self.gram is not None
            self.gram += np.outer(x, x)
            return
        self.rows.append(x)
        if self.pulls >= self.d:
            self.gram, self.rows = self.matrix(), None

    def correct(self, x: Array, change: float) -> None:
        """Another reward for a context that was seen: the Gram matrix holds it already."""
        self.b += change * x

    def matrix(self) -> Array:
        """The Gram matrix. Shapes: (d, d)."""
        if self.gram is not None:
            return self.gram
        rows = self.stacked()
        product: Array = rows.T @ rows
        return product

    def stacked(self) -> Array:
        """The contexts as a matrix. Shapes: (pulls, d)."""
        import numpy as np

        return np.array(self.rows, dtype=np.float64).reshape(-1, self.d)


def empty(d: int) -> Sums:
    import numpy as np

    return Sums(pulls=0, b=np.zeros(d), rows=[], gram=None)


def add(one: Sums, two: Sums) -> Sums:
    """The sums over both. Raises BadDefinition where they count different features."""
    if one.d != two.d:
        raise _other_features(one.d, two.d)
    pulls, b = one.pulls + two.pulls, one.b + two.b
    if one.rows is not None and two.rows is not None and pulls < one.d:
        return Sums(pulls=pulls, b=b, rows=[*one.rows, *two.rows], gram=None)
    return Sums(pulls=pulls, b=b, rows=None, gram=one.matrix() + two.matrix())


def to_plain(sums: Sums) -> dict[str, Any]:
    """JSON values: little-endian float64 in base64, which brings back the same bits."""
    held = {"rows": sums.stacked()} if sums.gram is None else {"gram": sums.gram}
    arrays = {"b": sums.b, **held}
    packed = {name: base64.b64encode(array.astype("<f8").tobytes()).decode() for name, array in arrays.items()}
    return {"version": VERSION, "d": sums.d, "pulls": sums.pulls, **packed}


def from_plain(data: Mapping[str, Any]) -> Sums:
    """Raises JournalVersion for sums of another format, BadNumber for damaged or non-finite ones."""
    import numpy as np

    if data.get("version") != VERSION:
        raise JournalVersion(f"Learned state of format {data.get('version')!r} was found; this is format {VERSION}.")
    try:
        d, pulls = int(data["d"]), int(data["pulls"])
        arrays = {
            name: np.frombuffer(base64.b64decode(data[name], validate=True), "<f8").astype(np.float64).reshape(shape)
            for name, shape in (("b", (d,)), ("rows", (pulls, d)), ("gram", (d, d)))
            if name in data
        }
        rows = list(arrays["rows"]) if "rows" in arrays else None
        sums = Sums(pulls=pulls, b=arrays["b"], rows=rows, gram=arrays.get("gram"))
    except (KeyError, TypeError, ValueError) as error:
        raise BadNumber(f"Learned state is damaged: {error}.", remedy="Start with a new state file.") from None
    if (sums.rows is None) == (sums.gram is None) or not all(np.isfinite(a).all() for a in arrays.values()):
        raise BadNumber("Learned state is damaged: not one finite matrix.", remedy="Start with a new state file.")
    return sums


def add_plain(old: Any | None, delta: Any) -> Any:
    """``add`` on JSON values: what a store applies to each option of a delta, which may hold examples instead."""
    if "form" in delta:
        return add_examples(old, delta)
    return delta if old is None else to_plain(add(from_plain(old), from_plain(delta)))


class Change(NamedTuple):
    """One option's part of a lesson. ``first``: the context counts; else only the reward changes by ``by``."""

    option: str
    x: Array
    by: float
    first: bool


class Tally:
    """The sums of every option, and those of them that no store has yet.

    ``d`` is the number of features, None until the first lesson.
    """

    __slots__ = ("_pending", "d", "totals", "version")

    def __init__(self) -> None:
        self.totals: dict[str, Sums] = {}
        self.version = 0
        self.d: int | None = None
        self._pending: dict[str, Sums] = {}

    def pulls(self, option: str) -> int:
        sums = self.totals.get(option)
        return sums.pulls if sums else 0

    def learn(
        self, lessons: Sequence[Lesson], read: Callable[[Decision, str], tuple[Sequence[float], float]]
    ) -> list[Change]:
        """Adds all of the lessons or, where one is bad, none. Raises BadNumber, BadDefinition.

        ``read`` gives the context of one chosen option and the reward that was expected of it: the sums are over what
        the reward differs from that.
        """
        changes, d = [], self.d
        for decision, reward, before in lessons:
            after, was = reward_of(reward), None if before is None else reward_of(before, "before")
            for option in decision.chosen:
                context, expected = read(decision, option)
                x = vector(context, d)
                d = len(x)
                changes.append(Change(option, x, after - (expected if was is None else was), was is None))
        self.d = d
        for change in changes:
            self._add(self.totals, change)
            self._add(self._pending, change)
            self.version += change.first
        return changes

    def _add(self, into: dict[str, Sums], change: Change) -> None:
        sums = into.get(change.option) or into.setdefault(change.option, empty(len(change.x)))
        if change.first:
            sums.see(change.x, change.by)
        else:
            sums.correct(change.x, change.by)

    def state(self) -> dict[str, Any]:
        """Everything, option by option, as JSON values."""
        return {option: to_plain(sums) for option, sums in self.totals.items()}

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call."""
        pending, self._pending = self._pending, {}
        return {option: to_plain(sums) for option, sums in pending.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes this state, and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        totals = {option: from_plain(data) for option, data in state.items()}
        for option, sums in self._pending.items():
            totals[option] = add(totals.get(option) or empty(sums.d), sums)
        dimensions = sorted({sums.d for sums in totals.values()})
        if len(dimensions) > 1:
            raise _other_features(*dimensions[:2])
        self.totals, self.d = totals, dimensions[0] if dimensions else None
        self.version = sum(sums.pulls for sums in totals.values())


def reward_of(value: float, what: str = "reward") -> float:
    """The value, if it lies in [0, 1]; else BadNumber."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not 0.0 <= number <= 1.0:
        raise BadNumber(f"{what}={value!r} is no number in [0, 1].", remedy="Scale rewards to [0, 1].")
    return number


def vector(x: Sequence[float], d: int | None) -> Array:
    """The context as an array. Raises BadDefinition where it has not d dimensions, BadNumber where it is not finite."""
    import numpy as np

    array = np.asarray(x, dtype=np.float64)
    if d is not None and len(array) != d:
        raise _other_features(d, len(array))
    if not math.isfinite(array @ array):
        raise BadNumber("A feature is not finite.", remedy="Check the embedder.")
    return array


def _other_features(learned: int, asked: int) -> BadDefinition:
    return BadDefinition(
        f"This router learned on {learned} features and now meets {asked}.",
        remedy="Go back to the embedder it learned with, or start with a new state file.",
    )
