"""Several capabilities bound together as one cheapest path, found again from where the work stands on failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestra.core.call import Batch, Call, NodeName, Plan, rerouted
from orchestra.core.errors import NoProvider
from orchestra.core.outcome import Done, Failed, failed
from orchestra.graph.attempt import Candidate, Tried, asked, attempt, final, given_up
from orchestra.graph.shortest import Neighbours, shortest
from orchestra.ports.health import Health


def route(
    call: Call,
    neighbours: Neighbours[str],
    start: str,
    goal: str,
    vertex_to_node: Mapping[str, Candidate],
    health: Health | None,
    now: Callable[[], float],
    escalate: str | None = None,
) -> Plan:
    """Walks a cheapest path from start to goal and calls the node of every vertex on it, but for the start.

    The first node is given the call's input, every other the output of the one before it; the last output is the
    route's and of the call's output type. Vertices that stand for no node are passed. A node that fails is out for this
    call, at whatever vertices it stands, and the path is found again from the last vertex that was done, with the
    weights of that moment; what was done is never entered again. Without a path the model ``escalate`` is asked once;
    without one the last failure comes back unfiled, or NoProvider if nothing failed. What may not go elsewhere comes
    back as from ``bind``.
    A batch without calls carries a record alone: where the new path reaches the goal without another call.
    Raises: BadNumber for a weight that is negative, NaN or infinite.
    Source: Self-Healing Router, which plans again from the failed node (its appendix) or from the start (its code);
    from the last finished node is the reading under which nothing is done twice.
    """
    here, finished, dead = start, {start}, set[str]()
    value, last = call.input, None
    tried: list[Tried] = []
    done: list[str] = []
    while (path := shortest(neighbours, here, goal, finished | dead)) is not None:
        hops = [(vertex, vertex_to_node[vertex]) for vertex in path.nodes[1:] if vertex in vertex_to_node]
        pending = () if last is None else rerouted(last, hops[0][1].name if hops else goal)
        for vertex, node in hops:
            hop = Call(
                target=NodeName(name=node.name),
                input=value,
                timeout_s=call.timeout_s,
                output_type=call.output_type if vertex == hops[-1][0] else None,
            )
            outcome = yield from attempt(hop, node.name, pending, health, now)
            pending = ()
            if isinstance(outcome, Failed):
                if (end := final(outcome, node)) is not None:
                    return end
                last = outcome
                tried.append(Tried(node.name, outcome.cause))
                dead |= {other for other, candidate in vertex_to_node.items() if candidate.name == node.name}
                break
            if not isinstance(outcome, Done):
                return outcome
            value, here = outcome.output, vertex
            finished.add(vertex)
            done.append(node.name)
        else:
            if pending:
                yield Batch(calls=(), filings=pending)
            return Done(output=value)
    failure = last or failed(NoProvider(f"No path leads from {start!r} to {goal!r} for {asked(call)!r}."))
    return (yield from given_up(escalate, call, failure, tried, done))
