"""Which routers may take part in a contest: a figure of one that cannot work there would be a figure of nothing."""

from __future__ import annotations

from collections.abc import Sequence

from orchestra.core.errors import BadDefinition, UnknownRouter
from orchestra.ports.router import Router
from orchestra.routing.registry import router
from orchestra.routing.terms import terms_of

AUTO = "auto"


def named_among(names: Sequence[str], known: Sequence[str]) -> None:
    """Raises UnknownRouter for a name that is none of ``known``."""
    other = next((name for name in names if name not in known), None)
    if other is not None:
        raise UnknownRouter(f"{other!r} takes no part here.", remedy=f"This contest knows {', '.join(known)}.")


def admitted(names: Sequence[str], own: Sequence[str] = (AUTO,)) -> None:
    """Looks at every name before anything is learned; those of ``own`` are the contest's.

    Raises: UnknownRouter for a name that nobody bears; BadDefinition for a router that asks a model, as there is none,
    and for one that decides nothing before it was trained, as no contest trains it.
    """
    for name in names:
        if name in own:
            continue
        if name.split(":")[0] == AUTO:
            raise UnknownRouter(
                f"{name!r} takes no part here.", remedy=f"This contest knows {', '.join(own)}, and the registry's."
            )
        _judged(name, router(name))


def _judged(name: str, learner: Router) -> None:
    terms = terms_of(learner)
    if terms.how == "model":
        raise BadDefinition(
            f"{name!r} asks a model whom to choose, and a contest on recorded rows has none to ask.",
            remedy="Name the router that it falls back to, such as 'set', or judge it by the log of a team.",
        )
    if terms.training:
        raise BadDefinition(
            f"{name!r} decides nothing before it was trained, and a contest does not train it.",
            remedy="Take --router auto: it is trained on the learning part and judged on the other.",
        )


def told_of_one(name: str) -> bool:
    """Whether the router learns from the reward of its choice alone, which is what a replay tells."""
    return name == AUTO or terms_of(router(name)).feedback != "full"
