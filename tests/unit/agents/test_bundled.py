"""Shipped definitions are found by name."""

from pathlib import Path
from typing import Literal

import pytest

from orchestra.agents import bundled
from orchestra.agents.bundled import bundled_names, bundled_root, find_bundled
from orchestra.core.errors import UnknownAgent, UnknownName

KINDS: tuple[Literal["agents", "skills", "topologies"], ...] = ("agents", "skills", "topologies")


@pytest.mark.parametrize("kind", KINDS)
def test_everything_listed_is_found(kind: Literal["agents", "skills", "topologies"]) -> None:
    assert bundled_names(kind)
    for name in bundled_names(kind):
        found = find_bundled(kind, name)
        assert found.name.startswith(name) and found.is_dir() == (kind == "skills")


@pytest.mark.parametrize("name", ["nobody", "../README", "", "*", "a/b", "a\0"])
def test_an_unknown_name_lists_what_there_is(name: str) -> None:
    with pytest.raises(UnknownAgent, match=", ".join(bundled_names("agents"))):
        find_bundled("agents", name)
    with pytest.raises(UnknownName, match="skills/"):
        find_bundled("skills", name)


def test_an_installed_package_never_looks_beside_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "foreign.md").write_text("not ours")
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path / "orchestra")
    assert bundled_names("agents") == ()
    shipped = tmp_path / "orchestra" / "bundled" / "agents"
    shipped.mkdir(parents=True)
    (shipped / "ours.md").write_text("ours")
    (tmp_path / "pyproject.toml").touch()
    assert bundled_root("agents") == shipped and find_bundled("agents", "ours") == shipped / "ours.md"
