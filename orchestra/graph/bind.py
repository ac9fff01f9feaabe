"""A capability becomes a node: decided late, once per call, and again when the chosen one fails."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeVar

from orchestra.core.call import Batch, Call, NodeName, Plan, rerouted
from orchestra.core.decision import Decision
from orchestra.core.errors import BudgetExceeded, Declined, NoProvider
from orchestra.core.outcome import Failed, Outcome, failed
from orchestra.graph.attempt import Candidate, Tried, asked, attempt, escalated, final, given_up
from orchestra.ports.health import Health

C = TypeVar("C", bound=Candidate)
DecideFn = Callable[[tuple[C, ...], Failed | None], Generator[Batch, tuple[Outcome, ...], Decision | Failed]]
"""A plan that picks among those still standing; it is told the failure that made it necessary, if any.

It returns Failed with a NoProvider cause that lists its reasons where none of them may be used (which is a
BudgetExceeded too where a larger budget would help), and any other Failed where deciding itself failed.
"""


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
    escalate: str | None = None,
    target: Callable[..., Any] = NodeName,
) -> Plan:
    """Who answers the call: yields decisions and calls of the chosen node, returns the outcome.

    A node that fails is out for this call, and the next is decided at once, first among those that share a capability
    with it. What may not go elsewhere comes back unfiled, with its origin: a budget's end, a closed run, a side effect
    that may have happened (as EffectUnknown). Where nobody is left, the model ``escalate`` is asked once; without one
    the last failure comes back unfiled, or NoProvider if no node was ever called.
    Where the budget is what keeps the others out, that is the result, so that the run can be resumed with a larger one.
    A batch without calls carries a record alone: where deciding fails after a node did. ``target`` makes the chosen
    name a target: NodeName, or ModelName for a choice of models.
    """
    standing = tuple(nodes)
    tried: list[Tried] = []
    gone: C | None = None
    last: Failed | None = None
    while True:
        picked = yield from _picked(call, standing, gone, last, decide)
        if isinstance(picked, Failed):
            break
        node, decision = picked
        chosen = Call(
            target=target(name=node.name),
            input=call.input,
            timeout_s=call.timeout_s,
            output_type=call.output_type,
            decision=decision.key,
        )
        outcome = yield from attempt(chosen, node.name, () if last is None else rerouted(last, node.name), health, now)
        if not isinstance(outcome, Failed):
            return outcome
        if (end := final(outcome, node)) is not None:
            return end
        standing = tuple(other for other in standing if other.name != node.name)
        tried.append(Tried(node.name, outcome.cause))
        gone, last = node, outcome
    over_budget = picked.cause.is_a(BudgetExceeded)
    if picked.cause.is_a(NoProvider) and not over_budget:
        return (yield from given_up(escalate, call, last or picked, tried))
    to = "budget" if over_budget else "caller"
    if last is not None and (filings := escalated(last, to)):
        yield Batch(calls=(), filings=filings)
    return picked


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
