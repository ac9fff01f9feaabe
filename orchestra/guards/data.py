"""From data to a goal. The data names checks; it never brings code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestra.core.errors import BadDefinition
from orchestra.guards.goal import Goal
from orchestra.guards.predicates import World


def goal_from(
    data: Mapping[str, Any], *, name: str = "goal", checks: Mapping[str, Callable[[World], bool]] | None = None
) -> Goal:
    """A goal from a mapping in the form of a goal's file. ``checks`` are the functions that its conditions may name.

    Raises: BadDefinition; its facts ``at`` and ``problem`` are the place of the fault in the mapping and the fault.
    """
    from pydantic import ValidationError

    from orchestra.guards.forms import ADAPTER, built

    try:
        form = ADAPTER.validate_python(dict(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        at = tuple(part for part in first["loc"])
        raise _placed(first["msg"].removeprefix("Value error, "), at) from None
    try:
        return built(form, form.name or name, checks or {})
    except BadDefinition as error:
        raise _placed(error.what, error.facts.get("at", ())) from None


def _placed(what: str, at: tuple[Any, ...]) -> BadDefinition:
    place = f"field {'.'.join(map(str, at))!r}: " if at else ""
    return BadDefinition(f"{place}{what.rstrip('.')}.", remedy="Correct the goal.", at=at, problem=what)
