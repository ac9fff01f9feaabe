"""Several outcomes become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestra.aggregation.merge import merge
from orchestra.aggregation.refine import refine
from orchestra.aggregation.survivors import filings, survivors
from orchestra.aggregation.vote import vote
from orchestra.core.call import Batch, Plan
from orchestra.core.errors import BadDefinition, BadReply
from orchestra.core.ids import canonical
from orchestra.core.outcome import Done, Failed, Outcome, Paused, failed
from orchestra.tools.structured import OutputSchema
from orchestra.topologies.member import Member, given

COMPOSE = """Make one answer to the goal out of the inputs, which are the results of its parts.
State every conflict between them; add nothing that they do not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What is joined: ``named`` are (member's name, outcome) in the order of the members, at least one of them Done.

    ``places`` are those of the members that were called in the plan's last batch, by name; ``answer`` is the type that
    every output must have, None for any.
    """

    value: Any
    named: tuple[tuple[str, Outcome], ...]
    by: Member | None = None
    places: Mapping[str, int] = field(default_factory=dict)
    answer: Any = None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return tuple(outcome for _, outcome in self.named)

    @property
    def outvoted(self) -> tuple[int, ...]:
        """The places of those whose answer loses a vote."""
        return self.places_of([self.named[index][0] for index in vote(self.outcomes).outvoted])

    def places_of(self, names: Sequence[str]) -> tuple[int, ...]:
        return tuple(self.places[name] for name in names if name in self.places)

    def fitting(self) -> tuple[Results, tuple[str, ...]]:
        """The same with a BadReply in place of every output that does not fit, and whose these are."""
        if self.answer is None:
            return self, ()
        fits = OutputSchema(self.answer)
        found = tuple((name, _checked(outcome, fits)) for name, outcome in self.named)
        unfit = tuple(n for (n, o), (_, was) in zip(found, self.named, strict=True) if type(o) is not type(was))
        return replace(self, named=found), unfit


def _checked(outcome: Outcome, fits: OutputSchema) -> Outcome:
    if not isinstance(outcome, Done):
        return outcome
    said = outcome.output
    try:
        return replace(outcome, output=fits.parse(said if isinstance(said, str) else canonical(said)))
    except BadReply as error:
        return failed(error)


def _all(results: Results) -> Plan:
    """The outputs as a list in the order of the members; None for a branch that was done without."""
    yield from ()
    return Done(output=[o.output if isinstance(o, Done) else None for o in results.outcomes])


def _first(results: Results) -> Plan:
    yield from ()
    return survivors(results.outcomes)[0][1]


def _vote(results: Results) -> Plan:
    yield from ()
    return vote(results.outcomes).outcome


def _refine(results: Results) -> Plan:
    """Rival answers to one task, anonymous."""
    assert results.by is not None
    return (yield from refine(results.value, results.outcomes, results.by.target))


def _merge(results: Results) -> Plan:
    """Independent analyses of one task, anonymous; objects field by field."""
    assert results.by is not None
    return (yield from merge(results.value, results.outcomes, results.by.target))


def _compose(results: Results) -> Plan:
    """Parts of one whole, by name."""
    assert results.by is not None
    inputs = {name: outcome.output for name, outcome in results.named if isinstance(outcome, Done)}
    (outcome,) = yield Batch.all(results.by.call(given(results.value, results.by, inputs)))
    return outcome


JOINS: Mapping[str, Callable[[Results], Plan]] = {
    "all": _all,
    "compose": _compose,
    "first": _first,
    "merge": _merge,
    "refine": _refine,
    "vote": _vote,
}
"""Join -> plan. ``all``, ``compose``: of different parts; the others: of rival answers."""
WITH_AGENT = frozenset({"compose", "merge", "refine"})
RIVALS = frozenset({"first", "merge", "refine", "vote"})
"""The joins whose members answer one question, so that one type can be asked of all."""


def joined(join: str, results: Results, need: int, above: Sequence[Outcome] = ()) -> Plan:
    """One outcome of several. ``above`` are outcomes further up, that are not joined but were done without.

    With fewer than ``need`` Done it returns a Paused, a Failed or a Cancelled; otherwise every failure is filed as
    tolerated by the join, and what is outvoted is told. A Paused is returned before anything else. An output that does
    not have the type that was asked for counts as a failure, and as outvoted.
    """
    results, unfit = results.fitting()
    everything = (*above, *results.outcomes)
    paused = next((outcome for outcome in everything if isinstance(outcome, Paused)), None)
    if paused is not None:
        return paused
    if len(survivors(results.outcomes)) < max(need, 1):
        return not_joined(everything)
    lost = [o for name, o in results.named if name not in unfit]  # what does not fit failed nowhere: it has no record
    tolerated = filings((*above, *lost), "join")
    outvoted = (*results.places_of(unfit), *(results.outvoted if join == "vote" else ()))
    if tolerated or outvoted:
        yield Batch(calls=(), filings=tolerated, outvoted=outvoted)
        named = tuple((n, replace(o, filed=True) if isinstance(o, Failed) else o) for n, o in results.named)
        results = replace(results, named=named)
    return (yield from JOINS[join](results))


def not_joined(outcomes: Sequence[Outcome]) -> Outcome:
    """What stands for outcomes too few of which are Done: the first Failed, else a Cancelled."""
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if len(failures) < 2:
        return next(iter(failures), None) or next(o for o in outcomes if not isinstance(o, Done))
    first = failures[0]
    message = f"{len(failures)} of {len(outcomes)} branches failed; the first: {first.cause.message}"
    return replace(first, cause=replace(first.cause, message=message))


def joiner(join: str, by: Any) -> Member | None:
    """Who joins, as a member; one that composes is told how where it has no task of its own. Raises BadDefinition."""
    if by is None:
        return None
    member = by if isinstance(by, Member) else Member(target=by, name="join")
    return replace(member, task=COMPOSE) if join == "compose" and member.task is None else member


def check_join(join: str, by: Member | None, answer: Any = None) -> None:
    """Raises BadDefinition."""
    if answer is not None:
        if join not in RIVALS:
            raise BadDefinition(f"The join {join!r} takes parts of any form; leave answer= out.", at=("answer",))
        OutputSchema(answer)
    if join not in JOINS:
        raise BadDefinition(f"There is no join {join!r}; there are {', '.join(JOINS)}.", at=("join",))
    if (by is not None) != (join in WITH_AGENT):
        how = "needs by=..., who writes the one answer" if by is None else "is made without by=..."
        raise BadDefinition(f"The join {join!r} {how}.", at=("by" if by is not None else "join",))
    if by is not None and by.after:
        raise BadDefinition("Who joins comes after all of them.", at=("by", "after"))
