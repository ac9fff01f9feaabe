"""What a linear learner keeps of one option: sums, so that what two processes saw can simply be added.

``b`` is the sum of reward times context, the Gram matrix the sum of the contexts' outer products. While an option has
had fewer pulls than the context has dimensions, the contexts themselves say the same in less room.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.decision import Decision
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.ports.router import Lesson
from orchestra.routing.floor import recorded
from orchestra.routing.state.calibration import FORM as CALIBRATION
from orchestra.routing.state.calibration import add_plain as add_calibration
from orchestra.routing.state.counts import FORM as COUNTS
from orchestra.routing.state.counts import add_plain as add_counts
from orchestra.routing.state.examples import add_plain as add_examples
from orchestra.routing.state.packed import FORM as TRAINED
from orchestra.routing.state.packed import add_plain as add_trained
from orchestra.routing.state.trails import FORM as TRAILS
from orchestra.routing.state.trails import add_plain as add_trails

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Read = Callable[[Decision, str], tuple[Sequence[float], float]]

VERSION = 1
NO_CONTEXT = (1.0,)
SHARED = "*"
"""The entry of a state that belongs to no single option."""
# As many contexts wait beside a Gram matrix: one product of them is cheaper than their outer products.
WAITING = 64


@dataclass(slots=True, kw_only=True)
class Sums:
    """The sums over one option's rewards; ``see`` and ``correct`` add to them in place.

    With ``keep`` below 1 they fade: what was decided at time t weighs ``keep`` ** (``at`` - t), ``at`` the latest of
    those times.

    Shapes: ``b`` (d,); ``rows`` contexts (d,) that ``gram`` (d, d) does not hold, None while there were fewer than d.
    """

    pulls: int
    b: Array
    rows: list[Array]
    gram: Array | None
    at: int = 0
    keep: float = 1.0

    @property
    def d(self) -> int:
        return len(self.b)

    def see(self, x: Array, reward: float, at: int = 0) -> None:
        """The first reward for one context."""
        weight = self._weight(at)
        self.pulls += 1
        self.b += weight * reward * x
        self.rows.append(x if weight == 1.0 else math.sqrt(weight) * x)
        if len(self.rows) >= (self.d if self.gram is None else WAITING):
            self.gram, self.rows = self.matrix(), []

    def correct(self, x: Array, change: float, at: int = 0) -> None:
        """Another reward for a context that was seen: the Gram matrix holds it already."""
        self.b += self._weight(at) * change * x

    def _weight(self, at: int) -> float:
        if self.keep == 1.0:
            return 1.0
        if at > self.at:
            self._age(at)
        return float(self.keep ** (self.at - at))

    def _age(self, at: int) -> None:
        left = self.keep ** (at - self.at)
        self.b = self.b * left
        self.rows = [math.sqrt(left) * row for row in self.rows]
        self.gram = None if self.gram is None else self.gram * left
        self.at = at

    def aged(self, at: int) -> Sums:
        """As they are at that time: these, or fainter ones."""
        if self.keep == 1.0 or at <= self.at:
            return self
        older = replace(self)
        older._age(at)
        return older

    def matrix(self) -> Array:
        """The Gram matrix. Shapes: (d, d)."""
        if self.gram is not None and not self.rows:
            return self.gram
        rows = self.stacked()
        product: Array = rows.T @ rows
        return product if self.gram is None else self.gram + product

    def stacked(self) -> Array:
        """The contexts as a matrix. Shapes: (len(rows), d)."""
        import numpy as np

        return np.array(self.rows, dtype=np.float64).reshape(-1, self.d)


def empty(d: int, keep: float = 1.0) -> Sums:
    import numpy as np

    return Sums(pulls=0, b=np.zeros(d), rows=[], gram=None, keep=keep)


def add(one: Sums, two: Sums) -> Sums:
    """The sums over both. Raises BadDefinition where they count different features or fade differently."""
    if one.d != two.d:
        raise _other_features(one.d, two.d)
    if one.keep != two.keep:
        raise BadDefinition(
            f"Sums that keep {one.keep:g} of themselves do not mix with those that keep {two.keep:g}.",
            remedy="Give each kind of router a name of its own, or start with a new state file.",
        )
    at = max(one.at, two.at)
    one, two = one.aged(at), two.aged(at)
    pulls, b = one.pulls + two.pulls, one.b + two.b
    if one.gram is None and two.gram is None and pulls < one.d:
        return Sums(pulls=pulls, b=b, rows=[*one.rows, *two.rows], gram=None, at=at, keep=one.keep)
    return Sums(pulls=pulls, b=b, rows=[], gram=one.matrix() + two.matrix(), at=at, keep=one.keep)


def to_plain(sums: Sums) -> dict[str, Any]:
    """JSON values: little-endian float64 in base64, which brings back the same bits."""
    held = {"rows": sums.stacked()} if sums.gram is None else {"gram": sums.matrix()}
    arrays = {"b": sums.b, **held}
    packed = {name: base64.b64encode(array.astype("<f8").tobytes()).decode() for name, array in arrays.items()}
    fading = {} if sums.keep == 1.0 else {"at": sums.at, "keep": sums.keep}
    return {"version": VERSION, "d": sums.d, "pulls": sums.pulls, **fading, **packed}


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
        rows, gram = list(arrays.get("rows", ())), arrays.get("gram")
        at, keep = int(data.get("at", 0)), float(data.get("keep", 1.0))
        sums = Sums(pulls=pulls, b=arrays["b"], rows=rows, gram=gram, at=at, keep=keep)
    except (KeyError, TypeError, ValueError) as error:
        raise BadNumber(f"Learned state is damaged: {error}.", remedy="Start with a new state file.") from None
    if ("rows" in arrays) == ("gram" in arrays) or not all(np.isfinite(a).all() for a in arrays.values()):
        raise BadNumber("Learned state is damaged: not one finite matrix.", remedy="Start with a new state file.")
    if at < 0 or not 0.0 < keep <= 1.0:
        raise BadNumber(f"Learned state is damaged: {at=}, {keep=}.", remedy="Start with a new state file.")
    return sums


def add_plain(old: Any | None, delta: Any) -> Any:
    """``add`` on JSON values: what a store applies to each option of a delta, of whatever form that is."""
    if CALIBRATION == delta.get("form") == (old or delta).get("form"):
        return add_calibration(old, delta)
    if delta.get("form") == COUNTS:
        return add_counts(old, delta)
    if delta.get("form") == TRAILS:
        return add_trails(old, delta)
    if TRAINED in (delta.get("form"), (old or {}).get("form")):
        return add_trained(old, delta)
    if "form" in delta:
        return add_examples(old, delta)
    return delta if old is None else to_plain(add(from_plain(old), from_plain(delta)))


class Change(NamedTuple):
    """One option's part of a lesson. ``first``: the context counts; else only the reward changes by ``by``."""

    option: str
    x: Array
    by: float
    first: bool
    at: int = 0


