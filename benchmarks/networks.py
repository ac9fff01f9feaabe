"""Random graphs for the measurements of paths; every process that is given a seed makes the same ones."""

from __future__ import annotations

import random
from itertools import pairwise
from math import isqrt

DEGREE = 8
Links = dict[int, list[tuple[int, float]]]


def layered(count: int, rng: random.Random) -> Links:
    """Layers as many as each is wide, between the vertex 0 and the last one; all edges lead to the next layer."""
    width = isqrt(count)
    depth = (count - 2) // width
    rows = [range(1 + width * layer, 1 + width * (layer + 1)) for layer in range(depth)]
    goal = 1 + width * depth
    links: Links = {0: [(to, rng.random()) for to in rows[0]]}
    for row, following in pairwise(rows):
        for vertex in row:
            links[vertex] = [(to, rng.random()) for to in rng.sample(following, min(DEGREE, width))]
    for vertex in rows[-1]:
        links[vertex] = [(goal, rng.random())]
    links[goal] = []
    return links


def general(count: int, rng: random.Random) -> Links:
    """From each vertex to eight others, wherever they are."""
    return {
        vertex: [(to, rng.random()) for to in rng.sample(range(count), DEGREE) if to != vertex]
        for vertex in range(count)
    }


def network(kind: str, count: int, seed: int) -> Links:
    return (layered if kind == "layered" else general)(count, random.Random(f"{kind} {count} {seed}"))
