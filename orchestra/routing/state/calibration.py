"""What a set's thresholds are made of, as state: of two calibrations the later one holds, in every process."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.errors import BadNumber, JournalVersion
from orchestra.routing.state.packed import packed, unpacked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

VERSION, FORM = 1, "calibration"
MOST_CELLS = 50_000_000


class Promise(NamedTuple):
    """What the thresholds were made of: coverage of at least 1 - ``alpha`` with ``most`` options, from ``n`` rows."""

    alpha: float
    oos_alpha: float
    most: int
    n: int


class Rows(NamedTuple):
    """Calibration rows. Shapes: ``x`` (n, d) of length 1 or 0; ``similarity``, ``truths``, ``scores`` (n, K), -inf for
    what was not on offer; ``against`` (n,). ``x`` holds what a float32 can: more has no effect on a score.
    """

    names: list[str]
    x: Array
    similarity: Array
    truths: Mask
    scores: Array
    against: Array


class Calibration(NamedTuple):
    """``at`` counts the calibrations of one router, from 1."""

    at: int
    promise: Promise
    rows: Rows


def rows_of(names: list[str], x: Array, similarity: Array, truths: Mask) -> Rows:
    """Not yet scored."""
    import numpy as np

    return Rows(names, x.astype(np.float32).astype(np.float64), similarity, truths, similarity.copy(), np.zeros(len(x)))


def to_plain(made: Calibration) -> dict[str, Any]:
    """JSON values."""
    import numpy as np

    rows = made.rows
    offered = np.isfinite(rows.similarity)
    return {
        "version": VERSION,
        "form": FORM,
        "at": made.at,
        "promise": made.promise._asdict(),
        "d": rows.x.shape[1],
        "names": rows.names,
        "x": packed(rows.x),
        "similarity": packed(np.where(offered, rows.similarity, 0.0), "<f8"),
        "offered": packed(offered, "<u1"),
        "truths": packed(rows.truths, "<u1"),
    }


def from_plain(data: Mapping[str, Any]) -> Calibration:
    """Raises JournalVersion for another form or format, BadNumber for damaged or non-finite values."""
    import numpy as np

    found = (data.get("form", "sums"), data.get("version"))
    if found != (FORM, VERSION):
        raise JournalVersion(
            f"Learned state in the form {found[0]!r} of format {found[1]!r} was found; this is {FORM!r} of {VERSION}."
        )
    try:
        said, names = data["promise"], [str(name) for name in data["names"]]
        promise = Promise(float(said["alpha"]), float(said["oos_alpha"]), int(said["most"]), int(said["n"]))
        n, d, at = promise.n, int(data["d"]), int(data["at"])
        if not (n > 0 and d > 0 and names and at > 0 and promise.most > 0 and n * max(d, len(names)) <= MOST_CELLS):
            raise ValueError(f"{n} rows, {d} features, {len(names)} options, at most {promise.most}, at {at}")
        if not 0.0 < promise.oos_alpha < promise.alpha < 1.0:
            raise ValueError(f"alpha {promise.alpha}, oos_alpha {promise.oos_alpha}")
        cells = {key: unpacked(data[key], (n, len(names)), "<u1") > 0 for key in ("offered", "truths")}
        similarity = np.where(cells["offered"], unpacked(data["similarity"], (n, len(names)), "<f8"), -math.inf)
        x = unpacked(data["x"], (n, d))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadNumber(
            f"A calibration is damaged: {type(error).__name__}: {error}.", remedy="Calibrate again."
        ) from None
    return Calibration(at, promise, rows_of(names, x, similarity, cells["truths"]))


def add_plain(old: Any | None, delta: Any) -> Any:
    """The later of two; of two that were made side by side the same one everywhere."""
    known = [one for one in (old, delta) if one is not None]
    return max(known, key=lambda one: (one["at"], json.dumps(one, sort_keys=True)))
