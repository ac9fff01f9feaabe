"""What the README says of the package is so."""

import re
from pathlib import Path

from orchestra.models.registry import PROVIDERS

MISSING = "## What is not there yet"


def text_of(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def test_every_link_leads_to_a_file(repository: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(repository))
    assert len(links) >= 8
    assert [link for link in links if not (repository / link).is_file()] == []


def test_every_folder_that_is_named_is_there(repository: Path) -> None:
    table = [line for line in text_of(repository).splitlines() if line.startswith("| `")]
    folders = [folder for line in table for folder in re.findall(r"`([^`]+)`", line.split("|")[1])]
    assert len(folders) >= 15
    assert [folder for folder in folders if not (repository / folder).is_dir()] == []


def test_what_is_said_to_be_missing_is_missing(repository: Path) -> None:
    """Whoever adds one of these corrects the README."""
    missing = text_of(repository).partition(MISSING)[2]
    assert set(re.findall(r"`(\w+)`", missing.partition("**Hand-offs**")[0])) == set(PROVIDERS)
