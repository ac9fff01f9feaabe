"""A graph of members, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestra.core.call import Plan
from orchestra.core.errors import BadDefinition
from orchestra.topologies.joins import Results, check_join, joined, joiner
from orchestra.topologies.layers import check_order, ends, in_layers, last_places
from orchestra.topologies.member import Member, OnFailure, check_policy, members_of, needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Hybrid:
    """Layers run one after another, the members of a layer together; none begins before all it comes ``after`` has
    ended.

    A member that comes after others is given ``{"task": <the topology's input>, "inputs": {<name>: <output>}}``; with a
    task of its own that is "task", and the topology's input is "goal". One end (a member that nothing comes after) is
    the outcome as it is; several are joined, as in a parallel topology.
    ``on_failure`` says how many parents a member must have Done, and how many ends the join: "fail" (all, and nothing
    is begun after a layer with a failure), "continue" (one) or a number. What cannot be begun is left out.
    ``answer`` is the type of what is joined, as in a parallel topology.

    Raises: BadDefinition, also for a cycle.
    """

    members: tuple[Member, ...]
    join: str = "all"
    by: Member | None = None
    on_failure: OnFailure = "fail"
    name: str = "hybrid"
    description: str = ""
    answer: Any = None

    def __post_init__(self) -> None:
        check_join(self.join, self.by, self.answer)
        check_policy(self.on_failure, len(self.members))
        check_order(self.members)

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an output without a JSON form."""
        outcomes = yield from in_layers(self.members, value, self.on_failure)
        last = [member.name for member in ends(self.members)]
        named = tuple((name, outcome) for name, outcome in outcomes.items() if name in last)
        above = [outcome for name, outcome in outcomes.items() if name not in last]
        places = last_places(self.members, outcomes)
        results = Results(value=value, named=named, by=self.by, places=places, answer=self.answer)
        join = "first" if len(last) == 1 else self.join
        return (yield from joined(join, results, needed(self.on_failure, len(last)), above))


def hybrid(
    *members: Any,
    after: Mapping[str, tuple[str, ...] | list[str]] | None = None,
    join: str = "all",
    by: Any = None,
    on_failure: OnFailure = "fail",
    name: str = "hybrid",
    description: str = "",
    answer: Any = None,
) -> Hybrid:
    """Capabilities, nodes, functions or topologies; ``after`` maps a member's name to those that it comes after.

    Raises: BadDefinition.
    """
    made = members_of(members)
    if after:
        unknown = sorted(after.keys() - {member.name for member in made})
        if unknown:
            raise BadDefinition(f"after= names {unknown[0]!r}; there are {', '.join(m.name for m in made)}.")
        made = tuple(replace(m, after=tuple(after.get(m.name, m.after))) for m in made)
    return Hybrid(
        members=made,
        join=join,
        by=joiner(join, by),
        on_failure=on_failure,
        name=name,
        description=description,
        answer=answer,
    )
