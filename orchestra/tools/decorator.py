"""@tool: a function that agents may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from orchestra.tools.nodes import Definition, F, decorated


@overload
def tool(fn: F, /) -> F: ...
@overload
def tool(
    fn: None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    cost_usd: object = 0,
    timeout_s: float | None = None,
    idempotent: bool = False,
    side_effect: str | None = None,
    compensate: Callable[..., Any] | None = None,
    no_effect_on: tuple[type[BaseException], ...] = (),
    approval: bool | Callable[..., bool] = False,
) -> Callable[[F], F]: ...
def tool(
    fn: F | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    cost_usd: object = 0,
    timeout_s: float | None = None,
    idempotent: bool = False,
    side_effect: str | None = None,
    compensate: Callable[..., Any] | None = None,
    no_effect_on: tuple[type[BaseException], ...] = (),
    approval: bool | Callable[..., bool] = False,
) -> F | Callable[[F], F]:
    """Makes a function a tool and returns that same function.

    The signature is the contract, the docstring's first paragraph the description. The Context is found by its type and
    never shown to a model. With ``approval`` the run pauses before each call until a person has said yes to these very
    arguments; a function of the validated arguments says for which: ``approval=lambda amount, **_: amount > 100``.

    ``compensate`` is a decorated function that undoes the side effect when the run is abandoned. It is given what it
    names of the tool's own arguments, and ``input`` and ``output``, all of them or what came of them.

    Units: ``cost_usd`` in US dollars a call, charged on entry, also if it then fails; ``timeout_s`` in seconds.
    Raises: BadDefinition for a name, signature, hint or approval rule that cannot be used; BadNumber.
    """
    options = Definition(
        name=name,
        description=description,
        cost_usd=cost_usd,
        timeout_s=timeout_s,
        idempotent=idempotent,
        side_effect=side_effect,
        compensate=compensate,
        no_effect_on=no_effect_on,
        approval=approval,
    )
    return decorated(fn, "tool", options)
