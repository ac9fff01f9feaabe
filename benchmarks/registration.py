"""``python -m benchmarks.registration``: what it costs to change a team while it works. Prints a Markdown table."""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio

from orchestra import Context, Orchestra, agent, step, workflow
from orchestra.core.catalog import Catalog, Node, node_of
from orchestra.models.scripted import Echo

RUNS, STEPS, RATE = 200, 25, 1000
WORDS = (
    "order refund invoice shipping delay parcel customer summary legal contract code review test weather travel hotel "
    "booking payment card bank fraud analysis chart table report email letter schedule meeting note"
).split()
FILE = "---\ndescription: {about}\nmodel: test:echo\n---\nAnswer.\n"


def member(name: str, side: str = "left", rng: random.Random | None = None) -> Callable[[str], str]:
    """An agent under two capabilities, with a description of 18 words if there is an ``rng``."""
    about = "Answers." if rng is None else " ".join(rng.choice(WORDS) for _ in range(18))

    @agent(name=name, description=about, provides=["pair", f"{side}_{name}"])
    def one(text: str) -> str:
        return f"{side}_{name}"

    return one


@workflow
async def looks(ctx: Context[list[float]], text: str) -> int:
    """Counts how often its catalogue was found changed or half-changed. The deps take the seconds of each step."""
    first, wrong = ctx.scope.catalog, 0
    for _ in range(STEPS):
        catalog = ctx.scope.catalog
        whole = all(catalog.nodes[name] for names in catalog.capability_to_names.values() for name in names) and all(
            node.name in catalog.capability_to_names[capability]
            for node in catalog.nodes.values()
            for capability in node.provides
        )
        began = time.perf_counter()
        answer = await step("pair", text)
        ctx.deps.append(time.perf_counter() - began)
        wrong += not (whole and catalog is first and answer in catalog.capability_to_names)
        await anyio.sleep(0.002)
    return wrong


class Changes:
    """A thread that adds, replaces and removes members in turn, at most ``rate`` changes a second, until ``stop``."""

    def __init__(self, team: Orchestra, rate: int) -> None:
        self._team, self._rate = team, rate
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.done, self.seconds = 0, 0.0

    def __enter__(self) -> Changes:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        began = time.perf_counter()
        while not self._over.is_set():
            due = int((time.perf_counter() - began) * self._rate)
            while self.done < due and not self._over.is_set():
                self._change(self.done)
                self.done += 1
            time.sleep(0.001)
        self.seconds = time.perf_counter() - began

    def _change(self, number: int) -> None:
        turn, kind = divmod(number, 3)
        name = f"guest_{turn}"
        if kind == 2:
            self._team.unregister(name)
        else:
            self._team.register(member(name, ("left", "right")[kind]), replace=kind == 1)


async def under_change(rate: int) -> tuple[float, float, int, int]:
    """Changes a second, median ms of a step, inconsistencies, and how many catalogues the runs began with."""
    team = Orchestra(agents=[member(f"host_{number}") for number in range(10)])
    times: list[float] = []
    wrong: list[int] = []
    versions: set[int] = set()

    async def one(number: int) -> None:
        result = await team.run(looks, f"text {number % 20}", deps=times)
        wrong.append(result.output)
        versions.add(result.events[0].catalog)  # type: ignore[union-attr]  # a run's first event is RunStarted

    with Changes(team, rate) as changes:
        async with anyio.create_task_group() as group:
            for number in range(RUNS):
                group.start_soon(one, number)
                await anyio.sleep(0.005)
    assert len(wrong) == RUNS
    return changes.done / changes.seconds, 1000 * statistics.median(times), sum(wrong), len(versions)


def node(name: str, rng: random.Random) -> Node:
    found = node_of(member(name, rng=rng))
    assert found is not None
    return found


