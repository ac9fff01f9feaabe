"""What routers declare of themselves, and what cannot work together: refused when it is built, not when it is asked.

Source: the axes when, what and how of arXiv:2603.04445; that a composition is checked by them is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

from orchestra.core.errors import BadDefinition
from orchestra.ports.router import Feedback, How, Router, Terms, When

WHEN: tuple[When, ...] = get_args(When)
HOW: tuple[How, ...] = get_args(How)
FEEDBACK: tuple[Feedback, ...] = get_args(Feedback)
BEFORE_ANY_ANSWER = frozenset({"query", "similarity", "prior", "cost", "latency", "load", "budget", "history"})
USES = BEFORE_ANY_ANSWER | {"response"}


class Use(NamedTuple):
    """Where a router is to stand: the latest moment it is asked at, what it is shown, what it is told afterwards."""

    what: str
    when: When = "during"
    shows: frozenset[str] = BEFORE_ANY_ANSWER
    tells: Feedback = "bandit"


def terms_of(router: Router) -> Terms:
    """What the router declares, or the defaults of ``Terms``. Raises BadDefinition for what is no declaration."""
    found = getattr(router, "terms", None)
    if found is None:
        return Terms()
    if not isinstance(found, Terms):
        raise BadDefinition(f"{router.name!r} declares terms={found!r}.", remedy="Give it terms = Terms(...).")
    unknown = sorted(found.uses - USES)
    if found.when not in WHEN or found.how not in HOW or found.feedback not in FEEDBACK or unknown:
        raise BadDefinition(
            f"{router.name!r} declares {found}, which names something that there is not.",
            remedy=f"when: {', '.join(WHEN)}; how: {', '.join(HOW)}; feedback: {', '.join(FEEDBACK)}; "
            f"uses: {', '.join(sorted(USES))}.",
        )
    return found


def learns(router: Router) -> bool:
    return bool(getattr(router, "learns", True))


def widens(router: Router) -> bool:
    """Whether what it learns has other features than the question: the number in its state is not that of x."""
    return bool(getattr(router, "widened", False)) or any(widens(part) for part in getattr(router, "parts", ()))


def may(router: Router, what: Literal["sets", "walks"]) -> bool:
    """Whether it may choose several options, or decides each step of a path."""
    return bool(getattr(router, what, False))


def check_use(router: Router, use: Use, *, frozen: bool = False) -> None:
    """Raises BadDefinition where the router cannot stand there. One that is ``frozen`` needs no feedback any more."""
    terms = terms_of(router)
    if WHEN.index(terms.when) > WHEN.index(use.when):
        raise BadDefinition(
            f"{router.name!r} decides {terms.when!r}, and {use.what} asks {use.when!r} at the latest.",
            remedy="What looks at an answer belongs into a cascade; put a router there that decides earlier.",
        )
    missing = sorted(terms.uses - use.shows)
    if missing:
        raise BadDefinition(
            f"{router.name!r} looks at {', '.join(missing)}, and {use.what} shows it none.",
            remedy="Show it that, or take a router that needs less, such as 'ema' or 'thompson:beta'.",
        )
    if not frozen and FEEDBACK.index(terms.feedback) > FEEDBACK.index(use.tells):
        raise BadDefinition(
            f"{router.name!r} needs {terms.feedback!r} feedback, and {use.what} tells {use.tells!r}.",
            remedy="Train it offline and serve it as a policy file, or put it into Frozen(...).",
        )


def check_parts(name: str, parts: Sequence[Router]) -> None:
    """Raises BadDefinition for a composition of nothing, of a router with itself, or of two that share a name: what is
    learned is kept under the name.
    """
    if not parts:
        raise BadDefinition(f"{name!r} is composed of no router.", remedy="Give it one or more.")
    for place, part in enumerate(parts):
        for other in parts[:place]:
            if other is part:
                raise BadDefinition(
                    f"{name!r} is composed of {part.name!r} and itself.",
                    remedy="Make a second router.",
                )
            if other.name == part.name:
                raise BadDefinition(
                    f"{name!r} is composed of two routers named {part.name!r}: they would share what they learn.",
                    remedy="Give one of them another name, such as LinUCB('second').",
                )


def refuses(router: Router) -> bool:
    """Whether it may choose out of scope; one that may choose several may, unless it says otherwise."""
    return bool(getattr(router, "refuses", may(router, "sets")))


def check_takes_one(name: str, parts: Sequence[Router]) -> None:
    """Raises BadDefinition where a part may choose out of scope, of which nothing would be left."""
    for part in parts:
        if refuses(part):
            raise BadDefinition(
                f"{part.name!r} may choose several or out of scope, and {name!r} always takes one.",
                remedy="Use it by itself, or in Chain, Fallback, Frozen, Guarded or Shadow; or take one that never "
                "chooses out of scope, such as 'recruit'.",
            )


def check_walks(name: str, parts: Sequence[Router]) -> None:
    """Raises BadDefinition where some decide the steps of a path, and others are never asked for one."""
    able = [part.name for part in parts if may(part, "walks")]
    other = [part.name for part in parts if not may(part, "walks")]
    if able and other:
        raise BadDefinition(
            f"In {name!r} {able[0]!r} decides the steps of a path, and {other[0]!r} is never asked for one.",
            remedy="Compare two routers that do, or two that do not.",
        )


def together(parts: Sequence[Router], uses: frozenset[str], how: How, when: When = "before") -> Terms:
    """What a composition declares: the latest moment, all that is looked at, the most feedback; scores if all parts
    give them.
    """
    all_terms = [terms_of(part) for part in parts]
    moments: list[When] = [when, *(terms.when for terms in all_terms)]
    return Terms(
        when=max(moments, key=WHEN.index),
        uses=uses.union(*(terms.uses for terms in all_terms)),
        how="model" if any(terms.how == "model" for terms in all_terms) else how,
        feedback=max(all_terms, key=lambda terms: FEEDBACK.index(terms.feedback)).feedback,
        training=any(terms.training for terms in all_terms),
        scores=all(terms.scores for terms in all_terms),
    )


def facts_of(router: Router) -> dict[str, Any]:
    """The declaration as plain data, and the first sentence of what the router says of itself."""
    terms = terms_of(router)
    return {
        "name": router.name,
        "when": terms.when,
        "uses": sorted(terms.uses),
        "how": terms.how,
        "feedback": terms.feedback,
        "training": terms.training,
        "scores": terms.scores,
        "learns": learns(router),
    }
