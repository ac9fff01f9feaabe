"""A topology as a graph: what needs what, branches and joins with what is optional, topologies inside it unfolded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestra.core.call import NodeName, Planned
from orchestra.core.catalog import Node
from orchestra.core.errors import BadDefinition
from orchestra.graph.graph import GOAL, START, Edge, Graph, Relation, Sort
from orchestra.topologies.acar import Acar
from orchestra.topologies.cascade import Cascade
from orchestra.topologies.hierarchical import Hierarchical
from orchestra.topologies.layers import ends
from orchestra.topologies.member import Member, Topology
from orchestra.topologies.sequential import Sequential


def topology_graph(topology: Topology) -> tuple[Graph, Mapping[str, str]]:
    """The graph, and who does it for each member whose name does not say so.

    A member needs those whose outcomes it is given; ``start`` is the task as it comes in, and ``goal`` needs what ends
    the work. Several ends are made one by the member that joins them, or by a vertex named like the join. What it can
    do without (``on_failure`` is not "fail", or the join is "first") it needs as optional. The members of a topology
    inside are named MEMBER/NAME.
    Raises: BadDefinition for one without a shape before a task is known, as "auto".
    """
    made = _Made()
    last = made.add(topology, "", [START])
    made.sorts[GOAL] = Sort.GOAL
    made.edges += [Edge(GOAL, one, 0.0, Relation.NEEDS) for one in last]
    return Graph.of(made.edges, made.sorts), made.labels


class _Made:
    """Edges, sorts and labels as they come together."""

    def __init__(self) -> None:
        self.edges: list[Edge] = []
        self.sorts: dict[str, Sort] = {START: Sort.START}
        self.labels: dict[str, str] = {}

    def add(self, topology: Topology, prefix: str, before: Sequence[str]) -> list[str]:
        """The vertices of a topology that begins after these; those that end it."""
        members: tuple[Member, ...] = getattr(topology, "members", ())
        if not members:
            raise BadDefinition(
                f"{topology.name!r} has no shape before a task is known.", remedy="Look at the trace of a run."
            )
        if isinstance(topology, Sequential):
            last = list(before)
            for member in members:
                last = self._member(member, prefix, last)
            return last
        if isinstance(topology, Cascade):
            return self._cascade(topology, prefix, before)
        if isinstance(topology, Acar):
            return self._acar(topology, prefix, before)
        optional = getattr(topology, "on_failure", "fail") != "fail"
        if isinstance(topology, Hierarchical):
            led = self._member(topology.lead, prefix, before)
            done = self._members(members, prefix, led, optional)
            return self._member(
                topology.report, prefix, [one for member in members for one in done[member.name]], optional
            )
        done = self._members(members, prefix, before, optional)
        last = [one for member in ends(members) for one in done[member.name]]
        join, by = getattr(topology, "join", "all"), getattr(topology, "by", None)
        if len(ends(members)) == 1 and any(member.after for member in members):
            return last
        optional = optional or join == "first"
        if isinstance(by, Member):
            return self._member(by, prefix, last, optional)
        return [self._vertex(f"{prefix}{join}", Sort.JOIN, last, optional)]

    def _cascade(self, topology: Cascade, prefix: str, before: Sequence[str]) -> list[str]:
        """One after another, any of which may be the last."""
        found: list[str] = []
        last = list(before)
        for member in topology.members:
            last = self._member(member, prefix, last)
            found += last
        if topology.by is not None:
            return self._member(topology.by, prefix, found, True)
        return [self._vertex(f"{prefix}accept", Sort.JOIN, found, True)]

    def _acar(self, topology: Acar, prefix: str, before: Sequence[str]) -> list[str]:
        """Probes, how far they differ, those who may be asked then."""
        probes = [end for member in topology.probes for end in self._member(member, prefix, before)]
        sigma = [self._vertex(f"{prefix}sigma", Sort.JOIN, probes, True)]
        models = [end for member in topology.models for end in self._member(member, prefix, sigma)]
        vote = [self._vertex(f"{prefix}vote", Sort.JOIN, [*sigma, *models], True)]
        return vote if topology.by is None else self._member(topology.by, prefix, vote)

    def _members(
        self, members: Sequence[Member], prefix: str, before: Sequence[str], optional: bool
    ) -> dict[str, list[str]]:
        """The vertices that end each member; those of a later one come after those of the ones it names."""
        done: dict[str, list[str]] = {}
        waiting = list(members)
        while waiting:
            member = next(one for one in waiting if done.keys() >= set(one.after))
            waiting.remove(member)
            parents = [end for name in dict.fromkeys(member.after) for end in done[name]]
            done[member.name] = self._member(member, prefix, parents or before, optional and bool(parents))
        return done

    def _member(self, member: Member, prefix: str, before: Sequence[str], optional: bool = False) -> list[str]:
        target = member.target
        if isinstance(target, Topology) and not isinstance(target, (str, NodeName, Node, Planned)):
            return self.add(target, f"{prefix}{member.name}/", before)
        key = self._vertex(f"{prefix}{member.name}", _sort(target), before, optional)
        who = getattr(target, "name", target)
        if who != member.name:
            self.labels[key] = f"{self.sorts[key].value} {who}"
        return [key]

    def _vertex(self, name: str, sort: Sort, before: Sequence[str], optional: bool) -> str:
        key, number = name, 2
        while key in self.sorts or key in (START, GOAL):
            key, number = f"{name}-{number}", number + 1
        self.sorts[key] = sort
        self.edges += [Edge(key, one, 0.0, Relation.NEEDS, optional) for one in dict.fromkeys(before)]
        return key


def _sort(target: Any) -> Sort:
    if isinstance(target, Node):
        return Sort(target.kind)
    if isinstance(target, NodeName):
        return Sort.AGENT
    return Sort.CAPABILITY if isinstance(target, str) else Sort.WORKFLOW
