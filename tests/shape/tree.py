"""The repository's files as the gates see them: what a fresh clone holds, without what tools leave behind."""

import ast
from collections.abc import Iterator
from pathlib import Path

# What the top folder may hold beside dot files.
TOP_LEVEL = {
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "agents",
    "benchmarks",
    "docs",
    "examples",
    "mkdocs.yml",
    "orchestra",
    "pyproject.toml",
    "skills",
    "tests",
    "topologies",
}
# What the commands of the Makefile, pip and the build leave in a checkout; .gitignore names the same.
LEFT_BEHIND = {"__pycache__", "build", "dist", "site"}
DOT_ENTRIES = {".ci", ".editorconfig", ".github", ".gitignore"}


def is_source(path: Path) -> bool:
    """Whether an entry of a folder belongs to the repository."""
    if path.name.startswith("."):
        return path.name in DOT_ENTRIES
    return path.name not in LEFT_BEHIND and path.suffix not in (".db", ".egg-info")


def files(folder: Path) -> Iterator[Path]:
    """Every file of the repository below a folder, in order."""
    for entry in sorted(folder.iterdir()):
        if not is_source(entry):
            continue
        if entry.is_dir():
            yield from files(entry)
        else:
            yield entry


def python_files(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Every Python file below a folder with its syntax tree."""
    for path in files(folder):
        if path.suffix == ".py":
            yield path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def strays(root: Path) -> list[str]:
    """Entries of the top folder that the layout does not know, and code where only data may lie."""
    unknown = [
        f"{entry.name}: not part of the layout"
        for entry in sorted(root.iterdir())
        if is_source(entry) and not entry.name.startswith(".") and entry.name not in TOP_LEVEL
    ]
    data = [root / name for name in ("agents", "skills", "topologies")]
    return unknown + [
        f"{path.relative_to(root)}: {path.parent.name}/ holds data and is never imported"
        for folder in data
        if folder.is_dir()
        for path in files(folder)
        if path.name == "__init__.py"
    ]
