"""What an edge weighs: dollars, seconds and doubt on one scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf

from orchestra.core.catalog import Node
from orchestra.core.errors import BadNumber
from orchestra.core.money import NANO, finite
from orchestra.graph.flat import Links
from orchestra.graph.graph import Graph
from orchestra.graph.pathfinder import Weigh
from orchestra.ports.health import Health

NodeWeight = Callable[[Node], float | None]
"""What it costs to enter a node; None if it may not be entered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much a dollar, a second and a lost unit of reward count. Our default: dollars alone.

    Raises: BadNumber for anything negative, NaN or infinite.
    """

    cost: float = 1.0
    latency: float = 0.0
    quality: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            finite(getattr(self, field.name), field.name)

    def of(self, *, usd: float, seconds: float = 0.0, reward: float = 1.0, penalty: float = 1.0) -> float:
        """(cost * usd + latency * seconds + quality * (1 - reward)) * penalty.

        Units: ``usd`` in dollars and ``seconds``, both expected; ``reward`` predicted, in [0, 1]; ``penalty`` >= 1.
        Raises: BadNumber for a number out of its range, NaN included.
        Source: our default; Self-Healing Router suggests a product of such factors and does not test it.
        """
        if not (usd >= 0.0 and seconds >= 0.0 and 0.0 <= reward <= 1.0 and penalty >= 1.0):
            raise BadNumber(
                f"No edge has usd={usd!r}, seconds={seconds!r}, reward={reward!r} and penalty={penalty!r}.",
                remedy="Dollars and seconds are >= 0, a reward lies in [0, 1], a penalty is >= 1; none is NaN.",
            )
        weight = (self.cost * usd + self.latency * seconds + self.quality * (1.0 - reward)) * penalty
        if not weight < inf:
            raise BadNumber(f"An edge weighs {weight!r}.", remedy="To hide a node, return None as its weight.")
        return weight


def weights_given(weights: Weights | Mapping[str, float] | None) -> Weights | None:
    """The weights, also as a mapping: what it does not name is 0. Raises BadNumber for what is no weight."""
    if weights is None or isinstance(weights, Weights):
        return weights
    names = [field.name for field in fields(Weights)]
    if not isinstance(weights, Mapping) or not set(weights) <= set(names):
        raise BadNumber(f"{weights!r} are no weights.", remedy=f"Give numbers for {', '.join(names)}.")
    return Weights(**{name: float(finite(weights.get(name, 0.0), name)) for name in names})


def weights_of(texts: Sequence[str]) -> Weights | None:
    """The weights written as "cost=1 latency=.2", in one text or several, what is not named being 0; None for no text.

    Raises: BadNumber for a name that there is not, a value that is no number, and a name given twice.
    """
    pairs = [part.partition("=") for text in texts for part in text.replace(",", " ").split()]
    if not pairs:
        return None
    names = [field.name for field in fields(Weights)]
    found = dict.fromkeys(names, 0.0)
    for place, (name, _, value) in enumerate(pairs):
        if name not in names or name in [other for other, _, _ in pairs[:place]]:
            raise BadNumber(f"{name!r} is no weight, or is given twice.", remedy=f"Write {', '.join(names)}, once.")
        found[name] = float(finite(value, name))
    return Weights(**found)


def node_weight(
    weights: Weights, health: Health, now: Callable[[], float], reward: Callable[[str], float] = lambda name: 0.5
) -> NodeWeight:
    """The weight of entering a node, read anew each time: what health hides is hidden, what it doubts is dearer.

    The latency is the measured one, where that is more than the declared floor. Units: ``reward`` predicted, in [0, 1]
    (our default: 0.5 for every node, so that quality does not tell them apart).
    """

    def weigh(node: Node) -> float | None:
        at = now()
        if health.hidden(node.name, at) is not None:
            return None
        measured_s = health.latency_s(node.name, at)
        return weights.of(
            usd=(node.cost_nano + node.expected_nano) / NANO,
            seconds=max(node.latency_s, measured_s or 0.0),
            reward=reward(node.name),
            penalty=health.penalty(node.name, at),
        )

    return weigh


def floors(graph: Graph, vertex_to_node: Mapping[str, Node], weights: Weights) -> Links[str]:
    """The graph's edges with the least that they will ever weigh: as declared, with no doubt and nothing lost.

    An edge to a vertex that stands for no node keeps its own weight.
    """
    least = {
        vertex: weights.of(usd=(node.cost_nano + node.expected_nano) / NANO, seconds=node.latency_s)
        for vertex, node in vertex_to_node.items()
    }
    return {origin: [(to, least.get(to, weight)) for to, weight in graph.neighbours(origin)] for origin in graph.links}


def entering(vertex_to_node: Mapping[str, Node], weigh: NodeWeight) -> Weigh[str]:
    """What it costs now to enter a vertex; the floor where it stands for no node."""

    def live(vertex: str, floor: float) -> float | None:
        node = vertex_to_node.get(vertex)
        return floor if node is None else weigh(node)

    return live
