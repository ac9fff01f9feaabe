"""orchestra topologies list | show | validate | schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra.cli.output import columns, one_clear_line, show, tree_text

topologies = typer.Typer(no_args_is_help=True, help="The topologies that ship with the package, or those of files.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@topologies.command("list")
def list_topologies(as_json: Json = False) -> None:
    """Each topology with its scope and source: shipped, or of a folder that orchestra.toml names."""
    with one_clear_line():
        from orchestra.app.shelf import topology_rows

        rows = topology_rows(Path.cwd())
    show(rows, columns(rows), as_json)


@topologies.command("show")
def show_topology(
    name: Annotated[str, typer.Argument(help="A topology by name, auto, or the path of a file.")],
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Draw it, as a Mermaid flowchart.")] = False,
    as_json: Json = False,
) -> None:
    """Who is in a topology, what each is to do, and what waits for what."""
    with one_clear_line():
        from orchestra.app.shelf import topology_chart, topology_facts

        here = Path.cwd()
        facts = {"mermaid": topology_chart(name, here)} if mermaid else topology_facts(name, here)
    show(facts, facts["mermaid"] if mermaid else tree_text(facts), as_json)


@topologies.command("validate")
def validate(
    paths: Annotated[list[Path], typer.Argument(help="Topology files, or folders of them.")], as_json: Json = False
) -> None:
    """Check topology files; a wrong one is named with its line and field."""
    with one_clear_line():
        from orchestra.app.shelf import valid_topologies

        names = valid_topologies(paths)
    show({"valid": names}, "\n".join(f"{name}: valid" for name in names), as_json)


@topologies.command("schema")
def schema() -> None:
    """Print the JSON Schema of a topology file, for editors."""
    with one_clear_line():
        from orchestra.app.schemas import schema_of

        found = schema_of("topology")
    show(found, "", as_json=True)
