"""Labelled sets: texts with the one or the several that should serve them, and what is said of those who can be chosen.

A row of ``data.jsonl[.gz]`` has ``text``, or turns in ``turns`` or ``user_turns``, and its label or labels in one
column. Descriptions lie beside it, in ``tools.json`` or ``labels.json`` ({name: text}), or in ``schemas.json``
({service: {description, intents: {name: {description}}}}).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestra.core.decision import OOS
from orchestra.core.errors import BadDefinition
from orchestra.evaluation.load import folder_name, lines, one_file

FILES = ("data.jsonl.gz", "data.jsonl")
LABELS = ("label", "labels", "intent", "classes", "domains", "skills", "domain", "shape")
"""Where labels are looked for, in this order, if no column is named."""
FITTING = {
    "outcomes": ("score",),
    "tiers": ("target_tier_id",),
    "skills": ("gold", "triggers"),
    "intents, or sets": LABELS,
}
"""The columns that rows of the other contests are known by."""
TURNS = ("turns", "user_turns")
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
MARKS = re.compile(r"[_\-./]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """``labels`` holds a set for each text, empty where nobody should serve it. ``context`` is what a router that
    served the rows before would know, "" where nothing. Rows of one of the ``groups`` (they begin with the same turn)
    are not split between learning and calibration. ``label_to_texts`` is what is known of each without any example.
    """

    name: str
    texts: tuple[str, ...]
    labels: tuple[frozenset[str], ...]
    groups: tuple[str, ...]
    context: tuple[str, ...]
    label_to_texts: Mapping[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, places: Sequence[int]) -> Labelled:
        """These rows alone."""
        return Labelled(
            name=self.name,
            texts=tuple(self.texts[i] for i in places),
            labels=tuple(self.labels[i] for i in places),
            groups=tuple(self.groups[i] for i in places),
            context=tuple(self.context[i] for i in places),
            label_to_texts=self.label_to_texts,
        )


def load_labelled(path: str | Path, *, label: str = "", context: str = "") -> Labelled:
    """A folder with ``data.jsonl[.gz]``, or the file. ``label`` and ``context`` name columns.

    Without ``label`` the first of ``LABELS`` that is there is taken.
    The label "oos" means that nobody should serve the row. A null in ``context`` counts as nothing.

    Raises: BadDefinition, with file and line.
    """
    file = found(Path(path))
    rows = list(lines(file))
    if not rows:
        raise BadDefinition(f"{file} holds no rows.", remedy="Write one JSON object a line, or name another file.")
    column = label or next((name for name in LABELS if name in rows[0][1]), "")
    if not column:
        raise BadDefinition(f"{file}: a row has none of the columns {', '.join(LABELS)}.", remedy=fitting(rows[0][1]))
    labels, turns, known = [], [], []
    for line, row in rows:
        where = f"{file}:{line}"
        labels.append(_labels(row, column, where))
        turns.append(_turns(row, where))
        known.append(_context(row, context, where))
    return Labelled(
        name=folder_name(file),
        texts=tuple(_text(row, own) for (_, row), own in zip(rows, turns, strict=True)),
        labels=tuple(labels),
        groups=tuple(own[0] for own in turns),
        context=tuple(known),
        label_to_texts=descriptions(file.parent, column),
    )


def found(path: Path) -> Path:
    """The file of rows. Raises BadDefinition."""
    return one_file(path, FILES, "labelled rows")


def fitting(row: Mapping[str, Any]) -> str:
    """What to do with rows like this one that a contest cannot read: the command that can, if there is one."""
    for command, columns in FITTING.items():
        if any(column in row for column in columns):
            return f"Such rows fit: orchestra bench {command}."
    return f"They say nowhere what is right, so no contest can judge by them: add one of {', '.join(LABELS)}."


def _labels(row: Mapping[str, Any], column: str, where: str) -> frozenset[str]:
    value = row.get(column)
    members = [value] if isinstance(value, str) else value
    if not isinstance(members, list) or not all(isinstance(one, str) and one for one in members):
        raise BadDefinition(
            f"{where}: {column!r} is {value!r}; it must be a name or an array of names.",
            remedy="Mend the row, or name another column.",
        )
    return frozenset(members) - {OOS}


def _turns(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    for name in TURNS:
        if isinstance(row.get(name), list) and all(isinstance(one, str) for one in row[name]):
            return tuple(row[name]) or ("",)
    if not isinstance(row.get("text"), str):
        raise BadDefinition(
            f"{where}: there is neither a text nor an array of turns.", remedy="Give the row one of them."
        )
    return (row["text"],)


def _text(row: Mapping[str, Any], turns: Sequence[str]) -> str:
    text = row.get("text")
    return text if isinstance(text, str) else "\n".join(turns)


def _context(row: Mapping[str, Any], column: str, where: str) -> str:
    if not column:
        return ""
    if column not in row:
        raise BadDefinition(f"{where}: there is no column {column!r}.", remedy="Name one that every row has.")
    return "" if row[column] is None else str(row[column])


def descriptions(folder: Path, column: str) -> dict[str, tuple[str, ...]]:
    """What is said of each label beside the rows; {} where nothing is. Raises BadDefinition for another form."""
    for name in ("tools.json", "labels.json", "schemas.json"):
        file = folder / name
        if not file.is_file():
            continue
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            if name == "schemas.json":
                return _of_schemas(said, column)
            return {label: (f"{words(label)}. {text}",) for label, text in said.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadDefinition(
                f"{file}: no descriptions can be read: {error!r}.",
                remedy="Mend the file, or take it away: it is optional.",
            ) from error
    return {}


def _of_schemas(services: Mapping[str, Any], column: str) -> dict[str, tuple[str, ...]]:
    """Of intents, or of services; "Hotels_2" and "Hotels_4" are one domain."""
    out: dict[str, list[str]] = {}
    for service, its in services.items():
        about = its["description"]
        domain = service.rpartition("_")[0] or service
        for intent, said in its["intents"].items():
            name = {"intent": intent, "domains": domain}.get(column, service)
            out.setdefault(name, []).append(f"{words(intent)}. {said['description']}")
            out[name].append(f"{said['description']}. {about}")
    return {name: tuple(dict.fromkeys(texts)) for name, texts in out.items()}


def words(name: str) -> str:
    """ "FindMovies" and "find_movies" as words."""
    return MARKS.sub(" ", HUMP.sub(" ", name)).strip()
