"""The option -w: what cost, latency and a lost reward count, on a path and beside a router's scores."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from orchestra.graph.weights import Weights

_said: ContextVar[list[str]] = ContextVar("weights")
OPTION = Annotated[
    list[str] | None,
    typer.Option(
        "-w", "--weight", help='What counts: -w cost=1 -w latency=.2 -w quality=3, or -w "cost=1 latency=.2".'
    ),
]


def weighed(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the option; ``objective`` is what it says."""

    @functools.wraps(command)
    def with_weights(*args: Any, weights: list[str] | None = None, **options: Any) -> None:
        _said.set(weights or [])
        command(*args, **options)

    hints = get_type_hints(command, include_extras=True)
    given = [one.replace(annotation=hints[one.name]) for one in inspect.signature(command).parameters.values()]
    extra = inspect.Parameter("weights", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=OPTION)
    signature = inspect.Signature([*given, extra])
    with_weights.__signature__ = signature  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    with_weights.__annotations__ = {**hints, "weights": OPTION}
    return with_weights


def objective() -> Weights | None:
    """None where the command was given no weights. Raises BadNumber."""
    from orchestra.graph.weights import weights_of

    return weights_of(_said.get([]))
