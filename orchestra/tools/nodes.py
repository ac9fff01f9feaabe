"""From a decorated function to its node: what @tool, @agent and @workflow have in common."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestra.core.budget import Budget
from orchestra.core.catalog import MARK, Kind, Node, Risk, required_node
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.money import finite, nano
from orchestra.tools.docstring import summary
from orchestra.tools.schema import contract

F = TypeVar("F", bound=Callable[..., Any])
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
RISK_TO_TRIALS: Mapping[Risk, int] = {"low": 8, "medium": 3, "high": 1}
RISK_TO_SHARE: Mapping[Risk, float] = {"low": 0.5, "medium": 0.25, "high": 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The options of a decorator, as the user wrote them; None means the default.

    Units: ``cost_usd`` in US dollars a call, ``latency_s`` and ``timeout_s`` in seconds.
    ``provides`` defaults to the name for an agent, to nothing for a tool or workflow.
    ``risk`` is how much is at stake while it was never tried, by default "high" with a side effect, else "low"; it
    gives ``trial_limit`` its default (8, 3 or 1), and the share of what is left of a run's budget that such a call may
    be expected to cost (.5, .25 or .1). All are our default.
    """

    name: str | None = None
    description: str | None = None
    provides: str | Sequence[str] | None = None
    cost_usd: object = 0
    latency_s: float = 0.0
    timeout_s: float | None = None
    side_effect: str | None = None
    compensate: Callable[..., Any] | bool | None = None
    idempotent: bool = False
    no_effect_on: tuple[type[BaseException], ...] = ()
    approval: bool | Callable[..., bool] = False
    risk: Risk | None = None
    trial_limit: int | None = None
    examples: Sequence[str] = ()
    budget: Budget | None = None


def define(fn: Callable[..., Any], *, kind: Kind, options: Definition) -> Node:
    """The node of a function. Raises BadDefinition, BadNumber."""
    made, code = contract(fn)
    name = checked_name(fn.__name__ if options.name is None else options.name)
    provides = options.provides
    risk = checked_risk(options.risk, options.side_effect)
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
        compensate=_compensation(options, name, made.names),
        undo_on_failure=kind == "workflow" and options.compensate is True,
        idempotent=options.idempotent,
        no_effect_on=_error_types(options.no_effect_on, name),
        approval=_approval(options.approval, name, made.names),
        trial_limit=RISK_TO_TRIALS[risk] if options.trial_limit is None else _trials(options.trial_limit),
        trial_share=RISK_TO_SHARE[risk],
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


def _compensation(options: Definition, name: str, names: Sequence[str]) -> Node | None:
    """The definition of what undoes the effect. It may name the effect's arguments, ``input`` and ``output``."""
    if isinstance(options.compensate, bool) or options.compensate is None:
        return None
    node = required_node(options.compensate)
    if options.side_effect is None:
        raise BadDefinition(f"{name}: compensate= without side_effect= undoes nothing.", remedy="Name the side effect.")
    needed = set(node.contract.schema.get("required", ())) - {*names, "input", "output"}
    if needed:
        raise BadDefinition(
            f"{name}: the compensation {node.name!r} needs {', '.join(sorted(needed))}, which it would not be given.",
            remedy=f"It may take {', '.join([*names, 'input', 'output'])}.",
        )
    return node


def _approval(rule: Any, name: str, names: Sequence[str]) -> bool | Callable[..., bool]:
    """A rule has to take every argument by its name: known now, not when a person should have been asked."""
    remedy = "Write True, or a function of the arguments that returns True or False: lambda amount, **_: amount > 100."
    if type(rule) is bool:
        return rule
    if not callable(rule) or inspect.iscoroutinefunction(rule):
        raise BadDefinition(f"{name}: approval={rule!r} is neither a bool nor a plain function.", remedy=remedy)
    try:
        inspect.signature(rule).bind(**dict.fromkeys(names))
    except (TypeError, ValueError) as error:
        raise BadDefinition(f"{name}: the approval rule does not take its arguments: {error}.", remedy=remedy) from None
    return rule  # type: ignore[no-any-return]  # pyright: ignore[reportReturnType]


def checked_risk(risk: Any, side_effect: str | None = None) -> Risk:
    """The class of risk, by its default where there is none. Raises BadDefinition."""
    if risk is None:
        return "low" if side_effect is None else "high"
    if risk not in RISK_TO_TRIALS:
        raise BadDefinition(f"risk={risk!r} is no class of risk.", remedy="Write 'low', 'medium' or 'high'.")
    return risk  # type: ignore[no-any-return]


def _trials(given: int) -> int:
    limit = finite(given, "trial_limit")
    if limit < 1 or limit != int(limit):
        raise BadNumber(f"trial_limit={given!r} is not a whole number >= 1.")
    return int(limit)
