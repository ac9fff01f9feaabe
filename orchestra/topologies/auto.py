"""From a decomposition, or from a task alone, to the topology that fits it."""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import dataclass, replace
from typing import Any

from orchestra.aggregation.consistency import consistency
from orchestra.core.call import Batch, Plan
from orchestra.core.errors import BadReply
from orchestra.core.outcome import Done, Outcome, failed
from orchestra.ports.embedder import Embedder
from orchestra.topologies.decompose import MAX_SUBTASKS, Decomposition, decomposition_of, decomposition_schema
from orchestra.topologies.hierarchical import hierarchical
from orchestra.topologies.hybrid import Hybrid
from orchestra.topologies.joins import joiner
from orchestra.topologies.layers import ends
from orchestra.topologies.member import ANYONE, Member, Topology, given
from orchestra.topologies.select import THETA_CS, Kind, rerouted, select

PLAN = "plan"
"""The capability that is asked for the decomposition."""
REPAIRS = 1
LEAD = """Lead the work on the goal; others do it. Say in a few lines what every part must keep to, so that the parts
fit together. Do none of the parts yourself."""
DECOMPOSE = f"""Take the goal apart into 1 to {MAX_SUBTASKS} steps. Each says in one or two sentences what is to be
done, and can be understood without the others. A step comes "after" another only if it cannot begin without its result;
"coupling" says how far that result decides what it has to do: none, weak, strong or critical.
One step is enough where nothing can be divided. Answer with one JSON value that fits the schema and nothing else."""


ARBITRATE = """The inputs are answers that disagree about the goal. Say in a few lines what they disagree about, which
side holds on each point and why, so that those who do the work again keep to it. Do none of the work."""


def topology_for(
    decomposition: Decomposition, capabilities: Collection[str], closing: str = ANYONE, kind: Kind | None = None
) -> Topology:
    """The topology that the rule selects (or of that ``kind``), named after it, made of the steps.

    Whatever is selected, no step begins before those that it needs: "parallel" and "sequential" are hybrid
    topologies of another shape. ``closing`` makes one answer of several ends; it also leads a hierarchical one.

    Source: AdaptOrch for the choice; who leads and who closes is our default.
    """
    kind = kind or select(decomposition.dag).kind
    members = decomposition.members(capabilities)
    if kind == "hierarchical":
        return hierarchical(
            _lead(members, closing), members, report=Member(target=closing, name=_free("report", members))
        )
    return Hybrid(members=members, join="compose", by=joiner("compose", closing), name=kind)


def _lead(members: Collection[Member], closing: str) -> Member:
    return Member(target=closing, name=_free("lead", members), task=LEAD)


def _parts(members: tuple[Member, ...], kind: Kind, closing: str) -> Hybrid:
    """The same work without the joining: a list of what the ends said."""
    if kind == "hierarchical":
        lead = _lead(members, closing)
        members = (lead, *(replace(one, after=(lead.name, *one.after)) for one in members))
    return Hybrid(members=members, join="all", name=kind)


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

    With an ``embedder``, answers of several ends are compared before one is made of them: where their mean cosine is
    below ``theta_cs``, an arbiter says what they disagree about, and the work is done again under it, in the topology
    that the rule selects for a coupling raised by 0.2. That costs up to five more rounds, so it has to be asked for:
    parts of a task often differ because they are parts, and no threshold has been published.

    Source: AdaptOrch (arXiv 2602.16873), adaptive synthesis; theta_cs and what the arbiter is asked are our defaults.
    """

    capabilities: tuple[str, ...] = ()
    planner: Any = PLAN
    closing: str = ANYONE
    embedder: Embedder | None = None
    theta_cs: float = THETA_CS
    arbiter: Any = None
    name: str = "auto"
    description: str = "A planning agent takes the task apart; the shape of what it finds decides the topology."

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an input without a JSON form."""
        found = yield from self._decomposed(value)
        if not isinstance(found, Decomposition):
            return found
        members = found.members(self._offered)
        selection, asked, rulings = select(found.dag), value, 0
        while self.embedder is not None and selection.kind != "sequential" and len(ends(members)) > 1:
            again = rerouted(selection)
            if again is None:
                break
            parts = Member(target=_parts(members, selection.kind, self.closing), name=f"{selection.kind}-{rulings}")
            (outcome,) = yield Batch.all(parts.call(asked))
            if not isinstance(outcome, Done):
                return outcome
            answers = dict(zip((member.name for member in ends(members)), outcome.output, strict=True))
            if consistency(list(answers.values()), self.embedder) >= self.theta_cs:
                by = joiner("compose", self.closing)
                assert by is not None
                (outcome,) = yield Batch.all(by.call(given(asked, by, answers)))
                return outcome
            judge = Member(target=self.arbiter or self.closing, name=f"arbiter-{rulings}", task=ARBITRATE)
            (outcome,) = yield Batch.all(judge.call(given(asked, judge, answers)))
            if not isinstance(outcome, Done):
                return outcome
            selection, asked, rulings = again, {"goal": value, "ruling": outcome.output}, rulings + 1
        chosen = Member(target=topology_for(found, self._offered, self.closing, selection.kind))
        (outcome,) = yield Batch.all(chosen.call(asked))
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
