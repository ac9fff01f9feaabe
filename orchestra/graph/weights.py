"""What an edge weighs: dollars, seconds and doubt on one scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import inf

from orchestra.core.catalog import Node
from orchestra.core.errors import BadNumber
from orchestra.core.money import NANO, finite
from orchestra.graph.graph import Graph
from orchestra.graph.shortest import Neighbours
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


def node_weight(
    weights: Weights, health: Health, now: Callable[[], float], reward: Callable[[str], float] = lambda name: 0.5
) -> NodeWeight:
    """The weight of entering a node, read anew each time: what health hides is hidden, what it doubts is dearer.

    The latency is the measured one, the declared one before there is any. Units: ``reward`` predicted, in [0, 1]
    (our default: 0.5 for every node, so that quality does not tell them apart).
    """

    def weigh(node: Node) -> float | None:
        at = now()
        if health.hidden(node.name, at) is not None:
            return None
        measured_s = health.latency_s(node.name)
        return weights.of(
            usd=(node.cost_nano + node.expected_nano) / NANO,
            seconds=node.latency_s if measured_s is None else measured_s,
            reward=reward(node.name),
            penalty=health.penalty(node.name, at),
        )

    return weigh


def weighted(graph: Graph, vertex_to_node: Mapping[str, Node], weigh: NodeWeight) -> Neighbours[str]:
    """The graph's edges with the weights that hold now; an edge to a vertex that stands for no node keeps its own."""

    def neighbours(vertex: str) -> list[tuple[str, float | None]]:
        return [
            (to, weigh(vertex_to_node[to]) if to in vertex_to_node else weight)
            for to, weight in graph.neighbours(vertex)
        ]

    return neighbours
