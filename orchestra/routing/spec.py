"""A router as plain data: its name in the registry and what it was made with, and back again.

Nothing is imported or run that a name of the registry or of ``VALUES`` does not stand for, so a file may hold it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeGuard

from orchestra.core.errors import BadDefinition, UnknownRouter
from orchestra.ports.router import Router
from orchestra.routing.registry import CHAIN, KNOWN_AS, METHODS, NAME_TO_PLACE, resolved, router

COMPOSED = {
    "chain": CHAIN,
    "flags": "orchestra.routing.compositions.flags:Flags",
    "floored": "orchestra.routing.compositions.floored:Floored",
    "frozen": "orchestra.routing.compositions.frozen:Frozen",
    "shadow": "orchestra.routing.compositions.canary:Shadow",
    "canary": "orchestra.routing.compositions.canary:Canary",
}
STEPS = "orchestra.routing.learners.steps"
VALUES = {
    "sure": "orchestra.routing.compositions.composed:Sure",
    "ant": "orchestra.routing.learners.pheromone:Ant",
    "soil": "orchestra.routing.learners.pheromone:Soil",
    "always-small": f"{STEPS}:AlwaysSmall",
    "always-large": f"{STEPS}:AlwaysLarge",
    "first-large": f"{STEPS}:FirstLarge",
    "last-large": f"{STEPS}:LastLarge",
    "random-large": f"{STEPS}:RandomLarge",
    "threshold": f"{STEPS}:Threshold",
    "linear": f"{STEPS}:Linear",
}
"""What a parameter may be beside a router and JSON values."""
ROUTER, VALUE, PARAMETERS = "router", "value", "parameters"
PLAIN = (str, int, float, bool, type(None))


def spec_of(made: Router) -> dict[str, Any]:
    """What ``made_of`` makes such a router of: its name, if that is how it was made; else its class and what it was
    made with (``Made``).

    Raises: BadDefinition for a class without a name in the registry, and for parameters that no file can hold.
    """
    if isinstance(known := getattr(made, KNOWN_AS, None), str):
        return {ROUTER: known, PARAMETERS: {}}
    name = _name(made, NAME_TO_PLACE | COMPOSED)
    if name is None:
        raise BadDefinition(
            f"{made.name!r} is a {type(made).__name__}, which has no name in the registry.",
            remedy="Give it a name by the entry points 'orchestra.routers', and the team that name.",
        )
    return {ROUTER: name, PARAMETERS: _given(made, made)}


def made_of(spec: Mapping[str, Any]) -> Router:
    """The router, knowing nothing yet. Raises UnknownRouter, BadNumber, BadDefinition for parameters it has not."""
    name, given = spec.get(ROUTER), spec.get(PARAMETERS, {})
    if not isinstance(name, str):
        raise BadDefinition(f"{spec!r} describes no router.", remedy="Export the policy anew.")
    if name not in COMPOSED and given == {}:
        return router(name)
    place = (NAME_TO_PLACE | COMPOSED).get(name)
    if place is None:
        raise UnknownRouter(
            f"No router of this package is named {name!r}, and only those take parameters.",
            remedy="Export the policy anew, or leave the parameters out.",
        )
    made: Router = _made(place, name, given)
    return made


def _made(place: str, name: str, given: Any) -> Any:
    if not isinstance(given, Mapping):
        raise BadDefinition(f"{name!r} cannot be made with {given!r}.", remedy="Export the policy anew.")
    kind = resolved(place)
    parameters = inspect.signature(kind).parameters.values()
    rest = [one.name for one in parameters if one.kind is inspect.Parameter.VAR_POSITIONAL]
    values = {key: _value(value) for key, value in given.items()}
    positional = [one for key in rest for one in values.pop(key, [])]
    try:
        return kind(*positional, **values)
    except TypeError as error:
        raise BadDefinition(
            f"{name!r} cannot be made with {sorted(given)}: {error}.", remedy="Export the policy anew."
        ) from None


def _name(value: Any, known: Mapping[str, str]) -> str | None:
    place = f"{type(value).__module__}:{type(value).__qualname__}"
    return next((name for name, known_place in known.items() if known_place == place), None)


def _given(made: Router, value: Any) -> dict[str, Any]:
    """What the router, or a value that was given to it, was made with."""
    found: Mapping[str, Any]
    if hasattr(value, "made_with"):
        found = value.made_with()
    elif is_dataclass(value):
        found = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    else:
        found = value._asdict()
    return {key: _plain(made, key, one) for key, one in found.items()}


def _is_router(value: Any) -> TypeGuard[Router]:
    return all(callable(getattr(value, method, None)) for method in METHODS)


def _plain(made: Router, key: str, value: Any) -> Any:
    if isinstance(value, PLAIN):
        return value
    if (name := _name(value, VALUES)) is not None:
        return {VALUE: name, PARAMETERS: _given(made, value)}
    if callable(said := getattr(value, "to_plain", None)):
        return said()
    if isinstance(value, (tuple, list)):
        return [_plain(made, key, one) for one in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(made, key, one) for name, one in value.items()}
    if _is_router(value):
        return spec_of(value)
    raise BadDefinition(
        f"{made.name!r} was given {key}={value!r}, which no file can hold.",
        remedy="Give the router plain values, or export its state with the team's own code.",
    )


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    if isinstance(value.get(ROUTER), str) and value.keys() <= {ROUTER, PARAMETERS}:
        return made_of(value)
    if value.keys() == {VALUE, PARAMETERS} and (place := VALUES.get(str(value[VALUE]))) is not None:
        return _made(place, str(value[VALUE]), value[PARAMETERS])
    return {key: _value(one) for key, one in value.items()}
