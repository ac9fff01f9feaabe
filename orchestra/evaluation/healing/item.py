"""One graph of the campaign: its versions, its faults, and the runs that are made over it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Set
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestra.core.call import Batch, Call, Plan
from orchestra.core.catalog import Catalog, Node
from orchestra.core.decision import Decision
from orchestra.core.errors import NoProvider
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.evaluation.healing.faults import Behaviour, Ended, behaviour
from orchestra.evaluation.healing.graphs import KINDS, MOST_NODES, Kind, Version, edited, random_version
from orchestra.evaluation.healing.watch import Oracle, Watch, hold, networkx_of
from orchestra.graph.bind import bind
from orchestra.graph.graph import GOAL, START
from orchestra.graph.health import Health
from orchestra.graph.pathfinder import Pathfinder
from orchestra.graph.paths import Paths
from orchestra.graph.route import Find, route
from orchestra.graph.shortest import Path, shortest
from orchestra.graph.weights import Weights, node_weight

T = TypeVar("T")
MODEL = "test:last"
WEIGHTS = (Weights(), Weights(cost=1.0, latency=0.2), Weights(cost=0.5, latency=0.01, quality=1.0))


class Hands:
    """The clock's hands: the only time that there is."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at


@dataclass(slots=True)
class Item:
    """Everything that follows from (seed, number)."""

    seed: int
    number: int
    rng: random.Random
    kind: Kind
    current: Version
    trouble: float
    weights: Weights
    finder: str
    escalate: str | None
    model_fails: bool
    runs: int
    edits: int
    hands: Hands = field(default_factory=Hands)
    health: Health = field(default_factory=Health)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    watches: list[Watch] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _paths: Paths | None = None
    _made: dict[tuple[int, str], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int, number: int) -> Item:
        rng = random.Random(f"{seed}/{number}")
        kind = KINDS[number % len(KINDS)]
        return cls(
            seed=seed,
            number=number,
            rng=rng,
            kind=kind,
            current=random_version(kind, rng),
            trouble=rng.choice((0.1, 0.3, 0.5, 0.8)),
            health=Health(providers=_providers(rng)),
            weights=rng.choice(WEIGHTS),
            finder=rng.choice(("pathfinder", "dijkstra")),
            escalate=rng.choice((None, MODEL)),
            model_fails=rng.random() < 0.2,
            runs=rng.choice((1, 2, 3, 4)) if rng.random() < 0.95 else 12,
            edits=rng.randint(0, 3),
        )

    def edit(self) -> None:
        """The graph of today is another one; runs under way keep theirs."""
        self.current = edited(self.current, self.rng)
        self.counts["edits"] += 1

    def called(self, name: str) -> Ended:
        """How a call of the node that begins now goes."""
        found = self.behaviours.get(name)
        if found is None:
            # Drawn from the name, so that it does not depend on who is called first.
            drawn = random.Random(f"{self.seed}/{self.number}/{name}")
            found = self.behaviours[name] = behaviour(drawn, self.trouble)
        return found.called(name, self.hands.at, self.rng)

    def begun(self, may_bind: bool = True) -> tuple[Watch, Plan]:
        """One more run over the graph of today; some of those over a catalogue bind one capability after the other."""
        version = self.current
        oracle = Oracle(version, self._of_version(networkx_of), self.health, self.hands.now, self.weights)
        watch = Watch(version, self._find(version), oracle)
        self.watches.append(watch)
        if may_bind and version.catalog is not None and self.rng.random() < 0.5:
            self.counts["bound"] += 1
            return watch, watch.watched(_bound(watch, version.catalog, self.health, self.hands.now))
        call = Call(target="task", input="task")
        nodes = version.vertex_to_node
        plan = route(call, watch.find, START, nodes, self.health, self.hands.now, self.escalate)
        return watch, watch.watched(plan)

    def _of_version(self, make: Callable[[Version], T]) -> T:
        """What is made once for each version and shared by its runs."""
        key = self.current.number, make.__qualname__
        if key not in self._made:
            self._made[key] = make(self.current)
        made: T = self._made[key]
        return made

    def _find(self, version: Version) -> Find:
        if version.catalog is not None:
            if self._paths is None:
                self._paths = Paths(self.weights)
            weigh = node_weight(self.weights, self.health, self.hands.now)
            return self._paths.through(version.catalog, version.capabilities, weigh)[0]
        if self.finder == "dijkstra":
            return self._dijkstra(version)
        finder = self._of_version(lambda version: Pathfinder(version.links, GOAL))
        live = self._live(version)
        return lambda here, hidden: finder.path(here, hidden, live)

    def _live(self, version: Version) -> Callable[[str, float], float | None]:
        def live(vertex: str, floor: float) -> float | None:
            node = version.vertex_to_node.get(vertex)
            if node is None:
                return floor
            at = self.hands.at
            if self.health.hidden(node.name, at) is not None:
                return None
            return floor * self.health.penalty(node.name, at)

        return live

    def _dijkstra(self, version: Version) -> Find:
        links, live = self._of_version(lambda version: version.links), self._live(version)

        def neighbours(vertex: str) -> Iterator[tuple[str, float | None]]:
            return ((to, live(to, weight)) for to, weight in links.get(vertex, ()))

        def find(here: str, hidden: Set[str]) -> Path[str] | None:
            return shortest(neighbours, here, GOAL, hidden)

        return find

    def finished(self) -> None:
        """After all runs: nothing is thought to be in flight, and what was counted."""
        names = {node.name for watch in self.watches for node in watch.version.vertex_to_node.values()}
        for name in names:
            hold(self.health.in_flight(name) == 0, f"{name} counts as in flight after all runs")
        for watch in self.watches:
            self.counts["runs"] += 1
            self.counts["calls"] += len(watch.calls)
            self.counts["failures"] += len(watch.failures)
            self.counts["paths"] += watch.finds
            self.counts["rerouted"] += watch.hows["rerouted"]
            self.counts["escalated"] += len(watch.failures) - watch.hows["rerouted"]
            self.counts["model_calls"] += watch.asked
            self.counts["unknown_effects"] += watch.final
            self.counts["effects"] += sum(watch.acted.values())
        self.counts["nodes"] += len(self.current.vertex_to_node)


