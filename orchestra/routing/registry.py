"""Routers by name."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from orchestra.core.errors import BadDefinition, UnknownRouter
from orchestra.ports.router import Router

NAME_TO_PLACE = {
    "linucb": "orchestra.routing.learners.linucb:LinUCB",
    "linucb:shared": "orchestra.routing.learners.shared:SharedLinUCB",
    "linucb:two-stage": "orchestra.routing.learners.shared:two_stage",
    "linucb:hybrid": "orchestra.routing.learners.hybrid:HybridLinUCB",
    "rules": "orchestra.routing.rules.rules:Rules",
    "cheapest": "orchestra.routing.learners.simple:Cheapest",
    "fixed": "orchestra.routing.learners.simple:Fixed",
    "random": "orchestra.routing.learners.simple:Random",
    "thompson": "orchestra.routing.learners.thompson:Thompson",
    "thompson:beta": "orchestra.routing.learners.thompson:BetaThompson",
    "ema": "orchestra.routing.learners.ema:EMA",
    "neighbours": "orchestra.routing.learners.neighbours:Neighbours",
    "clusters": "orchestra.routing.learners.clusters:Clusters",
    "regression": "orchestra.routing.learners.regression:Ridge",
    "regression:logistic": "orchestra.routing.learners.regression:Logistic",
    "irt": "orchestra.routing.learners.irt:IRT",
    "stepwise": "orchestra.routing.learners.stepwise:Stepwise",
    "pheromone": "orchestra.routing.learners.pheromone:Pheromone",
    "set": "orchestra.routing.several.sets:Sets",
    "set:reasoned": "orchestra.routing.several.reasoned:Reasoned",
    "set:mixed": "orchestra.routing.several.reasoned:Mixed",
    "best": "orchestra.routing.compositions.fallback:BestSingle",
    "fallback": "orchestra.routing.compositions.fallback:Fallback",
    "guarded": "orchestra.routing.compositions.guarded:Guarded",
    "pilots": "orchestra.routing.learners.pilots:Pilots",
    "recruit": "orchestra.routing.learners.recruit:Recruit",
    "two-step": "orchestra.routing.learners.two_step:TwoStep",
    "preferences": "orchestra.routing.compositions.preferences:Preferences",
    "trained": "orchestra.routing.learners.pretrained:Pretrained",
}
RULES_FILE = "orchestra.routing.rules.rule_files:load_rules_file"
CHAIN = "orchestra.routing.compositions.composed:Chain"
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
        raise BadDefinition(
            f"{made!r} is no router: it lacks {', '.join(missing) or 'a name'}.",
            remedy="Give it those of orchestra.ports.router.Router.",
        )
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
