"""From a decorated function to its node: what @tool, @agent and @workflow have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestra.core.budget import Budget
from orchestra.core.catalog import MARK, Kind, Node
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.money import finite, nano
from orchestra.tools.docstring import summary
from orchestra.tools.schema import contract

F = TypeVar("F", bound=Callable[..., Any])
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
TRIALS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The options of a decorator, as the user wrote them; None means the default.

    Units: ``cost_usd`` in US dollars a call, ``latency_s`` and ``timeout_s`` in seconds.
    ``provides`` defaults to the name for an agent, to nothing for a tool or workflow.
    ``trial_limit`` defaults to 8, or 1 with a side effect (our default).
    """

    name: str | None = None
    description: str | None = None
    provides: str | Sequence[str] | None = None
    cost_usd: object = 0
    latency_s: float = 0.0
    timeout_s: float | None = None
    side_effect: str | None = None
    idempotent: bool = False
    no_effect_on: tuple[type[BaseException], ...] = ()
    trial_limit: int | None = None
    examples: Sequence[str] = ()
    budget: Budget | None = None


def define(fn: Callable[..., Any], *, kind: Kind, options: Definition) -> Node:
    """The node of a function. Raises BadDefinition, BadNumber."""
    made, code = contract(fn)
    name = checked_name(fn.__name__ if options.name is None else options.name)
    provides = options.provides
    if provides is None:
        provides = (name,) if kind == "agent" else ()
    return Node(
        name=name,
        kind=kind,
        body=code,
        contract=made,
        description=summary(fn.__doc__) if options.description is None else options.description,
        provides=(provides,) if isinstance(provides, str) else tuple(provides),
        cost_nano=nano(options.cost_usd, "cost_usd"),
        latency_s=float(finite(options.latency_s, "latency_s")),
        timeout_s=None if options.timeout_s is None else float(finite(options.timeout_s, "timeout_s")),
        side_effect=options.side_effect,
        idempotent=options.idempotent,
        no_effect_on=_error_types(options.no_effect_on, name),
        trial_limit=_trials(options),
        examples=tuple(options.examples),
        budget=options.budget,
        source=f"{fn.__module__}:{fn.__qualname__}",
    )


def attach(fn: F, kind: Kind, options: Definition) -> F:
    """The same function with its node attached. Raises BadDefinition, BadNumber."""
    node = define(fn, kind=kind, options=options)
    try:
        setattr(fn, MARK, node)
    except AttributeError:
        raise BadDefinition(
            f"{fn!r} cannot carry a definition.", remedy="Write a function that calls it and decorate that."
        ) from None
    return fn


def decorated(fn: F | None, kind: Kind, options: Definition) -> F | Callable[[F], F]:
    """What a decorator returns, bare (with ``fn``) or called (without)."""
    return (lambda given: attach(given, kind, options)) if fn is None else attach(fn, kind, options)


def checked_name(name: str) -> str:
    """Raises BadDefinition for a name that providers of models would refuse."""
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise BadDefinition(
            f"{name!r} cannot be a name.",
            remedy="Use a letter or '_', then letters, digits, '_', '.' or '-', at most 64 in all.",
        )
    return name


def _error_types(given: Any, name: str) -> tuple[type[BaseException], ...]:
    types = given if isinstance(given, tuple) else (given,)
    if not all(isinstance(one, type) and issubclass(one, BaseException) for one in types):
        raise BadDefinition(f"{name}: no_effect_on={given!r} is not a tuple of exception types.")
    return types


def _trials(options: Definition) -> int:
    if options.trial_limit is None:
        return TRIALS if options.side_effect is None else 1
    limit = finite(options.trial_limit, "trial_limit")
    if limit < 1 or limit != int(limit):
        raise BadNumber(f"trial_limit={options.trial_limit!r} is not a whole number >= 1.")
    return int(limit)
