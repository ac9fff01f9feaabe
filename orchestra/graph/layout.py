"""Where the vertices of a drawn graph stand: layers from left to right, few crossings, edges as straight as may be."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from orchestra.core.errors import BadDefinition

Pair = tuple[str, str]
Key = str | tuple[str, str, int]
"""A vertex, or the point of an edge in a layer that it passes."""

MOST_VERTICES, MOST_POINTS = 400, 20_000
"""What one picture may hold: more of it nobody could read. Our default."""
SWEEPS = 12
"""How often the order is improved, and then the heights. Our default."""


class Layout(NamedTuple):
    """``layers`` hold vertices and points from top to bottom; ``heights`` is the middle of each; ``ways`` leads each
    edge from its origin through its points to its end.
    """

    layers: list[list[Key]]
    heights: dict[Key, float]
    ways: dict[Pair, list[Key]]


def layout(vertices: Sequence[str], edges: Sequence[Pair], gap: float) -> Layout:
    """Layers by the longest way to each vertex, ordered by barycentres, heights with ``gap`` between two at the least.

    Edges that would close a circle are turned round for the layers alone. Edges of a vertex to itself have no way.
    The same input gives the same answer. Raises: BadDefinition for more than one picture can hold.
    Source: K. Sugiyama, S. Tagawa and M. Toda, 1981, in its plainest form; heights by pooling adjacent violators.
    """
    if len(vertices) > MOST_VERTICES:
        raise _too_large(f"{len(vertices):,} vertices", f"{MOST_VERTICES:,}")
    forward = _forward(vertices, [edge for edge in edges if edge[0] != edge[1]])
    depth = _depths(vertices, list(forward.values()))
    layers: list[list[Key]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for vertex in vertices:
        layers[depth[vertex]].append(vertex)
    ways: dict[Pair, list[Key]] = {}
    points = sum(max(0, depth[to] - depth[origin] - 1) for origin, to in forward.values())
    if points + len(forward) > MOST_POINTS:
        raise _too_large(f"{len(forward):,} edges", f"about {MOST_POINTS:,} with the layers that they cross")
    for edge, (origin, to) in forward.items():
        passed: list[Key] = [(*edge, layer) for layer in range(depth[origin] + 1, depth[to])]
        for layer, point in enumerate(passed, start=depth[origin] + 1):
            layers[layer].append(point)
        way: list[Key] = [origin, *passed, to]
        ways[edge] = way if edge == (origin, to) else way[::-1]
    links = [pair for edge, way in ways.items() for pair in pairwise(way if forward[edge] == edge else way[::-1])]
    before, after = _sides(layers, links)
    layers = _ordered(layers, before, after)
    return Layout(layers, _heights(layers, before, after, gap), ways)


def _too_large(what: str, most: str) -> BadDefinition:
    return BadDefinition(
        f"A picture of {what} could not be read; it holds at most {most}.",
        remedy="Draw a part of the graph, or take it as JSON.",
    )


def _forward(vertices: Sequence[str], edges: Sequence[Pair]) -> dict[Pair, Pair]:
    """Each edge, turned round where it leads back to a vertex that the search is still under."""
    following: dict[str, list[str]] = {vertex: [] for vertex in vertices}
    for origin, to in edges:
        following[origin].append(to)
    back: set[Pair] = set()
    done: set[str] = set()
    for start in vertices:
        above: set[str] = set()
        todo = [] if start in done else [(start, iter(following[start]))]
        while todo:
            here, rest = todo[-1]
            above.add(here)
            for to in rest:
                if to in above:
                    back.add((here, to))
                elif to not in done:
                    todo.append((to, iter(following[to])))
                    break
            else:
                todo.pop()
                above.discard(here)
                done.add(here)
    return {(one, other): (other, one) if (one, other) in back else (one, other) for one, other in edges}


def _depths(vertices: Sequence[str], edges: Sequence[Pair]) -> dict[str, int]:
    """The longest way to each vertex; one that more leads from than to stands right before the first of these."""
    waits = dict.fromkeys(vertices, 0)
    following: dict[str, list[str]] = {vertex: [] for vertex in vertices}
    for origin, to in edges:
        following[origin].append(to)
        waits[to] += 1
    depth = {vertex: 0 for vertex, count in waits.items() if not count}
    ready = list(depth)
    for here in ready:
        for to in following[here]:
            depth[to] = max(depth.get(to, 0), depth[here] + 1)
            waits[to] -= 1
            if not waits[to]:
                ready.append(to)
    entered = Counter(to for _, to in edges)
    for vertex in reversed(ready):
        if len(following[vertex]) > entered[vertex]:
            depth[vertex] = min(depth[to] for to in following[vertex]) - 1
    return depth


Sides = Mapping[Key, list[Key]]


def _sides(layers: Sequence[Sequence[Key]], links: Sequence[tuple[Key, Key]]) -> tuple[Sides, Sides]:
    before: dict[Key, list[Key]] = {key: [] for layer in layers for key in layer}
    after: dict[Key, list[Key]] = {key: [] for layer in layers for key in layer}
    for one, other in links:
        after[one].append(other)
        before[other].append(one)
    return before, after


def _ordered(layers: Sequence[Sequence[Key]], before: Sides, after: Sides) -> list[list[Key]]:
    """The order with the fewest crossings among those that sweeping to and fro by barycentres passes."""
    order = best = [list(layer) for layer in layers]
    fewest = _crossings(best, after)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        order = [list(layer) for layer in order]
        down = sweep % 2 == 0
        near = before if down else after
        for number in range(1, len(order)) if down else range(len(order) - 2, -1, -1):
            place = {key: at for at, key in enumerate(order[number - 1 if down else number + 1])}
            own = {key: float(at) for at, key in enumerate(order[number])}
            order[number].sort(key=lambda key, near=near, place=place, own=own: _mean(near[key], place, own[key]))  # type: ignore[misc]
        count = _crossings(order, after)
        if count < fewest:
            best, fewest = order, count
    return best


def _mean(keys: Sequence[Key], place: Mapping[Key, float], otherwise: float) -> float:
    return sum(place[key] for key in keys) / len(keys) if keys else otherwise


def _crossings(layers: Sequence[Sequence[Key]], after: Sides) -> int:
    count = 0
    for layer, following in pairwise(layers):
        place = {key: at for at, key in enumerate(following)}
        seen: list[int] = []
        for key in layer:
            ends = sorted(place[to] for to in after[key])
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _heights(layers: Sequence[Sequence[Key]], before: Sides, after: Sides, gap: float) -> dict[Key, float]:
    """Every key as near to the mean of its neighbours as the order and the gaps allow; points may lie closer."""
    heights: dict[Key, float] = {}
    steps = [_steps(layer, gap) for layer in layers]
    for layer, step in zip(layers, steps, strict=True):
        middle = step[-1] / 2 if step else 0.0
        heights |= {key: at - middle for key, at in zip(layer, step, strict=True)}
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for number in range(len(layers)) if down else range(len(layers) - 1, -1, -1):
            layer, step = layers[number], steps[number]
            wanted = [_mean([*before[key], *after[key]], heights, heights[key]) for key in layer]
            nearest = _rising([want - at for want, at in zip(wanted, step, strict=True)])
            heights |= {key: near + at for key, near, at in zip(layer, nearest, step, strict=True)}
    return heights


def _steps(layer: Sequence[Key], gap: float) -> list[float]:
    """How far below the first each has to be at the least."""
    steps: list[float] = []
    for at, key in enumerate(layer):
        both = isinstance(key, str) and isinstance(layer[at - 1], str)
        steps.append(steps[-1] + (gap if both else gap * 0.6) if steps else 0.0)
    return steps


def _rising(wanted: Sequence[float]) -> list[float]:
    """The numbers that never fall and are nearest to these, by least squares."""
    pools: list[tuple[float, int]] = []
    for value in wanted:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]
