import shutil
from pathlib import Path

import pytest

from tests.shape import imports, surface

HEAVY = (
    "openai",
    "anthropic",
    "numpy",
    "networkx",
    "opentelemetry.sdk",
    "sqlite3",
    "jinja2",
    "yaml",
    "httpx2",
    "psycopg",
    "genai_prices",
)
MOST_MODULES = 350

# Each breaks one contract of pyproject.toml: the file, what it says, and the contract's name as it is printed.
BROKEN_CONTRACTS = {
    "upward": ("core/a.py", "import orchestra.ports.p", "a module imports only from floors below it BROKEN"),
    "upward for typing": (
        "core/a.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from orchestra.ports import p\n",
        "a module imports only from floors below it BROKEN",
    ),
    "sideways": ("graph/a.py", "import orchestra.tools.t", "a module imports only from floors below it BROKEN"),
    "off the floors": ("helpers.py", "", "a module imports only from floors below it BROKEN"),
    "hidden I/O": (
        "routing/a.py",
        "def load() -> None:\n    import sqlite3\n",
        "logic does no I/O, not even through another package BROKEN",
    ),
    "I/O through another package": (
        "agents/a.py",
        "import orchestra.models.client",
        "logic does no I/O, not even through another package BROKEN",
    ),
    "runtime knows a learner": (
        "runtime/a.py",
        "import orchestra.routing.r",
        "the runtime sees core and ports only BROKEN",
    ),
    "core needs a library": ("core/a.py", "import pydantic", "core needs the standard library only BROKEN"),
    "a loop elsewhere": ("app/a.py", "import anyio", "only runtime and connectors start tasks and retries BROKEN"),
    "a vendor elsewhere": ("cli/a.py", "import openai", "vendors' libraries are met in models only BROKEN"),
}


def write(folder: Path, path_to_text: dict[str, str]) -> Path:
    """A stub tree: every folder on the way becomes a package."""
    for name, text in path_to_text.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in [path.parent, *path.parent.parents]:
            if parent == folder:
                break
            (parent / "__init__.py").touch()
        path.write_text(text, encoding="utf-8")
    return folder


def stub_orchestra(folder: Path, repository: Path, extra: dict[str, str]) -> Path:
    """A small package named like ours, good but for what is added, under our own contracts."""
    shutil.copy(repository / "pyproject.toml", folder)
    good = {
        "core/c.py": "",
        "ports/p.py": "import orchestra.core.c",
        "tools/t.py": "import orchestra.ports.p",
        "models/client.py": "def ask() -> None:\n    import openai\n",
        "routing/r.py": "import orchestra.ports.p",
        "runtime/loop.py": "import anyio, tenacity, orchestra.core.c",
        "app/build.py": "import orchestra.runtime.loop, orchestra.models.client, orchestra.routing.r",
        "cli/main.py": "import orchestra.app.build",
    }
    return write(folder, {f"orchestra/{name}": text for name, text in (good | extra).items()})


def test_contracts_hold(repository: Path) -> None:
    process = imports.lint_imports(repository)
    assert process.returncode == 0, process.stdout + process.stderr


def test_contracts_accept_the_good_stub(tmp_path: Path, repository: Path) -> None:
    process = imports.lint_imports(stub_orchestra(tmp_path, repository, {}))
    assert process.returncode == 0, process.stdout + process.stderr
    assert "0 broken" in process.stdout


@pytest.mark.parametrize("fault", BROKEN_CONTRACTS)
def test_contracts_see(fault: str, tmp_path: Path, repository: Path) -> None:
    path, text, verdict = BROKEN_CONTRACTS[fault]
    process = imports.lint_imports(stub_orchestra(tmp_path, repository, {path: text}))
    assert process.returncode == 1
    assert verdict in process.stdout, process.stdout + process.stderr


def test_no_module_imports_its_own_parent(repository: Path) -> None:
    assert imports.ancestor_imports(repository / "orchestra") == []


@pytest.mark.parametrize(
    "text", ["from stub.part import b", "from . import b", "from stub import part", "def f():\n    import stub"]
)
def test_an_import_of_the_parent_is_seen(text: str, tmp_path: Path) -> None:
    write(tmp_path, {"stub/part/a.py": text, "stub/part/b.py": "", "stub/part/good.py": "import stub.part.b"})
    found = imports.ancestor_imports(tmp_path / "stub")
    assert len(found) == 1
    assert "stub.part.a imports its own parent" in found[0]


def test_the_import_graph_has_no_circle() -> None:
    assert imports.import_cycle("orchestra") == ()


def test_a_circle_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One arm of the circle is for typing only, the other hides in a function."""
    typing_only = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import stub_circle.b\n"
    write(tmp_path, {"stub_circle/a.py": typing_only, "stub_circle/b.py": "def f():\n    import stub_circle.a\n"})
    monkeypatch.syspath_prepend(tmp_path)
    assert {"stub_circle.a", "stub_circle.b"} <= set(imports.import_cycle("stub_circle"))


def test_a_package_and_its_child_importing_each_other_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"stub_family/part/child.py": "import stub_family.part"})
    (tmp_path / "stub_family/part/__init__.py").write_text("import stub_family.part.child", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert {"stub_family.part", "stub_family.part.child"} <= set(imports.import_cycle("stub_family"))


def test_subpackages_have_empty_inits(repository: Path) -> None:
    assert imports.filled_inits(repository / "orchestra") == []


def test_a_filled_init_is_seen(tmp_path: Path) -> None:
    write(tmp_path, {"stub/part/a.py": "", "stub/good/a.py": ""})
    write(tmp_path, {"stub/testing/part/a.py": "", "stub/part/testing/a.py": ""})
    (tmp_path / "stub/part/__init__.py").write_text('"""Fine."""\nVERSION = 1\n', encoding="utf-8")
    (tmp_path / "stub/good/__init__.py").write_text('"""Fine."""\n', encoding="utf-8")
    for public in ("testing", "testing/part", "part/testing"):
        (tmp_path / "stub" / public / "__init__.py").write_text("VERSION = 1\n", encoding="utf-8")
    found = imports.filled_inits(tmp_path / "stub")
    expected = ["stub/part/__init__.py", "stub/part/testing/__init__.py", "stub/testing/part/__init__.py"]
    assert sorted(line.split(":")[0] for line in found) == expected


def test_every_import_is_declared(repository: Path) -> None:
    declared = surface.declared_names(repository / "pyproject.toml")
    assert imports.undeclared_imports(repository / "orchestra", declared) == []


def test_an_undeclared_import_is_seen(tmp_path: Path) -> None:
    write(tmp_path, {"stub/a.py": "import json, pytest\nimport pydantic.fields\n"})
    found = imports.undeclared_imports(tmp_path / "stub", {"pydantic"})
    assert [line.split(" comes ")[0] for line in found] == ["stub/a.py:1: pytest"]


def test_the_import_is_light() -> None:
    loaded = imports.loaded_modules("orchestra")
    assert imports.heavy_modules(loaded, HEAVY) == []
    assert len(loaded) <= MOST_MODULES


def test_a_heavy_import_is_seen(tmp_path: Path) -> None:
    write(tmp_path, {"stub_heavy/part.py": "import sqlite3"})
    (tmp_path / "stub_heavy/__init__.py").write_text("import stub_heavy.part", encoding="utf-8")
    loaded = imports.loaded_modules("stub_heavy", tmp_path)
    assert imports.heavy_modules(loaded, HEAVY) == ["sqlite3"]
