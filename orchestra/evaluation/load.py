"""Files of outcomes to an OutcomeSet: one JSON object a line, ``{id, task, text, score: [...], cost: [...]?, ...}``.

``models.json`` beside them names the options in the order of the arrays. A null is an outcome that is missing.
Every error says the file and the line.
"""

from __future__ import annotations

import gzip
import json
import math
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName
from orchestra.evaluation.outcomes import Floats, OutcomeSet

MOST = sys.float_info.max
NAMES = 'Write {"models": ["small", "large"]}, in the order of the arrays.'
# Field of the row -> field of the set.
TABLES = {"score": "scores", "cost": "costs_usd", "latency_s": "latencies_s"}


def load(path: str | Path, *, clip: bool = False, options: Sequence[str] = (), score: str = "score") -> OutcomeSet:
    """A folder with ``models.json`` and ``outcomes.jsonl[.gz]``, or the file itself with ``models.json`` beside it.

    Every further field whose value is neither a list nor an object becomes a column of ``meta``; it is None in rows
    that lack it. Costs and latencies are None where no row has them. With ``clip`` a score outside [0, 1] counts as
    the nearer end; some text metrics go below zero. ``options`` names them where no ``models.json`` does; ``score`` is
    the field that is taken for the score.

    Units: cost in dollars, latency_s in seconds, scores in [0, 1].
    Raises: BadDefinition for files that are missing or malformed, BadNumber for values out of their range,
    DuplicateName for ids that come twice.
    """
    file = outcomes_file(path)
    named = file.parent / "models.json"
    options = tuple(options) if options and not named.is_file() else options_of(named)
    fields = {score: "score", **{name: name for name in TABLES if name != "score"}}
    ids: dict[str, int] = {}
    rows: list[Mapping[str, Any]] = []
    columns: dict[str, list[list[float]]] = {name: [] for name in TABLES}
    for line, row in lines(file):
        where = f"{file}:{line}"
        id_ = required(row, "id", (str, int), where)
        if (first := ids.setdefault(str(id_), line)) != line:
            raise DuplicateName(f"{where}: the id {id_!r} is there already, in line {first}.", remedy="Strike one.")
        for field, name in fields.items():
            columns[name].append(numbers(row, field, len(options), where, kind=name, clip=clip))
        rows.append(row)
    if not rows:
        raise BadDefinition(f"{file} holds no rows.", remedy="Write one JSON object a line, or name another file.")
    return OutcomeSet(
        options=options,
        ids=tuple(ids),
        scores=np.array(columns["score"]),
        tasks=tuple(str(row.get("task", "")) for row in rows),
        texts=tuple(str(row.get("text", "")) for row in rows),
        costs_usd=_table(columns["cost"]),
        latencies_s=_table(columns["latency_s"]),
        meta=_meta(rows),
    )


def outcomes_file(path: str | Path) -> Path:
    """The file of outcomes that a path stands for. Raises BadDefinition."""
    return one_file(Path(path), ("outcomes.jsonl.gz", "outcomes.jsonl"), "outcomes")


def one_file(path: Path, names: Sequence[str], what: str) -> Path:
    """The file itself; of a folder the first of ``names``, or its only JSON-lines file. Raises BadDefinition."""
    for file in (path, *(path / name for name in names)):
        if file.is_file():
            return file
    there = sorted(path.iterdir()) if path.is_dir() else []
    rows = [one for one in there if one.name.endswith((".jsonl", ".jsonl.gz"))]
    if len(rows) == 1:
        return rows[0]
    listed = f": there are {', '.join(one.name for one in rows or there)}" if there else ""
    raise BadDefinition(f"{path} holds no {what}{listed}.", remedy=f"Name a folder with {names[-1]}[.gz], or the file.")


def folder_name(file: Path) -> str:
    """What a set is called: as the folder of its file."""
    return file.absolute().parent.name


def options_of(path: Path) -> tuple[str, ...]:
    """The names in ``models.json["models"]``. Raises BadDefinition."""
    try:
        named = json.loads(path.read_text(encoding="utf-8"))["models"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDefinition(f'{path}: no {{"models": [names]}} can be read: {error!r}.', remedy=NAMES) from error
    if not isinstance(named, list) or not named or not all(isinstance(name, str) for name in named):
        raise BadDefinition(f'{path}: "models" must be a list of names.', remedy=NAMES)
    return tuple(named)


def lines(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects of a JSON-lines file, gzipped or not, with their line numbers. Raises BadDefinition."""
    number = 0
    try:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise BadDefinition(
                        f"{file}:{number}: a row must be an object, not {type(row).__name__}.",
                        remedy="Write one JSON object a line.",
                    )
                yield number, row
    except json.JSONDecodeError as error:
        raise BadDefinition(f"{file}:{number}: not JSON: {error}.", remedy="Mend the line or strike it.") from error
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, RecursionError) as error:
        raise BadDefinition(
            f"{file}: cannot be read after line {number}: {error!r}.", remedy="Check the path, or fetch the file again."
        ) from error


def required(row: Mapping[str, Any], name: str, kinds: tuple[type, ...], where: str) -> Any:
    """The field. Raises BadDefinition where it is missing or of another kind."""
    value = row.get(name)
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise BadDefinition(
            f"{where}: {name!r} is {value!r}; it must be {' or '.join(k.__name__ for k in kinds)}.",
            remedy="Mend the row or strike it.",
        )
    return value


def numbers(
    row: Mapping[str, Any], name: str, k: int, where: str, *, kind: str = "", clip: bool = False
) -> list[float]:
    """The k numbers of an array, NaN for null; all NaN where the row has no such array and it is not the score.

    ``kind`` is what it counts as, if not what its name says.

    Raises: BadDefinition for an array that is missing or of another length, BadNumber for a value out of its range.
    """
    values, kind = row.get(name), kind or name
    if values is None and kind != "score":
        return [math.nan] * k
    if not isinstance(values, list) or len(values) != k:
        got = f"has {len(values)} values" if isinstance(values, list) else f"is {values!r}"
        raise BadDefinition(
            f"{where}: {name!r} {got}; it must be an array of {k}, one for each model.",
            remedy="Write null for what is missing.",
        )
    return [number(value, kind, f"{where}: {name}[{i}]", clip=clip) for i, value in enumerate(values)]


def number(value: Any, name: str, where: str, *, clip: bool = False) -> float:
    """One value, NaN for None. Raises BadNumber for what is no number or out of its range."""
    if value is None:
        return math.nan
    score = name == "score"
    if score and isinstance(value, bool):
        return float(value)
    if score and clip and isinstance(value, (int, float)) and abs(value) <= MOST:
        value = min(1.0, max(0.0, value))
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0.0 <= value <= (1.0 if score else MOST):
        fix = "Scores lie in [0, 1]; clip=True takes the nearer end." if score else "It is finite and not negative."
        raise BadNumber(f"{where} is {value!r}.", remedy=f"{fix} Write null for what is missing.")
    return float(value)


def _table(values: Sequence[Sequence[float]]) -> Floats | None:
    table = np.array(values, dtype=np.float64)
    return None if np.isnan(table).all() else table


def _meta(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    known = {"id", "task", "text", *TABLES}
    names = dict.fromkeys(
        name for row in rows for name, value in row.items() if not isinstance(value, (list, dict)) and name not in known
    )
    return {name: tuple(row.get(name) for row in rows) for name in names}
