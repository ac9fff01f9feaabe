"""A router that serves what was learned offline from outcomes that are known for every option.

Formula: score = value(v) + bonus - price cost(v), value and cost those of ``trained``; the highest is chosen but for
the floor. Source: see ``trained``; the bonus of the best single option (what another must be expected to gain before it
is left) and the floor of .02 are our defaults.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.core.money import finite
from orchestra.ports.router import Lesson, Terms
from orchestra.routing.floor import eligible_of, floor_of, greedy
from orchestra.routing.learners.trained import MOST_ROWS, Trained
from orchestra.routing.made import Made
from orchestra.routing.state.packed import FORM, packed, unpacked
from orchestra.routing.state.sums import NO_CONTEXT, SHARED, vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

VERSION = 1
"""The entry of the state that all options share; no option may be called so."""
LEAST_COST = 1e-3
"""Of an option's mean cost: the regression may expect less than nothing."""


class Served(NamedTuple):
    """A model, and what its columns are: the score of each option, then, where there are ``units``, the cost of each.

    ``features`` is what made the training rows' features, as plain data: kept for who makes those of a question.

    Shapes: ``options``, ``pulls`` (how many scores of it were known), ``bonus``, ``units`` (k,). Units: ``units`` is
    what a cost of 1 stands for, in dollars.
    """

    model: Trained
    options: tuple[str, ...]
    pulls: tuple[int, ...]
    bonus: tuple[float, ...]
    units: tuple[float, ...] = ()
    features: Mapping[str, Any] | None = None


class Pretrained(Made):
    """Chooses by a model that ``served`` holds, or that ``load`` brings; it learns nothing while it serves.

    Options are known by their names; one that the model was not trained on has its prior, and so have all while there
    is no model. A question without features, because the embedder failed, is worth the overall means, and so is one
    that is far from all training rows, unless there is a ``price``: how much score a dollar is worth. The highest score
    has probability 1 - floor + floor / K, every other floor / K.
    A choice takes time in proportion to the training rows, of which there are 30,000 at most.

    Shapes: ``Decide.x`` (1 + d,): the constant 1, then the d features of the training rows.
    Raises: BadNumber for a price or floor out of range; BadDefinition for another number of features, and for a price
    where the model knows no costs.
    """

    terms = Terms(uses=frozenset({"query", "prior"}), feedback="full", training=True)
    learns = False

    def __init__(self, name: str = "trained", *, price: float = 0.0, floor: float = 0.02) -> None:
        self.name, self.price, self.floor = name, float(finite(price, "price")), floor_of(floor)
        if self.price < 0.0:
            raise BadNumber(f"price={price!r}.", remedy="Give what score a dollar is worth, from 0.")
        self.version = 0
        self._served: Served | None = None

    @property
    def served(self) -> Served | None:
        return self._served

    def serve(self, served: Served) -> None:
        """Takes a model. Raises BadDefinition for an option named '*', and as the class says."""
        if SHARED in served.options:
            raise BadDefinition(f"An option is named {SHARED!r}.", remedy="Give it another name.")
        if self.price and not served.units:
            raise BadDefinition(
                "A price is given, and the model knows no costs.", remedy="Train it on priced outcomes."
            )
        self._served, self.version = served, len(served.model.rows)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places = eligible_of(question)
        known = {} if self._served is None else self._expected(self._served, question)
        options = question.options
        return greedy(
            question,
            key,
            rng,
            policy=(self.name, self.version),
            scores={place: known.get(options[place].name, options[place].prior) for place in places},
            floor=self.floor,
            pulls=self.pulls,
            why="highest value that training expects",
        )

    def _expected(self, served: Served, question: Decide) -> dict[str, float]:
        import numpy as np

        model, k = served.model, len(served.options)
        x = vector(question.x or NO_CONTEXT, 1 + model.rows.shape[1])[1:].astype(np.float32)
        (values,), (far,) = model.expected(x[None])
        if not x.any() or (far and not self.price):  # a price asks for the best trade, which one option is not
            values = model.overall
        values = values.astype(np.float64)
        scores = values[:k] + np.array(served.bonus)
        if self.price:
            scores -= self.price * np.maximum(values[k:], LEAST_COST) * np.array(served.units)
        return dict(zip(served.options, scores.tolist(), strict=True))

    def pulls(self, option: str, /) -> int:
        """How many of the training rows had a score of it."""
        served = self._served
        return served.pulls[served.options.index(option)] if served and option in served.options else 0

    def learn(self, _lessons: Sequence[Lesson], /) -> None:
        """Nothing: it was trained."""

    def delta(self) -> dict[str, Any]:
        return {}

    def state(self) -> dict[str, Any]:
        """The model as JSON values: of each option its columns, and once what they share."""
        return {} if self._served is None else _plain(self._served)

    def load(self, state: Mapping[str, Any], /) -> None:
        """Raises: JournalVersion for another form or format, BadNumber for what is damaged, and as ``serve``; then
        nothing has changed.
        """
        if state:
            self.serve(_served(state))
        else:
            self._served, self.version = None, 0


