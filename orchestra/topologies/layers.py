"""Members with dependencies: their layers, and a plan that runs one layer after another."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from orchestra.core.call import Batch
from orchestra.core.errors import BadDefinition
from orchestra.core.outcome import Done, Outcome, Paused
from orchestra.topologies.member import Member, OnFailure, given, needed


def layers(parents: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """The names by depth: a name stands one layer below the deepest of its parents, so each layer is an antichain.

    Within a layer the order is that of ``parents``, which maps every name to those that it comes after. O(V + E).

    Raises: BadDefinition for a name that is not there, for a cycle.
    Source: Kahn (1962), by levels.
    """
    waits = {name: len(set(above)) for name, above in parents.items()}
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, above in parents.items():
        for parent in dict.fromkeys(above):
            if parent not in children:
                raise BadDefinition(f"{name!r} comes after {parent!r}, and nothing is named so.", member=name)
            children[parent].append(name)
    depth = {name: 0 for name, n in waits.items() if n == 0}
    ready = list(depth)
    for name in ready:
        for child in children[name]:
            waits[child] -= 1
            if waits[child] == 0:
                depth[child] = depth[name] + 1
                ready.append(child)
    if len(ready) < len(waits):
        cycle = _cycle(parents, [name for name, n in waits.items() if n > 0])
        raise BadDefinition(f"It goes round in a circle: {' after '.join([*cycle, cycle[0]])}.", member=cycle[0])
    found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in parents:
        found[depth[name]].append(name)
    return tuple(map(tuple, found))


def _cycle(parents: Mapping[str, Sequence[str]], stuck: Sequence[str]) -> list[str]:
    """One cycle among names of which each has a parent among them."""
    among, name = set(stuck), stuck[0]
    seen: dict[str, None] = {}
    while name not in seen:
        seen[name] = None
        name = next(parent for parent in parents[name] if parent in among)
    path = list(seen)
    return path[path.index(name) :]


def ends(members: Sequence[Member]) -> tuple[Member, ...]:
    """The members that no other comes after."""
    above = {name for member in members for name in member.after}
    return tuple(member for member in members if member.name not in above)


def in_layers(
    members: Sequence[Member], value: Any, on_failure: OnFailure, shared: Mapping[str, Any] | None = None
) -> Generator[Batch, tuple[Outcome, ...], dict[str, Outcome]]:
    """Runs the members layer by layer and returns the outcomes of those that were called, by name.

    The members of a layer run together. A member is called once as many of its parents are Done as ``on_failure`` asks
    for, with their outputs (and those ``shared`` by all); it is left out where they are not, and nothing is begun after
    a layer with a failure under "fail", or after one that pauses.
    """
    outcomes: dict[str, Outcome] = {}
    named = {member.name: member for member in members}
    for layer in layers({member.name: member.after for member in members}):
        ready: list[tuple[Member, dict[str, Any]]] = []
        for member in map(named.__getitem__, layer):
            inputs = dict(shared or {})
            for parent in dict.fromkeys(member.after):
                outcome = outcomes.get(parent)
                if isinstance(outcome, Done):
                    inputs[parent] = outcome.output
            if len(inputs) - len(shared or {}) >= needed(on_failure, len(set(member.after))):
                ready.append((member, inputs))
        if not ready:
            continue
        sent = yield Batch.all(*(m.call(given(value, m, i if m.after or shared else None)) for m, i in ready))
        outcomes.update((m.name, outcome) for (m, _), outcome in zip(ready, sent, strict=True))
        broken = on_failure == "fail" and not all(isinstance(outcome, Done) for outcome in sent)
        if broken or any(isinstance(outcome, Paused) for outcome in sent):
            break
    return {name: outcomes[name] for name in named if name in outcomes}


def last_places(members: Sequence[Member], called: Mapping[str, Outcome]) -> dict[str, int]:
    """The members called last, each with its place in their batch."""
    for layer in reversed(layers({member.name: member.after for member in members})):
        names = [name for name in layer if name in called]
        if names:
            return {name: place for place, name in enumerate(names)}
    return {}


def check_order(members: Sequence[Member]) -> None:
    """Raises BadDefinition, with the place of the member, for a cycle and for one that comes after nothing there is."""
    try:
        layers({member.name: member.after for member in members})
    except BadDefinition as error:
        index = [member.name for member in members].index(error.facts["member"])
        raise BadDefinition(error.what, at=("members", index, "after")) from None
