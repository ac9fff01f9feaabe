"""Public benchmarks' own files to an OutcomeSet. What is not understood is an error with file and line.

RouterBench (arXiv:2403.12031): a CSV with ``sample_id, prompt, eval_name``, for each model a column of scores and one
of dollars named ``MODEL|total_cost``.
RouteLLM (arXiv:2406.18665): a CSV with ``prompt`` and a column of True or False for each model.
LLMRouterBench (arXiv:2601.07206): ``bench/DATASET/SPLIT/MODEL/TIME.json`` with ``records``.
TwinRouterBench's question bank is read by ``orchestra.evaluation.tiers``.
"""

from __future__ import annotations

import ast
import csv
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.load import number, required
from orchestra.evaluation.outcomes import OutcomeSet

COST = "|total_cost"
TRUTH = {"true": 1.0, "false": 0.0}


def routerbench(path: str | Path) -> OutcomeSet:
    """A CSV of RouterBench. The models are those with a cost column; ``eval_name`` is the task.

    Units: dollars. Raises: BadDefinition, BadNumber.
    """
    file = Path(path)
    rows = list(_csv(file))
    options = tuple(name.removesuffix(COST) for name in rows[0][1] if name.endswith(COST))
    if not options or "prompt" not in rows[0][1] or any(name not in rows[0][1] for name in options):
        raise BadDefinition(
            f"{file}:1: RouterBench has the columns prompt, MODEL and MODEL{COST} for each model.",
            remedy="Give its own CSV, unchanged.",
        )

    def column(suffix: str, kind: str) -> list[list[float]]:
        return [
            [_cell(row.get(option + suffix), kind, f"{file}:{line}: {option + suffix}") for option in options]
            for line, row in rows
        ]

    return OutcomeSet(
        options=options,
        ids=tuple(str(row.get("sample_id") or line) for line, row in rows),
        scores=np.array(column("", "score")),
        tasks=tuple(row.get("eval_name") or file.stem for _, row in rows),
        texts=tuple(_prompt(row["prompt"]) for _, row in rows),
        costs_usd=np.array(column(COST, "cost")),
    )


def routellm(path: str | Path, options: Sequence[str] = ()) -> OutcomeSet:
    """A CSV of RouteLLM's, or a folder of them, one for each subject. Without costs: none were recorded.

    ``options`` names the models; without it they are the columns that hold True and False only.

    Raises: BadDefinition, BadNumber.
    """
    root = Path(path)
    files = sorted(root.glob("*.csv")) if root.is_dir() else [root]
    if not files:
        raise BadDefinition(f"{root} holds no .csv file.", remedy="Name RouteLLM's file, or the folder with its files.")
    read = [(file, line, row) for file in files for line, row in _csv(file)]
    names = tuple(options) or tuple(
        name for name in read[0][2] if all((row.get(name) or "").lower() in TRUTH for _, _, row in read)
    )
    if not names or "prompt" not in read[0][2]:
        raise BadDefinition(
            f"{files[0]}:1: RouteLLM has the column prompt and one of True or False for each model.",
            remedy="Give its own CSV, or name the models: options=[...].",
        )
    return OutcomeSet(
        options=names,
        ids=tuple(f"{file.stem}:{line}" for file, line, _ in read),
        scores=np.array([[_cell(row.get(n), "score", f"{f}:{i}: {n}") for n in names] for f, i, row in read]),
        tasks=tuple(file.stem for file, _, _ in read),
        texts=tuple(row["prompt"] for _, _, row in read),
    )


