"""An ant colony in a world that changes: ``python -m benchmarks.colony`` prints how often each router succeeds.

A stream of three types of tasks goes through three layers of four nodes. One node a layer and type is right for it
(.95), the others have .4, .6 or .75; half-way all of that is drawn again. A path's chance of success is the product
over its nodes, and the reward of each of its steps whether it succeeded. Priors are the nodes' mean qualities of the
first half, with noise; contexts name the type, with noise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from orchestra.core.decision import Decide, Decision, Option
from orchestra.ports.router import Lesson, Router
from orchestra.routing.learners.ema import EMA
from orchestra.routing.learners.intents import Exemplars
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.pheromone import Ant, Pheromone
from orchestra.routing.learners.simple import Random

LAYERS, NODES, STEPS, SEEDS, LAST = 3, 4, 2000, 4, 200
TYPES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
Quality = Mapping[tuple[int, int, int], float]


def world(seed: int) -> Quality:
    """(layer, node, type) -> the chance that the node does well."""
    rng = random.Random(seed)
    quality = {}
    for layer in range(LAYERS):
        for kind in range(len(TYPES)):
            best = rng.randrange(NODES)
            for node in range(NODES):
                quality[layer, node, kind] = 0.95 if node == best else rng.choice((0.4, 0.6, 0.75))
    return quality


def layers_of(seed: int, quality: Quality) -> list[tuple[Option, ...]]:
    """The options of each layer as they are declared."""
    rng = random.Random(seed)
    found = []
    for layer in range(LAYERS):
        means = [sum(quality[layer, node, t] for t in range(len(TYPES))) / len(TYPES) for node in range(NODES)]
        priors = [min(1.0, max(0.0, mean + rng.gauss(0.0, 0.1))) for mean in means]
        found.append(
            tuple(Option(f"{layer}{n}", cost_nano=rng.randrange(1, 10), prior=p) for n, p in enumerate(priors))
        )
    return found


def played(router: Router, seed: int) -> list[float]:
    """The chance of success of every task."""
    rng, before, after = random.Random(seed + 77), world(seed), world(seed + 1000)
    layers, chances = layers_of(seed, before), []
    for n in range(STEPS):
        quality, kind = before if n < STEPS // 2 else after, rng.randrange(len(TYPES))
        x = (1.0, *(value + rng.gauss(0.0, 0.15) for value in TYPES[kind]))
        path: list[Decision] = []
        chance, previous = 1.0, ""
        for layer, options in enumerate(layers):
            ask = Decide(capability=f"layer {layer}", options=options, x=x, previous=previous)
            path.append(router.choose(ask, f"{n}/{layer}", rng))
            previous = path[-1].chosen[0]
            chance *= quality[layer, int(previous[1:]), kind]
        reward = float(rng.random() < chance)
        router.learn([Lesson(decision, reward) for decision in path])
        chances.append(chance)
    return chances


def specialists() -> Pheromone:
    return Pheromone(intents=Exemplars({f"type {i}": [x] for i, x in enumerate(TYPES)}))


NAME_TO_MAKE: Mapping[str, Callable[[], Router]] = {
    "uniform": Random,
    "greedy by ability": lambda: Pheromone(ant=Ant(0.0, 60.0, 1.0, 0.0, 0.0), floor=0.0),
    "pheromone, one map": Pheromone,
    "pheromone, by type": specialists,
    "pheromone, visited": lambda: Pheromone(intents=specialists().intents, evaporate="visited"),
    "ema": EMA,
    "linucb": LinUCB,
}


def main() -> None:
    """Prints a line for each router: over all tasks, and over the last 200 of each half."""
    for name, make in NAME_TO_MAKE.items():
        runs = [played(make(), seed) for seed in range(SEEDS)]
        half = STEPS // 2
        parts = [(0, STEPS), (half - LAST, half), (STEPS - LAST, STEPS)]
        means = [sum(sum(run[a:b]) for run in runs) / (SEEDS * (b - a)) for a, b in parts]
        print(f"{name:20} " + "  ".join(f"{mean:.3f}" for mean in means), flush=True)


if __name__ == "__main__":
    main()
