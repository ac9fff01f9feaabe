"""orchestra skills list | show | validate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra.cli.output import columns, facts_text, one_clear_line, show

skills = typer.Typer(no_args_is_help=True, help="The skills that ship with the package, or those of a folder.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@skills.command("list")
def list_skills(as_json: Json = False) -> None:
    """Name and description of each shipped skill."""
    with one_clear_line():
        from orchestra.app.shelf import skill_rows

        rows = skill_rows()
    show(rows, columns(rows), as_json)


@skills.command("show")
def show_skill(
    name: Annotated[str, typer.Argument(help="A shipped skill, or the path of a folder with a SKILL.md.")],
    as_json: Json = False,
) -> None:
    """All that is known of one skill: its fields, its files, its instructions."""
    with one_clear_line():
        from orchestra.app.shelf import skill_facts

        facts = skill_facts(name)
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
