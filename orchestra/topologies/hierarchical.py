"""A lead, the members it leads, and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestra.core.call import Batch, Plan
from orchestra.core.errors import BadDefinition
from orchestra.core.outcome import Done
from orchestra.topologies.joins import COMPOSE, Results, joined
from orchestra.topologies.layers import check_order, in_layers
from orchestra.topologies.member import Member, OnFailure, check_policy, given, members_of, needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchical:
    """The lead works first; then the members, each with the lead's output; then the report makes one answer.

    The lead is given the topology's input. A member is given ``{"task", "inputs": {<lead's name>: <its output>, ...}}``
    and the outputs of those that it comes ``after``, layer by layer as in a hybrid topology. The report, which is the
    lead again unless another is named, is given ``{"task", "goal", "inputs": {<member's name>: <its output>}}``.
    ``on_failure`` is about the members; without the lead or the report there is no outcome but their failure.

    Raises: BadDefinition.
    """

    lead: Member
    members: tuple[Member, ...]
    report: Member
    on_failure: OnFailure = "fail"
    name: str = "hierarchical"
    description: str = ""

    def __post_init__(self) -> None:
        check_policy(self.on_failure, len(self.members))
        check_order(self.members)
        for place in ("lead", "report"):
            member: Member = getattr(self, place)
            if member.after:
                raise BadDefinition(f"The {place} has its place already.", at=(place, "after"))
            if any(member.name == other.name for other in self.members):
                raise BadDefinition(f"The {place} and a member are both named {member.name!r}.", at=(place,))

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an output without a JSON form."""
        (led,) = yield Batch.all(self.lead.call(given(value, self.lead)))
        if not isinstance(led, Done):
            return led
        outcomes = yield from in_layers(self.members, value, self.on_failure, {self.lead.name: led.output})
        results = Results(value=value, named=tuple(outcomes.items()), by=self.report)
        return (yield from joined("compose", results, needed(self.on_failure, len(self.members))))


def hierarchical(
    lead: Any,
    members: Sequence[Any],
    *,
    report: Any = None,
    on_failure: OnFailure = "fail",
    name: str = "hierarchical",
    description: str = "",
) -> Hierarchical:
    """Capabilities, nodes, functions or topologies under a lead. Raises BadDefinition."""
    leader = lead if isinstance(lead, Member) else Member(target=lead, name="lead")
    if report is None:
        report = leader.target
    reporter = report if isinstance(report, Member) else Member(target=report, name="report")
    if reporter.task is None:
        reporter = replace(reporter, task=COMPOSE)
    return Hierarchical(
        lead=leader,
        members=members_of(members),
        report=reporter,
        on_failure=on_failure,
        name=name,
        description=description,
    )
