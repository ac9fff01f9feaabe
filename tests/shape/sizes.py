"""Gate on sizes, by syntax tree: lines of a file, lines and parameters of a function."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.shape.tree import python_files

LIMITS = {"file lines": 400, "function lines": 60, "parameters": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """One thing that is larger than allowed."""

    place: str
    kind: str
    size: int

    @property
    def key(self) -> str:
        return f"{self.place} {self.kind}"


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many parameters a caller sees: the receiver of a method does not count."""
    spec = node.args
    named = [*spec.posonlyargs, *spec.args]
    if named and named[0].arg in ("self", "cls"):
        named = named[1:]
    return len(named) + len(spec.kwonlyargs) + sum(item is not None for item in (spec.vararg, spec.kwarg))


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function below a node with its dotted name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")
        else:
            yield from functions(child, prefix)


def measured(root: Path, folder: Path) -> Iterator[Excess]:
    """The size of everything below a folder; places are relative to the root."""
    for path, tree in python_files(folder):
        place = path.relative_to(root).as_posix()
        yield Excess(place=place, kind="file lines", size=len(path.read_text(encoding="utf-8").splitlines()))
        for name, node in functions(tree):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Excess(place=f"{place}:{name}", kind="function lines", size=lines)
            yield Excess(place=f"{place}:{name}", kind="parameters", size=parameters(node))


def oversized(root: Path, folders: list[Path], exceptions: Mapping[str, tuple[int, str]]) -> list[str]:
    """What is too large, and exceptions that are stale.

    An exception names its measured size and its reason. It covers that very size: what shrinks must be lowered
    or struck off, what grows fails.
    """
    excess = {
        item.key: item.size for folder in folders for item in measured(root, folder) if item.size > LIMITS[item.kind]
    }
    found = []
    for key, size in excess.items():
        allowed, _ = exceptions.get(key, (0, ""))
        if size > allowed:
            found.append(f"{key}: {size}, allowed {allowed or LIMITS[key.split(' ', 1)[1]]}; split it")
        elif size < allowed:
            found.append(f"{key}: now {size}; lower its exception from {allowed}")
    found += [f"{key}: within the limit or gone; strike the exception" for key in exceptions.keys() - excess.keys()]
    found += [f"{key}: an exception needs a reason" for key, (_, reason) in exceptions.items() if len(reason) < 10]
    return sorted(found)
