"""The command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.agents import agents
from orchestra.cli.bench import bench
from orchestra.cli.graph import graph
from orchestra.cli.objective import objective, weighed
from orchestra.cli.output import STATUS_TO_CODE, as_text, one_clear_line, show
from orchestra.cli.policy import policy, routers
from orchestra.cli.queue import abandon, answer, approve, asks, deny
from orchestra.cli.skills import skills
from orchestra.cli.team import opened
from orchestra.cli.topologies import topologies

if TYPE_CHECKING:
    from orchestra.app.result import Result

app = typer.Typer(
    name="orchestra",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Route tasks among agents, within a budget. Exit codes: 0 done, 1 failed, 2 wrong input, 3 stopped, 4 paused.",
)
app.add_typer(agents, name="agents")
app.add_typer(skills, name="skills")
app.add_typer(topologies, name="topologies")
app.add_typer(bench, name="bench")
app.add_typer(policy, name="policy")
app.command()(routers)
app.command()(graph)
for command in (asks, approve, deny, answer, abandon):
    app.command()(command)

App = Annotated[
    str | None, typer.Option("--app", help="module:attribute of the team; default: [app] in orchestra.toml.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
To = Annotated[str | None, typer.Option("--to", help="A capability or an agent; default: whoever the router picks.")]
Row = Annotated[str | None, typer.Option("--to", help="As for route; or several capabilities in a row, as 'a>b'.")]
Topology = Annotated[
    str | None, typer.Option("--topology", help="auto, a topology by name, or a file: several agents work together.")
]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("orchestra-router"))
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """What is common to all commands."""


@app.command()
@weighed
def run(
    text: Annotated[str, typer.Argument(help="The task.")],
    app_name: App = None,
    to: Row = None,
    topology: Topology = None,
    usd: Annotated[float | None, typer.Option(help="Budget in US dollars.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Budget in seconds.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why it went the way it did.")] = False,
    as_json: Json = False,
) -> None:
    """Run a task and print the answer."""
    with one_clear_line():
        from orchestra.app.shelf import located
        from orchestra.app.target import row_of
        from orchestra.cli.progress import progress
        from orchestra.core.budget import Budget

        budget = None if usd is None and seconds is None else Budget(usd=usd, seconds=seconds)
        shape = None if topology is None else located(topology, Path.cwd())
        weights = objective()
        with opened(app_name) as team, progress(team, quiet=as_json):
            result = team.run_sync(text, to=row_of(to), topology=shape, budget=budget, weights=weights)
    show(_facts(result), _answer(result, explain), as_json)
    raise typer.Exit(STATUS_TO_CODE[result.status])


def _facts(result: Result) -> dict[str, Any]:
    return {
        "run_id": result.run_id,
        "status": result.status,
        "output": result.output if result.status == "done" else None,
        "cause": None if result.cause is None else str(result.cause),
        "asks": result.asks,
        "partial": {} if result.status == "done" else result.partial,
        "usd": result.usage.usd,
        "tokens": result.usage.tokens,
        "cut": list(result.cut),
        "explanation": result.explain().to_dict(),
    }


def _answer(result: Result, explain: bool) -> str:
    lines = [f"{result.status}: {result.cause}", *(f"{key}: {what}" for key, what in result.asks.items())]
    if result.status == "done":
        lines = [result.output if isinstance(result.output, str) else as_text(result.output)]
    if explain:
        lines.append(str(result.explain()))
    cost = "unknown cost" if result.usage.usd is None else f"${result.usage.usd}"
    cut = " · cut at max_tokens" if result.cut else ""
    return "\n".join([*lines, f"run {result.run_id} · {result.status} · {cost} · {result.usage.tokens} tokens{cut}"])


@app.command()
@weighed
def route(
    text: Annotated[str, typer.Argument(help="The task.")], app_name: App = None, to: To = None, as_json: Json = False
) -> None:
    """Say who would answer a task, and why. Nothing is called."""
    with one_clear_line():
        from orchestra.cli.table import decision_rows, decision_text

        with opened(app_name) as team:
            decision = team.route(text, to=to, weights=objective())
    show(decision_rows(decision), decision_text(decision), as_json)


@app.command()
def trace(
    run_id: Annotated[str | None, typer.Argument(help="A run; without one, the newest runs are listed.")] = None,
    app_name: App = None,
    state: Annotated[Path | None, typer.Option(help="The state file; default: the team's.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Decisions, failures and costs instead of the tree.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what happened in a run: who was called, for how long, at what cost."""
    with one_clear_line():
        from orchestra.app.history import history_of
        from orchestra.cli.table import runs_text

        history = history_of(state, app_name, Path.cwd())
        if run_id is None:
            rows = history.runs()
            show([row._asdict() for row in rows], runs_text(rows), as_json)
            return
        data, text = history.explain(run_id) if explain else history.tree(run_id)
    show(data, text, as_json)


@app.command()
def schemas(
    folder: Annotated[Path, typer.Argument(help="Where to write them; it is made.")], as_json: Json = False
) -> None:
    """Write the JSON Schemas of all definition files, for editors."""
    with one_clear_line():
        from orchestra.app.schemas import write_schemas

        names = write_schemas(folder)
    show({"written": [str(folder / name) for name in names]}, "\n".join(str(folder / name) for name in names), as_json)


@app.command()
def feedback(
    run_id: Annotated[str, typer.Argument(help="The run.")],
    reward: Annotated[float, typer.Argument(help="From 0 (useless) to 1 (right).")],
    source: Annotated[
        str, typer.Option(help="Who says so; another value from the same source corrects the first.")
    ] = "user",
    decision: Annotated[str | None, typer.Option(help="The key of one decision; default: all that were used.")] = None,
    app_name: App = None,
    as_json: Json = False,
) -> None:
    """Tell the router how good a run's answer was, now or later."""
    with one_clear_line(), opened(app_name) as team:
        learned = team.feedback_sync(run_id, reward, source=source, decision=decision)
    facts = {"run_id": run_id, "reward": reward, "source": source, "learned": learned}
    show(facts, f"decisions that learned from it: {learned}", as_json)
