"""orchestra bench healing | campaign | chaos | outcomes | intents | sets | tiers | skills."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.contests import outcomes
from orchestra.cli.labelled import intents, sets, skills, tiers
from orchestra.cli.output import columns, one_clear_line

if TYPE_CHECKING:
    from orchestra.evaluation.healing.suites import Suite

bench = typer.Typer(
    no_args_is_help=True, help="Measurements: how well routers choose, and what happens when things fail."
)
for contest in (outcomes, intents, sets, tiers, skills):
    bench.command()(contest)

File = Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file, as JSON.")]


@bench.command()
def healing(file: File = None) -> None:
    """38 published outage scenarios, by the healing graph, by a model that picks tools, and by fixed edges."""
    with one_clear_line():
        from orchestra.evaluation.healing.suites import SUITES, run_suites

        total = sum(len(scenarios) for _, _, scenarios in SUITES)
        with bar("scenarios", total) as advance:
            suites = run_suites(lambda name: advance(1, name))
    _written(file, {"suites": [suite.to_dict() for suite in suites]})
    typer.echo("\n\n".join([*map(_rows, suites), _sums(suites)]))
    if any(suite.correct < len(suite.rows) or suite.sums()["silent"] for suite in suites if ":" not in suite.name):
        raise typer.Exit(1)


@bench.command()
def campaign(
    graphs: Annotated[int, typer.Option(help="How many random graphs.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same graphs.")] = 0,
    first: Annotated[int, typer.Option(help="The number of the first graph; with --graphs 1 one is done again.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 1,
    file: File = None,
) -> None:
    """Random graphs with random faults, each path checked against networkx. Exit code 1 if anything did not hold."""
    with one_clear_line():
        from orchestra.evaluation.healing.campaign import run_campaign

        with bar("graphs", graphs) as advance:
            done = 0

            def told(so_far: Any) -> None:
                nonlocal done
                advance(so_far.graphs - done, f"{len(so_far.broken)} broken")
                done = so_far.graphs

            found = run_campaign(graphs, seed, first=first, jobs=jobs, report=file, told=told)
    typer.echo(_facts(found.to_dict()))
    if found.broken:
        raise typer.Exit(1)


@bench.command()
def chaos(
    runs: Annotated[int, typer.Option(help="How many runs.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Of the faults; the order of events is the machine's.")] = 0,
    at_once: Annotated[int, typer.Option(help="Runs at a time.")] = 8,
    file: File = None,
) -> None:
    """Runs over local HTTP servers that are killed, hang and answer nonsense. Exit code 1 if anything did not hold."""
    with one_clear_line():
        from orchestra.evaluation.healing.chaos import run_chaos

        with bar("runs", runs) as advance:
            found = run_chaos(runs, seed, at_once=at_once, told=lambda: advance(1, ""))
    _written(file, found.to_dict())
    typer.echo(_facts(found.to_dict()))
    if found.broken:
        raise typer.Exit(1)


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """A bar on stderr; where that is no terminal, a line for each tenth."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    said = done = 0
    shown = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*shown, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)

        def advance(count: int, text: str) -> None:
            nonlocal said, done
            done += count
            progress.update(task, advance=count, description=f"{what} {text}".strip())
            if not console.is_terminal and done * 10 // total > said:
                said = done * 10 // total
                typer.echo(f"{done:,} of {total:,} {what} {text}".rstrip(), err=True)

        yield advance


def _written(file: Path | None, data: Any) -> None:
    if file is not None:
        file.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def _rows(suite: Suite) -> str:
    rows = [
        {**{key: str(value) for key, value in one.items()}, "right": "yes" if row.right else "no"}
        for one, row in zip(suite.to_dict()["scenarios"], suite.rows, strict=True)
    ]
    return f"{suite.name}: {suite.correct} of {len(suite.rows)} right\n{_table(rows)}"


def _sums(suites: Sequence[Suite]) -> str:
    rows = [
        {"suite": suite.name, "right": f"{suite.correct} of {len(suite.rows)}", **_texts(suite.sums())}
        for suite in suites
    ]
    return _table(rows)


def _texts(counts: dict[str, int]) -> dict[str, str]:
    return {key: str(value) for key, value in counts.items()}


def _table(rows: list[dict[str, str]]) -> str:
    return columns([{key.replace("_", " "): value for key, value in row.items()} for row in rows])


def _facts(data: dict[str, Any]) -> str:
    lines = []
    for key, value in data.items():
        if key == "broken":
            lines += [f"broken: {len(value)}", *(f"  {one}" for one in value[:20])]
        else:
            lines.append(f"{key.replace('_', ' ')}: {value:,}" if isinstance(value, int) else f"{key}: {value}")
    return "\n".join(lines)
