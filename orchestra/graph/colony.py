"""Several capabilities in a row where a router draws each step, instead of one cheapest path through all of them."""

from __future__ import annotations

from collections.abc import Sequence

from orchestra.core.call import Batch, Call, Plan
from orchestra.core.outcome import Done, Failed
from orchestra.graph.attempt import FINAL
from orchestra.graph.recovery import Recovery, gone_on, recovered


def in_turn(call: Call, capabilities: Sequence[str], escalate: Recovery) -> Plan:
    """Binds one capability after another; each is given the output of the one before, the first the call's input.

    A layer is decided when the work gets there, by what holds then, and again where its node fails: so the graph is
    layered, and the path drawn layer by layer. What was done is never entered again. A layer has the lesser goals that
    were declared for it; where it has nobody left, ``escalate`` says what may be done for the whole.
    Source: AMRO-S, arXiv:2603.12933, draws the whole path before it is walked; late is ours.
    """
    if (plan := gone_on(escalate, call)) is not None:
        return (yield from plan)
    value, done = call.input, list[str]()
    for capability in capabilities:
        step = Call(
            target=capability,
            input=value,
            timeout_s=call.timeout_s,
            output_type=call.output_type if len(done) == len(capabilities) - 1 else None,
            fallback=None if call.fallback is None else (),
        )
        (outcome,) = yield Batch(calls=(step,))
        if isinstance(outcome, Failed) and not any(map(outcome.cause.is_a, FINAL)):
            return (yield from recovered(escalate, call, outcome, (), done))
        if not isinstance(outcome, Done):
            return outcome
        value = outcome.output
        done.append(capability)
    return Done(output=value)
