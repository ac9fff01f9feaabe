"""One, two or all of them: the surer the choice, the fewer are asked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from orchestra.aggregation.canonical import Extract, canonical_answer, classes
from orchestra.core.call import Batch, Call, Filing, NodeName, Plan, Ranked, rerouted, tolerated
from orchestra.core.catalog import Node
from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.money import finite
from orchestra.core.outcome import Done, Failed, Outcome
from orchestra.topologies.joins import not_joined
from orchestra.topologies.member import Member, given, members_of
from orchestra.topologies.record import ending, written

TAU_C = 0.35
TAU_A = 0.10
MODES = ("single", "two", "all")


class _Rank(NamedTuple):
    member: Member
    score: float
    decision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fanout:
    """How many of the members are asked depends on their scores, p1 >= p2 >= ...

    p1 >= tau_c and p1 - p2 >= tau_a: the first alone. p1 >= tau_c, the gap smaller: the first two; where their answers
    differ, the first one's counts. p1 < tau_c: all, the most frequent answer counts, of equals the first one's. So
    exactly 1, 2 or N members are called; only where all of them failed, the next is asked instead.

    ``scores`` gives each member's score by its name, from the input alone. Without it the team's router is asked, and a
    score is that of its decision: then the members are agents, or one capability for all that provide it. The two
    thresholds are in the router's unit; they are meant for estimates of success. A member without a score has 0.
    Answers are compared by ``extract``. Where the first is also the one that the router chose, it learns from it.

    Raises: BadDefinition, BadNumber.
    Source: PRISM strategy, arXiv:2509.24377: the rule and both thresholds.
    """

    members: tuple[Member, ...]
    scores: Callable[[Any], Mapping[str, float]] | None = None
    tau_c: float = TAU_C
    tau_a: float = TAU_A
    extract: Extract = canonical_answer
    name: str = "fanout"
    description: str = ""

    def __post_init__(self) -> None:
        finite(self.tau_c, "tau_c")
        finite(self.tau_a, "tau_a")
        if self.scores is None and not self._capability:
            for index, member in enumerate(self.members):
                if not isinstance(member.target, (Node, NodeName)):
                    raise BadDefinition(
                        f"The router scores agents, and {member.name!r} is none.",
                        remedy="Name agents, or one capability, or pass scores=.",
                        at=("members", index),
                    )

    @property
    def join(self) -> str:
        return "vote"

    @property
    def on_failure(self) -> str:
        return "continue"

    @property
    def _capability(self) -> str:
        """The capability whose providers are meant, where there is one member alone."""
        target = self.members[0].target
        return target if len(self.members) == 1 and isinstance(target, str) else ""

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an input without a JSON form."""
        ranks = yield from self._ranks(value)
        if not isinstance(ranks, list):
            return ranks
        best, second = ranks[0].score, ranks[1].score if len(ranks) > 1 else float("-inf")
        # Rounded: .6 and .5 lie .1 apart, whatever their last bits say.
        sure, gap = best >= self.tau_c, round(best - second, 9)
        mode = "single" if sure and gap >= self.tau_a else "two" if sure else "all"
        count = {"single": 1, "two": 2, "all": len(ranks)}[mode]
        yield Batch.all(self._record(mode, ranks, best, second))
        sent: list[tuple[Call, Outcome]] = []
        owed: tuple[Filing, ...] = ()
        while ranks and not any(isinstance(outcome, Done) for _, outcome in sent):
            now, ranks = ranks[:count], ranks[count:]
            calls = tuple(_call(rank, value) for rank in now)
            outcomes = yield Batch(calls=calls, filings=owed)
            if (end := ending(outcomes)) is not None:
                return end
            sent, count = list(zip(calls, outcomes, strict=True)), 1
            failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
            if len(failures) == len(outcomes) and not ranks:
                return not_joined(outcomes)
            to = ranks[0].member.name if len(failures) == len(outcomes) else ""
            owed = tuple(f for one in failures for f in (rerouted(one, to) if to else tolerated(one, "join")))
        return (yield from self._answer(sent, owed))

    def _ranks(self, value: Any) -> Generator[Batch, tuple[Outcome, ...], list[_Rank] | Outcome]:
        """The members by score, the best first."""
        if self.scores is not None:
            known = self.scores(value)
            if wrong := next((name for name, score in known.items() if not math.isfinite(score)), None):
                raise BadNumber(f"scores= gave {wrong!r} {known[wrong]!r}.", remedy="Give a number.")
            ranks = [_Rank(member, float(known.get(member.name, 0.0))) for member in self.members]
            return sorted(ranks, key=lambda rank: -rank.score)
        names = () if self._capability else tuple(member.target.name for member in self.members)
        target = Ranked(capability=self._capability or self.name, names=names)
        (outcome,) = yield Batch.all(Call(target=target, input=value, key="rank"))
        if not isinstance(outcome, Done):
            return outcome
        ranks = []
        for name, score, _ in outcome.output["options"]:
            own = next((one for one in self.members if getattr(one.target, "name", None) == name), None)
            member = own or Member(target=NodeName(name=name), task=self.members[0].task)
            decision = outcome.output["decision"] if name == outcome.output["chosen"] else None
            ranks.append(_Rank(member, score or 0.0, decision))
        return sorted(ranks, key=lambda rank: -rank.score)

    def _record(self, mode: str, ranks: list[_Rank], best: float, second: float) -> Call:
        gap = best - second if len(ranks) > 1 else best
        first = ", ".join(f"{rank.member.name} {rank.score:.3g}" for rank in ranks[:3])
        return written(
            "fanout",
            self.name,
            [Option(one) for one in MODES],
            mode,
            x=(best, gap),
            marks="fanout: pmax, gap",
            reason=f"{first}; tau_c {self.tau_c:g}, tau_a {self.tau_a:g}",
        )

    def _answer(self, sent: list[tuple[Call, Outcome]], owed: tuple[Filing, ...]) -> Plan:
        """The most frequent answer; of equals that of the first, which has the best score of those that answered."""
        done = [(call, outcome) for call, outcome in sent if isinstance(outcome, Done)]
        places = classes([outcome.output for _, outcome in done], self.extract)
        counts = Counter(places)
        most = max(counts.values())
        tied = [place for place, count in counts.items() if count == most]
        won = tied[0] if len(tied) == 1 else places[0]
        dropped = tuple(
            call.key for (call, _), place in zip(done, places, strict=True) if place != won and call.key is not None
        )
        if owed or dropped:
            yield Batch(calls=(), filings=owed, dropped=dropped)
        return done[places.index(won)][1]


def _call(rank: _Rank, value: Any) -> Call:
    return replace(rank.member.call(given(value, rank.member)), decision=rank.decision)


def fanout(
    *members: Any,
    scores: Callable[[Any], Mapping[str, float]] | None = None,
    tau_c: float = TAU_C,
    tau_a: float = TAU_A,
    extract: Extract = canonical_answer,
    name: str = "fanout",
    description: str = "",
) -> Fanout:
    """Agents, or one capability for all that provide it; with ``scores`` anything that can be a member.

    Raises: BadDefinition, BadNumber.
    """
    return Fanout(
        members=members_of(members),
        scores=scores,
        tau_c=tau_c,
        tau_a=tau_a,
        extract=extract,
        name=name,
        description=description,
    )
