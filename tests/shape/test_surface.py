import sys
from pathlib import Path
from types import ModuleType

import pytest

import orchestra
import orchestra.core.errors
from tests.shape import surface

PYPROJECT = """
[build-system]
requires = ["hatchling"]
[project]
dependencies = ["fine>=1", "tight>=1,<2", "exact==3", "close~=4.1"]
[project.optional-dependencies]
extra = ["Good_Name>=2"]
dev = ["tool>=1"]
"""


def test_exports() -> None:
    assert surface.export_faults(orchestra, orchestra._EXPORTS) == []


def test_type_checkers_see_the_same_exports(repository: Path) -> None:
    assert surface.type_mirror(repository / "orchestra/__init__.py") == orchestra._EXPORTS | {"errors": "orchestra"}


def test_export_faults_are_seen() -> None:
    package = ModuleType("stub")
    vars(package).update(__all__=["fine", "gone", "extra", "extra"], fine=1, extra=2)
    assert surface.export_faults(package, {"fine": "stub.a", "gone": "stub.b", "hidden": "stub.c"}) == [
        "extra: exported twice",
        "extra: in __all__, not in the lazy table",
        "gone: not in dir()",
        "gone: does not resolve: module 'stub' has no attribute 'gone'",
        "hidden: in the lazy table, not in __all__",
        "hidden: does not resolve: module 'stub' has no attribute 'hidden'",
    ]


def test_no_child_is_named_like_an_export(repository: Path) -> None:
    assert surface.shadowed_exports(repository / "orchestra", orchestra.__all__) == []


def test_a_child_named_like_an_export_is_seen(tmp_path: Path) -> None:
    for name in ("errors.py", "step.py", "other.py"):
        (tmp_path / name).touch()
    (tmp_path / "budget").mkdir()
    assert surface.shadowed_exports(tmp_path, ["Budget", "errors", "step"]) == [
        "budget: named like an export",
        "step.py: named like an export",
    ]


@pytest.mark.parametrize("error", list(surface.public_errors(orchestra.core.errors)), ids=lambda error: error.__name__)
def test_errors_pickle(error: type[Exception]) -> None:
    assert surface.pickle_faults(error) == []


class Forgetful(Exception):
    """Builds its message from what it does not hand to pickle."""

    def __init__(self, what: str, remedy: str = "ask again", **facts: object) -> None:
        super().__init__(f"{what}: {remedy}")


def test_an_error_that_does_not_pickle_is_seen() -> None:
    assert list(surface.public_errors(sys.modules[__name__])) == [Forgetful]
    assert len(surface.pickle_faults(Forgetful)) == 2


def test_nothing_is_pinned_from_above(repository: Path) -> None:
    assert surface.upper_pins(repository / "pyproject.toml") == []


def test_pins_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(PYPROJECT, encoding="utf-8")
    assert [line.rpartition(": ")[0].split(": ")[1][:5] for line in surface.upper_pins(path)] == [
        "hatch",
        "tight",
        "exact",
        "exact",
        "close",
        "close",
    ]
    assert surface.declared_names(path) == {"fine", "tight", "exact", "close", "good-name"}


def test_the_repository_speaks_of_the_project_alone(repository: Path) -> None:
    assert surface.foreign_words(repository) == []


@pytest.mark.parametrize("parts", [("/wo", "rk/main"), ("/t", "mp/x"), ("see Iss", "ue 12"), ("a far", "m-helper")])
def test_foreign_words_are_seen(parts: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("Fine.\n" + "".join(parts) + "\n", encoding="utf-8")
    assert [line.split(": ")[0] for line in surface.foreign_words(tmp_path)] == ["page.md:2"]
