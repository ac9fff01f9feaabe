"""What has to hold of every run over a graph, checked while it goes, with networkx as the oracle of cheapest paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Set
from itertools import pairwise
from math import isclose
from typing import Any

from orchestra.core.call import Batch, Call, Filing, ModelName, NodeName, Plan
from orchestra.core.catalog import Node
from orchestra.core.errors import EffectUnknown, NoEffect
from orchestra.core.money import NANO
from orchestra.core.outcome import Done, Failed, Outcome
from orchestra.evaluation.healing.graphs import Version
from orchestra.graph.graph import GOAL, START
from orchestra.graph.health import Health
from orchestra.graph.route import Find
from orchestra.graph.shortest import Path
from orchestra.graph.weights import Weights


class Violation(AssertionError):
    """Something that must always hold did not."""


def hold(condition: bool, what: str) -> None:
    if not condition:
        raise Violation(what)


def networkx_of(version: Version) -> Any:
    """The version's edges in networkx."""
    import networkx as nx

    graph: Any = nx.DiGraph()
    graph.add_nodes_from((START, GOAL))
    graph.add_weighted_edges_from((a, b, w) for (a, b), w in version.edges.items())
    return graph


class Oracle:
    """What networkx says of one version of a graph, by what health says at that moment. ``graph`` is the version's, as
    ``networkx_of`` makes it.
    """

    def __init__(
        self, version: Version, graph: Any, health: Health, now: Callable[[], float], weights: Weights
    ) -> None:
        import networkx as nx

        self._nx, self._graph, self._health, self._now, self._weights = nx, graph, health, now, weights
        self._version = version

    def weigh(self, out: Set[str]) -> Callable[[str, str, Mapping[str, float]], float | None]:
        """networkx's form of a weight: None hides the edge."""
        at, known = self._now(), dict[str, tuple[float, float] | None]()

        def factor(to: str) -> tuple[float, float] | None:
            """What is added to an edge's own weight and then the factor on both; None for what may not be entered."""
            if to not in known:
                node = self._version.vertex_to_node.get(to)
                if to in out or (node is not None and self._health.hidden(node.name, at) is not None):
                    known[to] = None
                else:
                    known[to] = (0.0, 1.0) if node is None else self._entering(node, at)
            return known[to]

        def weight(origin: str, to: str, edge: Mapping[str, float]) -> float | None:
            found = factor(to)
            return None if found is None else (edge["weight"] + found[0]) * found[1]

        return weight

    def hides(self, vertex: str) -> bool:
        """Whether health keeps everybody from the vertex now."""
        node = self._version.vertex_to_node.get(vertex)
        return node is not None and self._health.hidden(node.name, self._now()) is not None

    def _entering(self, node: Node, at: float) -> tuple[float, float]:
        penalty = self._health.penalty(node.name, at)
        if self._version.catalog is None:
            return 0.0, penalty
        seconds = max(node.latency_s, self._health.latency_s(node.name, at) or 0.0)
        usd = (node.cost_nano + node.expected_nano) / NANO
        return self._weights.cost * usd + self._weights.latency * seconds + self._weights.quality * 0.5, penalty

    def check(self, path: Path[str] | None, here: str, out: Set[str]) -> None:
        """The path is one, leads over nothing that is out or hidden, and none is cheaper. Raises Violation."""
        weight = self.weigh(out)
        try:
            least = self._nx.dijkstra_path_length(self._graph, here, GOAL, weight=weight)
        except (self._nx.NetworkXNoPath, self._nx.NodeNotFound):
            hold(path is None, f"a path from {here} was found, networkx has none: {path}")
            return
        hold(path is not None, f"no path from {here} was found, networkx has one that costs {least}")
        assert path is not None
        hold((path.nodes[0], path.nodes[-1]) == (here, GOAL), f"the path from {here} leads {path.nodes}")
        cost = 0.0
        for one, other in pairwise(path.nodes):
            hold(self._graph.has_edge(one, other), f"the path goes from {one} to {other}, which no edge does")
            step = weight(one, other, self._graph.edges[one, other])
            hold(step is not None, f"the path enters {other}, which is hidden, done or dead")
            cost += step or 0.0
        hold(isclose(cost, least, rel_tol=1e-9, abs_tol=1e-9), f"the path costs {cost}, networkx's {least}")
        hold(isclose(path.cost, cost, rel_tol=1e-9, abs_tol=1e-9), f"it says {path.cost} and costs {cost}")


