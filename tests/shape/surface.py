"""Gates on what users see: exports, errors, dependencies, words."""

import ast
import pickle
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.shape.tree import files

# An exported name that a child of the package may share: `orchestra/errors.py` is the export.
SHARED_NAMES = {"errors"}
PIN_OPERATORS = {"<", "<=", "==", "===", "~="}
# Written so that no pattern matches its own text.
FOREIGN_WORDS = (
    r"/(work|farm|tmp|root|opt)/",
    r"[.]library\b",
    r"\bfarm-[a-z]+",
    r"\bdeveloper.?.? session",
    r"\bissue #?[0-9]+",
    r"\bthe [b]rief\b",
)


def export_faults(package: ModuleType, table: Mapping[str, str]) -> list[str]:
    """Exports that do not resolve, and differences between `__all__` and the table of lazy names.

    `table`: exported name -> the module it comes from.
    """
    exported = list(package.__all__)
    found = [f"{name}: exported twice" for name in sorted({name for name in exported if exported.count(name) > 1})]
    for name in sorted({*exported, *table}):
        if name not in exported:
            found.append(f"{name}: in the lazy table, not in __all__")
        elif name not in table and name not in SHARED_NAMES:
            found.append(f"{name}: in __all__, not in the lazy table")
        elif name not in dir(package):
            found.append(f"{name}: not in dir()")
        try:
            getattr(package, name)
        except (AttributeError, ImportError) as error:
            found.append(f"{name}: does not resolve: {error}")
    return found


def type_mirror(init: Path) -> dict[str, str]:
    """What the package's `__init__` shows to type checkers: exported name -> module."""
    mirror: dict[str, str] = {}
    for node in ast.walk(ast.parse(init.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for item in node.body:
                if isinstance(item, ast.ImportFrom) and item.module:
                    mirror |= {alias.asname or alias.name: item.module for alias in item.names}
    return mirror


def shadowed_exports(package: Path, exported: list[str]) -> list[str]:
    """Direct children of the package that bear an exported name: importing them would replace the export."""
    names = {name.casefold() for name in exported} - SHARED_NAMES
    children = [path for path in package.iterdir() if path.is_dir() or path.suffix == ".py"]
    return sorted(f"{path.name}: named like an export" for path in children if path.stem.casefold() in names)


def public_errors(module: ModuleType) -> Iterator[type[Exception]]:
    """Every public exception that a module defines."""
    for name, value in sorted(vars(module).items()):
        if isinstance(value, type) and issubclass(value, Exception) and not name.startswith("_"):
            yield value


def pickle_faults(error: type[Exception]) -> list[str]:
    """Whether an error, with its default and with a given remedy, comes back from pickle as it was."""
    build: Any = error
    found = []
    for instance in (build("it broke"), build("it broke", remedy="mend it", agent="a", size=3)):
        back = pickle.loads(pickle.dumps(instance))
        if type(back) is not error or str(back) != str(instance) or vars(back) != vars(instance):
            found.append(f"{error.__name__}: {instance!s} came back as {type(back).__name__}: {back!s}")
    return found


def requirements(pyproject: Path) -> dict[str, list[Requirement]]:
    """What a pyproject.toml asks for, by section."""
    content = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    project = content["project"]
    sections = {"build": content["build-system"]["requires"], "core": project.get("dependencies", [])}
    sections |= project.get("optional-dependencies", {})
    return {name: [Requirement(line) for line in lines] for name, lines in sections.items()}


def declared_names(pyproject: Path) -> set[str]:
    """Canonical names of what the package itself may import: dependencies and extras, not the developers' tools."""
    sections = requirements(pyproject)
    return {
        canonicalize_name(item.name)
        for section, items in sections.items()
        if section not in ("build", "dev", "docs")
        for item in items
    }


def upper_pins(pyproject: Path) -> list[str]:
    """Requirements that keep users from a newer version, and those without a lower bound."""
    found = []
    for section, items in requirements(pyproject).items():
        for item in items:
            operators = {part.operator for part in item.specifier}
            if operators & PIN_OPERATORS:
                found.append(f"{section}: {item}: pinned from above")
            if ">=" not in operators and ">" not in operators:
                found.append(f"{section}: {item}: no lower bound")
    return found


def foreign_words(root: Path) -> list[str]:
    """Places that speak of the machine or the making of the project rather than of the project."""
    pattern = re.compile("|".join(FOREIGN_WORDS), re.IGNORECASE)
    found = []
    for path in files(root):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if match := pattern.search(line):
                found.append(f"{path.relative_to(root)}:{number}: {match.group()!r}")
    return found
