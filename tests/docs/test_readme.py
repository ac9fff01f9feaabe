"""What the README says of the package is so."""

import re
from pathlib import Path

from orchestra.models.registry import PROVIDERS
from tests.docs.blocks import blocks

SHOP = "from shop import Receipt, Shop  # the user's pydantic model and database"
MISSING = "## What is not there yet"


def text_of(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def test_every_link_leads_to_a_file(repository: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(repository))
    assert len(links) >= 8
    assert [link for link in links if not (repository / link).is_file()] == []


def test_the_program_is_the_example(repository: Path) -> None:
    """examples/close_ticket.py holds it as it stands; only the imports are sorted in among the example's own."""
    imports, _, program = blocks(text_of(repository))[1].code.partition("\n\n\n")
    example = (repository / "examples/close_ticket.py").read_text(encoding="utf-8")
    assert f"\n\n\n{program}\n\n\n" in example
    assert SHOP in imports
    for line in imports.replace(SHOP, SHOP.replace("shop", "examples.shop", 1)).splitlines():
        assert f"\n{line}\n" in example


def test_every_example_is_in_the_table(repository: Path) -> None:
    """Of the quickstart; what is no program is imported by one."""
    page = (repository / "docs/quickstart.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `examples\.(\w+)` \|", page, re.M))
    found = {path.stem for path in (repository / "examples").iterdir() if not path.name.startswith("_")}
    assert found - listed == {"shop"}
    assert {name for name in listed if (repository / "examples" / f"{name}.py").is_file()} >= {"workflow", "approval"}


def test_every_folder_that_is_named_is_there(repository: Path) -> None:
    table = [line for line in text_of(repository).splitlines() if line.startswith("| `")]
    folders = [folder for line in table for folder in re.findall(r"`([^`]+)`", line.split("|")[1])]
    assert len(folders) >= 15
    assert [folder for folder in folders if not (repository / folder).is_dir()] == []


def test_what_is_said_to_be_missing_is_missing(repository: Path) -> None:
    """Whoever adds one of these corrects the README."""
    missing = text_of(repository).partition(MISSING)[2]
    vendors = missing.partition("- **Vendors**")[2].partition("\n- ")[0]
    assert set(re.findall(r"`(\w+)`", vendors)) == set(PROVIDERS)
