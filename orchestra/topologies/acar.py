"""As many models as a question needs: how far one model disagrees with itself says how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from orchestra.aggregation.canonical import Extract, canonical_answer, classes, readable
from orchestra.aggregation.survivors import filings, survivors
from orchestra.core.call import Batch, Call, NodeName, Plan
from orchestra.core.catalog import Catalog, Node
from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.money import finite
from orchestra.core.outcome import Done, Outcome
from orchestra.topologies.joins import not_joined
from orchestra.topologies.member import Member, given, members_of
from orchestra.topologies.record import ending, written

SAMPLES = 3
VERIFIERS = 2
WEIGHT = 1.5
MODES = ("single_agent", "arena_lite", "full_arena")
JUDGE = """The inputs are answers to the goal by different authors. Check each and give the one that holds, as it
stands, and nothing else. Do not mention the letters."""


class Vote(NamedTuple):
    """One answer in a vote. ``place`` is its class."""

    member: Member
    call: Call
    outcome: Outcome
    place: int
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Acar:
    """Several probes of one agent; sigma = (distinct answers - 1) / (probes - 1) decides what else is asked.

    sigma 0, "single_agent": the probes agree, and their answer is the outcome. sigma 1, "full_arena": no two agree, and
    all ``models`` are asked; ``by`` then gives the one answer, or without it a vote. Between, "arena_lite": the first
    two of ``models`` are asked, and all vote. They are left out where their votes could not change the answer.

    The vote: a probe counts 1, another model ``weight`` (1.5). So one other model on the side of the probes' minority,
    or two that agree on anything, outvote two probes of three; two that agree with nobody do not. Of equals the side
    with more probes wins, then the one heard first. An answer in which ``extract`` finds nothing agrees with no other
    and can win no vote, and so does a probe that failed. What is outvoted is not rewarded.

    The record holds two decisions: sigma (``x``), the answers' classes and the mode, then who won. ``fits`` refuses a
    probe agent at temperature 0, which would always agree with itself; of agents in code nothing is known.

    Raises: BadDefinition, BadNumber.
    Source: ACAR, arXiv:2602.21231: sigma, the modes, three probes. There the two verifiers of arena_lite cannot change
    the answer; the vote is our default, as are the weight and the judge's task.
    """

    probes: tuple[Member, ...]
    models: tuple[Member, ...]
    by: Member | None = None
    weight: float = WEIGHT
    extract: Extract = canonical_answer
    name: str = "acar"
    description: str = ""

    def __post_init__(self) -> None:
        if len(self.probes) < 2:
            raise BadNumber(f"{len(self.probes)} probes cannot disagree.", remedy="Ask for two or more.")
        if finite(self.weight, "weight") <= 0:
            raise BadNumber(f"weight={self.weight!r}: models without a vote would be asked for nothing.")

    @property
    def members(self) -> tuple[Member, ...]:
        return (*self.probes, *self.models)

    def fits(self, catalog: Catalog) -> None:
        """Raises BadDefinition where the probes' answers would be the same every time."""
        target = self.probes[0].target
        nodes: Sequence[Node | None] = (target,) if isinstance(target, Node) else ()
        if isinstance(target, str):
            nodes = catalog.providers(target)
        elif isinstance(target, NodeName):
            nodes = (catalog.nodes.get(target.name),)
        for node in nodes:
            if node is not None and node.models and node.temperature == 0:
                raise BadDefinition(
                    f"{node.name!r} answers at temperature 0: {len(self.probes)} probes of it would always agree.",
                    remedy="Give the agent a temperature above 0, or leave the probes out.",
                    at=("probes",),
                )

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an input without a JSON form."""
        calls = tuple(member.call(given(value, member)) for member in self.probes)
        outcomes = yield Batch.all(*calls)
        if (end := ending(outcomes)) is not None:
            return end
        asked = list(zip(self.probes, calls, outcomes, strict=True))
        said = self._classes(outcomes)
        sigma = (len(set(said)) - 1) / (len(said) - 1)
        models, why = self._models(sigma, said)
        if not models and not survivors(outcomes):
            return not_joined(outcomes)
        yield Batch(calls=(self._mode(sigma, said, models, why),), filings=filings(outcomes, "join"))
        if sigma == 0:
            return outcomes[0]
        if models:
            more = tuple(member.call(given(value, member)) for member in models)
            answers = yield Batch.all(*more)
            if (end := ending(answers)) is not None:
                return end
            asked += zip(models, more, answers, strict=True)
            if not survivors([one for _, _, one in asked]):
                return not_joined(answers)
            if lost := filings(answers, "join"):
                yield Batch(calls=(), filings=lost)
            answered = [one.output for one in answers if isinstance(one, Done)]
            if sigma == 1 and self.by is not None and len(answered) > 1:
                return (yield from self._judged(value, answered, [call for _, call, _ in asked]))
        return (yield from self._voted(sigma, asked))

    def _classes(self, outcomes: Sequence[Outcome]) -> tuple[int, ...]:
        return classes([one.output if isinstance(one, Done) else None for one in outcomes], self.extract)

    def _models(self, sigma: float, said: tuple[int, ...]) -> tuple[tuple[Member, ...], str]:
        """Who is asked beside the probes, and why nobody, where that is so."""
        if sigma in (0, 1):
            return (self.models if sigma else ()), ""
        counts = [count for _, count in Counter(said).most_common()]
        verifiers = self.models[:VERIFIERS]
        if counts[1] + self.weight * len(verifiers) <= counts[0]:
            return (), "no vote of theirs could change the answer"
        return verifiers, ""

    def _mode(self, sigma: float, said: tuple[int, ...], models: Sequence[Member], why: str) -> Call:
        letters = " ".join(chr(ord("A") + place % 26) for place in said)
        then = ", ".join(member.name for member in models) or f"nobody else{why and ': '}{why}"
        mode = MODES[0] if sigma == 0 else MODES[2] if sigma == 1 else MODES[1]
        marks, reason = f"acar: sigma; probes {letters}", f"sigma {sigma:g}, probes {letters}; asks {then}"
        return written("acar", self.name, [Option(m) for m in MODES], mode, x=(sigma,), marks=marks, reason=reason)

    def _judged(self, value: Any, answers: Sequence[Any], asked: Sequence[Call]) -> Plan:
        assert self.by is not None
        inputs = {chr(ord("A") + place): answer for place, answer in enumerate(answers)}
        dropped = tuple(call.key for call in asked[: len(self.probes)] if call.key is not None)
        calls = (self.by.call(given(value, self.by, inputs)),)
        (outcome,) = yield Batch(calls=calls, dropped=dropped)
        return outcome

    def _voted(self, sigma: float, asked: Sequence[tuple[Member, Call, Outcome]]) -> Plan:
        """The answer of the heaviest class, and the record of who gave it."""
        places = self._classes([outcome for _, _, outcome in asked])
        weights = [1.0] * len(self.probes) + [self.weight] * (len(asked) - len(self.probes))
        votes = [Vote(*one, place, w) for one, place, w in zip(asked, places, weights, strict=True)]
        done = [one for one in votes if isinstance(one.outcome, Done)]
        heard = [one for one in done if readable(_output(one), self.extract)] or done
        total: dict[int, float] = {}
        probes = Counter(places[: len(self.probes)])
        for one in heard:
            total[one.place] = total.get(one.place, 0.0) + one.weight
        winner = max(heard, key=lambda one: (total[one.place], probes[one.place]))
        dropped = tuple(one.call.key for one in done if one.place != winner.place and one.call.key is not None)
        letters = " ".join(chr(ord("A") + place % 26) for place in places)
        record = written(
            "acar",
            f"{self.name} answer",
            [Option(one.member.name, score=total.get(one.place, 0.0)) for one in votes],
            winner.member.name,
            x=(sigma,),
            marks=f"acar: sigma; answers {letters}",
            reason=f"{total[winner.place]:g} of {sum(total.values()):g} votes",
        )
        yield Batch(calls=(record,), dropped=dropped)
        return winner.outcome


def _output(one: Vote) -> Any:
    return one.outcome.output if isinstance(one.outcome, Done) else None


def acar(
    probe: Any,
    *models: Any,
    samples: int = SAMPLES,
    by: Any = None,
    weight: float = WEIGHT,
    extract: Extract = canonical_answer,
    name: str = "acar",
    description: str = "",
) -> Acar:
    """``probe`` is asked ``samples`` times; ``models`` are the others, the best first: capabilities, agents, functions.

    Raises: BadDefinition, BadNumber.
    """
    one = probe if isinstance(probe, Member) else Member(target=probe)
    probes = [replace(one, name=f"{one.name}-{i + 1}") for i in range(max(0, samples))]
    made = members_of((*probes, *models)) if probes else ()
    judge = by if by is None or isinstance(by, Member) else Member(target=by, name="judge", task=JUDGE)
    return Acar(
        probes=made[: len(probes)],
        models=made[len(probes) :],
        by=judge,
        weight=weight,
        extract=extract,
        name=name,
        description=description,
    )
