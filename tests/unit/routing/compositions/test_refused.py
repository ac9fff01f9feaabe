"""What is refused when it is composed, and what it is told to do instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from orchestra.core.errors import BadDefinition
from orchestra.ports.router import Terms
from orchestra.routing.compositions.canary import Canary, Shadow
from orchestra.routing.compositions.composed import Chain, Composition, Sure
from orchestra.routing.compositions.flags import Flags
from orchestra.routing.compositions.floored import Floored
from orchestra.routing.compositions.frozen import Frozen
from orchestra.routing.compositions.guarded import Guarded
from orchestra.routing.compositions.preferences import Preferences
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Cheapest
from orchestra.routing.registry import router
from orchestra.routing.rules.rules import Rule, Rules
from orchestra.routing.rules.signals import Length
from orchestra.routing.terms import Use, check_use
from tests.unit.routing.kit import question, seeded


class Reading(Cheapest):
    """Looks at an answer."""

    name = "reading"
    terms = Terms(when="after", uses=frozenset({"response"}), how="rule", feedback="none")


class Calling(Cheapest):
    name = "calling"

    def asking(self, *_: Any) -> None: ...


def about(number: int) -> Rules:
    """Rules with a signal "long", which is a text of so many words."""
    long = Length(name="long", low=number, unit="words")
    return Rules([Rule("r", "long", "large")], [long], name=f"rules of {number}")


mine = LinUCB("mine")
SCORING = "Put the flags on a router that scores"
WEIGHING = "Take a router that scores the options"
MARGIN = "Leave margin= out"
ANOTHER = "another name, such as LinUCB"
LAST = r"Chain\(Sure\(...\), 'cheapest'\)"
ALONE = "by itself, or in Chain, Fallback, Frozen, Guarded or Shadow"
ALIKE = "Compare two routers that do, or two that do not"
REFUSED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "one": (lambda: Chain("linucb"), "never abstains", LAST),
    "none": (lambda: Composition("nobody", ()), "of no router", "Give it one or more"),
    "rules for the last": (lambda: Chain("linucb", Sure("cheapest")), "never abstains", LAST),
    "itself": (lambda: Chain(mine, mine), "'mine' and itself", "Make a second router"),
    "its own shadow": (lambda: Shadow(mine, mine), "'mine' and itself", "Make a second router"),
    "its own canary": (lambda: Canary("linucb", LinUCB()), "two routers named 'linucb'", ANOTHER),
    "one name, far apart": (lambda: Chain("linucb", Floored(Guarded(LinUCB()))), "two routers named 'linucb'", ANOTHER),
    "a slash": (lambda: Chain(LinUCB("a/b"), "cheapest"), "named 'a/b'", "without a slash"),
    "makes calls": (lambda: Chain(Calling(), "cheapest"), "'calling' makes calls before", "by itself or in Frozen"),
    "makes calls, frozen": (lambda: Flags(Frozen(Calling())), "'calling' makes calls before", "by itself or in Frozen"),
    "a model's": (lambda: Guarded("set:reasoned"), "'set:reasoned' makes calls before", "by itself or in Frozen"),
    "inner canary": (lambda: Flags(Canary("linucb", "ema"), cost=1.0), "'canary', which has to know", "outermost"),
    "a canary of sets": (lambda: Canary("linucb", "set"), "'set' may choose several or out of scope, and 'can", ALONE),
    "one of several, frozen": (lambda: Floored(Frozen("set")), "'set' may choose several", ALONE),
    "one of several, guarded": (lambda: Flags(Guarded("set")), "'guarded' may choose several", ALONE),
    "a rule's set": (lambda: Rules(otherwise=router("set")), "'set' may choose several or .* 'a rule' always", ALONE),
    "a rule's calls": (lambda: Rules(otherwise=Calling()), "and no rule can make them", "decides at once, such as"),
    "a rule's canary": (lambda: Rules(otherwise=Canary("linucb", "ema")), "'canary' has to know", "around the rules"),
    "looks at an answer": (lambda: check_use(Chain(Reading(), "ema"), Use("a team")), "decides 'after'", "a cascade"),
    "a path's canary": (lambda: Canary("linucb", "pheromone"), "'pheromone' decides the steps of a path", ALIKE),
    "a path's shadow": (lambda: Shadow("linucb", "pheromone"), "'linucb' is never asked for one", ALIKE),
    "one signal, two meanings": (lambda: Canary(about(3), about(4)), "two routers read .* 'long'", "Rename one"),
}
for unscored in ("cheapest", "fixed", "random", "rules", "linucb>cheapest"):
    why = f"'{unscored}' gives no scores"
    REFUSED[f"no scores, {unscored}"] = (partial(Flags, unscored, cost=1.0), why, SCORING)
    REFUSED[f"no preference, {unscored}"] = (partial(Preferences, unscored), why, WEIGHING)
    REFUSED[f"no margin, {unscored}"] = (partial(Chain, Sure(unscored, margin=0.1), "ema"), why, MARGIN)
for single in (Floored, Flags, Preferences):
    REFUSED[f"{single.__name__} takes one"] = (partial(single, "set"), "'set' may choose several or", ALONE)


@pytest.mark.parametrize(("make", "why", "remedy"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_together_is_refused(make: Callable[[], Any], why: str, remedy: str) -> None:
    with pytest.raises(BadDefinition, match=why) as refused:
        make()
    assert re.search(remedy, refused.value.fix)


class Silent(Cheapest):
    """Declares scores, and gives none."""

    name = "silent"
    terms = Terms()


@pytest.mark.parametrize(
    ("make", "remedy"), [(lambda: Flags(Silent(), cost=1.0), SCORING), (lambda: Preferences(Silent()), WEIGHING)]
)
def test_scores_that_were_declared_and_are_not_there_are_missed_at_the_run(
    make: Callable[[], Any], remedy: str
) -> None:
    with pytest.raises(BadDefinition, match="'silent' gives no scores") as missed:
        make().choose(question("a"), "k", seeded())
    assert remedy in missed.value.fix