def filled(count: int) -> tuple[Catalog, random.Random]:
    rng = random.Random(count)
    catalog = Catalog()
    nodes = {f"agent_{n}": node(f"agent_{n}", rng) for n in range(count)}
    index: dict[str, tuple[str, ...]] = {"pair": tuple(nodes)}
    index |= {f"left_{name}": (name,) for name in nodes}
    return Catalog(version=catalog.version + count, nodes=nodes, capability_to_names=index), rng


def best_ms(fn: Callable[[], Any], times: int = 5) -> float:
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        fn()
        spent.append(time.perf_counter() - began)
    return 1000 * min(spent)


def one_change(count: int) -> tuple[float, float]:
    """Milliseconds to add a node to a catalogue of this size, and to take one away."""
    catalog, rng = filled(count)
    new = node("new", rng)
    return best_ms(lambda: catalog.with_node(new)), best_ms(lambda: catalog.without("agent_3"))


def next_decision(count: int) -> tuple[float, float]:
    """Milliseconds of the first decision after a registration, and of the one after it with another text."""
    team = Orchestra(agents=[])
    team.catalog, rng = filled(count)
    team.route("my parcel is late and I want a refund")
    first, second = [], []
    for number in range(5):
        team.register(member(f"new_{number}", rng=rng))
        first.append(best_ms(lambda: team.route("my parcel is late and I want a refund"), 1))
        second.append(best_ms(lambda: team.route("where is my invoice"), 1))
    team.close()
    return statistics.median(first), statistics.median(second)


async def dropped(folder: Path, times: int = 20) -> tuple[list[float], list[float]]:
    """Milliseconds from a file's rename into the folder until it is routable, and from its removal until it is not."""
    came: list[float] = []
    went: list[float] = []
    async with Orchestra(agents=[member("host")], models={"test:echo": Echo()}, folders=[folder]) as team:
        for number in range(times):
            path = folder / f"guest_{number}.md"
            hidden = folder / f".{path.name}"
            hidden.write_text(FILE.format(about="Answers."), encoding="utf-8")
            for act, there, spent in ((lambda: hidden.rename(path), True, came), (path.unlink, False, went)):  # noqa: B023
                began = time.perf_counter()
                act()
                while (path.stem in team.catalog.nodes) is not there:
                    await anyio.sleep(0.005)
                spent.append(1000 * (time.perf_counter() - began))
                await anyio.sleep(random.Random(number).random() / 5)
    return came, went


def rows() -> list[tuple[str, str]]:
    found = []
    quiet = anyio.run(under_change, 0)
    for asked in (RATE, 10 * RATE):
        rate, step_ms, wrong, versions = anyio.run(under_change, asked)
        found += [
            (f"{RUNS} runs of {STEPS} steps, {asked:,} changes a second asked for: reached", f"{rate:,.0f} a second"),
            ("catalogues that those runs began with", f"{versions}"),
            ("steps that saw a changed or half-changed catalogue", f"{wrong}"),
            ("a step meanwhile (nothing changed)", f"{step_ms:.2f} ms ({quiet[1]:.2f} ms)"),
        ]
    for count in (10, 1_000, 10_000):
        add, remove = one_change(count)
        found.append((f"a catalogue of {count:,}: add one, remove one", f"{add:.3f} ms, {remove:.3f} ms"))
    for count in (10, 100, 1_000):
        first, second = next_decision(count)
        found.append((f"{count:,} agents: first decision after a change, the next", f"{first:.1f} ms, {second:.2f} ms"))
    with tempfile.TemporaryDirectory() as folder:
        came, went = anyio.run(dropped, Path(folder))
    for what, spent in (("dropped in until routable", came), ("removed until it is not", went)):
        found.append(
            (f"a file {what}: median, most of {len(spent)}", f"{statistics.median(spent):.0f} ms, {max(spent):.0f} ms")
        )
    return found


def main() -> int:
    print("| | |\n|---|--:|")
    for what, value in rows():
        print(f"| {what} | {value} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
