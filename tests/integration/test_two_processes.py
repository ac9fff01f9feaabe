"""Two operating system's processes learn side by side and end where one would; one that is killed doubles nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from orchestra.ports.store import Store
from orchestra.stores.registry import open_store
from tests.support.learners import NAMES, RUNS, SOURCES, names, rewarded, same, teach, write_runs

ALL = RUNS * len(SOURCES)


@pytest.fixture(params=["sqlite", "postgres"])
def new_state(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Makes states: of a store that is empty."""
    if request.param == "sqlite":
        return lambda name: str(tmp_path / f"{name}.db")
    make: Callable[[], str] = request.getfixturevalue("postgres")
    return lambda _: make()


def begun(repository: Path, state: str, places: str, routers: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.learners", state, places, ",".join(routers)]
    return subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True)


def ready(state: str, routers: list[str]) -> Store:
    store = open_store(state)
    write_runs(store, routers)
    return store


def test_the_routers_that_keep_sums_are_known() -> None:
    assert set(NAMES) <= set(names())


@pytest.mark.timeout(90)
def test_two_processes_end_where_one_would(new_state: Callable[[str], str], repository: Path) -> None:
    routers = names()
    alone, pair = new_state("alone"), new_state("pair")
    one, two = ready(alone, routers), ready(pair, routers)
    anyio.run(teach, alone, list(range(ALL)), routers)
    # They overlap: what both tell counts once.
    processes = [begun(repository, pair, places, routers) for places in (f"0-{ALL * 2 // 3}", f"{ALL // 3}-{ALL}")]
    for process in processes:
        process.communicate(timeout=80)
        assert process.returncode == 0
    for name in routers:
        assert same(one.load_state(name), two.load_state(name)), name
        assert rewarded(one, name) == rewarded(two, name)
        if name in NAMES:
            assert sum(data["pulls"] for data in two.load_state(name).values()) == RUNS
    one.close()
    two.close()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("lines", [3, 11])
def test_one_that_is_killed_doubles_nothing(new_state: Callable[[str], str], repository: Path, lines: int) -> None:
    routers = ["linucb"]
    alone, killed = new_state("alone"), new_state("killed")
    one, two = ready(alone, routers), ready(killed, routers)
    anyio.run(teach, alone, list(range(ALL)), routers)
    other = begun(repository, killed, f"{ALL // 2}-{ALL}", routers)
    first = begun(repository, killed, f"0-{ALL}", routers)
    assert first.stdout is not None
    for _ in range(lines):
        first.stdout.readline()
    first.kill()
    first.communicate(timeout=60)
    assert first.returncode == -signal.SIGKILL
    other.communicate(timeout=80)
    told = rewarded(two, "linucb")
    state = two.load_state("linucb")
    decisions = len({key for key, _, _ in told})
    assert sum(data["pulls"] for data in state.values()) == decisions, "rows and sums stand or fall together"
    again = begun(repository, killed, f"0-{ALL}", routers)
    again.communicate(timeout=80)
    assert same(one.load_state("linucb"), two.load_state("linucb"))
    assert rewarded(one, "linucb") == rewarded(two, "linucb")
    one.close()
    two.close()
