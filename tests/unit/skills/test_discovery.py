"""Where skills are looked for, which of two wins, and what is never entered."""

from pathlib import Path

import pytest

from orchestra.skills import discovery
from orchestra.skills.discovery import MAX_DEPTH, Found, Root, discover, roots


def put(folder: Path, description: str = "D.") -> Path:
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(f"---\nname: {folder.name}\ndescription: {description}\n---\nDo it.")
    return folder


def names(found: Found) -> list[str]:
    return [skill.name for skill in found.skills]


def test_the_project_goes_before_the_user_with_a_warning(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    put(home / ".orchestra/skills/one", "the user's")
    put(home / ".agents/skills/two")
    put(project / ".agents/skills/one", "the project's")
    found = discover(tuple(reversed(roots(project, home))), trust=True)
    assert {skill.name: skill.description for skill in found.skills} == {"one": "the project's", "two": "D."}
    (diagnostic,) = found.diagnostics
    assert diagnostic.level == "warning" and "'one' is hidden" in diagnostic.problem


def test_without_trust_a_project_is_not_even_read(tmp_path: Path) -> None:
    put(tmp_path / "project/.orchestra/skills/one")
    put(tmp_path / "home/.orchestra/skills/two")
    found = discover(roots(tmp_path / "project", tmp_path / "home"))
    assert names(found) == ["two"]
    (diagnostic,) = found.diagnostics
    assert diagnostic.level == "skipped" and "not trusted" in diagnostic.problem


def test_roots_that_are_not_there_hold_nothing(tmp_path: Path) -> None:
    assert discover(roots(tmp_path / "none", tmp_path / "nowhere"), trust=True) == Found(skills=(), diagnostics=())


def test_skipped_folders_depth_and_skills_inside_skills(tmp_path: Path) -> None:
    put(tmp_path / ".git/one")
    put(tmp_path / "node_modules/two")
    put(tmp_path / "group/three/references/four")
    put(tmp_path / "group/five")
    (tmp_path / "group/three/SKILL.md").write_text("---\nname: three\ndescription: D.\n---\nDo it.")
    put(tmp_path.joinpath(*"ABCDEFGH"[:MAX_DEPTH]) / "six")
    put(tmp_path.joinpath(*"abcdefgh"[: MAX_DEPTH - 1]) / "seven")
    assert names(discover([Root(folder=tmp_path, scope="user")])) == ["five", "three", "seven"]


def test_the_number_of_folders_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAX_FOLDERS", 5)
    for number in range(9):
        put(tmp_path / f"s{number}")
    found = discover([Root(folder=tmp_path, scope="user")])
    assert names(found) == ["s0", "s1", "s2", "s3"]
    (diagnostic,) = found.diagnostics
    assert diagnostic.level == "warning" and "first 5 folders" in diagnostic.problem


def test_links_out_of_the_root_and_in_circles_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root / "inside")
    put(tmp_path / "outside")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "circle").symlink_to(root)
    (root / "again").symlink_to(root / "inside")
    (root / "broken").symlink_to(tmp_path / "nothing")
    found = discover([Root(folder=root, scope="user")])
    assert len(found.skills) == 1
    assert "leads out of its root" in " ".join(one.problem for one in found.diagnostics)


def test_a_broken_skill_does_not_hide_the_others(tmp_path: Path) -> None:
    (put(tmp_path / "bad") / "SKILL.md").write_bytes(b"\xff")
    put(tmp_path / "good")
    (tmp_path / "file").touch()
    found = discover([Root(folder=tmp_path, scope="shipped")])
    assert names(found) == ["good"] and found.diagnostics[0].level == "skipped"
