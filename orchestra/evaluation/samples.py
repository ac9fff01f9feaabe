"""What a topology would have answered and cost on recorded answers: several samples of each member, one question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orchestra.core.call import Batch, Call, NodeName, Plan, Planned
from orchestra.core.catalog import Node
from orchestra.core.decision import Decide
from orchestra.core.errors import BadDefinition
from orchestra.core.outcome import Done, Outcome
from orchestra.ports.plan import Topology
from orchestra.ports.scope import unwrap


class Sample(NamedTuple):
    """One recorded answer, None where there was none. Units: dollars."""

    answer: Any
    cost_usd: float


class Played(NamedTuple):
    """What came of it. ``decisions`` are those that the plan wrote down itself. Units: dollars."""

    answer: Any
    cost_usd: float
    calls: int
    decisions: tuple[Decide, ...]


class _Stage:
    """Answers the calls of a plan, each member's samples in the order in which they were recorded."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        self.samples = samples
        self.taken: Counter[str] = Counter()
        self.cost_usd = 0.0
        self.decisions: list[Decide] = []

    def run(self, plan: Plan) -> Outcome:
        try:
            batch = next(plan)
            while True:
                batch = plan.send(self._performed(batch))
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome

    def _performed(self, batch: Batch) -> tuple[Outcome, ...]:
        if batch.done is not None and batch.done < len(batch.calls):
            raise BadDefinition("Who of several answers first is not recorded.", remedy="Let every member end.")
        return tuple(self._called(call) for call in batch.calls)

    def _called(self, call: Call) -> Outcome:
        target = call.target
        if isinstance(target, Planned):
            return self.run(target.plan(call.input))
        if isinstance(target, Decide) and target.chosen:
            self.decisions.append(target)
            return Done(output=None)
        name = target.name if isinstance(target, (Node, NodeName)) else target
        if not isinstance(name, str):
            raise BadDefinition(
                f"A {type(target).__name__} cannot be answered from samples.",
                remedy="Play a plan whose calls go to named members.",
            )
        place, recorded = self.taken[name], self.samples.get(name, ())
        if place >= len(recorded):
            raise BadDefinition(
                f"Call {place + 1} of {name!r} on one question; {len(recorded)} samples are recorded.",
                remedy="Record more, or ask less often.",
            )
        self.taken[name] += 1
        self.cost_usd += recorded[place].cost_usd
        return Done(output=recorded[place].answer)


def played(topology: Topology, question: Any, samples: Mapping[str, Sequence[Sample]]) -> Played:
    """Runs the topology's own plan, without a team: the n-th call of a member is given the n-th sample under its name.

    Names are those of agents or capabilities. Topologies inside are run too. Nothing is drawn, so two topologies are
    compared on the very same answers.

    Units: dollars. Raises: BadDefinition where a sample is missing, and for a plan that asks a router or does not wait
    for all; StepFailed where the plan ends in a failure.
    """
    stage = _Stage(samples)
    answer = unwrap(stage.run(topology.plan(question)))
    return Played(answer, stage.cost_usd, stage.taken.total(), tuple(stage.decisions))
