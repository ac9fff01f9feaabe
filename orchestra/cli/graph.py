"""orchestra graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra.cli.output import one_clear_line

App = Annotated[
    str | None, typer.Option("--app", help="module:attribute of the team; default: [app] in orchestra.toml.")
]
Topology = Annotated[
    str | None, typer.Option("--topology", help="A topology by name, or a file, in place of the team.")
]
Form = Annotated[str, typer.Option("--format", help="mermaid, svg or json.")]
Out = Annotated[Path | None, typer.Option("--out", help="The file to write; default: print it.")]
Through = Annotated[
    list[str] | None,
    typer.Option("--through", help="A capability; several in a row: draw the cheapest path through them."),
]
Without = Annotated[list[str] | None, typer.Option("--without", help="With --through: a node that may not be entered.")]


def graph(
    app_name: App = None,
    topology: Topology = None,
    form: Form = "mermaid",
    out: Out = None,
    through: Through = None,
    without: Without = None,
) -> None:
    """Draw a team, a topology, or the cheapest path through some capabilities. Nothing is called."""
    with one_clear_line():
        from orchestra.app.chart import path_chart, team_chart, topology_chart

        here = Path.cwd()
        if topology is not None:
            text = topology_chart(topology, here, form)
        elif through:
            text = path_chart(app_name, here, form, through, set(without or ()))
        else:
            text = team_chart(app_name, here, form)
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
