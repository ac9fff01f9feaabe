"""Gate on errors: what people meet here says in its own words what to do, not in those of its class."""

import ast
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.shape.tree import python_files

# Their classes' own remedies are of definitions and limits, or there is none.
NEED_A_REMEDY = {"BadDefinition", "BadNumber", "ExtraMissing", "MissingKey", "UnknownName"}
FOLDERS = ("orchestra/embeddings", "orchestra/evaluation", "orchestra/routing")
# path -> (how many are without one, reason). Only ever made shorter.
EXCEPTIONS: dict[str, tuple[int, str]] = {}


def bare(root: Path, folder: Path) -> Counter[str]:
    """How many errors of these classes are made in each file without a remedy."""
    return Counter(
        path.relative_to(root).as_posix()
        for path, tree in python_files(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) in NEED_A_REMEDY and not _says_what_to_do(node)
    )


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _says_what_to_do(call: ast.Call) -> bool:
    given = [item.value for item in call.keywords if item.arg == "remedy"]
    return bool(given) and not (isinstance(given[0], ast.Constant) and not given[0].value)


def without_remedy(root: Path, folders: list[Path], exceptions: Mapping[str, tuple[int, str]]) -> list[str]:
    """Files with more or fewer of them than allowed, and exceptions without a reason."""
    found = sum((bare(root, folder) for folder in folders), Counter[str]())
    allowed = {path: count for path, (count, _) in exceptions.items()}
    return sorted(
        [
            f"{path}: {found[path]} errors without remedy=, allowed {allowed.get(path, 0)}"
            for path in found.keys() | allowed.keys()
            if found[path] != allowed.get(path, 0)
        ]
        + [f"{path}: an exception needs a reason" for path, (_, reason) in exceptions.items() if len(reason) < 10]
    )


def test_errors_say_what_to_do(repository: Path) -> None:
    assert without_remedy(repository, [repository / name for name in FOLDERS], EXCEPTIONS) == []


BARE = "def f():\n    raise BadDefinition('a')\n\ndef g():\n    return errors.BadNumber('b', remedy='')\n"
GOOD = "def f(fix):\n    raise BadDefinition('a', remedy=fix) from None\n\ndef g():\n    raise NoProvider('b')\n"


def test_those_that_do_not_are_seen(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text(BARE, encoding="utf-8")
    (tmp_path / "good.py").write_text(GOOD, encoding="utf-8")
    assert without_remedy(tmp_path, [tmp_path], {}) == ["bare.py: 2 errors without remedy=, allowed 0"]
    assert without_remedy(tmp_path, [tmp_path], {"bare.py": (2, "these two are never met")}) == []
    assert without_remedy(tmp_path, [tmp_path], {"bare.py": (2, "")}) == ["bare.py: an exception needs a reason"]
    stale = {"bare.py": (2, "these two are never met"), "good.py": (1, "this one is never met")}
    assert without_remedy(tmp_path, [tmp_path], stale) == ["good.py: 0 errors without remedy=, allowed 1"]
