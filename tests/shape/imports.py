"""Gates on who imports whom. The floors themselves are import-linter's contracts in pyproject.toml."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp

from tests.shape.tree import python_files


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Checks the contracts of a folder's pyproject.toml against the package beside it, in a process of its own."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def module_name(path: Path, root: Path) -> tuple[str, bool]:
    """A file's dotted name and whether it is a package's `__init__`."""
    parts = path.relative_to(root).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if is_package else parts), is_package


def imported_names(tree: ast.Module, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and absolute name of every module that is named in an import, wherever the statement stands."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            yield node.lineno, ".".join([*start, *(node.module.split(".") if node.module else [])])


def ancestor_imports(package: Path) -> list[str]:
    """Modules that import from a package they lie in, typing and lazy imports included."""
    found = []
    for path, tree in python_files(package):
        module, is_package = module_name(path, package.parent)
        for line, name in imported_names(tree, module, is_package):
            if module.startswith(name + "."):
                found.append(f"{path.relative_to(package.parent)}:{line}: {module} imports its own parent {name}")
    return found


def import_cycle(package: str) -> Sequence[str]:
    """One circle of the whole import graph, typing and lazy imports included; empty when there is none."""
    graph = grimp.build_graph(package, cache_dir=None)
    sorter = TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in sorted(graph.modules)}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return ()


def undeclared_imports(package: Path, declared: set[str]) -> list[str]:
    """Imports of distributions that the package's metadata does not ask for. `declared`: canonical names."""
    providers = packages_distributions()
    found = []
    for path, tree in python_files(package):
        module, is_package = module_name(path, package.parent)
        for line, name in imported_names(tree, module, is_package):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top == package.name:
                continue
            distributions = {provider.lower().replace("_", "-") for provider in providers.get(top, [top])}
            if not distributions & declared:
                found.append(f"{path.relative_to(package.parent)}:{line}: {name} comes from no declared dependency")
    return found


# What these two export is public: users import from them by name, and nothing of the package imports them.
PUBLIC_SUBPACKAGES = ("evaluation", "testing")


def filled_inits(package: Path) -> list[str]:
    """Subpackages whose `__init__.py` holds more than a docstring, but for the public ones."""
    found = []
    for path, tree in python_files(package):
        public = path.parent.parent == package and path.parent.name in PUBLIC_SUBPACKAGES
        if path.name != "__init__.py" or path.parent == package or public:
            continue
        if any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in tree.body):
            found.append(f"{path.relative_to(package.parent)}: only a docstring may stand in a subpackage's __init__")
    return found


def loaded_modules(package: str, search_path: Path | None = None) -> set[str]:
    """The names in `sys.modules` of a fresh process after one import."""
    environment = dict(os.environ)
    if search_path is not None:
        environment["PYTHONPATH"] = str(search_path)
    code = f"import sys, {package}; print(*sorted(sys.modules), sep='\\n')"
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=search_path, capture_output=True, text=True, check=True
    )
    return set(process.stdout.split())


def heavy_modules(modules: set[str], heavy: Sequence[str]) -> list[str]:
    """Those of the heavy libraries that were loaded."""
    return [name for name in heavy if name in modules]