class Watch:
    """One run: what it was told, what it asked for, and whether that is right. Its methods raise Violation."""

    def __init__(self, version: Version, find: Find, oracle: Oracle) -> None:
        self.version, self._find, self._oracle = version, find, oracle
        self.here, self.finished, self.dead = START, {START}, set[str]()
        self.ahead: list[str] = []
        self.reachable, self.final, self.ended = True, False, False
        self.calls: list[str] = []
        self.failures: list[str] = []
        self.causes: dict[str, str] = {}
        self.records: Counter[str] = Counter()
        self.hows: Counter[str] = Counter()
        self.acted: Counter[str] = Counter()
        self.asked = self.finds = 0

    def find(self, here: str, hidden: Set[str]) -> Path[str] | None:
        """The find that the plan is given."""
        hold(here == self.here, f"a path is sought from {here}, the work stands at {self.here}")
        out = self.finished | self.dead
        hold(out <= hidden, f"{sorted(out - hidden)} are done or dead, and not out")
        more = hidden - out
        hold(all(self._oracle.hides(vertex) for vertex in more), f"{sorted(more)} are out for no reason")
        self.dead |= more  # refused when they were to be called: another call was their probe
        path = self._find(here, hidden)
        self.finds += 1
        self._oracle.check(path, here, hidden)
        self.reachable = path is not None
        self.ahead = [] if path is None else [v for v in path.nodes[1:] if v in self.version.vertex_to_node]
        return path

    def watched(self, plan: Plan) -> Generator[Batch, tuple[Outcome, ...], Any]:
        """The same plan, looked at from both sides."""
        sent: Any = None
        try:
            while True:
                try:
                    batch = plan.send(sent)
                except StopIteration as stop:
                    self._ended(stop.value)
                    return stop.value
                self._batch(batch)
                sent = yield batch
                for call, outcome in zip(batch.calls, sent, strict=True):
                    self._outcome(call, outcome)
        finally:
            plan.close()

    def act(self, node: Node) -> None:
        """The node has acted, whatever it says of it. Its effect's key is the place that the work stands at."""
        if node.side_effect is not None:
            self.acted[self.here] += 1
            hold(self.acted[self.here] == 1, f"{node.name} is the second that acted for the effect at {self.here}")

    def _batch(self, batch: Batch) -> None:
        hold(not self.final, "it goes on after an effect that may have happened")
        hold(len(batch.calls) <= 1, f"a route calls {len(batch.calls)} at once")
        for filing in batch.filings:
            self._filed(filing, batch)
        for call in batch.calls:
            if isinstance(call.target, ModelName):
                hold(not self.reachable, "the model is asked and there is a path")
                hold(self.asked == 0, "the model is asked twice")
                self.asked += 1
            else:
                self._called(call)

    def _called(self, call: Call) -> None:
        hold(isinstance(call.target, NodeName) and bool(self.ahead), f"{call.target} is not on the path")
        vertex = self.ahead[0]
        hold(self.version.vertex_to_node[vertex].name == call.target.name, f"{call.target.name} is not the next node")
        hold(vertex not in self.finished, f"{vertex} is done and called again")
        hold(vertex not in self.dead, f"{vertex} is dead and called again")
        self.calls.append(vertex)
        hold(len(self.calls) <= len(self.version.vertex_to_node), "more calls than vertices")

    def _filed(self, filing: Filing, batch: Batch) -> None:
        if not filing.origin and "" not in self.causes:
            # Nobody could be called from where the work stands: that is the route's own failure.
            hold(not self.reachable and filing.cause is not None, f"{filing} and there is a path")
            self.failures.append("")
            self.causes[""] = "" if filing.cause is None else filing.cause.kind
        hold(filing.origin in self.causes, f"a record of a failure that nobody had: {filing}")
        self.records[filing.origin] += 1
        self.hows[filing.how] += 1
        if filing.how == "rerouted":
            hold(self.reachable, f"{filing} and there is no path")
        else:
            asks = [call for call in batch.calls if isinstance(call.target, ModelName)]
            hold((filing.how, filing.to, len(asks)) == ("escalated", "model", 1), f"{filing} and {len(asks)} asked")

    def _outcome(self, call: Call, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            hold(bool(outcome.origin) and outcome.origin not in self.causes, f"a failure of {outcome.origin!r} again")
            self.failures.append(outcome.origin)
            self.causes[outcome.origin] = outcome.cause.kind
        if isinstance(call.target, ModelName):
            return
        vertex = self.ahead.pop(0)
        node = self.version.vertex_to_node[vertex]
        if isinstance(outcome, Done):
            self.here = vertex
            self.finished.add(vertex)
        elif isinstance(outcome, Failed):
            self.ahead = []
            self.final = node.side_effect is not None and not outcome.cause.is_a(NoEffect)
            self.dead |= {v for v, other in self.version.vertex_to_node.items() if other.name == node.name}

    def _ended(self, outcome: Any) -> None:
        self.ended = True
        if isinstance(outcome, Done):
            hold(not self.final, "done, after an effect that may have happened")
            hold(self.asked == 1 or (self.reachable and not self.ahead), f"done, and still ahead are {self.ahead}")
        else:
            hold(isinstance(outcome, Failed), f"it ended with {outcome!r}")
            hold(self.final or not self.reachable, "it failed and there is a path")
            hold(not outcome.filed or bool(self.failures), f"it failed by {outcome.cause} and nothing was written down")
            unknown = outcome.cause.is_a(EffectUnknown)
            hold(unknown == (self.final and not self.asked), f"it failed by {outcome.cause}")

    def close(self, filed: Counter[str]) -> None:
        """After the run, with all the records that were written: one for each failure, none more."""
        hold(self.ended, "it did not end")
        hold(filed == Counter(self.failures), f"failures {Counter(self.failures)}, records {filed}")
