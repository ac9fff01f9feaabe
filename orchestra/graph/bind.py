"""A capability becomes a node: decided late, once per call, and again when the chosen one fails."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

from orchestra.core.call import Batch, Call, ModelName, NodeName, Plan, rerouted
from orchestra.core.decision import Decision, Option
from orchestra.core.errors import BudgetExceeded, Declined, NoProvider
from orchestra.core.money import NANO
from orchestra.core.outcome import Detour, Failed, Outcome, failed
from orchestra.graph.attempt import Candidate, Tried, asked, attempt, escalated, final
from orchestra.graph.hedge import hedged, unsafe
from orchestra.graph.recovery import Recovery, ended, gone_on, recovered
from orchestra.ports.health import Health

C = TypeVar("C", bound=Candidate)
DecideFn = Callable[[tuple[C, ...], Failed | None], Generator[Batch, tuple[Outcome, ...], Decision | Failed]]
"""A plan that picks among those still standing; it is told the failure that made it necessary, if any.

It returns Failed with a NoProvider cause that lists its reasons where none of them may be used (which is a
BudgetExceeded too where a larger budget would help), and any other Failed where deciding itself failed.
"""


KNOWN = 50
"""How many of those that were not to be chosen a failure's record names. Our default."""
FINAL_HERE = "nobody else may do what it may have done, or could do better"


class ModelOption(NamedTuple):
    """A model as something to choose."""

    name: str
    side_effect: str | None = None
    provides: tuple[str, ...] = ()


def bind(
    call: Call,
    nodes: Sequence[C],
    decide: DecideFn[C],
    health: Health | None,
    now: Callable[[], float],
    escalate: Recovery | str | None = None,
    target: Callable[..., Any] = NodeName,
) -> Plan:
    """Who answers the call: yields decisions and calls of the chosen node, returns the outcome.

    A node that fails is out for this call, and the next is decided at once, first among those that share a capability
    with it. What may not go elsewhere comes back unfiled, with its origin: a budget's end, a closed run, a side effect
    that may have happened (as EffectUnknown). Where nobody is left, ``escalate`` says what may still be done, a
    model's name that it is asked once; without it the last failure comes back unfiled, or NoProvider if no node was
    ever called. With the call's ``hedge_s`` the next best is asked too where the one chosen is late.
    Where the budget is what keeps the others out, that is the result, so that the run can be resumed with a larger one.
    Of models, a request that the ledger refuses falls to those that the decision knew to be cheaper, while there are.
    A batch without calls carries a record alone: where deciding fails after a node did. ``target`` makes the chosen
    name a target: NodeName, or ModelName for a choice of models.
    """
    if isinstance(escalate, Recovery) and (plan := gone_on(escalate, call)) is not None:
        return (yield from plan)
    if (refusal := unsafe(call, nodes)) is not None:
        return refusal
    work = _Work(call, tuple(nodes), decide, health, now, target)
    gone: C | None = None
    last: Failed | None = None
    while True:
        picked = yield from _picked(call, work.standing, gone, last, decide)
        if isinstance(picked, Failed):
            break
        outcome, failures = yield from work.called(picked, last)
        if not isinstance(outcome, Failed):
            return outcome
        for gone, last in failures:
            if (end := final(last, gone)) is not None and not work.falls(gone, last):
                return (yield from ended(escalate, call, _told(end, work.before, FINAL_HERE)))
            work.fails(gone, last)
        if len(failures) > 1 and (between := rerouted(failures[0][1], failures[1][0].name, work.before)):
            yield Batch(calls=(), filings=between)
    over_budget = picked.cause.is_a(BudgetExceeded)
    why = picked.cause.message if picked.cause.is_a(NoProvider) else f"deciding failed: {picked.cause.kind}"
    last = None if last is None else _told(last, replace(work.before, known=work.known), why)
    if picked.cause.is_a(NoProvider) and not over_budget:
        return (yield from recovered(escalate, call, last or picked, work.tried))
    to = "budget" if over_budget else "caller"
    if last is not None and (filings := escalated(last, to)):
        yield Batch(calls=(), filings=filings)
    return picked


