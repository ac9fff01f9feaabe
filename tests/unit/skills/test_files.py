"""Instructions and resources: found by name, confined to the skill's folder."""

import os
from pathlib import Path

import pytest

from orchestra.core.errors import BadDefinition, BadInput
from orchestra.skills.files import (
    MAX_LISTED,
    activated,
    load_skill,
    read_body,
    read_resource,
    read_resource_text,
    read_skill,
    resource_names,
)
from orchestra.skills.skill import Skill

TEXT = "---\nname: forms\ndescription: D.\n---\n\nDo {it}.\n"


@pytest.fixture
def skill(tmp_path: Path) -> Skill:
    folder = tmp_path / "skills" / "forms"
    for name, data in {
        "SKILL.md": TEXT.encode(),
        "notes.md": b"notes",
        "references/details.md": "über".encode(),
        "assets/logo.png": b"\x89PNG\xff",
        "a/b/c.md": b"too deep",
        ".git/config": b"hidden",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (tmp_path / "secret.txt").write_text("secret")
    return load_skill(folder)


def test_the_body_is_read_when_it_is_asked_for(skill: Skill) -> None:
    (skill.folder / "SKILL.md").write_text(TEXT + "Then stop.")
    assert read_body(skill) == "Do {it}.\nThen stop."
    (skill.folder / "SKILL.md").unlink()
    with pytest.raises(BadDefinition, match="'forms' cannot be read"):
        read_body(skill)


def test_activation_names_the_files_beside(skill: Skill) -> None:
    assert resource_names(skill) == ("assets/logo.png", "notes.md", "references/details.md")
    assert activated(skill).startswith("Do {it}.\n\nFiles of this skill")
    assert activated(skill).endswith("\nassets/logo.png\nnotes.md\nreferences/details.md")


def test_resources_are_read_by_relative_path(skill: Skill) -> None:
    assert read_resource_text(skill, "references/details.md") == "über"
    assert read_resource_text(skill, "./notes.md") == "notes"
    assert read_resource(skill, "assets/logo.png") == b"\x89PNG\xff"
    with pytest.raises(BadInput, match="not UTF-8"):
        read_resource_text(skill, "assets/logo.png")
    with pytest.raises(BadInput, match="larger than 4 bytes"):
        read_resource(skill, "notes.md", max_bytes=4)


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "..", "/", "/etc/passwd", "../../secret.txt", "references/../notes.md", "a/b/c.md", "a//c.md"),
        *("a\0b", "C:notes.md", "..\\secret.txt", "x" * 600, "notes.md/", "././notes.md"),
    ],
)
def test_other_paths_are_refused(skill: Skill, path: str) -> None:
    with pytest.raises(BadInput, match="not a path inside the skill"):
        read_resource(skill, path)


@pytest.mark.parametrize("path", ["none.md", "references", "x" * 300, "\ud800", "notes.md/x"])
def test_what_is_no_file_says_so_without_telling_where_the_folder_lies(skill: Skill, path: str) -> None:
    with pytest.raises(BadInput, match="cannot be read") as caught:
        read_resource(skill, path)
    assert str(skill.folder.parent) not in str(caught.value)


def test_links_that_lead_outside_are_neither_listed_nor_read(skill: Skill, tmp_path: Path) -> None:
    (skill.folder / "out.md").symlink_to(tmp_path / "secret.txt")
    (skill.folder / "outside").symlink_to(tmp_path)
    (skill.folder / "loop").symlink_to(skill.folder / "loop")
    (skill.folder / "in.md").symlink_to(skill.folder / "notes.md")
    assert read_resource_text(skill, "in.md") == "notes" and "in.md" in resource_names(skill)
    assert not {"out.md", "outside/secret.txt", "loop"} & set(resource_names(skill))
    for path in ("out.md", "outside/secret.txt"):
        with pytest.raises(BadInput, match="outside the skill's folder"):
            read_resource(skill, path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_resource(skill, "loop")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_does_not_hang(skill: Skill) -> None:
    os.mkfifo(skill.folder / "pipe")
    with pytest.raises(BadInput, match="not a file"):
        read_resource(skill, "pipe")


def test_the_list_is_bounded(skill: Skill) -> None:
    for number in range(MAX_LISTED + 20):
        (skill.folder / "references" / f"{number}.md").touch()
    assert len(resource_names(skill)) <= MAX_LISTED


def test_a_skill_file_that_is_a_link_out_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "SKILL.md").write_text(TEXT)
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms" / "SKILL.md").symlink_to(tmp_path / "SKILL.md")
    skill, (diagnostic,) = read_skill(tmp_path / "forms")
    assert skill is None and "outside" in diagnostic.problem


@pytest.mark.parametrize("folder", ["nowhere", "a\0b", "x" * 5000, "\ud800"])
def test_a_folder_that_is_not_there_is_a_diagnostic(tmp_path: Path, folder: str) -> None:
    skill, (diagnostic,) = read_skill(tmp_path / folder)
    assert skill is None and diagnostic.level == "skipped"
    str(diagnostic).encode()
    with pytest.raises(BadDefinition, match="cannot be read"):
        load_skill(tmp_path / folder)
