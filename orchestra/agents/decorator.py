"""@agent: a function that is an agent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from orchestra.core.catalog import Risk
from orchestra.tools.nodes import Definition, F, decorated


@overload
def agent(fn: F, /) -> F: ...
@overload
def agent(
    fn: None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    provides: str | Sequence[str] | None = None,
    cost_usd: object = 0,
    latency_s: float = 0.0,
    timeout_s: float | None = None,
    side_effect: str | None = None,
    idempotent: bool = False,
    compensate: Callable[..., Any] | None = None,
    no_effect_on: tuple[type[BaseException], ...] = (),
    approval: bool | Callable[..., bool] = False,
    risk: Risk | None = None,
    examples: Sequence[str] = (),
) -> Callable[[F], F]: ...
def agent(
    fn: F | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    provides: str | Sequence[str] | None = None,
    cost_usd: object = 0,
    latency_s: float = 0.0,
    timeout_s: float | None = None,
    side_effect: str | None = None,
    idempotent: bool = False,
    compensate: Callable[..., Any] | None = None,
    no_effect_on: tuple[type[BaseException], ...] = (),
    approval: bool | Callable[..., bool] = False,
    risk: Risk | None = None,
    examples: Sequence[str] = (),
) -> F | Callable[[F], F]:
    """Makes a function a code agent and returns that same function.

    Its signature is its contract: a mapping binds by name, anything else to the first parameter. Without ``provides``
    it provides its own name. ``description`` (the docstring's first paragraph) and ``examples`` are what routers read.
    ``side_effect`` names the class of what it does to the world: such an agent is rerouted only if it raised
    ``errors.NoEffect`` or a type of ``no_effect_on``, and it is never run twice for one step unless ``idempotent``.
    With ``approval`` the run pauses before each call until a person has said yes, ``compensate`` undoes the side effect
    when the run is abandoned; both as for a tool.
    ``risk`` ("low", "medium" or "high"; by default "high" with a side effect, else "low") caps how it is explored while
    it was never tried: 8, 3 or 1 calls in flight, each for at most .5, .25 or .1 of what is left of the budget.

    Units: ``cost_usd`` in US dollars a call, charged on entry, also if it then fails; ``latency_s`` (what to expect at
    least) and ``timeout_s`` in seconds.
    Raises: BadDefinition for a name, signature, hint or approval rule that cannot be used; BadNumber.
    """
    options = Definition(
        name=name,
        description=description,
        provides=provides,
        cost_usd=cost_usd,
        latency_s=latency_s,
        timeout_s=timeout_s,
        side_effect=side_effect,
        compensate=compensate,
        idempotent=idempotent,
        no_effect_on=no_effect_on,
        approval=approval,
        risk=risk,
        examples=examples,
    )
    return decorated(fn, "agent", options)
