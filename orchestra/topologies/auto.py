"""From a decomposition, or from a task alone, to the topology that fits it."""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import dataclass
from typing import Any

from orchestra.core.call import Batch, Plan
from orchestra.core.errors import BadReply
from orchestra.core.outcome import Done, Outcome, failed
from orchestra.topologies.decompose import MAX_SUBTASKS, Decomposition, decomposition_of, decomposition_schema
from orchestra.topologies.hierarchical import hierarchical
from orchestra.topologies.hybrid import Hybrid
from orchestra.topologies.joins import joiner
from orchestra.topologies.member import ANYONE, Member, Topology
from orchestra.topologies.select import Kind, select

PLAN = "plan"
"""The capability that is asked for the decomposition."""
REPAIRS = 1
LEAD = """Lead the work on the goal; others do it. Say in a few lines what every part must keep to, so that the parts
fit together. Do none of the parts yourself."""
DECOMPOSE = f"""Take the goal apart into 1 to {MAX_SUBTASKS} steps. Each says in one or two sentences what is to be
done, and can be understood without the others. A step comes "after" another only if it cannot begin without its result;
"coupling" says how far that result decides what it has to do: none, weak, strong or critical.
One step is enough where nothing can be divided. Answer with one JSON value that fits the schema and nothing else."""


def topology_for(decomposition: Decomposition, capabilities: Collection[str], closing: str = ANYONE) -> Topology:
    """The topology that the rule selects, named after it, made of the steps.

    Whatever is selected, no step begins before those that it needs: "parallel" and "sequential" are hybrid
    topologies of another shape. ``closing`` makes one answer of several ends; it also leads a hierarchical one.

    Source: AdaptOrch for the choice; who leads and who closes is our default.
    """
    kind: Kind = select(decomposition.dag).kind
    members = decomposition.members(capabilities)
    if kind == "hierarchical":
        lead = Member(target=closing, name=_free("lead", members), task=LEAD)
        return hierarchical(lead, members, report=Member(target=closing, name=_free("report", members)))
    return Hybrid(members=members, join="compose", by=joiner("compose", closing), name=kind)


def _free(name: str, members: Collection[Member]) -> str:
    taken = {member.name for member in members}
    while name in taken:
        name += "_"
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Auto:
    """Asks a planning agent for the decomposition, then runs the topology that fits it.

    ``capabilities`` are those of the team: a step that asks for another goes to any agent. A decomposition that
    cannot be used is sent back once with the fault named; a second one ends it as BadReply.
    """

    capabilities: tuple[str, ...] = ()
    planner: Any = PLAN
    closing: str = ANYONE
    name: str = "auto"
    description: str = "A planning agent takes the task apart; the shape of what it finds decides the topology."

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an input without a JSON form."""
        found = yield from self._decomposed(value)
        if not isinstance(found, Decomposition):
            return found
        chosen = Member(target=topology_for(found, self._offered, self.closing))
        (outcome,) = yield Batch.all(chosen.call(value))
        return outcome

    @property
    def _offered(self) -> tuple[str, ...]:
        return tuple(capability for capability in self.capabilities if capability != self.planner)

    def _decomposed(self, value: Any) -> Generator[Batch, tuple[Outcome, ...], Decomposition | Outcome]:
        asked = {"task": DECOMPOSE, "goal": value, "schema": decomposition_schema()}
        if self._offered:
            asked["capabilities"] = list(self._offered)
        planner = Member(target=self.planner, name=PLAN)
        for left in range(REPAIRS, -1, -1):
            (outcome,) = yield Batch.all(planner.call(asked))
            if not isinstance(outcome, Done):
                return outcome
            try:
                return decomposition_of(outcome.output)
            except BadReply as error:
                if not left:
                    return failed(error)
                asked = {**asked, "rejected": outcome.output, "fault": error.what}
        raise AssertionError("unreachable")
