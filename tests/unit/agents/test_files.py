"""Agent files: what is read, and what is refused with the place named."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from orchestra.agents.bundled import bundled_names, find_bundled
from orchestra.agents.files import load_agent_file
from orchestra.core.errors import BadDefinition
from orchestra.tools.yamlfile import MAX_BYTES

WHOLE = """---
name: analyst
description: Answers questions about orders.
provides: [analysis, "numbers"]
model: [openai:gpt-5-mini, openai:gpt-5]
tools: [find_order]
output: {answer: str, confidence: float, sources: "list[str]"}
max_tokens: 200
temperature: 0
cost_usd: "0.002"
examples:
  - Where is my order?
tags: [shop]
---

Answer {{ task.text }} from the tools only.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "agents"


def write(root: Path, text: str | bytes, name: str = "analyst.md") -> str:
    root.mkdir(exist_ok=True)
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def test_every_field_is_read(root: Path) -> None:
    file = load_agent_file(write(root, WHOLE), root)
    assert (file.name, file.description) == ("analyst", "Answers questions about orders.")
    assert (file.provides, file.model) == (("analysis", "numbers"), ("openai:gpt-5-mini", "openai:gpt-5"))
    assert (file.tools, file.examples, file.tags) == (("find_order",), ("Where is my order?",), ("shop",))
    assert (file.max_tokens, file.temperature, file.cost_usd) == (200, 0, "0.002")
    assert file.instructions == "Answer {{ task.text }} from the tools only."
    answer = {"answer": "a", "confidence": 1.0, "sources": ["b"]}
    assert TypeAdapter(file.output_type).validate_python(answer) == answer


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
def test_the_name_defaults_to_the_file(root: Path, prefix: bytes) -> None:
    file = load_agent_file(write(root, prefix + b"---\r\ndescription: D.\r\nmodel: m:x\r\n---\r\nHi.\r\n"), root)
    assert (file.name, file.model, file.provides, file.output_type) == ("analyst", ("m:x",), None, None)
    assert file.instructions == "Hi."


