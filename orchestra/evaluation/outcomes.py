"""What several models or agents scored on the same questions, as columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName, UnknownName

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
ROUNDING = 1e-9
WHAT = {"scores": "score", "costs_usd": "cost", "latencies_s": "latency"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutcomeSet:
    """Every option's outcome on every question; NaN is an outcome that nobody recorded.

    ``meta`` holds further columns, each with one value for a row, such as ``upstream_split``.

    Shapes: ``scores``, ``costs_usd`` and ``latencies_s`` (n, k), the last two None where nothing of them is known;
    ``x`` (n, d), the features of each question; ``ids``, ``tasks``, ``texts`` (n,), ``options`` (k,).
    Units: scores in [0, 1], dollars, seconds.
    Raises: BadDefinition for shapes that do not fit, BadNumber for scores outside [0, 1] and for costs or latencies
    that are negative or infinite, DuplicateName for an id or an option that is there twice.
    """

    options: tuple[str, ...]
    ids: tuple[str, ...]
    scores: Floats
    tasks: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    costs_usd: Floats | None = None
    latencies_s: Floats | None = None
    x: Floats | None = None
    meta: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.ids), len(self.options))
        for name, values in self._tables().items():
            if values.shape != shape:
                raise BadDefinition(
                    f"{name} has the shape {values.shape}, not {shape}: (rows, options).",
                    remedy="Give a row for each id, a column for each option.",
                )
            if np.isinf(values).any() or (values < 0.0).any() or (name == "scores" and (values > 1.0).any()):
                row, column = np.argwhere(~(np.isnan(values) | _fits(name, values)))[0]
                raise BadNumber(
                    f"{name} of {self.options[column]!r} on {self.ids[row]!r} is {values[row, column]}.",
                    remedy="Scores lie in [0, 1]; costs and latencies are finite and not negative; NaN is missing.",
                )
        columns = {"tasks": self.tasks, "texts": self.texts, **self.meta}
        for name, column_ in columns.items():
            if column_ and len(column_) != len(self.ids):
                raise BadDefinition(
                    f"{name} has {len(column_)} values for {len(self.ids)} rows.",
                    remedy="Give one for each row, or none at all.",
                )
        if self.x is not None and (self.x.ndim != 2 or len(self.x) != len(self.ids)):
            raise BadDefinition(
                f"x has the shape {self.x.shape}, not ({len(self.ids)}, d).",
                remedy="Give the features of every row, in the order of the ids.",
            )
        for what, names in (("id", self.ids), ("option", self.options)):
            if twice := repeated(names):
                raise DuplicateName(f"The {what} {twice!r} is there twice.", remedy="Give each its own name.")

    def _tables(self) -> dict[str, Floats]:
        tables = {"scores": self.scores, "costs_usd": self.costs_usd, "latencies_s": self.latencies_s}
        return {name: values for name, values in tables.items() if values is not None}

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def k(self) -> int:
        return len(self.options)

    @property
    def complete(self) -> bool:
        """Whether every option was scored on every question."""
        return not bool(np.isnan(self.scores).any())

    def gap(self, *names: str) -> str:
        """The first value that is missing in these tables (without a name, the scores), as a sentence; "" for none."""
        for name in names or ("scores",):
            values = self._tables().get(name)
            if values is not None and (missing := np.argwhere(np.isnan(values))).size:
                row, column = missing[0]
                more = f", nor for {len(missing) - 1:,} more" if len(missing) > 1 else ""
                return f"For row {self.ids[row]!r} and option {self.options[column]!r} there is no {WHAT[name]}{more}."
        return ""

    def place(self, option: str) -> int:
        """The option's column. Raises UnknownName."""
        if option not in self.options:
            raise UnknownName(f"{option!r} is no option of this set.", remedy=f"It has {', '.join(self.options)}.")
        return self.options.index(option)

    def rows(self, chosen: Bools | Ints | Sequence[int]) -> OutcomeSet:
        """These rows, in this order: a mask (n,) or places."""
        places = np.arange(len(self))[np.asarray(chosen)] if len(chosen) else np.zeros(0, dtype=np.intp)

        def taken(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[i] for i in places) if values else ()

        return OutcomeSet(
            options=self.options,
            ids=taken(self.ids),
            scores=self.scores[places],
            tasks=taken(self.tasks),
            texts=taken(self.texts),
            costs_usd=None if self.costs_usd is None else self.costs_usd[places],
            latencies_s=None if self.latencies_s is None else self.latencies_s[places],
            x=None if self.x is None else self.x[places],
            meta={name: taken(values) for name, values in self.meta.items()},
        )

    def only(self, options: Iterable[str]) -> OutcomeSet:
        """These options, in this order. Raises UnknownName."""
        names = tuple(options)
        places = [self.place(name) for name in names]
        return self._with(
            options=names,
            scores=self.scores[:, places],
            costs_usd=None if self.costs_usd is None else self.costs_usd[:, places],
            latencies_s=None if self.latencies_s is None else self.latencies_s[:, places],
        )

    def with_features(self, x: Floats) -> OutcomeSet:
        """The same set with these features. Shapes: x (n, d)."""
        return self._with(x=np.asarray(x, dtype=np.float64))

    def priced(self) -> OutcomeSet:
        """The options whose cost is known on every row. Raises BadDefinition where there is none."""
        gaps = np.ones(self.k) if self.costs_usd is None else np.isnan(self.costs_usd).sum(axis=0)
        names = [name for name, missing in zip(self.options, gaps.tolist(), strict=True) if not missing]
        if not names:
            raise BadDefinition(
                f"No option of this set has a cost on every row: {self.gap('costs_usd') or 'there are none.'}",
                remedy="Compare accuracy alone, or leave rows out.",
            )
        return self.only(names)

    def unpriced(self) -> OutcomeSet:
        """The same set without costs."""
        return self._with(costs_usd=None)

    def _with(self, **changes: Any) -> OutcomeSet:
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return OutcomeSet(**{**fields, **changes})

    def marked(self, column: str) -> dict[Any, OutcomeSet]:
        """The parts that a column of ``meta`` names. Raises UnknownName."""
        if column not in self.meta:
            raise UnknownName(f"This set has no column {column!r}.", remedy=f"It has {sorted(self.meta)}.")
        values = np.array(self.meta[column], dtype=object)
        return {value: self.rows(values == value) for value in dict.fromkeys(self.meta[column])}

    def split(self, share: float = 0.7, salt: str = "") -> tuple[OutcomeSet, OutcomeSet]:
        """A part of about ``share`` and the rest; equal texts stay together.

        Source: the rule of the public sets' own split (sha256 of the text, first 32 bits, modulo 100), with a salt.
        """
        parts = np.array([_bucket(text, salt) < 100 * share - ROUNDING for text in self._keys()], dtype=np.bool_)
        return self.rows(parts), self.rows(~parts)

    def folds(self, count: int = 5, salt: str = "fold") -> Ints:
        """For cross-validation: a fold for each row, in [0, count); equal texts share theirs. Shapes: (n,)."""
        return np.array([_bucket(text, salt, 1 << 32) % count for text in self._keys()], dtype=np.intp)

    def _keys(self) -> tuple[str, ...]:
        return self.texts or self.ids


def repeated(names: Sequence[str]) -> str | None:
    """The first name that is there twice."""
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]


def _fits(name: str, values: Floats) -> Bools:
    return (values >= 0.0) & (values <= (1.0 if name == "scores" else np.finfo(np.float64).max))


def _bucket(text: str, salt: str, buckets: int = 100) -> int:
    digest = hashlib.sha256((f"{salt}\n{text}" if salt else text).encode("utf-8", "surrogatepass")).hexdigest()
    return int(digest[:8], 16) % buckets
