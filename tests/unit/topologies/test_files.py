"""Topology files: what is read, what is refused with its place, and the shipped ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra.agents.bundled import bundled_names, bundled_root, find_bundled
from orchestra.agents.files import load_agent_file
from orchestra.core.call import NodeName
from orchestra.core.errors import BadDefinition, UnknownName
from orchestra.tools.yamlfile import MAX_BYTES
from orchestra.topologies.auto import Auto
from orchestra.topologies.files import NESTING, load_topology_file, schema, topology_from
from orchestra.topologies.hierarchical import Hierarchical
from orchestra.topologies.hybrid import Hybrid
from orchestra.topologies.joins import JOINS
from orchestra.topologies.member import Member, Topology
from orchestra.topologies.parallel import Parallel
from orchestra.topologies.registry import topology_of
from orchestra.topologies.sequential import Sequential, sequential

WHOLE = """
kind: hybrid
description: Everything at once.
members:
  - research
  - agent: analyst
    task: Work it out.
    after: [research]
  - name: both
    topology:
      kind: parallel
      members: [a, a]
      join: vote
      on_failure: 1
join: compose
by: {capability: summary, task: Put it together.}
on_failure: continue
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "topologies"


def write(root: Path, text: str | bytes, name: str = "mine.yaml") -> str:
    root.mkdir(exist_ok=True)
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def test_every_field_is_read(root: Path) -> None:
    found = load_topology_file(write(root, WHOLE), root)
    inner = Parallel(members=(Member(target="a"), Member(target="a", name="a-2")), join="vote", on_failure=1)
    assert found == Hybrid(
        name="mine",
        description="Everything at once.",
        members=(
            Member(target="research"),
            Member(target=NodeName(name="analyst"), task="Work it out.", after=("research",)),
            Member(target=inner, name="both"),
        ),
        join="compose",
        by=Member(target="summary", task="Put it together."),
        on_failure="continue",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "mine.yaml, line 1, field 'kind': it is needed, and is one of sequential, parallel"),
        ("members: [a]\nkind: ring", "line 2, field 'kind': it is needed"),
        ("- a", "line 1: it is not a mapping"),
        ("kind: [a", "it is not YAML"),
        ("kind: parallel\nmembers: []", "line 2, field 'members': List should have at least 1 item"),
        ("kind: parallel", "line 1, field 'members': Field required"),
        ("kind: sequential\nmembers: [a]\njoin: vote", "line 3, field 'join': there is no such field; there are name,"),
        ("kind: parallel\nmembers:\n  - a\n  - capabilty: b", "line 4, field 'members.1.capabilty': .*capability,"),
        ("kind: parallel\nmembers:\n  - a\n  - 3", "line 4, field 'members.1': it should be the name of a capability"),
        ("kind: parallel\nmembers:\n  - task: t", "line 3, field 'members.0': say who"),
        ("kind: parallel\nmembers:\n  - two words", "line 3, field 'members.0': 'two words' cannot be a name"),
        ("kind: parallel\nmembers: [a]\njoin: most", "line 3, field 'join': Input should be 'all'"),
        ("kind: parallel\nmembers: [a]\njoin: refine", "line 3, field 'join': .*needs by"),
        ("kind: parallel\nmembers: [a]\non_failure: 4", "line 3, field 'on_failure': .*quorum from 1 to 1"),
        ("kind: parallel\nmembers: [a]\non_failure: maybe", "line 3, field 'on_failure': .*'fail' or 'continue', or"),
        ("kind: hierarchical\nmembers: [a]", "line 1, field 'lead': Field required"),
        ("kind: hybrid\nmembers:\n  - a\n  - capability: b\n    after: [c]", "line 5, field 'members.1.after': 'b' "),
        ("kind: hybrid\nmembers:\n  - capability: b\n    after: [b]", "line 4, field 'members.0.after': .*circle"),
        (
            "kind: parallel\nmembers:\n  - topology:\n      kind: hybrid\n      members: [{capability: x, after: [y]}]",
            "line 5, field 'members.0.topology.members.0.after': 'x' comes after 'y'",
        ),
        ("kind: parallel\nmembers:\n  - topology:\n      kind: no", "line 4, field 'members.0.topology.kind'"),
        ("kind: parallel\nname: 9 lives\nmembers: [a]", "line 2, field 'name': '9 lives' cannot be a name"),
        ("kind: parallel\nkind: hybrid", "line 2, field 'kind': it is given twice"),
        ("kind: parallel\nmembers:\n  - {name: a, name: b}", "line 3, field 'members.0.name': it is given twice"),
        ("kind: &a parallel\nmembers: [*a]", "line 2: .*aliases are not allowed"),
        ("kind: !!python/name:os.system", "line 1: .*could not determine a constructor"),
        (b"kind: parallel\n\xff", "line 2: it is not UTF-8"),
        (b"#" * (MAX_BYTES + 1), "larger than"),
        ("members: " + "[" * 5000, "not YAML: RecursionError"),
    ],
)
def test_a_fault_is_named_with_its_place(root: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(BadDefinition, match=said):
        load_topology_file(write(root, text), root)


def nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": "sequential", "members": ["a"]}
    for _ in range(levels):
        data = {"kind": "sequential", "members": [{"topology": data}]}
    return data


def test_topologies_nest_so_deep_and_no_deeper() -> None:
    assert topology_from(nested(NESTING)).name == "topology"
    endless: dict[str, Any] = {"kind": "sequential"}
    endless["members"] = [{"topology": endless}]
    for data in (nested(NESTING + 1), nested(200), endless):
        with pytest.raises(BadDefinition, match=f"more than {NESTING} deep"):
            topology_from(data)


def test_files_outside_the_root_are_refused(root: Path, tmp_path: Path) -> None:
    write(root, WHOLE)
    write(tmp_path, WHOLE, "outside.yaml")
    (root / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    for path in ("../outside.yaml", "link.yaml", tmp_path / "outside.yaml"):
        with pytest.raises(BadDefinition, match="outside its folder"):
            load_topology_file(path, root)


def test_a_topology_is_found_by_name_path_mapping_or_itself(root: Path) -> None:
    write(root, WHOLE)
    found = topology_of("mine", root)
    for path in (root / "mine.yaml", str(root / "mine.yaml")):
        assert topology_of(path, ".") == found and found.name == "mine"
    assert topology_of(found, root) is found
    assert topology_of({"kind": "sequential", "members": ["a"]}, root) == sequential("a", name="topology")
    assert topology_of("auto", root, ["research"]) == Auto(capabilities=("research",))
    for name in ("nobody", "", "a\0", "*"):
        with pytest.raises(UnknownName, match="there are auto, mine"):
            topology_of(name, root)
    nothing: tuple[Any, ...] = (3, None, {}, "../none.yaml")
    for one in nothing:
        with pytest.raises(BadDefinition):
            topology_of(one, root)


def targets(topology: Any) -> Iterator[str]:
    extra = (getattr(topology, key, None) for key in ("by", "lead", "report"))
    for member in (*topology.members, *(one for one in extra if one is not None)):
        assert isinstance(member.target, str)
        yield member.target


def test_the_shipped_topologies_are_the_four_and_every_capability_is_shipped_too() -> None:
    root = bundled_root("topologies")
    kinds: dict[str, type[Any]] = {
        "sequential": Sequential,
        "parallel": Parallel,
        "hierarchical": Hierarchical,
        "hybrid": Hybrid,
    }
    assert set(bundled_names("topologies")) == set(kinds)
    agents = (find_bundled("agents", name) for name in bundled_names("agents"))
    provided = {one for path in agents for one in load_agent_file(path, path.parent).provides or (path.stem,)}
    for name, kind in kinds.items():
        found: Any = topology_of(name, root)
        assert isinstance(found, kind) and found.name == name and found.description
        assert set(targets(found)) <= provided


def test_the_schema_names_every_kind_and_every_join() -> None:
    found = schema()
    assert set(found["discriminator"]["mapping"]) == {"sequential", "parallel", "hierarchical", "hybrid"}
    assert set(found["$defs"]["ParallelForm"]["properties"]["join"]["enum"]) == set(JOINS)
    assert not found["$defs"]["MemberForm"]["additionalProperties"]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
keys = st.sampled_from("kind members name topology capability after join by lead on_failure".split())
words = st.sampled_from("parallel hybrid hierarchical sequential a vote refine continue".split())
trees = st.recursive(
    scalars | words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


@settings(max_examples=200)
@given(data=st.dictionaries(keys, trees, max_size=5))
def test_no_mapping_makes_it_crash(data: dict[str, Any]) -> None:
    try:
        assert isinstance(topology_from(data), Topology)
    except BadDefinition as error:
        assert error.fix == "Correct the mapping."


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=80) | st.text("-:[]{}&*!|>#%@,\"'ab01 \n\t\r\0\x85", max_size=60).map(str.encode))
def test_no_bytes_make_it_crash(root: Path, data: bytes) -> None:
    for text in (data, b"kind: parallel\nmembers:\n  - " + data):
        try:
            assert load_topology_file(write(root, text), root).name
        except BadDefinition as error:
            assert "mine.yaml" in error.what