def llmrouterbench(path: str | Path) -> OutcomeSet:
    """The folder ``bench``: every question of every data set and split; NaN where a model did not answer it.

    Of several files of one model the last by name counts: their names are times. A question is known by its
    ``index``; two models that were asked different questions under one index are an error.

    Units: dollars. Raises: BadDefinition, BadNumber.
    """
    root = Path(path)
    latest: dict[tuple[str, str, str], Path] = {}
    for file in sorted(root.glob("*/*/*/*.json")):
        dataset, split, model = file.relative_to(root).parts[:3]
        latest[dataset, split, model] = file
    if not latest:
        raise BadDefinition(
            f"{root} holds no DATASET/SPLIT/MODEL/TIME.json.", remedy="Name LLMRouterBench's folder 'bench'."
        )
    options = tuple(dict.fromkeys(model for _, _, model in sorted(latest, key=lambda key: key[2])))
    column = {model: i for i, model in enumerate(options)}
    texts: dict[tuple[str, str, int], str] = {}
    cells: dict[tuple[tuple[str, str, int], int], tuple[float, float]] = {}
    for (dataset, split, model), file in latest.items():
        for i, record in enumerate(_records(file)):
            where = f"{file}: record {i}"
            key = (dataset, split, required(record, "index", (int,), where))
            text = required(record, "origin_query", (str,), where)
            if texts.setdefault(key, text) != text:
                raise BadDefinition(
                    f"{where}: index {key[2]} is another question in another model's file.",
                    remedy="Take the files of one version of the data set.",
                )
            values = (number(record.get(name), name, f"{where}: {name}") for name in ("score", "cost"))
            score, cost = values
            cells[key, column[model]] = score, cost
    return _set_of(options, texts, cells)


def _set_of(
    options: tuple[str, ...],
    texts: Mapping[tuple[str, str, int], str],
    cells: Mapping[tuple[tuple[str, str, int], int], tuple[float, float]],
) -> OutcomeSet:
    scores, costs = np.full((len(texts), len(options)), np.nan), np.full((len(texts), len(options)), np.nan)
    row = {key: i for i, key in enumerate(texts)}
    for (key, place), (score, cost) in cells.items():
        scores[row[key], place], costs[row[key], place] = score, cost
    return OutcomeSet(
        options=options,
        ids=tuple(f"{dataset}/{split}:{index}" for dataset, split, index in texts),
        scores=scores,
        tasks=tuple(dataset for dataset, _, _ in texts),
        texts=tuple(texts.values()),
        costs_usd=None if np.isnan(costs).all() else costs,
        meta={"upstream_split": tuple(split for _, split, _ in texts)},
    )


def _csv(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    empty = True
    try:
        with file.open(encoding="utf-8", newline="") as source:
            reader = csv.DictReader(source)
            for row in reader:
                empty = False
                if None in row or None in row.values():
                    raise BadDefinition(
                        f"{file}:{reader.line_num}: the row has more or fewer cells than the header.",
                        remedy="Mend the row, or fetch the file again.",
                    )
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadDefinition(
            f"{file}: cannot be read: {error!r}.", remedy="Check the path; the file must be CSV in UTF-8."
        ) from error
    if empty:
        raise BadDefinition(f"{file} holds no rows.", remedy="Fetch the file again: rows follow the header.")


def _records(file: Path) -> list[Mapping[str, Any]]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadDefinition(
            f"{file}: not JSON: {error!r}.", remedy="Check the path, or fetch the file again."
        ) from error
    records = read.get("records") if isinstance(read, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise BadDefinition(f'{file}: "records" must be a list of objects.', remedy="Give LLMRouterBench's own file.")
    return records


def _cell(text: str | None, kind: str, where: str) -> float:
    """A number, a truth value or nothing at all. Raises BadNumber."""
    if text is None or not text.strip():
        return math.nan
    if kind == "score" and text.strip().lower() in TRUTH:
        return TRUTH[text.strip().lower()]
    try:
        value = float(text)
    except ValueError:
        raise BadNumber(f"{where} is {text!r}.", remedy="Leave it empty where it is missing.") from None
    return number(value, kind, where)


def _prompt(text: str) -> str:
    """RouterBench writes a prompt as a list of texts: they are joined by blank lines."""
    if not text.startswith("["):
        return text
    try:
        parts = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return text
    return "\n\n".join(parts)
