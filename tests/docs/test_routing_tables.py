"""The tables of routers say what the routers declare, and every module that a page names is there."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from orchestra.routing.registry import NAME_TO_PLACE, router
from orchestra.routing.terms import facts_of

ROOT = Path(__file__).resolve().parent.parent.parent
WHEN = {"before": "before", "during": "at each step", "after": "after"}
TOLD = {"none": "nothing", "bandit": "chosen", "full": "all"}
PATH = re.compile(r"(?<![\w./-])orchestra\.\w+(?:\.\w+)*")
PACKAGES = {path.parent.name for path in (ROOT / "orchestra").glob("*/__init__.py")}


def table(page: str, width: int) -> list[list[str]]:
    rows = [line.strip("|").split("|") for line in (ROOT / page).read_text("utf-8").splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in row] for row in rows if len(row) == width and "`" in row[0]]


def test_the_table_of_routers_says_what_they_declare() -> None:
    found: dict[str, tuple[str, str]] = {}
    for names, _, when, told, _ in table("docs/routing.md", 5):
        for name in re.findall(r"`([^`]+)`", names):
            assert name not in found, f"{name} has two rows"
            found[name] = (when, told)
    facts = {name: facts_of(router(name)) for name in NAME_TO_PLACE}
    assert {name: found[name] for name in found if ":" not in name or name in facts}.keys() >= facts.keys()
    wrong = {name: found[name] for name, f in facts.items() if found[name] != (WHEN[f["when"]], TOLD[f["feedback"]])}
    assert wrong == {}


def test_every_form_of_composition_lies_where_the_page_says() -> None:
    found = table("docs/composition.md", 3)
    names = [re.match(r"`(\w+)\(", form) for form, _, _ in found]
    assert {match[1] for match in names if match} == {
        "Chain", "Fallback", "Flags", "Floored", "Guarded", "Preferences", "Shadow", "Canary", "Frozen"
    }  # fmt: skip
    for match, (form, _, module) in zip(names, found, strict=True):
        assert match and hasattr(import_module(f"orchestra.routing.compositions.{module.strip('`')}"), match[1]), form


def is_there(path: str) -> bool:
    """A module, or what a module holds."""
    first, *rest = path.split(".")
    found = import_module(first)
    for name in rest:
        if not hasattr(found, name):
            try:
                import_module(f"{found.__name__}.{name}")
            except (ImportError, AttributeError):
                return False
        found = getattr(found, name)
    return True


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.stem
)
def test_every_module_that_a_page_names_is_there(page: Path) -> None:
    """Other names begin alike: attributes of spans, files, groups of entry points. Those stand for no package."""
    named = {path for path in PATH.findall(page.read_text("utf-8")) if path.split(".")[1] in PACKAGES}
    assert [path for path in sorted(named) if not is_there(path)] == []


def test_a_module_that_is_gone_is_seen() -> None:
    assert is_there("orchestra.routing.compositions.flags.Flags") and not is_there("orchestra.routing.flags")
