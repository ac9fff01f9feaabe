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
    from orchestra.evaluation.contests.outcomes import Asked
    from orchestra.evaluation.outcomes import OutcomeSet

Set = Annotated[Path, typer.Argument(help="The folder of the set that is judged on, or its file.")]
Train = Annotated[
    Path | None, typer.Option("--train", help="The folder to learn from; without it, 70 % of PATH, by text.")
]
Routers = Annotated[
    list[str] | None,
    typer.Option("--router", help="auto (the default), or any router of the registry; as often as you like."),
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
    """Who answers each question, learned from recorded outcomes: accuracy, cost, AIQ, APGR, regret.

    A set with missing outcomes is judged as the log of a bandit, by the choices whose reward was recorded.
    """
    with one_clear_line():
        from orchestra.evaluation.contests.outcomes import Asked
        from orchestra.evaluation.load import folder_name, outcomes_file

        known, judged = _parts(path, train)
        asked = Asked(
            seeds=seeds, embedder=embedder, budgets_per_1k=tuple(budget or ()), replay=not (known.gap() or judged.gap())
        )
        result = _contest(folder_name(outcomes_file(path)), (known, judged), names or ["auto"], asked)
        written(file, result)
        if picture is not None:
            from orchestra.evaluation.contests.plot import plot

            plot(result, picture)
    typer.echo(_table(result))


def _contest(
    name: str, parts: tuple[OutcomeSet, OutcomeSet], routers: Sequence[str], asked: Asked
) -> Mapping[str, Any]:
    """The result; what no figure can be had of is said on stderr."""
    from orchestra.evaluation.contests.admission import told_of_one
    from orchestra.evaluation.contests.outcomes import contest, stages
    from orchestra.evaluation.contests.partial import partial
    from orchestra.evaluation.contests.partial import stages as stages_of_log

    known, judged = parts
    if gap := judged.gap():
        typer.echo(f"{name} is judged as a log, by the outcomes that were recorded. {gap}", err=True)
        with ticker(name, stages_of_log(routers)) as told:
            return partial(known, judged, routers, asked, told) | {"dataset": name}
    with ticker(name, stages(routers, asked, priced=known.costs_usd is not None)) as told:
        result = contest(known, judged, routers, asked, told) | {"dataset": name}
    if gap := known.gap():
        typer.echo(f"No regret, as outcomes to learn from are missing. {gap}", err=True)
    elif silent := [one for one in routers if not told_of_one(one)]:
        said = "a replay tells a router the reward of its choice, and it needs that of every option"
        typer.echo(f"No regret for {', '.join(silent)}: {said}.", err=True)
    return result


def _parts(path: Path, train: Path | None) -> tuple[OutcomeSet, OutcomeSet]:
    """Where costs are recorded, options without one on a row are left out: nobody could keep a budget with them."""
    from orchestra.core.errors import BadDefinition
    from orchestra.evaluation.load import load, outcomes_file

    score = _score_of(*(outcomes_file(one) for one in (path, train) if one is not None))
    if train is None:
        known, judged = load(path, clip=True, score=score).split(SHARE, "contest")
    else:
        known = load(train, clip=True, score=score)
        judged = load(path, clip=True, score=score, options=known.options).only(known.options)
    if judged.gap():  # a log is judged without costs, and its costs are missing where its outcomes are
        return known.unpriced(), judged.unpriced()
    if (known.costs_usd is None) != (judged.costs_usd is None):
        there, missing = ("train", "PATH") if judged.costs_usd is None else ("PATH", "train")
        typer.echo(f"Without costs: {there} has them and {missing} has none.", err=True)
        known, judged = known.unpriced(), judged.unpriced()
    if known.costs_usd is not None:
        names = [name for name in known.priced().options if name in judged.priced().options]
        if not names:
            raise BadDefinition(
                "No option has a cost on every row of both parts.", remedy="Leave the rows without out."
            )
        if left := [name for name in known.options if name not in names]:
            gap = known.only(left).gap("costs_usd") or judged.only(left).gap("costs_usd")
            typer.echo(f"Left out, as their cost is not known on every row: {', '.join(left)}. {gap}", err=True)
        known, judged = known.only(names), judged.only(names)
    return known, judged


def _score_of(*files: Path) -> str:
    """The column that is judged by: the rewards, if all files have them, where the first one's scores are missing."""
    from orchestra.core.errors import BadDefinition
    from orchestra.evaluation.contests.labelled import fitting
    from orchestra.evaluation.load import lines

    rewarded = True
    for file in files:
        _, first = next(lines(file), (0, {"score": []}))
        if "score" not in first and "reward" not in first:
            raise BadDefinition(f"{file} holds no outcomes: a row has no score.", remedy=fitting(first))
        rewarded &= isinstance(first.get("reward"), list)
    if not rewarded:
        return "score"
    scores = (row.get("score") for _, row in lines(files[0]))
    return "reward" if any(not isinstance(own, list) or None in own for own in scores) else "score"


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
