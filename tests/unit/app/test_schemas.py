"""The JSON Schemas for editors say what the loaders say: shipped files, and a corpus of broken ones."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from orchestra.agents.bundled import bundled_names, bundled_root
from orchestra.agents.files import load_agent_file
from orchestra.app.schemas import KINDS, Kind, schema_of, write_schemas
from orchestra.app.settings import settings_in
from orchestra.core.errors import BadDefinition
from orchestra.skills.files import load_skill
from orchestra.topologies.files import load_topology_file


def matter(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])


def valid(kind: Kind, data: Any) -> bool:
    return bool(Draft202012Validator(schema_of(kind)).is_valid(data))


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_a_schema_whose_every_field_is_described(kind: Kind) -> None:
    found = schema_of(kind)
    Draft202012Validator.check_schema(found)
    assert found["$schema"].endswith("2020-12/schema") and found["title"] and found["description"]
    for form in (found, *found.get("$defs", {}).values()):
        if "properties" in form:
            assert form["additionalProperties"] is False
            assert [name for name, field in form["properties"].items() if not field.get("description")] == []


def test_every_shipped_file_is_valid() -> None:
    for name in bundled_names("agents"):
        assert valid("agent", matter(bundled_root("agents") / f"{name}.md")), name
    for name in bundled_names("skills"):
        assert valid("skill", matter(bundled_root("skills") / name / "SKILL.md")), name
    for name in bundled_names("topologies"):
        text = (bundled_root("topologies") / f"{name}.yaml").read_text(encoding="utf-8")
        assert valid("topology", yaml.safe_load(text)), name


def agent(folder: Path, text: str) -> Any:
    (folder / "one.md").write_text(f"---\n{text}\n---\nPrompt.\n", encoding="utf-8")
    load_agent_file("one.md", folder)


def skill(folder: Path, text: str) -> Any:
    (folder / "one").mkdir(exist_ok=True)
    (folder / "one/SKILL.md").write_text(f"---\n{text}\n---\nDo it.\n", encoding="utf-8")
    load_skill(folder / "one")


def topology(folder: Path, text: str) -> Any:
    (folder / "one.yaml").write_text(text, encoding="utf-8")
    load_topology_file("one.yaml", folder)


def toml(folder: Path, text: str) -> Any:
    (folder / "orchestra.toml").write_text(text, encoding="utf-8")
    settings_in(folder)


LOADERS: dict[Kind, Callable[[Path, str], Any]] = {
    "agent": agent,
    "skill": skill,
    "topology": topology,
    "orchestra": toml,
}
GOOD: list[tuple[Kind, str]] = [
    ("agent", "description: D."),
    ("agent", "name: a\ndescription: D.\nprovides: x\nmodel: [a:b]\ncost_usd: '0.002'\noutput: {a: int}\nrisk: null"),
    ("agent", "description: D.\nhandoffs: [{to: b, mode: pass}]\ntemperature: 0\ntimeout_s: 1.5"),
    ("skill", "name: one\ndescription: D.\nmetadata: {a: b, orchestra.cost_usd: 0.1}\nallowed-tools: Read Bash(git:*)"),
    ("topology", "kind: sequential\nmembers: [a, {agent: b, task: t}]"),
    ("topology", "kind: parallel\nmembers: [a, b]\njoin: merge\nby: c\non_failure: 1\nanswer: {n: int}"),
    ("topology", "kind: hierarchical\nlead: l\nmembers: [{topology: {kind: hybrid, members: [a]}}]"),
    ("orchestra", '[app]\nteam = "shop.team:team"\n[agents]\nfolders = ["a"]\n[skills]\nfolders = []'),
    ("orchestra", ""),
]
BROKEN: list[tuple[Kind, str]] = [
    ("agent", "name: a"),
    ("agent", "description: ''"),
    ("agent", "description: D.\nname: two words"),
    ("agent", "description: D.\ncolour: red"),
    ("agent", "description: D.\nmax_tokens: 0"),
    ("agent", "description: D.\nmax_tokens: many"),
    ("agent", "description: D.\nmax_tokens: true"),
    ("agent", "description: D.\nmodel: 3"),
    ("agent", "description: D.\ntemperature: -1"),
    ("agent", "description: D.\ncost_usd: -1"),
    ("agent", "description: D.\ncost_usd: cheap"),
    ("agent", "description: D.\noutput: {a: date}"),
    ("agent", "description: D.\nexamples: one"),
    ("agent", "description: D.\nrisk: wild"),
    ("agent", "description: D.\nhandoffs: [b]"),
    ("agent", "description: D.\nhandoffs: [{to: b}]"),
    ("agent", "description: D.\nhandoffs: [{to: b, mode: pass, why: x}]"),
    ("skill", "name: one"),
    ("skill", "name: One\ndescription: D."),
    ("skill", "name: one-\ndescription: D."),
    ("skill", "description: D."),
    ("skill", "name: one\ndescription: ' '"),
    ("skill", "name: one\ndescription: [D.]"),
    ("skill", f"name: one\ndescription: {'x' * 1025}"),
    ("skill", f"name: one\ndescription: D.\ncompatibility: {'x' * 501}"),
    ("skill", "name: one\ndescription: D.\ncolour: red"),
    ("skill", "name: one\ndescription: D.\nmetadata: [a]"),
    ("skill", "name: one\ndescription: D.\nmetadata: {a: [b]}"),
    ("skill", "name: one\ndescription: D.\nallowed-tools: [Read]"),
    ("topology", "members: [a]"),
    ("topology", "kind: ring\nmembers: [a]"),
    ("topology", "kind: parallel"),
    ("topology", "kind: parallel\nmembers: []"),
    ("topology", "kind: parallel\nmembers: [3]"),
    ("topology", "kind: parallel\nmembers: [{task: t}]"),
    ("topology", "kind: parallel\nmembers: [{agent: a, capability: b}]"),
    ("topology", "kind: parallel\nmembers: [{capabilty: a}]"),
    ("topology", "kind: parallel\nname: 9 lives\nmembers: [a]"),
    ("topology", "kind: parallel\nmembers: [a]\njoin: most"),
    ("topology", "kind: parallel\nmembers: [a]\njoin: refine"),
    ("topology", "kind: parallel\nmembers: [a]\nby: b"),
    ("topology", "kind: parallel\nmembers: [a]\non_failure: 0"),
    ("topology", "kind: parallel\nmembers: [a]\non_failure: maybe"),
    ("topology", "kind: parallel\nmembers: [a]\nanswer: {n: int}"),
    ("topology", "kind: parallel\nmembers: [a]\njoin: vote\nanswer: {n: date}"),
    ("topology", "kind: sequential\nmembers: [a]\njoin: vote"),
    ("topology", "kind: hierarchical\nmembers: [a]"),
    ("topology", "kind: parallel\nmembers: [{topology: {kind: parallel}}]"),
    ("orchestra", '[app]\nteam = "shop"'),
    ("orchestra", "[app]"),
    ("orchestra", "[agents]\nfolders = 3"),
    ("orchestra", "[agents]\nfolders = [3]"),
    ("orchestra", "[skills]\ntrust = true"),
    ("orchestra", "[team]\nname = 'x'"),
]
# What only one of the two can see, and why.
ONLY_THE_LOADER: list[tuple[Kind, str]] = [
    ("agent", "description: D.\nmax_tokens: 5.0"),  # for JSON 5.0 is an integer; YAML knows two types
    ("agent", "description: D.\nskills: [unheard-of]"),  # what is shipped is not known to an editor
    ("agent", "description: D.\nname: a\nhandoffs: [{to: a, mode: pass}]"),  # one field against another's value
    ("skill", "name: other\ndescription: D."),  # the folder's name
    ("topology", "kind: hybrid\nmembers: [{capability: a, after: [b]}]"),  # names among the members
    ("topology", "kind: parallel\nmembers: [a]\non_failure: 2"),  # a count of the members
    ("topology", "kind: parallel\nmembers: [two words]"),  # '*' is a member, and not a name
    ("topology", "kind: parallel\nmembers: [{capability: a, after: [a]}]"),  # the order goes with the kind
]
ONLY_THE_SCHEMA: list[tuple[Kind, str]] = [
    ("skill", "name: one\ndescription: 3"),  # the standard's values are texts; the reader takes any scalar as one
    ("topology", "kind: parallel\nmembers: [{agent: a, capability: null}]"),  # null is the same as not written
]


def loads(kind: Kind, folder: Path, text: str) -> bool:
    try:
        LOADERS[kind](folder, text)
    except BadDefinition:
        return False
    return True


def data(kind: Kind, text: str) -> Any:
    return tomllib.loads(text) if kind == "orchestra" else yaml.safe_load(text)


@pytest.mark.parametrize(
    ("kind", "text", "schema", "loader"),
    [
        *((*one, True, True) for one in GOOD),
        *((*one, False, False) for one in BROKEN),
        *((*one, True, False) for one in ONLY_THE_LOADER),
        *((*one, False, True) for one in ONLY_THE_SCHEMA),
    ],
)
def test_schema_and_loader_agree(tmp_path: Path, kind: Kind, text: str, schema: bool, loader: bool) -> None:
    assert (valid(kind, data(kind, text)), loads(kind, tmp_path, text)) == (schema, loader)


def test_all_are_written(tmp_path: Path) -> None:
    names = write_schemas(tmp_path / "schemas")
    assert names == [f"{kind}.schema.json" for kind in KINDS]
    assert json.loads((tmp_path / "schemas/agent.schema.json").read_text()) == schema_of("agent")
    (tmp_path / "file").touch()
    with pytest.raises(BadDefinition, match="cannot be written"):
        write_schemas(tmp_path / "file")
