"""All at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestra.core.call import Batch, Plan
from orchestra.core.errors import BadDefinition
from orchestra.topologies.joins import Results, check_join, joined, joiner
from orchestra.topologies.member import Member, OnFailure, check_policy, given, members_of, needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """Every member is given the topology's input (with its own task, where it has one); the join makes one of them.

    ``join``: "all" (a list in the order of the members, None for one that was done without), "first", "vote",
    "refine" (``by`` makes one of rival answers), "merge" (``by`` decides among analyses; objects are merged field by
    field instead) or "compose" (``by`` makes one of parts).
    ``on_failure``: "fail" (every branch ends, then the first failure is the outcome), "continue" (what is left is
    joined, one at least), or a quorum: the others are cancelled when so many are Done. With "first", one Done is
    enough. A topology that cancels refuses side effects that are not idempotent.
    ``answer`` is the type of every member's answer, for the joins of rivals; one that does not fit counts as failed.

    Raises: BadDefinition.
    """

    members: tuple[Member, ...]
    join: str = "all"
    by: Member | None = None
    on_failure: OnFailure = "fail"
    name: str = "parallel"
    description: str = ""
    answer: Any = None

    def __post_init__(self) -> None:
        check_join(self.join, self.by, self.answer)
        check_policy(self.on_failure, len(self.members))
        if self.join == "first" and self.on_failure != "fail":
            raise BadDefinition("The join 'first' needs one answer, whatever fails.", at=("on_failure",))
        for index, member in enumerate(self.members):
            if member.after:
                raise BadDefinition(
                    "In a parallel topology nothing comes after anything.",
                    remedy="Make it hybrid.",
                    at=("members", index, "after"),
                )

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an input without a JSON form."""
        calls = tuple(member.call(given(value, member)) for member in self.members)
        quorum = None if isinstance(self.on_failure, str) else self.on_failure
        stop = 1 if self.join == "first" else quorum
        outcomes = yield Batch(calls=calls, done=stop)
        named = tuple((member.name, outcome) for member, outcome in zip(self.members, outcomes, strict=True))
        need = stop or needed(self.on_failure, len(calls))
        places = {name: place for place, (name, _) in enumerate(named)}
        results = Results(value=value, named=named, by=self.by, places=places, answer=self.answer)
        return (yield from joined(self.join, results, need))


def parallel(
    *members: Any,
    join: str = "all",
    by: Any = None,
    on_failure: OnFailure = "fail",
    name: str = "parallel",
    description: str = "",
    answer: Any = None,
) -> Parallel:
    """Capabilities, nodes, functions or topologies, all at once. Raises BadDefinition."""
    return Parallel(
        members=members_of(members),
        join=join,
        by=joiner(join, by),
        on_failure=on_failure,
        name=name,
        description=description,
        answer=answer,
    )
