"""orchestra agents list | show | validate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra.cli.output import columns, facts_text, one_clear_line, show

agents = typer.Typer(no_args_is_help=True, help="The agents that ship with the package, or those of a team.")

App = Annotated[
    str | None,
    typer.Option(
        "--app", help="module:attribute of a team; default: [app] in orchestra.toml, else the shipped agents."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@agents.command("list")
def list_agents(app_name: App = None, as_json: Json = False) -> None:
    """Name and description of each agent."""
    with one_clear_line():
        from orchestra.app.roster import roster

        rows = roster(app_name, Path.cwd())
    show(rows, columns(rows), as_json)


@agents.command("show")
def show_agent(name: str, app_name: App = None, as_json: Json = False) -> None:
    """All that is known of one agent."""
    with one_clear_line():
        from orchestra.app.roster import described

        facts = described(name, app_name, Path.cwd())
    show(facts, facts_text(facts), as_json)


@agents.command("validate")
def validate(
    paths: Annotated[list[Path], typer.Argument(help="Agent files, or folders of them.")], as_json: Json = False
) -> None:
    """Check agent files; a wrong one is named with its line and field."""
    with one_clear_line():
        from orchestra.app.roster import validated

        names = validated(paths)
    show({"valid": names}, "\n".join(f"{name}: valid" for name in names), as_json)
