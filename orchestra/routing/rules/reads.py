"""What routers read off a task before they decide, without a call: signals, whose values go into the question.

A router that reads has them as ``signals``, so that whoever stands around it reads them for it. Source: our default.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestra.core.call import Batch, Filing
from orchestra.core.decision import Decide
from orchestra.core.errors import BadDefinition
from orchestra.core.outcome import Failed, Outcome
from orchestra.core.task import task_of, value_of
from orchestra.ports.router import Router
from orchestra.routing.rules.signals import Sight, Signal

Asking = Generator[Batch, tuple[Outcome, ...], tuple[Decide, tuple[Filing, ...]] | Failed]


def values_of(signals: Sequence[Signal], value: Any) -> tuple[tuple[str, float], ...]:
    """The signals with their values, of a task or an input."""
    bare = value_of(value)
    given = bare.get("metadata") if isinstance(bare, Mapping) else None
    sight = Sight(task_of(value).text, given if isinstance(given, Mapping) else {})
    return tuple((signal.name, round(float(signal.read(sight)), 6)) for signal in signals)


def reading(signals: Sequence[Signal], question: Decide, value: Any) -> Asking:
    """The question with these signals; no call is made for them."""
    yield from ()
    return replace(question, signals=(*question.signals, *values_of(signals, value))), ()


def calls_first(router: Router) -> bool:
    """Whether it makes calls before it decides: it has a plan for that, and more to do there than to read signals."""
    return getattr(router, "asking", None) is not None and getattr(router, "signals", None) is None


def joined(name: str, own: Sequence[Signal], routers: Iterable[Router]) -> tuple[Signal, ...]:
    """The signals of all of them, each once. Raises BadDefinition where two of one name read different things."""
    found = {signal.name: signal for signal in own}
    for router in routers:
        for signal in getattr(router, "signals", None) or ():
            if found.setdefault(signal.name, signal) != signal:
                raise BadDefinition(
                    f"In {name!r} two routers read different things under the name {signal.name!r}.",
                    remedy="Rename one of the two signals; that of 'preferences' follows the name of its router.",
                )
    return tuple(found.values())
