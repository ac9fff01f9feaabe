"""Skills: a folder tree with links is discovered, what is found is parsed, activated and its files read.

Parts: a SKILL.md; lines that lay the tree (``dir P``, ``skill P``, ``file P``, ``link P KIND``); what a model asks the
tool ``use_skill`` for, as resources, one a line.
"""

from __future__ import annotations

from pathlib import Path

from orchestra.core.catalog import Code
from orchestra.core.errors import OrchestraError
from orchestra.skills.catalogue import catalogue_text
from orchestra.skills.discovery import Root, discover, roots
from orchestra.skills.files import load_skill, resource_names
from orchestra.skills.skill import Skill
from orchestra.skills.tool import skill_tool
from tests.fuzz.oracle import clean, fresh, parts, text, told, watched, world

MOST = 16


def target(data: bytes) -> None:
    file, tree, asked = parts(data, 3)
    folder = fresh("project")
    top = folder / ".orchestra" / "skills"
    _laid(top / "first", "skill", file)
    for line in text(tree).splitlines()[:MOST]:
        verb, _, rest = line.partition(" ")
        path, _, kind = rest.partition(" ")
        if (place := _below(top, path)) is not None:
            _laid(place, f"{verb} {kind}".strip(), file)
    with watched():
        load_skill(top / "first")
    with watched():
        found = discover([*roots(project=folder), Root(folder=top, scope="user")], trust=True)
        clean(catalogue_text(found.skills), *map(str, found.diagnostics))
        for one in found.diagnostics:
            told(one.error)
        for skill in found.skills[:MOST]:
            _used(skill, text(asked).splitlines()[:MOST])


def _used(skill: Skill, resources: list[str]) -> None:
    contract, body = skill_tool([skill]).contract, skill_tool([skill]).body
    assert isinstance(body, Code)
    for resource in ["", *resource_names(skill), *resources]:
        try:
            clean(body.fn(**contract.bind({"name": skill.name, "resource": resource or None})))
        except OrchestraError as error:
            told(error)


def _below(top: Path, path: str) -> Path | None:
    """The target itself must not write outside: names only, four deep."""
    names = path.split("/")
    plain = all(name not in ("", ".", "..") and "\0" not in name and len(name) < 60 for name in names)
    return top.joinpath(*names) if plain and len(names) <= 8 else None


def _laid(place: Path, what: str, file: bytes) -> None:
    verb, _, kind = what.partition(" ")
    outside = world() / "outside"
    links = {
        "out": outside,
        "secret": outside / "secret.txt",
        "skill": outside / "skill",
        "self": place,
        "up": place.parent,
        "md": outside / "skill" / "SKILL.md",
        "root": Path("/"),
        "gone": place / "gone",
    }
    try:
        if verb == "link":
            place.parent.mkdir(parents=True, exist_ok=True)
            if _contained(place.parent):
                place.symlink_to(links.get(kind, outside))
        elif _contained(place):
            (place if verb in ("dir", "skill") else place.parent).mkdir(parents=True, exist_ok=True)
            if verb == "skill":
                (place / "SKILL.md").write_bytes(file)
            elif verb == "file":
                place.write_bytes(file)
    except (OSError, UnicodeError, RuntimeError):
        return


def _contained(place: Path) -> bool:
    return place.resolve().is_relative_to(world() / "inside")
