"""A router as plain data: its name in the registry and the parameters it was made with, and back again.

Nothing is imported or run that a name of the registry does not stand for, so a file may hold it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeGuard

from orchestra.core.errors import BadDefinition, UnknownRouter
from orchestra.ports.router import Router
from orchestra.routing.compositions.composed import Sure
from orchestra.routing.registry import CHAIN, KNOWN_AS, METHODS, NAME_TO_PLACE, resolved, router

COMPOSED = {
    "chain": CHAIN,
    "flags": "orchestra.routing.compositions.flags:Flags",
    "floored": "orchestra.routing.compositions.floored:Floored",
    "frozen": "orchestra.routing.compositions.frozen:Frozen",
    "shadow": "orchestra.routing.compositions.canary:Shadow",
    "canary": "orchestra.routing.compositions.canary:Canary",
}
ROUTER, PARAMETERS, SURE = "router", "parameters", "sure"
PLAIN = (str, int, float, bool, type(None))


def spec_of(made: Router) -> dict[str, Any]:
    """What ``made_of`` makes such a router of: its name, if that is how it was made; else its class and parameters,
    which a class may say itself by a method ``made_with``.

    Raises: BadDefinition for a class without a name in the registry, and for parameters that cannot be read.
    """
    if isinstance(known := getattr(made, KNOWN_AS, None), str):
        return {ROUTER: known, PARAMETERS: {}}
    place = f"{type(made).__module__}:{type(made).__qualname__}"
    name = next((name for name, known in (NAME_TO_PLACE | COMPOSED).items() if known == place), None)
    if name is None:
        raise BadDefinition(
            f"{made.name!r} is a {type(made).__name__}, which has no name in the registry.",
            remedy="Give it a name by the entry points 'orchestra.routers', and the team that name.",
        )
    said = getattr(made, "made_with", None)
    found: Any = said() if callable(said) else {one.name: _read(made, one.name) for one in _parameters(type(made))}
    return {ROUTER: name, PARAMETERS: {key: _plain(made, key, value) for key, value in found.items()}}


def made_of(spec: Mapping[str, Any]) -> Router:
    """The router, knowing nothing yet. Raises UnknownRouter, BadNumber, BadDefinition for parameters it has not."""
    name, given = spec.get(ROUTER), spec.get(PARAMETERS, {})
    if not isinstance(name, str) or not isinstance(given, Mapping):
        raise BadDefinition(f"{spec!r} describes no router.", remedy="Export the policy anew.")
    if name not in COMPOSED and not given:
        return router(name)
    place = (NAME_TO_PLACE | COMPOSED).get(name)
    if place is None:
        raise UnknownRouter(f"No router of this package is named {name!r}, and only those take parameters.")
    kind = resolved(place)
    rest = [one.name for one in _parameters(kind) if one.kind is inspect.Parameter.VAR_POSITIONAL]
    values = {key: _value(value) for key, value in given.items()}
    positional = [one for key in rest for one in values.pop(key, [])]
    try:
        made: Router = kind(*positional, **values)
    except TypeError as error:
        raise BadDefinition(f"{name!r} cannot be made with {sorted(given)}: {error}.") from None
    return made


def _parameters(kind: type) -> list[inspect.Parameter]:
    return list(inspect.signature(kind).parameters.values())


def _read(made: Router, name: str) -> Any:
    for holder in (made, getattr(made, "_memory", None)):
        for attribute in (name, f"_{name}"):
            value = getattr(holder, attribute, made)
            if value is not made and (_is_router(value) or not callable(value)):
                return value
    raise BadDefinition(
        f"What {made.name!r} was given as {name}= cannot be read from it.",
        remedy=f"Serve it by its name, or give {type(made).__name__} a method made_with().",
    )


def _is_router(value: Any) -> TypeGuard[Router]:
    return all(callable(getattr(value, method, None)) for method in METHODS)


def _plain(made: Router, key: str, value: Any) -> Any:
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Sure):
        return {SURE: {name: _plain(made, name, one) for name, one in value._asdict().items()}}
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
    if value.keys() == {SURE}:
        return Sure(**{key: _value(one) for key, one in value[SURE].items()})
    if ROUTER in value and value.keys() <= {ROUTER, PARAMETERS}:
        return made_of(value)
    return {key: _value(one) for key, one in value.items()}
