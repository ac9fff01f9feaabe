"""The guard before a node: let in before anything is charged or asked, and told how it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio

from orchestra.core.catalog import Node
from orchestra.core.errors import EffectUnknown, NoEffect, NotSerialisable
from orchestra.core.events import CallEnded, CallStarted
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, Paused
from orchestra.ports.guard import Asked, Guard
from orchestra.runtime.approval import defaults
from orchestra.runtime.scope import Scope


async def guarded(
    child: Scope, node: Node, kwargs: Mapping[str, Any], body: Callable[[], Awaitable[Outcome]]
) -> Outcome:
    """The body's outcome as the run's guard leaves it; the guard's own where it does not let the call in."""
    guard = child.run.guard
    if guard is None:
        return await body()
    given = _plain(child, {**defaults(node), **kwargs})
    again = node.kind != "tool" and _interrupted(child)
    asked = Asked(node, given, f"{child.run.id}/{child.effect_key}", again)
    refused = await guard.enter(asked)
    if refused is not None:
        return refused
    try:
        outcome = await body()
    except BaseException:
        await _left(guard, asked, child)
        raise
    return await guard.leave(asked, outcome, _acted(child, node, outcome))


async def _left(guard: Guard, asked: Asked, child: Scope) -> None:
    """A call that was cancelled gives its place back too. What the store says to that must not hide why it ended: the
    goal is held then, and says by whom.
    """
    with anyio.CancelScope(shield=True):
        try:
            await guard.leave(asked, Cancelled(), _acted(child, asked.node, Cancelled()))
        except Exception:
            return


def _acted(child: Scope, node: Node, outcome: Outcome) -> bool:
    """Whether something may have been done to the world."""
    if type(outcome) is Failed and outcome.cause.is_a(EffectUnknown):
        return True
    if node.side_effect is None:
        return False
    if type(outcome) is Failed and outcome.cause.is_a(NoEffect):
        return False
    return type(outcome) is Done or child.side_effect is not None


def _interrupted(child: Scope) -> bool:
    """Whether the run that is resumed began this very call, and it neither ended done nor failed."""
    last: Any = None
    for event in child.run.past:
        if isinstance(event, (CallStarted, CallEnded)) and event.key == child.path:
            last = event
    if isinstance(last, CallEnded):
        return type(last.outcome) in (Paused, Cancelled)
    return last is not None


def _plain(child: Scope, values: Mapping[str, Any]) -> dict[str, Any]:
    """What of the arguments is JSON: nothing else can be compared."""
    found = {}
    for name, value in values.items():
        try:
            found[name] = child.run.services.codec.plain(value)
        except NotSerialisable:
            continue
    return found
