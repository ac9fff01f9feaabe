"""The built wheel, in an environment of its own, used from the file system's root: the checkout cannot help it."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

# Builds and installs, also where the machine is busy with other things.
pytestmark = pytest.mark.timeout(120)
DATA_FOLDERS = ("agents", "skills", "topologies")

PROBE = """
import importlib, importlib.metadata, importlib.resources, json, os, pkgutil, sys
import orchestra
bundled = importlib.resources.files("orchestra") / "bundled"

def names(folder, prefix=""):
    for entry in folder.iterdir():
        if entry.name == "__pycache__":
            continue  # the installer compiles the skills' scripts
        if entry.is_dir():
            yield from names(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name

for module in pkgutil.walk_packages(orchestra.__path__, "orchestra."):
    importlib.import_module(module.name)
print(json.dumps({
    "version": importlib.metadata.version("orchestra-router"),
    "bundled": sorted(names(bundled)),
    "path": [os.path.realpath(entry) for entry in sys.path],
    "files": [m.__file__ for n, m in sorted(sys.modules.items()) if n.split(".")[0] == "orchestra"],
}))
"""


def run(*command: str | Path, cwd: Path = Path("/")) -> str:
    """Runs a command without this process's Python paths and returns what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    process = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """Built from the source distribution, so that both are whole."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, repository)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel. Only its dependencies are borrowed from this one.

    They come by one line of a .pth file: Python adds that folder to the path but does not read the .pth files in it,
    so an editable install of the checkout stays out of reach. That all of them are declared is a gate of its own.
    """
    borrowed = Path(sysconfig.get_paths()["purelib"])
    assert not (borrowed / "orchestra/__init__.py").exists(), "a copy here would hide what the wheel lacks"
    home = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", "--without-pip", home)
    python = home / "bin/python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    paths = json.loads(run(python, "-c", "import json, sysconfig; print(json.dumps(sysconfig.get_paths()))"))
    Path(paths["purelib"], "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    return home


def data_files(root: Path) -> set[str]:
    return {
        path.relative_to(root).as_posix()
        for name in DATA_FOLDERS
        for path in (root / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def wheel_faults(names: set[str], repository: Path) -> list[str]:
    """What a wheel's list of names lacks, and what would land at the top of site-packages."""
    code = {path.relative_to(repository).as_posix() for path in (repository / "orchestra").rglob("*.py")}
    wanted = code | {"orchestra/py.typed"} | {f"orchestra/bundled/{name}" for name in data_files(repository)}
    info = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    licence = [] if any(name.endswith("/licenses/LICENSE") for name in info) else ["missing: LICENSE"]
    strays = sorted(name for name in names - info if not name.startswith("orchestra/"))
    return [f"missing: {name}" for name in sorted(wanted - names)] + licence + [f"stray: {name}" for name in strays]


def leaks(seen: dict[str, Any], environment: Path, repository: Path) -> list[str]:
    """Where the package could have been helped by the checkout."""
    paths = [entry for entry in seen["path"] if entry == str(repository)]
    return paths + [file for file in seen["files"] if not Path(file).is_relative_to(environment)]


def test_the_wheel_is_whole(wheel: Path, repository: Path) -> None:
    assert wheel_faults(set(zipfile.ZipFile(wheel).namelist()), repository) == []


def test_a_broken_wheel_is_seen(wheel: Path, repository: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist()) - {"orchestra/py.typed", "orchestra/bundled/agents/refiner.md"}
    assert wheel_faults(names | {"agents/refiner.md"}, repository) == [
        "missing: orchestra/bundled/agents/refiner.md",
        "missing: orchestra/py.typed",
        "stray: agents/refiner.md",
    ]


def test_the_wheel_works_from_anywhere(environment: Path, repository: Path) -> None:
    seen = json.loads(run(environment / "bin/python", "-c", PROBE))
    assert seen["version"] == tomllib.loads((repository / "pyproject.toml").read_text())["project"]["version"]
    assert set(seen["bundled"]) == data_files(repository)
    assert len(seen["files"]) > 1
    assert leaks(seen, environment, repository) == []


def test_help_from_the_checkout_is_seen(environment: Path, repository: Path) -> None:
    """Run from the checkout, Python finds the package there first."""
    code = PROBE.replace("sorted(names(bundled))", "[]")
    seen = json.loads(run(environment / "bin/python", "-c", code, cwd=repository))
    assert str(repository) in leaks(seen, environment, repository)
    assert str(repository / "orchestra/__init__.py") in leaks(seen, environment, repository)


def test_the_command_is_installed(environment: Path, repository: Path) -> None:
    command = environment / "bin/orchestra"
    assert os.access(command, os.X_OK)
    if (repository / "orchestra/cli/main.py").exists():
        assert "Usage" in run(command, "--help")
