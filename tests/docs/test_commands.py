"""Every command that the pages show exists, and prints what they show of it."""

import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from orchestra.cli.main import app
from tests.docs.blocks import blocks, steady
from tests.docs.test_pages import PAGES, ROOT, page_name

COMMAND = "$ "


def console(text: str) -> list[tuple[str, list[str]]]:
    """(command, lines shown below it) of each command in the console blocks of a page."""
    found: list[tuple[str, list[str]]] = []
    for block in blocks(text):
        if block.language == "console":
            for line in block.code.splitlines():
                if line.startswith(COMMAND):
                    found.append((line.removeprefix(COMMAND), []))
                else:
                    found[-1][1].append(line)
    return found


def complaint(command: str) -> str | None:
    """What is wrong with a command, None if it can be given."""
    program, *words = shlex.split(command, comments=True)
    if program == "orchestra":
        return misused(words)
    if program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
        named = {word for word in words if "=" not in word}
        return None if named <= set(targets) else f"no target of the Makefile: {words}"
    if program == "pip":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = {extra for word in words for extra in re.findall(r"\[(\w+)\]", word)}
        return None if extras <= project["optional-dependencies"].keys() else f"no extra: {extras}"
    if Path(program).name == "python" and words[:1] == ["-m"]:
        place = ROOT / words[1].replace(".", "/")
        there = place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()
        return None if there else f"no program: {words[1]}"
    return None if program == "export" else f"a command that this test does not know: {program}"


def misused(words: list[str]) -> str | None:
    """What the command line's own parser says of the words. Its types are typer's own copies of click's."""
    command: Any = typer.main.get_command(app)
    context: Any = command.context_class(command, info_name="orchestra")
    try:
        while hasattr(command, "resolve_command"):
            _, command, words = command.resolve_command(context, words)
        command.make_context(command.name, list(words), parent=context)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return str(error.format_message())
    return None


@pytest.fixture
def at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the checkout's top folder, with no example imported before: a team that ran already routes otherwise."""
    monkeypatch.chdir(ROOT)
    for name in [name for name in sys.modules if name.startswith("examples.")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_commands_exist(page: Path) -> None:
    for command, _ in console(page.read_text(encoding="utf-8")):
        assert complaint(command) is None, command


@pytest.mark.parametrize("page", PAGES, ids=page_name)
@pytest.mark.usefixtures("at_the_top")
def test_commands_print_what_is_shown(page: Path) -> None:
    for command, lines in console(page.read_text(encoding="utf-8")):
        if lines:
            program, *words = shlex.split(command, comments=True)
            assert program == "orchestra", f"output is shown of {command!r}, which is not run here"
            assert steady(CliRunner().invoke(app, words).stdout) == steady("\n".join(lines))


def test_the_readme_shows_a_route() -> None:
    shown = [command for command, lines in console((ROOT / "README.md").read_text(encoding="utf-8")) if lines]
    assert [command.split()[1] for command in shown] == ["route", "run"]


@pytest.mark.parametrize(
    "command",
    [
        "orchestra fly",
        "orchestra trace --no-such-option",
        "orchestra feedback",
        "make tea",
        "python -m tea",
        "pip install '.[x]'",
        "ls",
    ],
)
def test_a_wrong_command_is_seen(command: str) -> None:
    assert complaint(command) is not None
