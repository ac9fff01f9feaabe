"""Whether a model that failed is asked again, and how long that may wait."""

from __future__ import annotations

import anyio

from orchestra.core.errors import ModelError, RateLimited
from orchestra.ports.model import Model
from orchestra.runtime.native import deadline
from orchestra.runtime.scope import Scope

LONG_S = 1.0
"""A provider that wants a longer wait gives way to another candidate, where there is one. Our default."""
PATIENCE_S = 60.0
"""What it may ask for where there is none. Our default."""

HOLDS_S = 60.0
"""For how long a share of a rate limit holds where nobody said when it is full again. Our default."""


def wanted_s(error: BaseException | None) -> float:
    """The wait that a provider asked for."""
    facts = getattr(error, "facts", {})
    return float(facts.get("retry_after_s") or 0.0)


def may_retry(child: Scope, error: BaseException | None) -> bool:
    return isinstance(error, ModelError) and error.retryable and _objection(child, wanted_s(error)) is None


def explained(child: Scope, error: ModelError) -> ModelError:
    """The error, saying also why its wait is not waited for where that is so."""
    wait_s = wanted_s(error)
    why = _objection(child, wait_s) if error.retryable else None
    if why is None:
        return error
    return type(error)(f"{error.what} It asks for a wait of {wait_s:.1f} s: {why}.", remedy=error.fix, **error.facts)


async def until_allowed(child: Scope) -> None:
    """Waits while the model, as any run of this process was told, may not be asked. Raises RateLimited if that is too
    long.
    """
    wait_s = child.run.services.health.limited_s(child.name, child.run.now())
    if not wait_s:
        return
    if _objection(child, wait_s) is not None:
        raise RateLimited(f"{child.name} was not asked: it is rate limited.", retry_after_s=wait_s)
    await anyio.sleep(wait_s)


def remember(child: Scope, error: ModelError) -> None:
    """Tells all runs of a long wait, so that none asks too early."""
    wait_s = wanted_s(error)
    if wait_s > LONG_S:
        child.run.services.health.limit(child.name, child.run.now() + wait_s)


def note_allowance(child: Scope, model: Model) -> None:
    """Tells all runs how much of its rate limit the model has left, where its client knows."""
    known = getattr(model, "allowance", None)
    if known is not None:
        now = child.run.now()
        left_share, reset_s = known
        child.run.services.health.allow(child.name, left_share, now + (HOLDS_S if reset_s is None else reset_s))


def _objection(child: Scope, wait_s: float) -> str | None:
    if not wait_s:
        return None
    if wait_s > LONG_S and child.others:
        return "another candidate is asked instead"
    left_s = deadline() - anyio.current_time()
    if wait_s >= left_s:
        return f"{max(0.0, left_s):.1f} s are left until the deadline"
    return f"no call waits longer than {PATIENCE_S:.0f} s" if wait_s > PATIENCE_S else None
