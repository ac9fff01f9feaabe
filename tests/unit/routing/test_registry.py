"""Routers by name."""

import re
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest

from orchestra import routing
from orchestra.core.errors import BadDefinition, UnknownRouter
from orchestra.ports.router import Router, Terms
from orchestra.routing import registry
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.registry import NAME_TO_PLACE, router
from orchestra.routing.terms import terms_of
from tests.unit.routing.kit import question, seeded


@pytest.mark.parametrize("name", [*NAME_TO_PLACE, "fixed:b"])
def test_every_name_resolves_to_a_router_of_that_name(name: str) -> None:
    made = router(name)
    assert made.name == name
    assert made.choose(question("a", "b"), "k", seeded()).policy == name


def test_every_name_is_in_the_table_of_the_docs_with_what_it_is_told(repository: Path) -> None:
    page = (repository / "docs/routing.md").read_text(encoding="utf-8").partition("## Routers by name")[2]
    rows = [line.split(" | ") for line in page.partition("\n## ")[0].splitlines() if line.startswith(("| `", "| [`"))]
    told = {name: row[3] for row in rows for name in re.findall(r"`([^`]+)`", row[0])}
    assert {name: told.get(name) for name in NAME_TO_PLACE} == {
        name: _told(terms_of(router(name))) for name in NAME_TO_PLACE
    }


def _told(terms: Terms) -> str:
    return "all" if terms.training else {"none": "nothing", "bandit": "chosen"}[terms.feedback]


def test_an_object_is_itself() -> None:
    mine: Router = LinUCB("mine", alpha=0.2)
    assert router(mine) is mine
    with pytest.raises(BadDefinition, match="lacks choose"):
        router(object())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "linucb2", "fixed:", "cheapest:x"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownRouter, match=r"cheapest,.* fixed, fixed:NAME,.* linucb,.* linucb:shared,.* random"):
        router(name)


def test_importing_the_package_loads_no_numpy() -> None:
    modules = [name for _, name, _ in walk_packages(routing.__path__, f"{routing.__name__}.")]
    assert len(modules) > 50
    code = f"import sys, {', '.join(modules)}; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_other_packages_add_names(monkeypatch: pytest.MonkeyPatch) -> None:
    added = EntryPoint("theirs", "orchestra.routing.learners.simple:Cheapest", registry.GROUP)

    def entry_points(**selection: Any) -> EntryPoints:
        return EntryPoints([added]).select(**selection)

    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert router("theirs").name == "cheapest"
    with pytest.raises(UnknownRouter, match="theirs"):
        router("nobody's")