def _providers(rng: random.Random) -> dict[str, str]:
    """In a quarter of the items some nodes have a provider in common, whose breaker hides them all."""
    if rng.random() < 0.75:
        return {}
    return {f"{letter}{number}": f"p{number % 7}" for letter in "vn" for number in range(0, MOST_NODES, 2)}


def _bound(watch: Watch, catalog: Catalog, health: Health, now: Callable[[], float]) -> Plan:
    """One capability after the other, each bound to the node that a cheapest path begins with."""
    done = Done(output="task")
    for capability in watch.version.capabilities:
        providers, before = catalog.providers(capability), len(watch.calls)

        def decide(
            standing: tuple[Node, ...], failure: Failed | None, before: int = before
        ) -> Generator[Batch, tuple[Outcome, ...], Decision | Failed]:
            yield from ()
            gone = {watch.version.vertex_to_node[vertex].name for vertex in watch.calls[before:]}
            hold(gone.isdisjoint(node.name for node in standing), f"on offer is one of {gone}, which failed")
            if watch.find(watch.here, watch.finished | watch.dead) is None:
                return failed(NoProvider("no path"))
            name = watch.version.vertex_to_node[watch.ahead[0]].name
            hold(any(node.name == name for node in standing), f"{name} is the cheapest and not on offer")
            return Decision(
                key="d", capability="c", policy="path", version=1, options=(), chosen=(name,), probability=1.0
            )

        call = Call(target=capability, input=done.output)
        outcome = yield from bind(call, providers, decide, health, now)
        if not isinstance(outcome, Done):
            if not watch.final:
                watch.find(watch.here, watch.finished | watch.dead)  # the oracle has to agree that there is no way
            return outcome
        done = outcome
    return done
