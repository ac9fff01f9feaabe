"""What a learner keeps of one option where plain sums say it all: a few named matrices that are added up."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

VERSION = 1
FORM = "counts"


@dataclass(slots=True, kw_only=True)
class Counts:
    """The sums over one option's rewards. Shapes: each matrix (rows, d), d the same for all."""

    d: int
    pulls: int = 0
    name_to_matrix: dict[str, Array] = field(default_factory=dict)

    def put(self, name: str, matrix: Array) -> None:
        old = self.name_to_matrix.get(name)
        self.name_to_matrix[name] = matrix if old is None else old + matrix


def add(one: Counts, two: Counts) -> Counts:
    """The sums over both. Raises BadDefinition where they are of different features."""
    same_d(one.d, two.d)
    both = Counts(d=one.d, pulls=one.pulls + two.pulls, name_to_matrix=dict(one.name_to_matrix))
    for name, matrix in two.name_to_matrix.items():
        if matrix.shape != both.name_to_matrix.get(name, matrix).shape:
            raise BadDefinition(
                f"The sums {name!r} have {len(both.name_to_matrix[name])} and {len(matrix)} rows.",
                remedy="Give each kind of router a name of its own, or start with a new state file.",
            )
        both.put(name, matrix)
    return both


def same_d(learned: int, asked: int) -> None:
    if learned != asked:
        raise BadDefinition(
            f"This router learned on {learned} features and now meets {asked}.",
            remedy="Go back to the embedder it learned with, or start with a new state file.",
        )


def to_plain(counts: Counts) -> dict[str, Any]:
    """JSON values: little-endian float64 in base64, which brings back the same bits."""
    packed = {
        name: base64.b64encode(matrix.astype("<f8").tobytes()).decode()
        for name, matrix in counts.name_to_matrix.items()
    }
    return {"version": VERSION, "form": FORM, "d": counts.d, "pulls": counts.pulls, "matrices": packed}


def from_plain(data: Mapping[str, Any]) -> Counts:
    """Raises JournalVersion for another form or format, BadNumber for damaged or non-finite values."""
    import numpy as np

    if (data.get("form"), data.get("version")) != (FORM, VERSION):
        found = f"{data.get('form', 'sums')!r} of format {data.get('version')!r}"
        raise JournalVersion(f"Learned state in the form {found} was found; this is {FORM!r} of format {VERSION}.")
    try:
        d, pulls = int(data["d"]), int(data["pulls"])
        matrices = {
            str(name): np.frombuffer(base64.b64decode(text, validate=True), "<f8").astype(np.float64).reshape(-1, d)
            for name, text in data["matrices"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadNumber(f"Learned state is damaged: {error}.", remedy="Start with a new state file.") from None
    if d < 1 or pulls < 0 or not all(np.isfinite(matrix).all() for matrix in matrices.values()):
        raise BadNumber(f"Learned state is damaged: {d=}, {pulls=}.", remedy="Start with a new state file.")
    return Counts(d=d, pulls=pulls, name_to_matrix=matrices)


def add_plain(old: Any | None, delta: Any) -> Any:
    """``add`` on JSON values."""
    return delta if old is None else to_plain(add(from_plain(old), from_plain(delta)))
