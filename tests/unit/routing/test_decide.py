"""The plan that picks a node."""

from typing import Any

import pytest

from orchestra.core.call import Call
from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BudgetExceeded, NoEffect, NoProvider
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, failed
from orchestra.ports.router import Lesson
from orchestra.routing.decide import Decider, Deciding
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Cheapest
from tests.unit.routing.kit import Sight, Wards, catalog, node, seeded, taught

STRIPE = node("stripe", description="Refunds a card payment.", cost_nano=20)
ADYEN = node("adyen", description="Refunds a card payment, too.", cost_nano=40)
BOTH = catalog(STRIPE, ADYEN)


def asked(plan: Deciding) -> Call:
    (call,) = next(plan).calls
    assert isinstance(call.target, Decide)
    return call


def ended(plan: Deciding, outcome: Outcome | None = None) -> Decision | Failed:
    with pytest.raises(StopIteration) as stop:
        next(plan) if outcome is None else plan.send((outcome,))
    result: Decision | Failed = stop.value.value
    return result


def decide(decider: Decider, view: Sight, value: Any = "refund my card", **more: Any) -> Deciding:
    return decider.decide(view.catalog.providers("answer"), capability="answer", value=value, view=view, **more)


def test_one_decide_and_its_decision() -> None:
    router = LinUCB()
    plan = decide(Decider(router, Wards()), Sight(BOTH, left=100))
    call = asked(plan)
    question = call.target
    assert call.input is None, "nothing to hash: the key counts the decisions of a binding"
    assert [option.name for option in question.options] == ["stripe", "adyen"]
    assert len(question.x) == 65 and question.marks.startswith("hash64-idf-") and question.budget_left_nano == 100
    made = router.choose(question, "k", seeded())
    assert ended(plan, Done(output=made)) is made


def test_a_failure_is_told_and_its_node_excluded() -> None:
    failure = failed(NoEffect("refused"), origin="run/1")
    plan = Decider(LinUCB(), Wards()).decide(
        [ADYEN], failure, capability="answer", value="x", view=Sight(BOTH), excluded={"stripe": "NoEffect: refused"}
    )
    call = asked(plan)
    assert call.target.because == "run/1"
    assert {o.name: o.filtered for o in call.target.options} == {
        "adyen": None,
        "stripe": "failed already: NoEffect: refused",
    }


def test_a_call_remembers_what_failed_it() -> None:
    router = Cheapest()
    ask = Decider(router, Wards()).for_call(Call(target="answer", input="refund"), Sight(BOTH), "answer")
    first = ask([STRIPE, ADYEN], None)
    ended(first, Done(output=router.choose(asked(first).target, "k", seeded())))
    second = ask([ADYEN], failed(NoEffect("refused")))
    call = asked(second)
    assert ended(second, Done(output=router.choose(call.target, "k", seeded()))).chosen == ("adyen",)  # type: ignore[union-attr]
    nobody = ended(ask([], failed(NoEffect("also refused"))))
    assert isinstance(nobody, Failed)
    assert "stripe: failed already: NoEffect; adyen: failed already: NoEffect." in nobody.cause.message


def test_nobody_left_fails_without_a_call_and_lists_every_reason() -> None:
    wards = Wards(name_to_reason={"stripe": "its breaker is open", "adyen": "its breaker is open"})
    nobody = ended(decide(Decider(LinUCB(), wards), Sight(BOTH)))
    assert isinstance(nobody, Failed) and nobody.cause.is_a(NoProvider) and not nobody.cause.is_a(BudgetExceeded)
    assert "stripe: its breaker is open; adyen: its breaker is open" in nobody.cause.message
    empty = ended(Decider(LinUCB(), Wards()).decide([], capability="fly", value="x", view=Sight(BOTH)))
    assert isinstance(empty, Failed) and "nobody provides it" in empty.cause.message


def test_where_money_would_help_the_budget_is_named() -> None:
    nobody = ended(decide(Decider(LinUCB(), Wards()), Sight(BOTH, left=5)))
    assert isinstance(nobody, Failed) and nobody.cause.is_a(NoProvider) and nobody.cause.is_a(BudgetExceeded)
    assert "larger budget" in str(nobody.cause)


@pytest.mark.parametrize("outcome", [failed(BudgetExceeded("no")), Cancelled(), Done(output="no decision")])
def test_a_decide_that_brings_no_decision_is_a_failure(outcome: Outcome) -> None:
    plan = decide(Decider(LinUCB(), Wards()), Sight(BOTH))
    asked(plan)
    result = ended(plan, outcome)
    assert isinstance(result, Failed) and (result is outcome or result.cause.is_a(NoProvider))


def test_the_text_of_a_value_is_its_canonical_json() -> None:
    decider = Decider(LinUCB(), Wards())
    first, again, text = ({"b": 1, "a": "refund"}, {"a": "refund", "b": 1}, '{"a":"refund","b":1}')
    assert len({asked(decide(decider, Sight(BOTH), value)).target.x for value in (first, again, text)}) == 1


def test_the_features_follow_the_catalogue() -> None:
    decider = Decider(LinUCB(), Wards())
    larger = BOTH.with_node(node("clerk", description="Answers questions about refunds."))
    one, two = (asked(decide(decider, Sight(each))).target for each in (BOTH, larger))
    assert one.marks != two.marks and len(two.options) == 3
    assert asked(decide(decider, Sight(BOTH))).target == one


def test_many_options_are_screened() -> None:
    many = catalog(*(node(f"n{i}", description=f"Does thing {i}.") for i in range(9)))
    options = asked(decide(Decider(LinUCB(), Wards(), keep=3), Sight(many))).target.options
    assert sum(option.filtered is None for option in options) == 3


def test_a_thousand_runs_at_once_do_not_herd_onto_what_was_never_tried() -> None:
    router, wards = LinUCB(), Wards()
    known, new = node("known"), node("new", trial_limit=8)
    view = Sight(catalog(known, new))
    decider = Decider(router, wards)
    x = asked(decide(decider, view)).target.x
    taught(router, *[("known", x, 0.1)] * 30)
    chosen: list[Decision] = []
    for n in range(1000):
        made = router.choose(asked(decide(decider, view)).target, f"k{n}", seeded(n))
        wards.enter(made.chosen[0], 0.0)
        chosen.append(made)
    assert [made.chosen[0] for made in chosen].count("new") == 8
    for made in chosen:
        wards.leave(made.chosen[0])
    router.learn([Lesson(next(made for made in chosen if made.chosen == ("new",)), 1.0)])
    later = [router.choose(asked(decide(decider, view)).target, "k", seeded(n)).chosen[0] for n in range(20)]
    assert later.count("new") > 15


def test_routers_that_do_not_learn_know_no_trials() -> None:
    wards = Wards(name_to_flying={"stripe": 10_000})
    options = asked(decide(Decider(Cheapest(), wards), Sight(BOTH))).target.options
    assert [option.filtered for option in options] == [None, None]
