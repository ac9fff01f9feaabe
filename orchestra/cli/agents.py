"""orchestra agents list | show | validate | schema."""

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
Trust = Annotated[bool, typer.Option("--trust", help="Read the project's skills too, where an agent file names one.")]


@agents.command("list")
def list_agents(app_name: App = None, trust: Trust = False, as_json: Json = False) -> None:
    """Name and description of each agent."""
    with one_clear_line():
        from orchestra.app.roster import roster

        rows = roster(app_name, Path.cwd(), trust=trust)
    show(rows, columns(rows), as_json)


@agents.command("show")
def show_agent(name: str, app_name: App = None, trust: Trust = False, as_json: Json = False) -> None:
    """All that is known of one agent."""
    with one_clear_line():
        from orchestra.app.roster import described

        facts = described(name, app_name, Path.cwd(), trust=trust)
    show(facts, facts_text(facts), as_json)


@agents.command("validate")
def validate(
    paths: Annotated[list[Path], typer.Argument(help="Agent files, or folders of them.")],
    trust: Trust = False,
    as_json: Json = False,
) -> None:
    """Check agent files; a wrong one is named with its line and field."""
    with one_clear_line():
        from orchestra.app.roster import validated

        names = validated(paths, Path.cwd(), trust=trust)
    show({"valid": names}, "\n".join(f"{name}: valid" for name in names), as_json)


@agents.command("schema")
def schema() -> None:
    """Print the JSON Schema of an agent file's front matter, for editors."""
    with one_clear_line():
        from orchestra.app.schemas import schema_of

        found = schema_of("agent")
    show(found, "", as_json=True)
