"""rustworkx and scipy on the queries that it is given. ``python -m benchmarks.peers.rustworkx_paths``."""

import json
import sys
from importlib.metadata import version
from itertools import pairwise
from time import perf_counter

import numpy as np
import rustworkx as rx
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.networks import network


def timed(call):
    start = perf_counter()
    found = call()
    return perf_counter() - start, found


def walked(graph, path):
    return sum(graph.get_edge_data(a, b) for a, b in pairwise(path))


def main():
    asked = json.load(sys.stdin)
    links = network(asked["kind"], asked["vertices"], asked["seed"])
    edges = [(origin, to, weight) for origin, row in links.items() for to, weight in row]
    start = perf_counter()
    graph = rx.PyDiGraph(multigraph=False)
    graph.add_nodes_from(list(links))
    graph.add_edges_from(edges)
    built = perf_counter() - start

    def path(here, goal):
        return list(rx.dijkstra_shortest_paths(graph, here, goal, weight_fn=float)[goal])

    start = perf_counter()
    origins, ends, weights = map(np.array, zip(*edges, strict=True))
    matrix = csr_array((weights, (origins, ends)), shape=(len(links), len(links)))
    built_scipy = perf_counter() - start

    def scipy_path(here, goal):
        far, before = dijkstra(matrix, indices=here, return_predecessors=True)
        steps = [goal]
        while steps[-1] != here:
            steps.append(int(before[steps[-1]]))
        return float(far[goal])

    first, scipys, again = [], [], []
    for here, goal in asked["first"]:
        seconds, found = timed(lambda here=here, goal=goal: path(here, goal))
        first.append((seconds, walked(graph, found)))
        scipys.append(timed(lambda here=here, goal=goal: scipy_path(here, goal)))
    for here, failed, goal in asked["again"]:
        lost = graph.in_edges(failed)

        def repath(here=here, failed=failed, goal=goal, lost=lost):
            graph.remove_edges_from([(origin, failed) for origin, _, _ in lost])
            try:
                return path(here, goal)
            except IndexError:  # no path
                return None

        seconds, found = timed(repath)
        again.append((seconds, None if found is None else walked(graph, found)))
        graph.add_edges_from(lost)
    known = {name: version(name) for name in ("rustworkx", "scipy")}
    print(
        json.dumps(
            {
                "built": built,
                "built_scipy": built_scipy,
                "first": first,
                "scipy": scipys,
                "again": again,
                "versions": known,
            }
        )
    )


main()
