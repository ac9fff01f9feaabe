"""Random graphs to heal: chains, DAGs, layers and general ones, and how they are edited while runs are under way."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from orchestra.core.catalog import Catalog, Contract, Node, Planning
from orchestra.graph.graph import GOAL, START

Kind = Literal["chain", "dag", "layered", "general"]
KINDS: tuple[Kind, ...] = ("chain", "dag", "layered", "general")
MOST_NODES = 200
CLASSES = ("payment", "message")
Weighing = Callable[[random.Random], float]
WEIGHINGS: tuple[Weighing, ...] = (
    lambda rng: rng.randrange(10) / 10,
    lambda rng: rng.random() * 10,
    lambda rng: float(rng.choice((0, 0, 1))),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A graph as it is from one edit to the next. ``edges`` maps (origin, to) to a weight.

    A vertex that stands for no node is passed; two vertices may stand for one node. With a ``catalog`` the graph is
    that of its ``capabilities`` in a row, and what is entered weighs what its node is declared to.
    """

    number: int
    edges: Mapping[tuple[str, str], float]
    vertex_to_node: Mapping[str, Node]
    catalog: Catalog | None = None
    capabilities: tuple[str, ...] = ()

    @property
    def links(self) -> dict[str, list[tuple[str, float]]]:
        found: dict[str, list[tuple[str, float]]] = {START: [], GOAL: []}
        for (origin, to), weight in self.edges.items():
            found.setdefault(origin, []).append((to, weight))
            found.setdefault(to, [])
        return found


def node(name: str, rng: random.Random, provides: tuple[str, ...] = ()) -> Node:
    return Node(
        name=name,
        kind="agent",
        body=Planning(plan=_nothing),
        contract=_NO_INPUT,
        provides=provides,
        cost_nano=rng.randrange(0, 10) * 1_000_000,
        latency_s=rng.choice((0.0, 0.0, 0.5)),
        side_effect=rng.choice((None, None, None, None, *CLASSES)),
    )


def _nothing(value: Any) -> Any:
    """The campaign gives its nodes their bodies."""
    yield from ()


_NO_INPUT = Contract(bind=lambda value: {})


def random_size(rng: random.Random) -> int:
    """Between 2 and 200 nodes, small ones more often: the logarithm is uniform."""
    return min(MOST_NODES, round(2 * math.pow(MOST_NODES / 2, rng.random())))


def random_version(kind: Kind, rng: random.Random) -> Version:
    """A graph from START to GOAL; that there is a way is likely and not certain."""
    size, weighing = random_size(rng), rng.choice(WEIGHINGS)
    if kind == "layered" and rng.random() < 0.5:
        return _of_catalog(_catalog(size, rng), 0)
    names = [f"v{number}" for number in range(size)]
    pairs = {"chain": _chain, "dag": _dag, "layered": _layers, "general": _general}[kind](names, rng)
    shared = rng.random() < 0.1
    vertex_to_node: dict[str, Node] = {}
    for vertex in names:
        if rng.random() < 0.95:
            twin = vertex_to_node.get(rng.choice(names)) if shared and rng.random() < 0.2 else None
            vertex_to_node[vertex] = twin or node(vertex, rng)
    return Version(
        number=0, edges={pair: weighing(rng) for pair in dict.fromkeys(pairs)}, vertex_to_node=vertex_to_node
    )


