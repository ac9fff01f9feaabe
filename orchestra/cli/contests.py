"""orchestra bench outcomes: routers on recorded outcomes, beside the baselines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.output import columns, one_clear_line
from orchestra.cli.ticker import ticker

if TYPE_CHECKING:
    from orchestra.evaluation.outcomes import OutcomeSet

Set = Annotated[Path, typer.Argument(help="The folder of the set that is judged on, or its file.")]
Train = Annotated[
    Path | None, typer.Option("--train", help="The folder to learn from; without it, 70 % of PATH, by text.")
]
Routers = Annotated[
    list[str] | None, typer.Option("--router", help="auto (the default), or any router by name; as often as you like.")
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Repeat what is drawn, with this many seeds.")]
Out = Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")]
Picture = Annotated[Path | None, typer.Option("--plot", help="Draw cost against quality, and regret (.png .svg .pdf).")]
Encoder = Annotated[
    str, typer.Option("--embedder", help="auto, or a name as in Orchestra(embedder=...), such as minilm+0.4*hashed.")
]
SHARE = 0.7


def outcomes(
    path: Set,
    train: Train = None,
    names: Routers = None,
    seeds: Seeds = 1,
    file: Out = None,
    picture: Picture = None,
    embedder: Encoder = "auto",
    budget: Annotated[
        list[float] | None, typer.Option("--budget", help="Also accuracy within these dollars for 1,000 questions.")
    ] = None,
) -> None:
    """Who answers each question, learned from recorded outcomes: accuracy, cost, AIQ, APGR, regret."""
    with one_clear_line():
        from orchestra.evaluation.contests.outcomes import Asked, contest

        known, judged = _parts(path, train)
        asked = Asked(seeds=seeds, embedder=embedder, budgets_per_1k=tuple(budget or ()))
        with ticker(path.name) as told:
            result = contest(known, judged, names or ["auto"], asked, told)
        result["dataset"] = path.name
        written(file, result)
        if picture is not None:
            from orchestra.evaluation.contests.plot import plot

            plot(result, picture)
    typer.echo(_table(result))


def _parts(path: Path, train: Path | None) -> tuple[OutcomeSet, OutcomeSet]:
    """Where costs are recorded, options without one on a row are left out: nobody could keep a budget with them."""
    from orchestra.evaluation.load import load

    judged = load(path, clip=True)
    known, judged = judged.split(SHARE, "contest") if train is None else (load(train, clip=True), judged)
    if known.costs_usd is not None:
        kept = known.priced()
        if left := [name for name in known.options if name not in kept.options]:
            typer.echo(f"Left out, as their cost is not known on every row: {', '.join(left)}.", err=True)
        known = kept
    return known, judged.only(known.options)


def written(file: Path | None, result: Mapping[str, Any]) -> None:
    """The result as JSON, if a file is named."""
    if file is not None:
        file.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def figure(value: Any, digits: int = 4) -> str:
    """A number in a table, nothing where it does not apply."""
    return "" if value is None else f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _table(result: Mapping[str, Any]) -> str:
    rows = [_row(one) for one in (*result["routers"], *result["baselines"])]
    head = f"{result['dataset']}: {result['n']:,} questions, {len(result['options'])} options, {result['embedder']}"
    return "\n\n".join(part for part in (f"{head}\n{columns(rows)}", _budgets(result["routers"])) if part)


def _row(one: Mapping[str, Any]) -> dict[str, str]:
    low, high = one.get("ci95") or (None, None)
    return {
        "router": one["name"],
        "accuracy": figure(one["accuracy"]),
        "ceiling": figure(one.get("ceiling")),
        "minus best single": "" if low is None else f"{low:+.4f}..{high:+.4f}",
        "$ / 1,000": figure(one["cost_per_1k"], 3),
        "AIQ": figure(one["aiq"]),
        "APGR": figure(one.get("apgr"), 3),
        "regret": figure(one.get("regret"), 1),
    }


def _budgets(routers: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        {
            "router": one["name"],
            "budget $ / 1,000": figure(within["budget_per_1k"], 3),
            "of best single": f"{within['share']:.0%}",
            "accuracy": figure(within["accuracy"]),
            "paid": figure(within["cost_per_1k"], 3),
        }
        for one in routers
        for within in one["within"]
    ]
    return columns(rows) if rows else ""
