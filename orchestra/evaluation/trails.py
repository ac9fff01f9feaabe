"""Do trails predict where recorded paths go next? Against uniform, plain frequencies and a Markov chain.

Every step is predicted before it is learned from (prequential), all nodes of the set on offer at every step. The paths
are shuffled: in the files like stands by like, which flatters whoever remembers the last path best. A path that was no
good is walked past: nobody learns from it and nobody is asked about it.
``python -m orchestra.evaluation.trails FOLDER ...`` prints a table for folders of recorded paths: ``sgd_intents``,
``bfcl_multi_turn``, ``tau_trajectories``.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition
from orchestra.ports.router import Lesson
from orchestra.routing.learners.pheromone import Pheromone, Soil

GOOD = 0.5
TOP = 3


class Predicted(NamedTuple):
    """Shares of steps whose node was the likeliest, or among the three likeliest, and the mean surprise.

    Units: ``bits`` a step.
    """

    name: str
    steps: int
    top1: float
    top3: float
    bits: float


class Guide(Protocol):
    """Says how likely each node is next; the chances are positive and sum to 1."""

    def chances(self, previous: str) -> Mapping[str, float]: ...

    def went(self, previous: str, node: str) -> None: ...


class Chain:
    """A Markov chain of order 1, or with order 0 plain frequencies, with a count of ``smooth`` for every node.

    Source: the estimate of Krichevsky and Trofimov (1981) for smooth 1/2.
    """

    def __init__(self, nodes: Sequence[str], order: int = 1, smooth: float = 0.5) -> None:
        self._nodes, self._order, self._smooth = nodes, order, smooth
        self._counts: dict[str, Counter[str]] = {}

    def chances(self, previous: str) -> Mapping[str, float]:
        counts = self._counts.get(previous if self._order else "", Counter())
        total = counts.total() + self._smooth * len(self._nodes)
        return {node: (counts[node] + self._smooth) / total for node in self._nodes}

    def went(self, previous: str, node: str) -> None:
        self._counts.setdefault(previous if self._order else "", Counter())[node] += 1


class Uniform:
    """Every node alike."""

    def __init__(self, nodes: Sequence[str]) -> None:
        self._chances = {node: 1.0 / len(nodes) for node in nodes}

    def chances(self, previous: str) -> Mapping[str, float]:
        return self._chances

    def went(self, previous: str, node: str) -> None:
        """It learns nothing."""


class Colony:
    """The router ``pheromone`` where nothing tells the nodes apart but the trails."""

    def __init__(self, nodes: Sequence[str], router: Pheromone | None = None) -> None:
        self._router = router or Pheromone()
        self._question = Decide(capability="next", options=tuple(Option(node) for node in nodes))
        self._rng, self._count = random.Random(0), 0
        self._last: Decision | None = None

    def _decided(self, previous: str) -> Decision:
        self._count += 1
        return self._router.choose(replace(self._question, previous=previous), f"step/{self._count}", self._rng)

    def chances(self, previous: str) -> Mapping[str, float]:
        self._last = self._decided(previous)
        return {option.name: option.probability or 0.0 for option in self._last.options}

    def went(self, previous: str, node: str) -> None:
        made, self._last = self._last, None
        if made is None or made.previous != previous:
            made = self._decided(previous)
        self._router.learn([Lesson(replace(made, chosen=(node,)), 1.0)])


def predicted(name: str, guide: Guide, paths: Sequence[Sequence[str]]) -> Predicted:
    """How well the guide foresees each step; ties are shared out."""
    steps, top1, top3, bits = 0, 0.0, 0.0, 0.0
    for path in paths:
        previous = ""
        for node in path:
            chances = guide.chances(previous)
            own = chances[node]
            above = sum(chance > own + 1e-12 for chance in chances.values())
            equal = sum(abs(chance - own) <= 1e-12 for chance in chances.values())
            top1 += max(0.0, min(1.0, (1 - above) / equal))
            top3 += max(0.0, min(1.0, (TOP - above) / equal))
            bits -= math.log2(own)
            steps += 1
            guide.went(previous, node)
            previous = node
    return Predicted(name, steps, top1 / steps, top3 / steps, bits / steps)


def compared(paths: Sequence[Sequence[str]]) -> list[Predicted]:
    """The colony as it comes and one that forgets slower, with the baselines. Raises BadDefinition for no steps."""
    nodes = sorted({node for path in paths for node in path})
    if not nodes:
        raise BadDefinition("There are no steps to predict.", remedy="Give paths with steps.")
    slow = Pheromone(soil=Soil(rho=0.02, tau_min=0.001, tau_0=0.02, memory=200))
    guides: dict[str, Guide] = {
        "uniform": Uniform(nodes),
        "frequencies": Chain(nodes, order=0),
        "Markov chain": Chain(nodes),
        "pheromone": Colony(nodes),
        "pheromone, rho .02": Colony(nodes, slow),
    }
    return [predicted(name, guide, paths) for name, guide in guides.items()]


def paths_of(folder: str | Path) -> list[list[str]]:
    """The good paths of a recorded set. Raises BadDefinition for a set that is not known here."""
    folder = Path(folder)
    if folder.name not in READERS:
        raise BadDefinition(f"{folder.name!r} holds no paths.", remedy=f"There are {', '.join(READERS)}.")
    with gzip.open(folder / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [path for path in READERS[folder.name](rows) if path]


def _dialogues(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    for _, turns in groupby(rows, key=lambda row: row["dialogue"]):
        yield [f"{turn['service']}/{turn['intent']}" for turn in turns]


def _conversations(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """One of the four variants of each: the others have nearly the same calls."""
    for row in rows:
        if row["variant"] == "base":
            yield [call for turn in row["calls"] for call in turn]


def _runs(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    for row in rows:
        if row["reward"] >= GOOD:
            yield list(row["tools"])


READERS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], Iterator[list[str]]]] = {
    "sgd_intents": _dialogues,
    "bfcl_multi_turn": _conversations,
    "tau_trajectories": _runs,
}


def main(folders: Sequence[str]) -> None:
    """Prints a table for each folder."""
    for folder in folders:
        paths = paths_of(folder)
        random.Random(0).shuffle(paths)
        nodes = {node for path in paths for node in path}
        print(f"{Path(folder).name}: {len(paths)} paths, {sum(map(len, paths))} steps, {len(nodes)} nodes")
        for one in compared(paths):
            print(f"  {one.name:20} top-1 {one.top1:.3f}  top-3 {one.top3:.3f}  {one.bits:.2f} bits a step")


if __name__ == "__main__":
    main(sys.argv[1:])
