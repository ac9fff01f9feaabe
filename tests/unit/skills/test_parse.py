"""The standard's rules for a SKILL.md: what is read, what only warns, what cannot be used."""

from pathlib import Path

import pytest

from orchestra.core.errors import BadDefinition
from orchestra.skills.files import MAX_BYTES, load_skill, read_skill

WHOLE = """---
name: pdf-forms
description: >
  Fills in PDF forms.
  Use when a form has fields.
license: Apache-2.0
compatibility: Needs pypdf
metadata:
  version: 1.0
  orchestra.cost_usd: "0.002"
  orchestra.latency_s: 1.5
allowed-tools: Bash(git add:*) Read
---

# Fill in

Do it.
"""


def written(root: Path, text: str | bytes, name: str = "pdf-forms") -> Path:
    folder = root / name
    folder.mkdir(exist_ok=True)
    (folder / "SKILL.md").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize("text", [WHOLE, "\ufeff" + WHOLE, WHOLE.replace("\n", "\r\n")])
def test_every_field_is_read(tmp_path: Path, text: str) -> None:
    skill = load_skill(written(tmp_path, text))
    assert (skill.name, skill.description) == ("pdf-forms", "Fills in PDF forms. Use when a form has fields.")
    assert (skill.license, skill.compatibility) == ("Apache-2.0", "Needs pypdf")
    assert skill.metadata["version"] == "1.0" and skill.allowed_tools == ("Bash(git add:*)", "Read")
    assert (skill.cost_usd, skill.latency_s, skill.folder) == ("0.002", 1.5, tmp_path / "pdf-forms")


def test_what_is_not_given_is_empty(tmp_path: Path) -> None:
    skill = load_skill(written(tmp_path, "---\nname: pdf-forms\ndescription: D.\n---\nDo it."))
    assert (skill.license, skill.compatibility, dict(skill.metadata), skill.allowed_tools) == (None, None, {}, ())
    assert (skill.cost_usd, skill.latency_s) == ("0", 0.0)


NAMED = "name: pdf-forms\n"


