"""@tool: a function that agents may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

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
    no_effect_on: tuple[type[BaseException], ...] = (),
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
    no_effect_on: tuple[type[BaseException], ...] = (),
) -> F | Callable[[F], F]:
    """Makes a function a tool and returns that same function.

    The signature is the contract, the docstring's first paragraph the description. The Context is found by its type and
    never shown to a model.

    Units: ``cost_usd`` in US dollars a call, charged on entry, also if it then fails; ``timeout_s`` in seconds.
    Raises: BadDefinition for a name, signature or hint that cannot be used; BadNumber.
    """
    options = Definition(
        name=name,
        description=description,
        cost_usd=cost_usd,
        timeout_s=timeout_s,
        idempotent=idempotent,
        side_effect=side_effect,
        no_effect_on=no_effect_on,
    )
    return decorated(fn, "tool", options)
