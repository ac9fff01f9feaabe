"""Several capabilities bound together as one cheapest path, found again from where the work stands on failure."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Set
from dataclasses import replace
from itertools import islice

from orchestra.core.call import Batch, Call, NodeName, Plan, rerouted
from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import NoProvider
from orchestra.core.outcome import Detour, Done, Failed, Outcome, failed
from orchestra.graph.attempt import Candidate, Tried, asked, attempt, final
from orchestra.graph.recovery import Recovery, ended, gone_on, recovered
from orchestra.graph.shortest import Path
from orchestra.ports.health import Health

Find = Callable[[str, Set[str]], Path[str] | None]
"""A cheapest path from a vertex to the goal that enters none of these, by what holds now; None if there is none."""


POLICY = "dijkstra"
FINAL_HERE = "nobody else may do what it may have done, or could do better"
LOOKED_AT = 256
"""How many vertices are looked at to say who was hidden when a path failed. Our default."""


def route(
    call: Call,
    find: Find,
    start: str,
    vertex_to_node: Mapping[str, Candidate],
    health: Health | None,
    now: Callable[[], float],
    escalate: Recovery | str | None = None,
    record: bool = False,
) -> Plan:
    """Walks the cheapest path that ``find`` knows and calls the node of every vertex on it, but for the start.

    The first node is given the call's input, every other the output of the one before it; the last output is the
    route's and of the call's output type. Vertices that stand for no node are passed. A node that fails is out for this
    call, at whatever vertices it stands, and the path is found again from the last vertex that was done, with the
    weights of that moment; what was done is never entered again. Without a path ``escalate`` says what may still be
    done, as in ``bind``; without it the last failure comes back unfiled, or NoProvider if nothing failed. What may not
    go elsewhere comes back as from ``bind``.
    With ``record`` each path is a decision of the policy 'dijkstra': it is written down, and a resumed run walks it
    again as far as it can, whatever the weights are by then. A batch without calls carries a record alone: where the
    new path reaches the goal without another call.
    Raises: what ``find`` raises.
    Source: Self-Healing Router, which plans again from the failed node (its appendix) or from the start (its code);
    from the last finished node is the reading under which nothing is done twice.
    """
    if isinstance(escalate, Recovery) and (plan := gone_on(escalate, call)) is not None:
        return (yield from plan)
    walk, last = _Walk(call, find, start, vertex_to_node, record), None
    while (path := (yield from walk.next(last))) is not None:
        pending = () if last is None else rerouted(last, (*walk.names, path[-1])[0], walk.detour(health, now))
        for vertex, node in walk.hops:
            hop = Call(
                target=NodeName(name=node.name),
                input=walk.value,
                timeout_s=call.timeout_s,
                output_type=call.output_type if vertex == walk.hops[-1][0] else None,
                decision=walk.decision,
            )
            outcome = yield from attempt(hop, node.name, pending, health, now)
            pending = ()
            if isinstance(outcome, Failed):
                if (end := final(outcome, node)) is not None:
                    return (yield from ended(escalate, call, replace(end, detour=walk.over())))
                last = outcome
                walk.fails(node, outcome)
                break
            if not isinstance(outcome, Done):
                return outcome
            walk.stands_at(vertex, node, outcome.output)
        else:
            if pending:
                yield Batch(calls=(), filings=pending)
            return Done(output=walk.value)
    nowhere = f"no path leads from {walk.here!r} to a goal"
    failure = failed(NoProvider(f"N{nowhere[1:]} for {asked(call)!r}."))
    if last is not None:
        failure = replace(last, detour=replace(walk.detour(health, now), why=nowhere))
    return (yield from recovered(escalate, call, failure, walk.tried, walk.done))


class _Walk:
    """Where the work stands on its way, and what is known of the graph from walking it."""

    def __init__(
        self, call: Call, find: Find, start: str, vertex_to_node: Mapping[str, Candidate], record: bool
    ) -> None:
        self.call, self.find, self.vertex_to_node, self.record = call, find, vertex_to_node, record
        self.here, self.value = start, call.input
        self.finished, self.dead = {start}, set[str]()
        self.tried: list[Tried] = []
        self.done: list[str] = []
        self.hops: list[tuple[str, Candidate]] = []
        self.decision: str | None = None
        self.cost: float | None = None
        self.before: tuple[tuple[str, ...], float | None] = ((), None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(node.name for _, node in self.hops)

    def next(self, last: Failed | None) -> Generator[Batch, tuple[Outcome, ...], tuple[str, ...] | None]:
        """The vertices of the path to walk now; None where there is none."""
        self.before = self.names, self.cost
        self.hops, self.cost, self.decision = [], None, None
        path = self.find(self.here, self.finished | self.dead)
        if path is None:
            return None
        vertices, self.cost = path.nodes, path.cost
        if self.record:
            decision = yield from self._recorded(path, last)
            self.decision = decision.key
            if decision.chosen != self._entered(vertices):
                vertices, self.cost = (self.here, *decision.chosen), None
        self.hops = [(vertex, self.vertex_to_node[vertex]) for vertex in self._entered(vertices)]
        return vertices

    def _entered(self, vertices: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(vertex for vertex in vertices[1:] if vertex in self.vertex_to_node)

    def _recorded(self, path: Path[str], last: Failed | None) -> Generator[Batch, tuple[Outcome, ...], Decision]:
        """The decision for this path, or the one that the journal holds, if it can still be walked."""
        chosen = self._entered(path.nodes)
        kinds = {one.name: f"failed already: {one.cause.kind}" for one in self.tried}
        options = [Option(name, cost_nano=_nano(self.vertex_to_node[name])) for name in chosen]
        options += [Option(name, filtered=why) for name, why in kinds.items()]
        question = Decide(
            capability=asked(self.call),
            options=tuple(options),
            because=None if last is None else last.origin,
            previous=self.done[-1] if self.done else "",
            marks=f"from {self.here}",
            policy=POLICY,
            chosen=chosen,
            reason=f"the cheapest path from {self.here}, weighing {path.cost:g}",
        )
        while True:
            (outcome,) = yield Batch(calls=(Call(target=question),))
            assert isinstance(outcome, Done), "the question holds its own answer"
            decision: Decision = outcome.output
            closed = self.finished | self.dead
            if decision.marks == question.marks and all(
                vertex in self.vertex_to_node and vertex not in closed for vertex in decision.chosen
            ):
                return decision

    def stands_at(self, vertex: str, node: Candidate, value: object) -> None:
        self.here, self.value = vertex, value
        self.finished.add(vertex)
        self.done.append(node.name)

    def fails(self, node: Candidate, failure: Failed) -> None:
        self.tried.append(Tried(node.name, failure.cause))
        self.dead |= {other for other, candidate in self.vertex_to_node.items() if candidate.name == node.name}

    def over(self) -> Detour:
        return Detour(before=self.names, before_cost=self.cost, stands=self.here, why=FINAL_HERE)

    def detour(self, health: Health | None, now: Callable[[], float]) -> Detour:
        """The path before and the one after, and who was not to be used."""
        known = {one.name: f"failed already: {one.cause.kind}" for one in self.tried}
        if health is not None:
            for node in islice(self.vertex_to_node.values(), LOOKED_AT):
                if node.name not in known and (why := health.hidden(node.name, now())) is not None:
                    known[node.name] = why
        before, cost = self.before
        return Detour(
            before=before,
            before_cost=cost,
            stands=self.here,
            after=self.names,
            after_cost=self.cost,
            known=tuple(known.items()),
        )


def _nano(node: Candidate) -> int:
    return int(getattr(node, "cost_nano", 0)) + int(getattr(node, "expected_nano", 0))
