"""Which topology fits a decomposed task: AdaptOrch's rule over the shape of its dependency graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, get_args

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.topologies.layers import layers

Kind = Literal["parallel", "sequential", "hierarchical", "hybrid"]
Coupling = Literal["none", "weak", "strong", "critical"]
COUPLINGS: tuple[Coupling, ...] = get_args(Coupling)

THETA_OMEGA = 0.5
"""A graph is wide above this share of its nodes in one layer. Source: AdaptOrch."""
THETA_GAMMA = 0.6
"""A graph is tightly coupled above this mean. Source: AdaptOrch."""
THETA_DELTA = 5
"""A tightly coupled graph needs a lead above so many *nodes*: named for the depth, compared with |V|, as published.
Source: AdaptOrch."""
THETA_CS = 0.75
"""Answers whose mean pairwise cosine is at least this agree, and are merged. AdaptOrch gives no value; our default."""
GAMMA_STEP = 0.2
COUPLING_TO_GAMMA: Mapping[Coupling, float] = {"none": 0.0, "weak": 0.3, "strong": 0.7, "critical": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dag:
    """Subtasks and what they wait for: ``parents`` maps every name to its parents, each with the label of the edge."""

    parents: Mapping[str, Mapping[str, Coupling]]

    @property
    def layers(self) -> tuple[tuple[str, ...], ...]:
        """Raises BadDefinition for a cycle and for a parent that is not there."""
        return layers({name: tuple(above) for name, above in self.parents.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the rule looks at. ``omega``: how many can run at once; ``delta``: nodes on the longest path; ``gamma``:
    mean coupling of the edges, 0 without any.
    """

    nodes: int
    edges: int
    omega: int
    delta: int
    gamma: float

    @property
    def r(self) -> float:
        return self.omega / self.nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    kind: Kind
    shape: Shape

    @property
    def reason(self) -> str:
        s = self.shape
        return (
            f"{self.kind}: {s.nodes} subtasks, {s.edges} dependencies, width {s.omega} (share {s.r:.2f}), "
            f"depth {s.delta}, coupling {s.gamma:.2f}"
        )


def shape(dag: Dag, *, exact: bool = False) -> Shape:
    """The measures of a graph in O(V + E): omega is the width of the widest layer, never above the true one.

    With ``exact`` omega is the size of the largest antichain, by matching: O(V^2.5), not for serving.

    Raises: BadDefinition for an empty graph, a cycle, an unknown parent or an unknown label.
    Source: AdaptOrch, its definitions of omega, delta and gamma.
    """
    if not dag.parents:
        raise BadDefinition("There are no subtasks.", remedy="Name at least one.")
    found = dag.layers
    labels = [label for above in dag.parents.values() for label in above.values()]
    unknown = set(labels) - set(COUPLINGS)
    if unknown:
        raise BadDefinition(f"{min(unknown)!r} is no coupling; there are {', '.join(COUPLINGS)}.")
    # Counted in tenths: a mean that is the threshold on paper is the threshold here.
    tenths = sum(round(10 * COUPLING_TO_GAMMA[label]) for label in labels)  # pyright: ignore[reportArgumentType]
    return Shape(
        nodes=len(dag.parents),
        edges=len(labels),
        omega=largest_antichain(dag) if exact else max(map(len, found)),
        delta=len(found),
        gamma=float(Fraction(tenths, 10 * len(labels))) if labels else 0.0,
    )


def rule(shape: Shape) -> Kind:
    """The first line that holds decides.

    "parallel" with edges means that the graph is wide and loose; whoever runs it still keeps to the edges.

    Source: AdaptOrch, its routing rule; the order of the lines is part of it.
    """
    if shape.edges == 0:
        return "parallel"
    if shape.omega == 1:
        return "sequential"
    if shape.gamma > THETA_GAMMA and shape.nodes > THETA_DELTA:
        return "hierarchical"
    if shape.r > THETA_OMEGA and shape.gamma <= THETA_GAMMA:
        return "parallel"
    return "hybrid"


def select(dag: Dag, *, exact: bool = False) -> Selection:
    """The topology for a graph. Raises BadDefinition."""
    found = shape(dag, exact=exact)
    return Selection(kind=rule(found), shape=found)


def rerouted(selection: Selection) -> Selection | None:
    """The next selection after answers that disagree: gamma is raised by 0.2, at most to 1, and the rule asked again.

    The round that reaches 1 is hierarchical; None after it. So at most ceil((1 - gamma) / 0.2) <= 5 rounds follow one
    another, whatever gamma was at first.

    Raises: BadNumber for a gamma that is not in [0, 1].
    Source: AdaptOrch, adaptive synthesis: re-routing after the arbiter, then H.
    """
    gamma = selection.shape.gamma
    if not 0 <= gamma <= 1:
        raise BadNumber(f"gamma={gamma!r} is not in [0, 1].")
    if gamma == 1:
        return None
    # Rounded: 0.4 + 0.2 must be the threshold 0.6, not one bit above it.
    raised = replace(selection.shape, gamma=min(1.0, round(gamma + GAMMA_STEP, 9)))
    return Selection(kind="hierarchical" if raised.gamma == 1 else rule(raised), shape=raised)


def largest_antichain(dag: Dag) -> int:
    """How many nodes at most are pairwise without a path. Raises BadDefinition for a cycle.

    Source: Dilworth (1950): V less a maximum matching of the transitive closure; Hopcroft and Karp (1973).
    """
    import networkx

    above: dict[str, set[str]] = {}
    for name in (name for layer in dag.layers for name in layer):
        parents = dag.parents[name]
        above[name] = set(parents).union(*(above[parent] for parent in parents))
    graph: Any = networkx.Graph()
    lower = [(name, 0) for name in above]
    graph.add_nodes_from(lower)
    graph.add_edges_from(((name, 0), (one, 1)) for name, found in above.items() for one in found)
    matching: Mapping[Any, Any] = networkx.bipartite.hopcroft_karp_matching(graph, lower)
    return len(above) - len(matching) // 2


def dag_of(edges: Sequence[tuple[str, str, Coupling]], nodes: Sequence[str] = ()) -> Dag:
    """A graph of (parent, child, coupling) and of nodes that may stand alone; the last label of an edge holds."""
    parents: dict[str, dict[str, Coupling]] = {name: {} for name in nodes}
    for parent, child, coupling in edges:
        parents.setdefault(parent, {})
        parents.setdefault(child, {})[parent] = coupling
    return Dag(parents=parents)
