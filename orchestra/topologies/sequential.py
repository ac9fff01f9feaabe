"""One after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestra.core.call import Batch, Plan
from orchestra.core.errors import BadDefinition
from orchestra.core.outcome import Done
from orchestra.topologies.member import Member, given, members_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequential:
    """Each member is given the output of the one before it, the first one the topology's input; the last one's outcome
    is the topology's.

    A member with a task of its own is given ``{"task", "goal", "inputs": {<the one before>: <its output>}}``. The first
    that is not Done ends it.

    Raises: BadDefinition.
    """

    members: tuple[Member, ...]
    name: str = "sequential"
    description: str = ""

    def __post_init__(self) -> None:
        for index, member in enumerate(self.members):
            if member.after:
                raise BadDefinition("The order of the list is the order of work.", at=("members", index, "after"))

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an output without a JSON form."""
        last = Done(output=value)
        before: Member | None = None
        for member in self.members:
            if before is None or member.task is None:
                asked = given(last.output, member)
            else:
                asked = given(value, member, {before.name: last.output})
            (outcome,) = yield Batch.all(member.call(asked))
            if not isinstance(outcome, Done):
                return outcome
            last, before = outcome, member
        return last


def sequential(*members: Any, name: str = "sequential", description: str = "") -> Sequential:
    """Capabilities, nodes, functions or topologies, one after another. Raises BadDefinition."""
    return Sequential(members=members_of(members), name=name, description=description)