def _plain(served: Served) -> dict[str, Any]:
    model, k = served.model, len(served.options)
    form = {"version": VERSION, "form": FORM}
    n, d = model.rows.shape
    shared = {
        **form,
        "d": 1 + d,
        "n": n,
        "tasks": len(model.means),
        "rows": packed(model.rows),
        "label_weights": packed(model.label_weights),
        "sharpness": float(model.sharpness),
        "near": float(model.near),
    }
    if served.features is not None:
        shared["features"] = dict(served.features)
    state: dict[str, Any] = {SHARED: shared}
    for i, option in enumerate(served.options):
        columns = [i, k + i] if served.units else [i]
        arrays = {name: packed(getattr(model, name)[..., columns]) for name in ("weights", "means", "overall")}
        unit = {"unit": served.units[i]} if served.units else {}
        state[option] = {**form, "pulls": served.pulls[i], "bonus": served.bonus[i], **unit, **arrays}
    return state


def _served(state: Mapping[str, Any]) -> Served:
    for entry in state.values():
        if not isinstance(entry, Mapping):
            raise BadNumber(f"Learned state is damaged: it holds {entry!r}.", remedy="Train it again.")
        found = (entry.get("form", "sums"), entry.get("version"))
        if found != (FORM, VERSION):
            raise JournalVersion(
                f"Learned state in the form {found[0]!r} of format {found[1]!r} was found; this is {FORM!r} of format "
                f"{VERSION}.",
                remedy="Train it again, with the package that is to serve it.",
            )
    try:
        return _read(state)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"{type(error).__name__}: {error}"
        raise BadNumber(f"Learned state is damaged: {what}.", remedy="Train it again.") from None


def _read(state: Mapping[str, Any]) -> Served:
    import numpy as np

    shared, options = state[SHARED], tuple(sorted(state.keys() - {SHARED}))
    n, d, tasks = int(shared["n"]), int(shared["d"]) - 1, int(shared["tasks"])
    if not (0 < n <= MOST_ROWS and d > 0 and tasks > 0 and options):
        raise ValueError(f"{n} rows, {d} features, {tasks} tasks and {len(options)} options")
    entries = [state[option] for option in options]
    priced = ["unit" in entry for entry in entries]
    if any(priced) != all(priced):
        raise ValueError("costs of some options and not of others")
    q = 1 + priced[0]

    def columns(name: str, *shape: int) -> Array:
        """The scores of all options, then the costs of all."""
        parts = np.stack([unpacked(entry[name], (*shape, q)) for entry in entries], axis=-1)
        out: Array = np.ascontiguousarray(parts.reshape(*shape, q * len(entries)))
        return out

    model = Trained(
        unpacked(shared["rows"], (n, d)),
        columns("weights", n),
        unpacked(shared["label_weights"], (n, tasks)),
        columns("means", tasks),
        columns("overall"),
        float(finite(shared["sharpness"], "sharpness")),
        float(finite(shared["near"], "near")),
    )
    return Served(
        model,
        options,
        tuple(int(entry["pulls"]) for entry in entries),
        tuple(float(finite(entry["bonus"], "bonus")) for entry in entries),
        tuple(float(finite(entry["unit"], "unit")) for entry in entries) if all(priced) else (),
        shared.get("features"),
    )