@pytest.mark.parametrize(
    ("matter", "said"),
    [
        ("name: PDF\ndescription: D.", "line 2, field 'name': 'PDF' is not 1 to 64 lowercase"),
        ("name: -pdf\ndescription: D.", "field 'name'"),
        ("name: pdf--forms\ndescription: D.", "field 'name'"),
        ("name: pdf-forms-\ndescription: D.", "field 'name'"),
        ("name: päf\ndescription: D.", "field 'name'"),
        (f"name: {'a' * 65}\ndescription: D.", "field 'name'"),
        ("name: other\ndescription: D.", "field 'name': 'other' is not the folder's name, 'pdf-forms'"),
        ("description: D.", "line 1, field 'name': the name is missing"),
        ("name: ''\ndescription: D.", "line 2, field 'name': the name is missing"),
        (f"{NAMED}description: {'x' * 1025}", "line 3, field 'description': it has 1025 characters, 1024 are"),
        (f"{NAMED}description: D.\ncompatibility: {'x' * 501}", "line 4, field 'compatibility': .* 500 are allowed"),
        (f"{NAMED}description: D.\nlicense: [MIT]", "line 4, field 'license': it is not text"),
        (f"{NAMED}description: D.\nmetadata: x", "field 'metadata': it is not a mapping"),
        (f"{NAMED}description: D.\nmetadata:\n  a: [b]", "line 5, field 'metadata.a': it is not text"),
        (f"{NAMED}description: D.\nmetadata: {{a: 1, a: 2}}", "field 'metadata.a': it is given twice"),
        (f"{NAMED}description: D.\nmetadata: {{orchestra.cost_usd: cheap}}", "cost_usd': 'cheap' is not a number"),
        (f"{NAMED}description: D.\nmetadata: {{orchestra.cost_usd: 1e999999999}}", "cost_usd': .*is not a number from"),
        (f"{NAMED}description: D.\nmetadata: {{orchestra.latency_s: -1}}", "latency_s': '-1' is not a number"),
        (f"{NAMED}description: D.\nallowed-tools: [Read]", "field 'allowed-tools': it is a list"),
        (f"{NAMED}description: D.\nversion: 1", "line 4, field 'version': there is no such field; there are name"),
        (f"{NAMED}description: D.\ndescription: E.", "line 4, field 'description': it is given twice"),
    ],
)
def test_what_the_standard_forbids_warns_and_is_refused_strictly(tmp_path: Path, matter: str, said: str) -> None:
    folder = written(tmp_path, f"---\n{matter}\n---\nDo it.")
    with pytest.raises(BadDefinition, match=f"pdf-forms/SKILL.md, .*{said}"):
        load_skill(folder)
    skill, (diagnostic,) = read_skill(folder)
    assert skill is not None and diagnostic.level == "warning"
    assert len(skill.name) <= 64 and skill.cost_usd == "0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"---\n{NAMED}---\nDo it.", "line 1, field 'description': the description is missing"),
        (f"---\n{NAMED}description: ' '\n---\nDo it.", "line 3, field 'description': the description is missing"),
        (f"---\n{NAMED}description:\n---\nDo it.", "line 3, field 'description': it is not text"),
        (f"---\n{NAMED}description: [a]\n---\nDo it.", "field 'description': it is not text"),
        (f"---\n{NAMED}description: Use: when\n---\nDo it.", "line 3: .*not YAML: .*quote a value that holds"),
        (f'---\n{NAMED}description: "\\ud800"\n---\nDo it.', "line 3: half of a surrogate pair"),
        (f"---\n{NAMED}license: &a x\ndescription: *a\n---\nDo it.", "line 4: .*aliases are not allowed"),
        (f"---\n{NAMED}description: \0\n---\nDo it.", "line 3: .*not YAML: special characters"),
        (f"---\n? [a]\n: b\n{NAMED}---\nDo it.", "line 2: a key is not text"),
        ("---\n- a\n---\n", "line 2: its front matter is not a mapping"),
        ("---\n---\n", "description is missing"),
        ("---\n" + "[" * 5000 + "\n---\n", "not YAML: RecursionError"),
        ("---\n" + "#" * 40_000 + "\n---\n", "longer than 32768 characters"),
        (f"---\n{NAMED}", "line 1: its front matter is not closed"),
        ("Do it.", "line 1: it does not begin with front matter"),
        (b"---\n\n\xff", "line 3: it is not UTF-8"),
        (b" " * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_cannot_be_used_is_skipped(tmp_path: Path, text: str | bytes, said: str) -> None:
    folder = written(tmp_path, text)
    with pytest.raises(BadDefinition, match=said):
        load_skill(folder)
    skill, diagnostics = read_skill(folder)
    assert skill is None and "skipped" in {one.level for one in diagnostics}


def test_every_fault_is_listed_in_the_order_of_the_file(tmp_path: Path) -> None:
    folder = written(tmp_path, "---\nx: 1\nname: Bad Name\ndescription: D.\nlicense: {a: b}\n---\nDo it.")
    assert [(one.line, one.key) for one in read_skill(folder)[1]] == [(2, "x"), (3, "name"), (5, "license")]


@pytest.mark.parametrize(
    ("body", "said"), [("", "no instructions"), ("x\n" * 501, "501 lines"), ("word " * 5000, "about 6249 tokens")]
)
def test_advice_never_refuses(tmp_path: Path, body: str, said: str) -> None:
    folder = written(tmp_path, f"---\n{NAMED}description: D.\n---\n{body}")
    assert load_skill(folder).name == "pdf-forms"
    (diagnostic,) = read_skill(folder)[1]
    assert diagnostic.level == "advice" and said in diagnostic.problem


def test_a_type_tag_constructs_nothing(tmp_path: Path) -> None:
    text = f"---\n{NAMED}description: !!python/object/apply:os.system ['true']\n---\nDo it."
    assert read_skill(written(tmp_path, text))[0] is None
