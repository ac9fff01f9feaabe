"""A second provider for a call whose first one is late."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from orchestra.core.call import Batch, Call, Filing, Plan, Planned
from orchestra.core.decision import Decision
from orchestra.core.errors import UnsafeBatch
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, failed
from orchestra.graph.attempt import Candidate, attempt
from orchestra.ports.health import Health

C = TypeVar("C", bound=Candidate)
Ended = tuple[Outcome, list[tuple[C, Failed]]]
"""How a hedged call ended, and which nodes failed in it, in order; the last of them is the outcome's."""


def unsafe(call: Call, nodes: Sequence[Candidate]) -> Failed | None:
    """Why the call may not be hedged, if it is to be: two providers of one side effect could both act."""
    acting = [node for node in nodes if node.side_effect is not None] if call.hedge_s is not None else []
    if not acting:
        return None
    return failed(
        UnsafeBatch(
            f"{acting[0].name!r} has the side effect {acting[0].side_effect!r}, and a hedge may begin two providers.",
            remedy="Leave hedge_s= out: what is idempotent may be repeated, not done by two providers.",
        )
    )


def hedged(
    chosen: tuple[Call, C],
    rest: tuple[C, ...],
    decide: Callable[[tuple[C, ...], Failed | None], Generator[Batch, tuple[Outcome, ...], Decision | Failed]],
    filings: tuple[Filing, ...],
    target: Callable[..., Any],
    after_s: float,
    health: Health | None,
    now: Callable[[], float],
) -> Generator[Batch, tuple[Outcome, ...], Ended[C]]:
    """The chosen call; and, if it has not ended after ``after_s``, the next best of ``rest``: it is decided then, and
    not before. The first Done counts, the other is cancelled. Fails the first before that, no second is begun.

    Units: ``after_s`` in seconds.
    """
    call, node = chosen
    second: list[C] = []

    def late(_: Any) -> Plan:
        answer = yield from decide(rest, None)
        other = next((one for one in rest if isinstance(answer, Decision) and one.name in answer.chosen[:1]), None)
        if other is None or not isinstance(answer, Decision):
            return Cancelled()
        second.append(other)
        mine = replace(call, target=target(name=other.name), key=f"@{other.name}", decision=answer.key, others=False)
        return (yield from attempt(mine, other.name, (), health, now))

    hedge = Call(
        target=Planned(name="hedge", plan=late), key=f"hedge:{node.name}", after_s=after_s, output_type=call.output_type
    )
    inner = attempt(call, node.name, filings, health, now)
    try:
        batch = next(inner)
    except StopIteration as stop:  # it was not called
        return stop.value, [(node, stop.value)]
    try:
        one, two = yield replace(batch, calls=(call, hedge), done=1)
        with suppress(StopIteration):
            inner.send((one,))
    finally:
        inner.close()
    if isinstance(one, Done) or isinstance(two, Done):
        return (one if isinstance(one, Done) else two), []
    ends = [(node, one), *((other, two) for other in second)]
    failures = [(who, end) for who, end in ends if isinstance(end, Failed)]
    return (failures[-1][1] if failures else one), failures
