"""The agents that the router finds right for a task, one or several, all at once; then one answer of theirs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestra.aggregation.refine import refine
from orchestra.aggregation.survivors import none_done, survivors
from orchestra.core.call import Batch, Call, Filing, NodeName, Plan, Planned, Several
from orchestra.core.catalog import Catalog
from orchestra.core.errors import (
    BadDefinition,
    BudgetExceeded,
    EffectStands,
    EffectUnknown,
    NoProvider,
    NotApproved,
    UnknownCapability,
)
from orchestra.core.ids import canonical, digest
from orchestra.core.money import finite
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.topologies.member import ANYONE

SET = "set"
REFINE = "refinement"
"""The capability that makes one answer of several."""
OUT_OF_SCOPE = "I am sorry, this is nothing that I can help with."
ALL_FAILED = "I am sorry, nobody could answer this just now. Please try again later."
TO_BE_SEEN = (BudgetExceeded, EffectUnknown, EffectStands, NotApproved)
"""What no polite refusal may cover: more money, a look at what happened, or another task is what helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """The router decides who takes the task: one to ``most`` of those that provide ``capability``, or nobody.

    All are asked at once, each at most ``timeout_s``; what failed is done without. Of several answers ``by`` makes one,
    which states where they contradict each other; a single one is the answer as it is, without a further call. Who
    provides ``by`` is no member. Of two with a side effect of one class that is not idempotent only the first is asked.

    Out of scope, the answer is ``out_of_scope``; where all failed, or nobody may be asked now, it is ``all_failed``,
    and the failures are recorded as demoted to it. With None in its place it is a failure instead: NoProvider, or
    that of the members. A budget's end, an effect of which nobody knows and a person's no are always failures.

    With a router that chooses one at a time the set is that one, and nothing is out of scope.

    Units: ``timeout_s`` in seconds, None without a limit. Raises: BadDefinition, BadNumber.
    Source: TCAR (arXiv:2601.04544): the set, the parallel call, the refining agent, the refusal; the texts, the most of
    3 (its published bound) and 60 s are our defaults.
    """

    capability: str = ANYONE
    most: int = 3
    timeout_s: float | None = 60.0
    by: str = REFINE
    out_of_scope: str | None = OUT_OF_SCOPE
    all_failed: str | None = ALL_FAILED
    name: str = SET
    description: str = "The router picks one to three agents or says that it is out of scope; one answer is made."

    def __post_init__(self) -> None:
        if isinstance(self.most, bool) or not isinstance(self.most, int) or self.most < 1:
            raise BadDefinition(f"most={self.most!r} is no number of agents.", at=("most",))
        if self.timeout_s is not None and not finite(self.timeout_s, "timeout_s"):
            raise BadDefinition("timeout_s=0 leaves nobody the time to answer.", at=("timeout_s",))

    def fits(self, catalog: Catalog) -> None:
        """Everybody that it needs is in the team. Raises UnknownCapability."""
        if self.capability != ANYONE and self.capability not in catalog.capability_to_names:
            raise UnknownCapability(f"Nobody provides {self.capability!r}, which topology 'set' asks for.")
        if self.most > 1 and self.by not in catalog.capability_to_names:
            raise UnknownCapability(
                f"topology='set' makes one answer of several by {self.by!r}, and nobody provides it.",
                remedy="Add the shipped 'refiner', name another capability as by=, or pass Ensemble(most=1).",
            )

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an input without a JSON form."""
        who = Several(capability=self.capability, most=self.most, without=(self.by,))
        (decided,) = yield Batch.all(Call(target=who, input=value, key=SET))
        if not isinstance(decided, Done):
            nobody = isinstance(decided, Failed) and decided.cause.is_a(NoProvider)
            return (yield from self._refused((decided,))) if nobody else decided
        members: list[dict[str, str]] = decided.output
        if not members[0]["name"]:
            if self.out_of_scope is None:
                return failed(NoProvider("No agent is right for the task.", remedy="Ask for something else."))
            return (yield from _said(self.out_of_scope, members[0]["decision"], ()))
        asked = digest(canonical(value))
        outcomes = yield Batch(
            calls=tuple(
                Call(
                    target=NodeName(name=one["name"]),
                    input=value,
                    key=f"{one['name']}:{asked}",
                    timeout_s=self.timeout_s,
                    decision=one["decision"],
                )
                for one in members
            )
        )
        if not survivors(outcomes):
            return (yield from self._refused(outcomes))
        return (yield from refine(value, outcomes, self.by))

    def _refused(self, outcomes: Sequence[Outcome]) -> Plan:
        """What stands for answers of which there is none."""
        failures = [one for one in outcomes if isinstance(one, Failed)]
        seen = next((f for f in failures if any(map(f.cause.is_a, TO_BE_SEEN))), None)
        if seen is not None:
            return seen
        if self.all_failed is None or len(failures) < len(outcomes):
            return none_done(outcomes)
        filings = tuple(Filing(origin=f.origin, how="demoted", to="refusal") for f in failures if not f.filed)
        return (yield from _said(self.all_failed, None, filings))


def _said(text: str, decision: str | None, filings: tuple[Filing, ...]) -> Plan:
    """A call of its own, so that a reward for the run reaches the decision to refuse."""
    refusal = Planned(name="refusal", plan=partial(_ends, Done(output=text)))
    (outcome,) = yield Batch(calls=(Call(target=refusal, decision=decision),), filings=filings)
    return outcome


def _ends(outcome: Outcome, _: Any = None) -> Generator[Batch, tuple[Outcome, ...], Outcome]:
    yield from ()
    return outcome
