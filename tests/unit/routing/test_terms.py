"""What routers declare, and where they may stand."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestra.core.errors import BadDefinition
from orchestra.ports.router import Terms
from orchestra.routing.compositions.composed import Chain, Sure
from orchestra.routing.compositions.flags import Flags
from orchestra.routing.compositions.frozen import Frozen
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Cheapest
from orchestra.routing.registry import NAME_TO_PLACE, router
from orchestra.routing.rules.rules import Rules
from orchestra.routing.terms import Use, check_use, facts_of, terms_of, together


class Declared(Cheapest):
    """A router with any terms."""

    def __init__(self, terms: Any, name: str = "declared") -> None:
        self.terms, self.name = terms, name


def test_without_a_declaration_the_defaults_hold() -> None:
    assert terms_of(Declared(None)) == Terms()
    assert terms_of(Declared(Terms(how="rule"))).how == "rule"


@pytest.mark.parametrize(
    "terms",
    [
        "before",
        ("before", frozenset(), "rule", "none", False),
        Terms(when="later"),  # type: ignore[arg-type]
        Terms(how="magic"),  # type: ignore[arg-type]
        Terms(feedback="some"),  # type: ignore[arg-type]
        Terms(uses=frozenset({"luck"})),
    ],
)
def test_what_is_no_declaration_is_refused(terms: Any) -> None:
    with pytest.raises(BadDefinition, match="'declared' declares") as refused:
        terms_of(Declared(terms))
    plain = "Give it terms = Terms(...)."
    assert refused.value.fix == (
        "when: before, during, after; how: rule, similarity, learned, model; feedback: none, bandit, full; "
        "uses: budget, cost, history, latency, load, prior, query, response, similarity."
        if isinstance(terms, Terms)
        else plain
    )


CASCADE, LESS, OFFLINE = "belongs into a cascade", "such as 'ema' or 'thompson:beta'", r"or put it into Frozen\(...\)"


@pytest.mark.parametrize(
    ("terms", "use", "why", "remedy"),
    [
        (Terms(when="after"), Use("a team"), "decides 'after', and a team asks 'during'", CASCADE),
        (Terms(when="during"), Use("a screen", when="before"), "asks 'before'", CASCADE),
        (Terms(uses=frozenset({"query", "response"})), Use("a team"), "looks at response", LESS),
        (Terms(uses=frozenset({"query"})), Use("a log without features", shows=frozenset()), "shows it none", LESS),
        (Terms(feedback="full"), Use("a team"), "needs 'full' feedback, and a team tells 'bandit'", OFFLINE),
        (Terms(feedback="bandit"), Use("an exam", tells="none"), "tells 'none'", OFFLINE),
    ],
)
def test_what_cannot_stand_there_is_refused_with_a_remedy(terms: Terms, use: Use, why: str, remedy: str) -> None:
    with pytest.raises(BadDefinition, match=why) as refused:
        check_use(Declared(terms), use)
    assert re.search(remedy, refused.value.fix)


def test_what_needs_no_more_feedback_may_stand_there() -> None:
    trained = Declared(Terms(feedback="full", training=True))
    check_use(trained, Use("a team"), frozen=True)
    check_use(Frozen(trained), Use("a team"))
    with pytest.raises(BadDefinition):
        check_use(Chain(trained, "cheapest"), Use("a team"))
    check_use(Chain(Frozen(trained), "cheapest"), Use("a team"))


def test_a_composition_declares_what_its_parts_do_together() -> None:
    one = Declared(Terms("before", frozenset({"query"}), "learned", "full", True), "one")
    two = Declared(Terms("during", frozenset({"cost"}), "rule", "none", False), "two")
    assert together((one, two), frozenset({"budget"}), "rule") == Terms(
        "during", frozenset({"query", "cost", "budget"}), "rule", "full", True
    )
    assert together((one, two), frozenset(), "rule", "during").when == "during"
    assert not together((one, Cheapest()), frozenset(), "rule").scores
    three = Declared(Terms(how="model"), "three")
    assert Chain(one, three).terms.how == "model"
    with_rules = Rules(otherwise=Frozen(Declared(Terms("during", frozenset({"history"}), "learned", "full"), "four")))
    assert with_rules.terms._replace(uses=frozenset()) == Terms("during", frozenset(), "rule", "none", scores=False)
    assert with_rules.terms.uses == Rules.terms.uses | {"history"}
    assert Flags(two, latency=1.0).terms.uses == {"cost", "latency"}
    assert "query" in Chain(Sure("ema", far=0.1), "cheapest").terms.uses
    assert "query" not in Chain(Sure("ema"), "cheapest").terms.uses


def test_the_facts_of_every_router_of_the_registry() -> None:
    for name in NAME_TO_PLACE:
        facts = facts_of(router(name))
        assert facts["name"] == name and set(facts) == {"name", "learns", *Terms._fields}
        check_use(router(name), Use("a team"), frozen=facts["feedback"] == "full")
        assert facts["scores"] == (name not in ("rules", "cheapest", "fixed", "random"))
    assert facts_of(LinUCB())["learns"] and not facts_of(Cheapest())["learns"]
