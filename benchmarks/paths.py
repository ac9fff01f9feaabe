"""Paths and re-paths on large graphs, beside networkx, rustworkx and scipy: ``python -m benchmarks.paths``.

Every cost is compared with that of networkx on the same graph and failure; where networkx is too slow for all of them,
the others are compared with rustworkx. Making the graph is left out of every row and shown apart.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from math import isclose
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import networkx as nx

from benchmarks.contenders import MISSING, PEERS_PYTHON, ROOT, environment
from benchmarks.networks import Links, network
from orchestra.graph.flat import Flat
from orchestra.graph.pathfinder import Pathfinder

T = TypeVar("T")
KINDS = ("layered", "general")
COUNTS = (100, 1_000, 10_000, 80_000)
FAILURES = 250
FIRST = {100: 60, 1_000: 40, 10_000: 15, 80_000: 5}
BY_NETWORKX = {100: 250, 1_000: 250, 10_000: 250, 80_000: 20}
DEARER, MOST = 0.1, 3.0
"""Which share of the vertices is dearer than its floor in the last measurement, and at most how many times."""


class Queries(NamedTuple):
    """The queries on one graph: (start, goal), and (where the work stands, who failed, goal)."""

    kind: str
    vertices: int
    seed: int
    first: list[tuple[int, int]]
    again: list[tuple[int, int, int]]


class Timed(NamedTuple):
    """Seconds, and the cost of the path; None where there is none."""

    seconds: float
    cost: float | None


def timed(call: Callable[[], T]) -> tuple[float, T]:
    start = perf_counter()
    found = call()
    return perf_counter() - start, found


class Oracle:
    """networkx, as the one to agree with and as one of those measured."""

    def __init__(self, links: Links) -> None:
        self.graph: Any = nx.DiGraph()
        edges = [(origin, to, weight) for origin, row in links.items() for to, weight in row]
        self.built, _ = timed(lambda: self.graph.add_weighted_edges_from(edges))

    def first(self, here: int, goal: int) -> Timed:
        seconds, path = timed(lambda: nx.dijkstra_path(self.graph, here, goal))
        return Timed(seconds, nx.path_weight(self.graph, path, "weight"))

    def again(self, here: int, failed: int, goal: int) -> Timed:
        lost = [*self.graph.in_edges(failed, data=True), *self.graph.out_edges(failed, data=True)]

        def repath() -> list[int] | None:
            self.graph.remove_node(failed)
            try:
                return list(nx.dijkstra_path(self.graph, here, goal))
            except nx.NetworkXNoPath:
                return None

        seconds, path = timed(repath)
        cost = None if path is None else nx.path_weight(self.graph, path, "weight")
        self.graph.add_edges_from(lost)
        return Timed(seconds, cost)

    def dearer(self, here: int, goal: int, factor: dict[int, float]) -> Timed:
        def weight(_: int, to: int, data: dict[str, float]) -> float:
            return data["weight"] * factor.get(to, 1.0)

        return Timed(*timed(lambda: float(nx.dijkstra_path_length(self.graph, here, goal, weight=weight))))


def same(ours: Timed, theirs: Timed) -> bool:
    if ours.cost is None or theirs.cost is None:
        return ours.cost is theirs.cost
    return isclose(ours.cost, theirs.cost, rel_tol=1e-9, abs_tol=1e-12)


def check(ours: Sequence[Timed], theirs: Sequence[Timed], what: str) -> None:
    wrong = [at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if not same(a, b)]
    if wrong:
        raise SystemExit(f"{what}: {len(wrong)} of {len(ours)} costs differ, first at query {wrong[0]}")


def queries(kind: str, count: int, seed: int, links: Links, flat: Flat[int]) -> Queries:
    """Starts and goals, and failures of vertices on the cheapest paths between them."""
    rng = random.Random(seed)
    last = max(links)
    goals = [last] if kind == "layered" else rng.sample(range(count), 5)
    first: list[tuple[int, int]] = []
    again: list[tuple[int, int, int]] = []
    while len(first) < FIRST[count] or len(again) < FAILURES:
        here, goal = 0 if kind == "layered" else rng.randrange(count), rng.choice(goals)
        path = Pathfinder(flat, goal).path(here) if here != goal else None
        if path is None or len(path.nodes) < 3:
            continue
        first.append((here, goal))
        take = len(path.nodes) - 2 if count > 1_000 else 4
        for at in sorted(rng.sample(range(1, len(path.nodes) - 1), min(take, len(path.nodes) - 2))):
            again.append((path.nodes[at - 1], path.nodes[at], goal))
    rng.shuffle(again)
    return Queries(kind, count, seed, first[: FIRST[count]], again[:FAILURES])


def ours(ask: Queries, flat: Flat[int]) -> dict[str, list[Timed]]:
    rows: dict[str, list[Timed]] = {name: [] for name in ("first", "kept", "again", "back")}
    finders = {goal: Pathfinder(flat, goal) for _, goal in ask.first}
    finders |= {goal: Pathfinder(flat, goal) for _, _, goal in ask.again}

    def add(row: str, call: Callable[[], Any]) -> None:
        seconds, path = timed(call)
        rows[row].append(Timed(seconds, None if path is None else path.cost))

    for here, goal in ask.first:
        cold = Pathfinder(flat, goal)
        add("first", lambda here=here, cold=cold: cold.path(here))  # type: ignore[misc]
    for finder in finders.values():
        finder.prepare()
    for here, goal in ask.first:
        add("kept", lambda here=here, finder=finders[goal]: finder.path(here))  # type: ignore[misc]
    for here, failed, goal in ask.again:
        finder = finders[goal]
        finder.path(here)  # the way that was taken when it failed
        add("again", lambda here=here, failed=failed, finder=finder: finder.path(here, {failed}))  # type: ignore[misc]
        add("back", lambda here=here, finder=finder: finder.path(here))  # type: ignore[misc]
    return rows


def dearer(ask: Queries, flat: Flat[int], oracle: Oracle) -> tuple[list[Timed], list[Timed]]:
    """The first path while some vertices are dearer than declared, kept potentials, beside networkx."""
    rng = random.Random(ask.seed)
    found: tuple[list[Timed], list[Timed]] = ([], [])
    for here, goal in ask.first:
        factor = {vertex: rng.uniform(1.0, MOST) for vertex in range(ask.vertices) if rng.random() < DEARER}
        finder = Pathfinder(flat, goal)
        finder.prepare()

        def weigh(to: int, floor: float, factor: dict[int, float] = factor) -> float:
            return floor * factor.get(to, 1.0)

        seconds, path = timed(lambda finder=finder, here=here, weigh=weigh: finder.path(here, frozenset(), weigh))  # type: ignore[misc]
        found[0].append(Timed(seconds, None if path is None else path.cost))
        found[1].append(oracle.dearer(here, goal, factor))
    return found


def peers(ask: Queries) -> dict[str, Any] | None:
    """What rustworkx and scipy say; None where they are not installed."""
    python = PEERS_PYTHON or ROOT / ".venv-peers/bin/python"
    if not os.access(python, os.X_OK):
        return None
    done = subprocess.run(
        [python, "-m", "benchmarks.peers.rustworkx_paths"],
        input=json.dumps(ask._asdict()),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["rustworkx ended without a word"])[-1]
        if last.startswith("ModuleNotFoundError"):
            return None
        raise SystemExit(last)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def rows_of(kind: str, count: int, seed: int) -> dict[str, Any]:
    """Every median and 99th percentile of one graph, in seconds; all costs are checked on the way."""
    links = network(kind, count, seed)
    gc.collect()
    built, flat = timed(lambda: Flat(links))
    ask = queries(kind, count, seed, links, flat)
    oracle = Oracle(links)
    gc.disable()  # Collections would fall on whoever is running when they are due.
    mine = ours(ask, flat)
    first = [oracle.first(here, goal) for here, goal in ask.first]
    again = [oracle.again(*one) for one in ask.again[: BY_NETWORKX[count]]]
    raised, raised_by_networkx = dearer(ask, flat, oracle)
    gc.enable()
    theirs = peers(ask)
    check(mine["first"], first, f"{kind} {count} first")
    check(mine["kept"], first, f"{kind} {count} kept")
    check(mine["again"], again, f"{kind} {count} after a failure")
    check(raised, raised_by_networkx, f"{kind} {count} dearer")
    found: dict[str, Any] = {
        "kind": kind,
        "count": count,
        "edges": len(flat.out.ends),
        "queries": {"first": len(first), "again": len(mine["again"]), "again by networkx": len(again)},
        "built": {"ours": built, "networkx": oracle.built},
        "first": {"ours": spread(mine["first"]), "kept": spread(mine["kept"]), "networkx": spread(first)},
        "again": {"ours": spread(mine["again"]), "networkx": spread(again)},
        "back": {"ours": spread(mine["back"])},
        "dearer": {"ours": spread(raised), "networkx": spread(raised_by_networkx)},
    }
    if theirs is not None:
        for row in ("first", "again"):
            one = [Timed(*pair) for pair in theirs[row]]
            check(mine[row], one, f"{kind} {count} {row}, rustworkx")
            found[row]["rustworkx"] = spread(one)
        found["first"]["scipy"] = spread([Timed(*pair) for pair in theirs["scipy"]])
        found["built"] |= {"rustworkx": theirs["built"], "scipy": theirs["built_scipy"]}
        found["versions"] = theirs["versions"]
    return found


def spread(times: Sequence[Timed]) -> dict[str, float]:
    ordered = sorted(one.seconds for one in times)
    return {"median": median(ordered), "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]}


def said(seconds: float | None) -> str:
    if seconds is None:
        return MISSING
    scale, unit = (1e6, "us") if seconds < 1e-3 else (1e3, "ms") if seconds < 1 else (1.0, "s")
    return f"{seconds * scale:.3g} {unit}"


def tables(found: Sequence[dict[str, Any]]) -> str:
    """First paths, re-paths and the making of the graph, each beside the others."""
    lines = ["| first path | ours | ours, kept | networkx | rustworkx | scipy | ours / rustworkx | kept / rustworkx |"]
    lines.append("|---|" + "--:|" * 7)
    for one in found:
        names = ("ours", "kept", "networkx", "rustworkx", "scipy")
        cells = {name: one["first"].get(name, {}).get("median") for name in names}
        ratios = [f"{cells[x] / cells['rustworkx']:.3g}" if cells["rustworkx"] else "" for x in ("ours", "kept")]
        shown = [said(cells[name]) for name in names]
        lines.append(f"| {name_of(one)} | {' | '.join([*shown, *ratios])} |")
    lines += [
        "",
        "| re-path | median | p99 | networkx | rustworkx | median / networkx | p99 / networkx |",
    ]
    lines.append("|---|" + "--:|" * 6)
    for one in found:
        again, base = one["again"]["ours"], one["again"]["networkx"]["median"]
        times = [again["median"], again["p99"], base, one["again"].get("rustworkx", {}).get("median")]
        ratios = [f"{again[x] / base:.2g}" for x in ("median", "p99")]
        lines.append(f"| {name_of(one)} | {' | '.join([*map(said, times), *ratios])} |")
    lines += [
        "",
        "| | after a recovery | a tenth dearer | networkx | ratio | made | networkx | rustworkx |",
    ]
    lines.append("|---|" + "--:|" * 7)
    for one in found:
        dear, base = one["dearer"]["ours"]["median"], one["dearer"]["networkx"]["median"]
        made = one["built"]
        shown = [said(one["back"]["ours"]["median"]), said(dear), said(base), f"{dear / base:.2g}"]
        shown += [said(made["ours"]), said(made["networkx"]), said(made.get("rustworkx"))]
        lines.append(f"| {name_of(one)} | {' | '.join(shown)} |")
    return "\n".join(lines)


def name_of(one: dict[str, Any]) -> str:
    return f"{one['kind']}, {one['count']:,}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paths", description="Paths on large graphs.")
    parser.add_argument("--most", type=int, default=max(COUNTS), help="the largest graph, in vertices (80000)")
    parser.add_argument("--seed", type=int, default=1, help="of the graphs and the failures (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every value there")
    asked = parser.parse_args(arguments)
    Flat(network("layered", min(COUNTS), 0))  # numpy is loaded now, not by the first that is measured
    found = []
    for kind in KINDS:
        for count in COUNTS:
            if count <= asked.most:
                found.append(rows_of(kind, count, asked.seed))
                print(f"{kind} {count}: every cost agrees", file=sys.stderr, flush=True)
    print(tables(found))
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