@pytest.mark.parametrize(
    ("matter", "said"),
    [
        ("name: a\ndescription: D.\nprovide: x", "line 4, field 'provide': there is no such field.*provides"),
        ("description: D.\nmax_tokens: many", "line 3, field 'max_tokens': Input should be a valid integer"),
        ("description: D.\nmax_tokens: true", "line 3, field 'max_tokens'"),
        ("description: D.\nmax_tokens: 0", "line 3, field 'max_tokens': .* greater than or equal to 1"),
        ("description: D.\nmodel: 3", "line 3, field 'model': .*valid string, or .*valid list"),
        ("description: D.\ntemperature: .nan", "line 3, field 'temperature': .*finite"),
        ("description: D.\ncost_usd: -1", "line 3, field 'cost_usd': .*finite number >= 0"),
        ("description: D.\ncost_usd: .inf", "line 3, field 'cost_usd'"),
        ("description: D.\ncost_usd: cheap", "line 3, field 'cost_usd': .*not a number"),
        ("description: D.\noutput: {a: date}", "line 3, field 'output.a': Input should be 'str'"),
        ("description: D.\noutput: []", "line 3, field 'output': Input should be a valid dictionary"),
        ("description: D.\nrisk: none", "line 3, field 'risk': Input should be 'low', 'medium' or 'high'"),
        ("description: D.\nmax_turns: 0", "line 3, field 'max_turns': .* greater than or equal to 1"),
        ("description: D.\ntimeout_s: soon", "line 3, field 'timeout_s': Input should be a valid number"),
        ("description: D.\nprovides: [a, 3]", "line 3, field 'provides': Input should be a valid string"),
        ("description: D.\nexamples: one", "line 3, field 'examples': Input should be a valid list"),
        ("description: D.\nhandoffs: [a]", "line 3, field 'handoffs.0': say whether control returns"),
        ("description: D.\nhandoffs:\n  - to: a", "line 4, field 'handoffs.0.mode': Field required"),
        ("description: D.\nhandoffs:\n- to: a\n  mode: x", "line 5, field 'handoffs.0.mode': .*'return' or 'pass'"),
        ("description: D.\nskills: [juggling]", "line 3, field 'skills': No skill is named 'juggling'; .*Looked in"),
        ("description: ''", "line 2, field 'description': String should have at least 1 character"),
        ("description: D.\nname: two words", "line 3, field 'name': 'two words' cannot be a name"),
        ("description: D.\nname: a\nname: b", "analyst.md, line 4, field 'name': it is given twice"),
        ("description: D.\n? [a]\n: b", "line 3: a key is not text"),
        ("name: a", "line 1, field 'description': Field required"),
        ("", "field 'description': Field required"),
        ("- a", "line 2: its front matter is not a mapping"),
        ("description: [a", "not YAML"),
        ("description: D.\ntags: &a [x]\nexamples: *a", "line 4: .*aliases are not allowed"),
        ("description: !!python/name:os.system", "line 2: .*not YAML: could not determine a constructor"),
        ("description: D.\ntags: [\0]", "line 3: its front matter is not YAML: special characters"),
        ("description: " + "[" * 5000, "not YAML: RecursionError"),
    ],
)
def test_a_bad_field_is_named_with_its_line(root: Path, matter: str, said: str) -> None:
    with pytest.raises(BadDefinition, match=said):
        load_agent_file(write(root, f"---\n{matter}\n---\nPrompt."), root)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: it does not begin with front matter"),
        ("description: D.", "line 1: it does not begin with front matter"),
        ("---\ndescription: D.", "not closed by a line ---"),
        ("---\ndescription: D.\n---\n \n", "line 4: the prompt below the front matter is missing"),
        ("---\ndescription: D.\n---\n\n{% if %}", "line 5: .*Expected an expression"),
        ("---\ndescription: D.\n---\n{{ task }} {{ user }}", "user is undefined. .*|may use task"),
        (b"---\ndescription: D.\n---\n\xff", "line 4: it is not UTF-8"),
        (b" " * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_a_bad_file_is_refused(root: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(BadDefinition, match=said):
        load_agent_file(write(root, text), root)


def test_files_outside_the_root_are_refused(root: Path, tmp_path: Path) -> None:
    write(root, WHOLE)
    write(tmp_path, WHOLE, "outside.md")
    (root / "link.md").symlink_to(tmp_path / "outside.md")
    for path in ("../outside.md", "link.md", tmp_path / "outside.md"):
        with pytest.raises(BadDefinition, match="outside its folder"):
            load_agent_file(path, root)
    for path, said in [("none.md", "cannot be opened"), ("a\0b", "cannot be opened"), (".", "not a file")]:
        with pytest.raises(BadDefinition, match=said):
            load_agent_file(path, root)
    assert load_agent_file(root / "analyst.md", root).path == (root / "analyst.md").resolve()


@pytest.mark.parametrize("name", bundled_names("agents"))
def test_the_shipped_agents_are_valid(name: str) -> None:
    path = find_bundled("agents", name)
    assert load_agent_file(path, path.parent).name == name


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
fields = st.sampled_from(["name", "description", "provides", "model", "output", "cost_usd", "temperature", "<<", "x"])
lines = st.lists(st.tuples(fields, scalars | st.lists(scalars, max_size=2)), max_size=5)
marked_up = st.text(alphabet="-:[]{}&*!|>#%@,\"'ab01 \n\t\r\0\x85", max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.binary(max_size=80))
@example(data=b"---\n!!bool x: 1\n---\n")
@example(data=b"---\ndescription: !!float x\n---\nx")
@example(data=b"---\n1: 2\n2001-99-99: x\n---\nx")
@example(data=b"---\ndescription: 0o9\n=: =\n---\nx")
def test_no_bytes_make_it_crash(root: Path, data: bytes) -> None:
    survives(root, data)
    survives(root, b"---\n" + data + b"\n---\nPrompt.")
    survives(root, b"---\ndescription: D.\n---\n{{" + data + b"}}")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=marked_up, rows=lines)
def test_no_yaml_makes_it_crash(root: Path, text: str, rows: list[tuple[str, Any]]) -> None:
    matter = "\n".join(f"{key}: {value}" for key, value in rows)
    survives(root, textwrap.dedent(f"---\n{matter}\n---\nPrompt.").encode("utf-8", "replace"))
    survives(root, f"---\ndescription: D.\n{text}\n---\nPrompt.".encode())


def survives(root: Path, data: bytes) -> None:
    try:
        file = load_agent_file(write(root, data), root)
    except BadDefinition as error:
        assert "analyst.md" in error.what
        return
    assert file.name and file.instructions
