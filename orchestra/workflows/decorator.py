"""@workflow: plain Python over steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

from orchestra.core.budget import Budget
from orchestra.tools.nodes import Definition, F, decorated


@overload
def workflow(fn: F, /) -> F: ...
@overload
def workflow(
    fn: None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    budget: Budget | None = None,
    compensate: bool = False,
) -> Callable[[F], F]: ...
def workflow(
    fn: F | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    budget: Budget | None = None,
    compensate: bool = False,
) -> F | Callable[[F], F]:
    """Makes a function a workflow and returns that same function: calling it directly is plain Python.

    ``team.run(fn, ...)`` and ``step(fn, ...)`` open its scope and its budget. It may branch, loop and catch; between
    its steps it must be deterministic, so that a resumed run comes to the same steps.

    With ``compensate`` a run of it that has failed is abandoned at once: what it did to the world is undone, where that
    declares how. That needs a journal.

    Raises: BadDefinition for a name, signature or hint that cannot be used.
    """
    options = Definition(name=name, description=description, budget=budget, compensate=compensate)
    return decorated(fn, "workflow", options)
