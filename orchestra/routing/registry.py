"""Routers by name."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from orchestra.core.errors import BadDefinition, UnknownRouter
from orchestra.ports.router import Router

NAME_TO_PLACE = {
    "linucb": "orchestra.routing.linucb:LinUCB",
    "linucb:shared": "orchestra.routing.shared:SharedLinUCB",
    "linucb:two-stage": "orchestra.routing.shared:two_stage",
    "linucb:hybrid": "orchestra.routing.hybrid:HybridLinUCB",
    "rules": "orchestra.routing.rules:Rules",
    "cheapest": "orchestra.routing.simple:Cheapest",
    "fixed": "orchestra.routing.simple:Fixed",
    "random": "orchestra.routing.simple:Random",
    "thompson": "orchestra.routing.thompson:Thompson",
    "thompson:beta": "orchestra.routing.thompson:BetaThompson",
    "ema": "orchestra.routing.ema:EMA",
    "neighbours": "orchestra.routing.neighbours:Neighbours",
    "clusters": "orchestra.routing.clusters:Clusters",
    "regression": "orchestra.routing.regression:Ridge",
    "regression:logistic": "orchestra.routing.regression:Logistic",
    "irt": "orchestra.routing.irt:IRT",
    "stepwise": "orchestra.routing.stepwise:Stepwise",
    "pheromone": "orchestra.routing.pheromone:Pheromone",
    "set": "orchestra.routing.sets:Sets",
    "set:reasoned": "orchestra.routing.reasoned:Reasoned",
    "set:mixed": "orchestra.routing.reasoned:Mixed",
    "best": "orchestra.routing.fallback:BestSingle",
    "fallback": "orchestra.routing.fallback:Fallback",
    "guarded": "orchestra.routing.guarded:Guarded",
    "pilots": "orchestra.routing.pilots:Pilots",
    "recruit": "orchestra.routing.recruit:Recruit",
    "two-step": "orchestra.routing.two_step:TwoStep",
    "preferences": "orchestra.routing.preferences:Preferences",
    "trained": "orchestra.routing.pretrained:Pretrained",
}
RULES_FILE = "orchestra.routing.rule_files:load_rules_file"
CHAIN = "orchestra.routing.composed:Chain"
GROUP = "orchestra.routers"
KNOWN_AS = "known_as"
"""The attribute of a router that was made by its name: enough to make another."""
METHODS = ("choose", "learn", "pulls", "delta", "load")


def router(what: str | Router) -> Router:
    """A router by name, or the object itself. 'fixed:NAME' prefers the option of that name, 'A>B' is a chain,
    'rules:FILE' reads its rules from a file.

    Other packages add names through the entry points 'orchestra.routers'; each is called without arguments. This
    package's names come first.
    Raises: UnknownRouter for a name nobody bears, BadDefinition for an object that is no router.
    """
    made = _known(what) if isinstance(what, str) else what
    missing = [method for method in METHODS if not callable(getattr(made, method, None))]
    if missing or not isinstance(getattr(made, "name", None), str):
        raise BadDefinition(f"{made!r} is no router: it lacks {', '.join(missing) or 'a name'}.")
    return made


def _known(name: str) -> Router:
    made = _named(name)
    with suppress(AttributeError):  # slots
        setattr(made, KNOWN_AS, name)
    return made


def _named(name: str) -> Router:
    if name.startswith("fixed:") and name != "fixed:":
        return resolved(NAME_TO_PLACE["fixed"])(name.removeprefix("fixed:"))  # type: ignore[no-any-return]
    if name.startswith("rules:") and name != "rules:":
        return resolved(RULES_FILE)(name.removeprefix("rules:"))  # type: ignore[no-any-return]
    if name in NAME_TO_PLACE:
        return resolved(NAME_TO_PLACE[name])()  # type: ignore[no-any-return]
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name in found:
        return found[name].load()()  # type: ignore[no-any-return]
    if ">" in name:
        return resolved(CHAIN)(*name.split(">"))  # type: ignore[no-any-return]
    known = ", ".join(sorted({*NAME_TO_PLACE, "fixed:NAME", "rules:FILE", *found}))
    raise UnknownRouter(f"No router is named {name!r}; there are {known}.")


def resolved(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