def context(decision: Decision) -> tuple[float, ...]:
    """The task's features; none count as (1,): no context."""
    return decision.x or NO_CONTEXT


def with_prior(decision: Decision, option: str) -> tuple[tuple[float, ...], float]:
    """The task's features, and the option's prior as what was expected."""
    return context(decision), recorded(decision, option).prior


class Tally:
    """The sums of every option, and those of them that no store has yet.

    ``read`` gives the context of one chosen option and the reward that was expected of it: the sums are over what
    the reward differs from that. With ``keep`` below 1 they fade by that factor every ``step`` rewards; a lesson's
    time is the policy's version when it was decided, so its weight does not depend on who learns it when.
    ``d`` is the number of features, None until the first lesson.
    """

    __slots__ = ("_keep", "_pending", "_read", "_step", "d", "totals", "version")

    def __init__(self, read: Read = with_prior, *, keep: float = 1.0, step: int = 1) -> None:
        self._read, self._keep, self._step = read, keep, step
        self.totals: dict[str, Sums] = {}
        self.version = 0
        self.d: int | None = None
        self._pending: dict[str, Sums] = {}

    @property
    def fades(self) -> bool:
        return self._keep < 1.0

    @property
    def now(self) -> int:
        """The time up to which sums have faded."""
        return max([self.version // self._step, *(sums.at for sums in self.totals.values())])

    def pulls(self, option: str) -> int:
        sums = self.totals.get(option)
        return sums.pulls if sums else 0

    def learn(self, lessons: Sequence[Lesson]) -> list[Change]:
        """Adds all of the lessons or, where one is bad, none. Raises BadNumber, BadDefinition."""
        changes, d = [], self.d
        for decision, reward, before in lessons:
            after, was = reward_of(reward), None if before is None else reward_of(before, "before")
            for option in decision.chosen:
                features, expected = self._read(decision, option)
                x = vector(features, d)
                d = len(x)
                by, at = after - (expected if was is None else was), decision.version // self._step
                changes.append(Change(option, x, by, was is None, at))
        self.d = d
        for change in changes:
            self._add(self.totals, change)
            self._add(self._pending, change)
            self.version += change.first
        return changes

    def _add(self, into: dict[str, Sums], change: Change) -> None:
        sums = into.get(change.option) or into.setdefault(change.option, empty(len(change.x), self._keep))
        if change.first:
            sums.see(change.x, change.by, change.at)
        else:
            sums.correct(change.x, change.by, change.at)

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
        for option in totals.keys() | self._pending.keys():
            nothing = empty((totals.get(option) or self._pending[option]).d, self._keep)
            totals[option] = add(totals.get(option, nothing), self._pending.get(option, nothing))
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


def direction(x: Array) -> Array:
    """At length 1, or 0, without the constant it begins with unless that is all. Shapes: (d,) to (d,)."""
    import numpy as np

    own = x.astype(np.float64)
    if len(own) > 1:
        own[0] = 0.0
    norm = float(np.linalg.norm(own))
    return own / norm if norm > 0.0 else own


def _other_features(learned: int, asked: int) -> BadDefinition:
    return BadDefinition(
        f"This router learned on {learned} features and now meets {asked}.",
        remedy="Go back to the embedder it learned with, or start with a new state file.",
    )
