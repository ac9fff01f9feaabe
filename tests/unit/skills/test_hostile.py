"""Whatever a skill's folder holds: BadDefinition at the worst, and no file outside it is opened."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition, BadInput
from orchestra.skills.catalogue import catalogue_entry
from orchestra.skills.discovery import Root, discover
from orchestra.skills.files import activated, load_skill, read_resource, read_skill, resource_names
from orchestra.skills.skill import Skill
from orchestra.skills.tool import skill_tool

WHOLE = b"---\nname: forms\ndescription: D.\n---\nDo it."
lenient = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
_touched: list[str] | None = None


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if _touched is not None and event in ("open", "os.scandir", "os.listdir"):
        _touched.append(str(args[0]))


sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """What is opened or listed meanwhile, by Python's own account."""
    global _touched
    seen: list[str] = []
    _touched = seen
    try:
        yield seen
    finally:
        _touched = None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "root" / "forms"
    (made / "references").mkdir(parents=True)
    (made / "SKILL.md").write_bytes(WHOLE)
    (made / "references" / "a.md").write_text("inside")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("outside")
    (tmp_path / "secret" / "SKILL.md").write_bytes(WHOLE)
    (made / "link").symlink_to(tmp_path / "secret")
    (made / "key.txt").symlink_to(tmp_path / "secret" / "key.txt")
    (made.parent / "stolen").symlink_to(tmp_path / "secret")
    return made


fields = st.sampled_from("name description license compatibility metadata allowed-tools x <<".split())
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=4), scalars, max_size=2)
marked_up = st.text(alphabet="-:[]{}&*!|>#%@,\"'\\ab01 \n\t\r\0\x85\u2028\ud800", max_size=60)


def survives(folder: Path, data: bytes) -> None:
    (folder / "SKILL.md").write_bytes(data)
    skill, diagnostics = read_skill(folder)
    for one in diagnostics:
        str(one).encode()
    if skill is None:
        assert any(one.level == "skipped" for one in diagnostics)
    else:
        (catalogue_entry(skill) + skill_tool([skill]).name + activated(skill)).encode()
    try:
        assert load_skill(folder) == skill
    except BadDefinition:
        assert any(one.level != "advice" for one in diagnostics)


@lenient
@given(data=st.binary(max_size=80))
@example(data=b"")
@example(data=b"name: " + b"[" * 2000)
@example(data=b"description: D.\nmetadata: {orchestra.latency_s: 1e400, orchestra.cost_usd: 9e99999}")
@example(data=b'name: "\\0"\ndescription: "\\ud800\\udc00"')
@example(data=b"description: D.\n? {a: b}\n: c")
def test_no_bytes_make_it_crash(folder: Path, data: bytes) -> None:
    survives(folder, data)
    survives(folder, b"---\n" + data + b"\n---\nDo it.")
    survives(folder, b"---\nname: forms\ndescription: D.\n---\n" + data)


@lenient
@given(lines=st.lists(st.tuples(fields, values), max_size=6), tail=marked_up)
def test_no_front_matter_makes_it_crash(folder: Path, lines: list[tuple[str, object]], tail: str) -> None:
    matter = "\n".join(f"{key}: {value!r}" for key, value in lines)
    survives(folder, f"---\n{matter}\n{tail}\n---\n{tail}".encode("utf-8", "surrogatepass"))


parts = st.sampled_from(["..", ".", "", "link", "references", "a.md", "key.txt", "SKILL.md", "~", "C:", "x" * 300])
paths = (
    st.lists(parts, max_size=5).map("/".join) | st.text(max_size=12) | st.sampled_from("\\ /".split()).map("..".join)
)


@lenient
@given(path=paths | paths.map(lambda path: "/" + path) | paths.map(lambda path: path.replace("/", "\\")))
@example(path="../secret/key.txt")
@example(path="link/key.txt")
@example(path="x" * 100_000)
def test_no_path_leads_out_of_the_skill(folder: Path, path: str) -> None:
    skill = Skill(name="forms", description="D.", folder=folder)
    with watched() as touched:
        try:
            assert read_resource(skill, path) in (WHOLE, b"inside")
        except BadInput as error:
            assert "outside" not in error.what or "outside the skill" in error.what
    assert all(Path(one).resolve().is_relative_to(folder.resolve()) for one in touched)


def test_nothing_outside_is_opened_or_listed(folder: Path, tmp_path: Path) -> None:
    with watched() as touched:
        found = discover([Root(folder=folder.parent, scope="project")], trust=True)
        (skill,) = found.skills
        assert resource_names(skill) == ("references/a.md",)
        activated(skill)
    below = [Path(one).resolve() for one in touched if Path(one).is_relative_to(tmp_path)]
    assert below and not [one for one in below if one.is_relative_to(tmp_path / "secret")]


@pytest.mark.parametrize("trust", [True, False])
def test_an_untrusted_project_is_not_opened(folder: Path, trust: bool) -> None:
    with watched() as touched:
        discover([Root(folder=folder.parent, scope="project")], trust=trust)
    assert any(Path(one).is_relative_to(folder.parent) for one in touched) is trust