class _Work(Generic[C]):
    """Who still stands for a call, who was tried, and what is known of the last of them."""

    def __init__(
        self,
        call: Call,
        standing: tuple[C, ...],
        decide: DecideFn[C],
        health: Health | None,
        now: Callable[[], float],
        target: Callable[..., Any],
    ) -> None:
        self.call, self.standing, self.decide = call, standing, decide
        self.health, self.now, self.target = health, now, target
        self.tried: list[Tried] = []
        self.before = Detour()
        self.options: tuple[Option, ...] = ()

    @property
    def known(self) -> tuple[tuple[str, str], ...]:
        return tuple((one.name, f"failed already: {one.cause.kind}") for one in self.tried)[:KNOWN]

    def called(
        self, picked: tuple[C, Decision], last: Failed | None
    ) -> Generator[Batch, tuple[Outcome, ...], tuple[Outcome, list[tuple[C, Failed]]]]:
        """The call of the node that was picked, hedged if that is wanted: its outcome, and who failed in it."""
        call, (node, decision) = self.call, picked
        chosen = Call(
            target=self.target(name=node.name),
            input=call.input,
            key=f"@{node.name}",  # once per binding: the input need not be hashed again
            timeout_s=call.timeout_s,
            output_type=call.output_type,
            decision=decision.key,
            others=_others(node.name, decision, self.standing, self.health, self.now),
        )
        filings = () if last is None else rerouted(last, node.name, _detour(self.before, decision))
        self.options = decision.options
        self.before = Detour(before=(node.name,), before_cost=_usd(decision, node.name))
        if call.hedge_s is not None and len(self.standing) > 1:
            rest = tuple(other for other in self.standing if other.name != node.name)
            hedge = (chosen, node), rest, self.decide, filings, self.target, call.hedge_s
            return (yield from hedged(*hedge, self.health, self.now))
        outcome = yield from attempt(chosen, node.name, filings, self.health, self.now)
        return outcome, [(node, outcome)] if isinstance(outcome, Failed) else []

    def falls(self, node: C, failure: Failed) -> bool:
        """Whether a refused request goes to cheaper models; the others are out then."""
        if self.target is not ModelName or not failure.cause.is_a(BudgetExceeded):
            return False
        costs = {option.name: option.cost_nano for option in self.options}
        most = costs.get(node.name, 0)
        # The ledger said that this request may cost too much, and nothing of one that may cost less.
        cheaper = tuple(other for other in self.standing if costs.get(other.name, most) < most)
        self.standing = cheaper or self.standing
        return bool(cheaper)

    def fails(self, node: C, failure: Failed) -> None:
        self.standing = tuple(other for other in self.standing if other.name != node.name)
        self.tried.append(Tried(node.name, failure.cause))


def _usd(decision: Decision, name: str) -> float | None:
    return next((option.cost_nano / NANO for option in decision.options if option.name == name), None)


def _detour(before: Detour, decision: Decision) -> Detour:
    """What was known when another was chosen."""
    known = tuple((option.name, option.filtered) for option in decision.options if option.filtered is not None)
    chosen = decision.chosen[0]
    return replace(before, after=(chosen,), after_cost=_usd(decision, chosen), known=known[:KNOWN])


def _told(failure: Failed, before: Detour, why: str) -> Failed:
    return replace(failure, detour=replace(before, why=why))


def _others(
    chosen: str, decision: Decision, standing: Sequence[Candidate], health: Health | None, now: Callable[[], float]
) -> bool:
    """Whether someone else could be asked now, should the chosen one fail."""
    if len(standing) == 1:
        return False
    if any(option.filtered is None and option.name != chosen for option in decision.options):
        return True
    filtered = {option.name for option in decision.options} | {chosen}
    left = (node.name for node in standing if node.name not in filtered)
    return any(health is None or health.hidden(name, now()) is None for name in left)


def _picked(
    call: Call, standing: tuple[C, ...], gone: C | None, last: Failed | None, decide: DecideFn[C]
) -> Generator[Batch, tuple[Outcome, ...], tuple[C, Decision] | Failed]:
    """The next node: among those that can do what the failed one could, then among all."""
    # Who declined says that the task is of another kind: its like are no better than anybody.
    like_it = gone is not None and last is not None and not last.cause.is_a(Declined)
    abilities = set(gone.provides) if gone is not None and like_it else set()
    alike = tuple(node for node in standing if not abilities.isdisjoint(node.provides))
    groups = (alike, standing) if len(alike) < len(standing) else (standing,)
    refusal: Failed | None = None
    for group in filter(None, groups):
        answer = yield from decide(group, last)
        if isinstance(answer, Decision):
            node = next((node for node in group if node.name in answer.chosen[:1]), None)
            if node is not None:
                return node, answer
            answer = failed(NoProvider(f"The decision {answer.key!r} chose {answer.chosen}, which is not on offer."))
        if not answer.cause.is_a(NoProvider):
            return answer
        refusal = answer
    return refusal or failed(NoProvider(f"No node is left for {asked(call)!r}."))