def _chain(names: list[str], rng: random.Random) -> list[tuple[str, str]]:
    """One after the other; in half of them some links can be jumped over."""
    row = [START, *names, GOAL]
    jumps = rng.choice((0, len(names) // 4))
    starts = [rng.randrange(len(names)) for _ in range(jumps)]
    return [*pairwise(row), *((row[at], row[min(at + rng.randint(2, 3), len(row) - 1)]) for at in starts)]


def _dag(names: list[str], rng: random.Random) -> list[tuple[str, str]]:
    row = [START, *names, GOAL]
    pairs = []
    for at in range(len(row) - 1):
        near = min(len(row) - 1, at + max(3, len(row) // 4))
        pairs += [(row[at], row[rng.randint(at + 1, near)]) for _ in range(rng.randint(1, 4))]
    return [*pairs, *((rng.choice(names), GOAL) for _ in range(1 + len(names) // 10))]


def _layers(names: list[str], rng: random.Random) -> list[tuple[str, str]]:
    width = rng.randint(1, max(1, min(8, len(names))))
    rows = [[START], *(names[at : at + width] for at in range(0, len(names), width)), [GOAL]]
    return [(one, other) for row, following in pairwise(rows) for one in row for other in following]


def _general(names: list[str], rng: random.Random) -> list[tuple[str, str]]:
    """Circles too."""
    ends = [START, *names, GOAL]
    wanted = len(names) * rng.randint(1, 4) + 2
    drawn = [(rng.choice(ends[:-1]), rng.choice(ends[1:])) for _ in range(wanted)]
    sure = [(START, rng.choice(names)), (rng.choice(names), GOAL), (rng.choice(names), GOAL)]
    return [(one, other) for one, other in (*drawn, *sure) if one != other]


def _catalog(size: int, rng: random.Random) -> Catalog:
    """Providers of up to eight capabilities; some provide two."""
    count = rng.randint(1, min(8, max(1, size // 2)))
    capabilities = [f"c{number}" for number in range(count)]
    catalog = Catalog()
    for number in range(size):
        provides = {capabilities[number % count]}
        if rng.random() < 0.1:
            provides.add(rng.choice(capabilities))
        catalog = catalog.with_node(node(f"n{number}", rng, tuple(sorted(provides))))
    return catalog


def _of_catalog(catalog: Catalog, number: int) -> Version:
    """The layers as the campaign reads them out of the catalogue, by code of its own."""
    capabilities = tuple(sorted(catalog.capability_to_names))
    edges: dict[tuple[str, str], float] = {}
    vertex_to_node: dict[str, Node] = {}
    before = [START]
    for layer, capability in enumerate(capabilities, start=1):
        here = {f"{layer}:{one.name}": one for one in catalog.nodes.values() if capability in one.provides}
        vertex_to_node |= here
        edges |= {(origin, to): 0.0 for origin in before for to in here}
        before = list(here)
    edges |= {(origin, GOAL): 0.0 for origin in before}
    return Version(
        number=number, edges=edges, vertex_to_node=vertex_to_node, catalog=catalog, capabilities=capabilities
    )


def edited(version: Version, rng: random.Random) -> Version:
    """The next version: something is gone, dearer, cheaper or new."""
    if version.catalog is not None:
        return _edited_catalog(version, version.catalog, rng)
    edges, vertex_to_node = dict(version.edges), dict(version.vertex_to_node)
    for pair in rng.sample(sorted(edges), k=min(len(edges), 3)):
        if rng.random() < 0.5:
            del edges[pair]
        else:
            edges[pair] = rng.random() * 5
    fresh = f"w{version.number}"
    vertex_to_node[fresh] = node(fresh, rng)
    edges |= {(START, fresh): rng.random(), (fresh, rng.choice((GOAL, *version.vertex_to_node))): rng.random()}
    return replace(version, number=version.number + 1, edges=edges, vertex_to_node=vertex_to_node)


def _edited_catalog(version: Version, catalog: Catalog, rng: random.Random) -> Version:
    old = catalog.nodes[rng.choice(sorted(catalog.nodes))]
    if rng.random() < 0.3 and len(catalog.nodes) > 1:
        catalog = catalog.without(old.name)
    elif rng.random() < 0.5:
        catalog = catalog.with_node(replace(old, cost_nano=rng.randrange(10) * 1_000_000), replace=True)
    else:
        catalog = catalog.with_node(node(f"w{version.number}", rng, old.provides))
    return _of_catalog(catalog, version.number + 1)
