"""Many random graphs, each with its faults, healed and checked; any one of them can be made again from its number."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from orchestra.core.errors import BadNumber
from orchestra.evaluation.healing.executed import executed
from orchestra.evaluation.healing.item import Item
from orchestra.evaluation.healing.simulate import simulate
from orchestra.runtime.blocking import Door

CHUNK = 250
EVERY = 50
"""One graph in so many is healed on the real runtime, the others without an event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A graph of which something did not hold: ``Item.of(seed, graph)`` makes it again."""

    seed: int
    graph: int
    kind: str
    error: str


class Part(NamedTuple):
    """What a chunk of graphs came to."""

    graphs: int
    counts: Counter[str]
    broken: tuple[Broken, ...]


@dataclass(slots=True, kw_only=True)
class Campaign:
    """What all graphs came to so far. Units: ``seconds`` wall time."""

    seed: int
    wanted: int
    graphs: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)

    def add(self, part: Part) -> None:
        self.graphs += part.graphs
        self.counts.update(part.counts)
        self.broken += part.broken

    def to_dict(self) -> dict[str, Any]:
        facts = {"seed": self.seed, "wanted": self.wanted, "graphs": self.graphs, "seconds": round(self.seconds, 1)}
        return {**facts, **dict(sorted(self.counts.items())), "broken": [asdict(one) for one in self.broken]}


def one_graph(seed: int, number: int, door: Door) -> tuple[Counter[str], Broken | None]:
    """One graph, healed and checked. Every 50th is on the real runtime."""
    item = Item.of(seed, number)
    real = number % EVERY == EVERY - 1
    item.counts[item.kind] += 1
    item.counts["on_the_runtime"] += real
    try:
        if real:
            door.call(lambda: executed(item))
        else:
            simulate(item)
    except Exception as error:
        return item.counts, Broken(seed=seed, graph=number, kind=item.kind, error=f"{type(error).__name__}: {error}")
    return item.counts, None


def chunk(seed: int, numbers: range) -> Part:
    """Some graphs, one after the other."""
    door, counts, broken = Door(), Counter[str](), []
    try:
        for number in numbers:
            found, wrong = one_graph(seed, number, door)
            counts.update(found)
            if wrong is not None:
                broken.append(wrong)
    finally:
        door.close()
    return Part(len(numbers), counts, tuple(broken))


def run_campaign(
    graphs: int,
    seed: int = 0,
    *,
    first: int = 0,
    jobs: int = 1,
    report: Path | None = None,
    told: Callable[[Campaign], None] = lambda campaign: None,
) -> Campaign:
    """Graphs ``first`` to ``first + graphs``; ``told`` hears after every 250 of them, and the report is written anew.

    With ``jobs`` > 1 in as many processes. The report is replaced as a whole each time, so a run that is killed leaves
    the last one. Raises: BadNumber.
    """
    if graphs < 1 or jobs < 1 or first < 0:
        raise BadNumber(
            f"No campaign has graphs={graphs!r}, first={first!r} and jobs={jobs!r}.",
            remedy="Give graphs and jobs from 1, first from 0.",
        )
    campaign, began = Campaign(seed=seed, wanted=graphs), time.monotonic()
    end = first + graphs
    chunks = [range(at, min(at + CHUNK, end)) for at in range(first, end, CHUNK)]
    for part in _parts(seed, chunks, jobs):
        campaign.add(part)
        campaign.seconds = time.monotonic() - began
        if report is not None:
            _write(campaign, report)
        told(campaign)
    return campaign


def _parts(seed: int, chunks: list[range], jobs: int) -> Iterator[Part]:
    if jobs == 1:
        yield from (chunk(seed, numbers) for numbers in chunks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = [(numbers, pool.submit(chunk, seed, numbers)) for numbers in chunks]
        for numbers, future in waiting:
            try:
                yield future.result()
            except BrokenProcessPool as error:
                said = f"the process died in graphs {numbers.start} to {numbers.stop - 1} or beside them: {error}"
                yield Part(0, Counter(), (Broken(seed=seed, graph=numbers.start, kind="unknown", error=said),))
                return


def _write(campaign: Campaign, report: Path) -> None:
    beside = report.with_name(f"{report.name}.part")
    beside.write_text(json.dumps(campaign.to_dict(), indent=2) + "\n", encoding="utf-8")
    os.replace(beside, report)
