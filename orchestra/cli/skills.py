"""orchestra skills list | show | validate | schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra.cli.output import columns, facts_text, one_clear_line, show

skills = typer.Typer(
    no_args_is_help=True, help="The skills of this folder, of your home, and those that ship with the package."
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Trust = Annotated[bool, typer.Option("--trust", help="Read the skills of this folder too; they may be anyone's.")]


@skills.command("list")
def list_skills(trust: Trust = False, as_json: Json = False) -> None:
    """Each skill with its scope and source: those of the project, of your home, and the shipped ones."""
    with one_clear_line():
        from orchestra.app.shelf import skill_rows

        rows, wrong = skill_rows(Path.cwd(), trust=trust)
    for one in wrong:
        typer.echo(str(one), err=True)
    show(rows, columns(rows), as_json)


@skills.command("show")
def show_skill(
    name: Annotated[str, typer.Argument(help="A skill by name, or the path of a folder with a SKILL.md.")],
    trust: Trust = False,
    as_json: Json = False,
) -> None:
    """All that is known of one skill: its fields, its files, its instructions."""
    with one_clear_line():
        from orchestra.app.shelf import skill_facts

        facts = skill_facts(name, Path.cwd(), trust=trust)
    show(facts, facts_text(facts), as_json)


@skills.command("validate")
def validate(
    paths: Annotated[list[Path], typer.Argument(help="Folders with a SKILL.md, or folders of such folders.")],
    as_json: Json = False,
) -> None:
    """Hold skills to the standard; a fault is named with its line and field."""
    with one_clear_line():
        from orchestra.app.shelf import valid_skills

        names = valid_skills(paths)
    show({"valid": names}, "\n".join(f"{name}: valid" for name in names), as_json)


@skills.command("schema")
def schema() -> None:
    """Print the JSON Schema of the front matter of a SKILL.md, for editors."""
    with one_clear_line():
        from orchestra.app.schemas import schema_of

        found = schema_of("skill")
    show(found, "", as_json=True)
