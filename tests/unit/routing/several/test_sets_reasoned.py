"""The set that a model names: what is read, what is refused, what is asked, and what happens where no answer comes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestra.core.call import Call, NodeName
from orchestra.core.catalog import Catalog
from orchestra.core.decision import OOS, Decide, Option
from orchestra.core.errors import BadNumber, BadReply, ModelTimeout, UnknownCapability
from orchestra.core.message import assistant, user
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, failed
from orchestra.core.task import Task
from orchestra.routing.several.reasoned import NOT_USED, Mixed, Reasoned, read, share_asked
from tests.support.plans import Driver
from tests.unit.routing.kit import catalog, decision, node, seeded

NAMES = ("parcels", "refunds", "find-order", "order")
GOOD = "<Reason>It is about a parcel, so parcels.</Reason>\n<ID>parcels</ID>"


def reply(*names: str, reason: str = "because") -> str:
    return f"<Reason>{reason}</Reason>\n" + "\n".join(f"<ID>{name}</ID>" for name in names)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        (GOOD, ("parcels",)),
        (reply("parcels", "refunds"), ("parcels", "refunds")),
        (reply("refunds", "parcels", "refunds"), ("refunds", "parcels")),
        (reply("oos"), (OOS,)),
        ("<ID>parcels</ID>", ("parcels",)),
        ("  <reason>a\n<ID>not this</ID></reason><id> parcels </id>  ", ("parcels",)),
        (reply(*NAMES[:3]), NAMES[:3]),
        (reply("parcels", "parcels", "parcels", "parcels"), ("parcels",)),
    ],
)
def test_what_is_read(text: str, chosen: tuple[str, ...]) -> None:
    assert read(text, NAMES).chosen == chosen


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "It has to be"),
        ("parcels", "It has to be"),
        ("<Reason>only that</Reason>", "It has to be"),
        ("<Reason>not closed <ID>parcels</ID>", "It has to be"),
        (GOOD + " as I said", "It has to be"),
        ("Sure! " + GOOD, "It has to be"),
        ("<ID>parcels</ID><Reason>too late</Reason>", "It has to be"),
        (None, "It has to be"),
        ({"ID": "parcels"}, "It has to be"),
        ("<ID></ID>", "There is no ''"),
        (reply("Parcels"), "There is no 'Parcels'"),
        (reply("parcels", "nobody"), "There is no 'nobody'"),
        (reply("oos", "parcels"), "stands alone"),
        (reply(*NAMES), "3 are the most"),
    ],
)
def test_what_is_refused(text: Any, fault: str) -> None:
    with pytest.raises(BadReply, match=fault):
        read(text, NAMES)


def test_out_of_scope_is_unknown_where_it_is_not_offered() -> None:
    with pytest.raises(BadReply, match="'oos'"):
        read(reply("oos"), NAMES, oos=False)


def test_a_long_reply_is_refused_in_no_time() -> None:
    for text in (" " * 200_000 + "x", "<Reason>" * 20_000, "<ID>a</ID> " * 20_000 + "x"):
        with pytest.raises(BadReply):
            read(text, NAMES)


def test_a_reason_that_does_not_fit_its_names_is_noted() -> None:
    one = read(reply("refunds", reason="PARCELS is right, find-order is not."), NAMES)
    assert one.left_out == ("parcels", "find-order") and one.unexplained == ("refunds",)
    assert one.note == (
        "PARCELS is right, find-order is not. "
        "[named but not chosen: parcels, find-order] [chosen but not named: refunds]"
    )
    assert read(GOOD, NAMES).note == "It is about a parcel, so parcels."
    assert read("<ID>parcels</ID>", NAMES).note == "no reason was given"
    assert read(reply("oos", reason="nobody"), NAMES).unexplained == ()


# asking

TEAM = catalog(
    node("parcels", description="Finds\nparcels."),
    node("refunds", description="Gives money back."),
    node("weather", description="Says what the weather will be."),
    node("dispatcher", "dispatch", description="Decides who answers."),
)


def asked(*similarities: float, most: int = 3, oos: bool = True, team: Catalog = TEAM) -> Decide:
    options = [Option(name, similarity=s) for name, s in zip(team.nodes, similarities, strict=False)]
    return Decide(capability="*", options=(*options, *([Option(OOS)] if oos else [])), x=(1.0,), most=most)


def answers(*replies: str | Outcome) -> Callable[[Call], Outcome]:
    left = list(replies)

    def answer(call: Call) -> Outcome:
        said = left.pop(0)
        return Done(output=said) if isinstance(said, str) else said

    return answer


def ask(router: Reasoned, what: Decide, *replies: str | Outcome, value: Any = "Where is it?") -> tuple[Any, Driver]:
    """What comes of the question, and all that was called for it."""
    driver = Driver(answers(*replies))
    plan = router.asking(what, value, TEAM)
    found: list[Any] = []

    def kept() -> Any:
        found.append((yield from plan))

    driver.run(kept())
    return found[0], driver


def test_the_answer_is_in_the_question_that_comes_back() -> None:
    (what, filings), driver = ask(Reasoned(), asked(0.5, 0.5, 0.1, 0.9), reply("refunds", "parcels"))
    assert (what.policy, what.chosen, what.probability, filings) == ("set:reasoned", ("refunds", "parcels"), None, ())
    ((_, call),) = driver.calls
    assert call.target == NodeName(name="dispatcher")
    assert call.input == Task(
        text="Where is it?",
        input={
            "agents": [
                {"id": "parcels", "description": "Finds parcels."},
                {"id": "refunds", "description": "Gives money back."},
                {"id": "weather", "description": "Says what the weather will be."},
            ],
            "most": 3,
            "oos": True,
        },
    )
    assert [o.name for o in what.options if o.filtered] == ["dispatcher"]


def test_a_reply_that_cannot_be_used_is_sent_back_once_with_its_fault() -> None:
    history = (user("Hello."), assistant("Hello."))
    value = Task(text="Where is it?", history=history)
    (what, _), driver = ask(Reasoned(), asked(0.5, 0.5), reply("nobody"), reply("parcels"), value=value)
    assert what.chosen == ("parcels",)
    first, second = (call.input for _, call in driver.calls)
    assert first.history == history and second.input == first.input
    assert second.history == (*history, user("Where is it?"), assistant(reply("nobody")))
    assert second.text.startswith("That cannot be used: There is no 'nobody' to choose. Answer again")


def test_after_two_bad_replies_the_scores_decide_and_the_record_says_so() -> None:
    router = Reasoned(gap=0.2)
    (what, filings), driver = ask(router, asked(0.5, 0.7, 0.1, 0.9), "no", "no")
    assert len(driver.calls) == 2 and filings == () and not what.policy
    made = router.choose(what, "k", seeded())
    assert made.chosen == ("refunds", "parcels") and made.policy == "set:reasoned" and made.probability is not None
    assert made.reason.startswith(f"{NOT_USED} (BadReply); 2 of 2 within")


def test_a_call_that_fails_is_done_without_and_filed() -> None:
    (what, filings), driver = ask(Reasoned(), asked(0.5, 0.7), failed(ModelTimeout("slow")))
    assert what.reason == f"{NOT_USED} (ModelTimeout)" and not what.policy
    assert [(f.origin, f.how, f.to) for f in filings] == [(driver.failures[0], "tolerated", "set")]


def test_without_the_fallback_it_fails() -> None:
    found, _ = ask(Reasoned(fallback=False), asked(0.5, 0.7), "no", "no")
    assert isinstance(found, Failed) and found.cause.is_a(BadReply)
    found, _ = ask(Reasoned(fallback=False), asked(0.5, 0.7), failed(ModelTimeout("slow")))
    assert isinstance(found, Failed) and found.cause.is_a(ModelTimeout)


def test_a_cancelled_call_is_no_answer() -> None:
    found, _ = ask(Reasoned(), asked(0.5, 0.7), Cancelled())
    assert isinstance(found, Failed)


def test_nobody_is_asked_where_there_is_nothing_to_decide_or_nothing_to_tell() -> None:
    alone = asked(0.5, oos=False)
    (what, _), driver = ask(Reasoned(), alone)
    assert what == alone and not driver.calls
    models = Decide(capability="model/x", options=(Option("a:b"), Option("c:d")), x=(1.0,))
    (what, _), driver = ask(Reasoned(), models)
    assert what == models and not driver.calls


def test_with_nobody_to_ask_it_says_whom_to_add() -> None:
    plan = Reasoned(asks="oracle").asking(asked(0.5, 0.5), "text", TEAM)
    with pytest.raises(StopIteration) as stopped:
        next(plan)
    assert isinstance(stopped.value.value, Failed) and stopped.value.value.cause.is_a(UnknownCapability)


def test_of_a_thousand_agents_only_the_best_are_shown_in_their_order() -> None:
    team = catalog(node("dispatcher", "dispatch"))
    extra = {f"n{i}": node(f"n{i}", description=f"Does {i}. " + "word " * 200) for i in range(1000)}
    team = replace(team, nodes={**extra, **team.nodes})
    options = tuple(Option(name, similarity=(i * 7919 % 1000) / 1000) for i, name in enumerate(extra))
    what = Decide(capability="*", options=(*options, Option(OOS)), x=(1.0,), most=3)
    call = next(Reasoned(shown=5).asking(what, "text", team)).calls[0]
    shown = [one["id"] for one in call.input.input["agents"]]
    best = sorted(options, key=lambda o: -o.similarity)[:5]
    assert set(shown) == {option.name for option in best} and shown == sorted(shown, key=lambda name: int(name[1:]))
    assert all(len(one["description"]) <= 400 for one in call.input.input["agents"])


def test_adding_and_removing_an_agent_changes_its_line_and_nothing_else() -> None:
    router = Reasoned()
    fewer = next(router.asking(asked(0.5, 0.4), "text", TEAM)).calls[0].input
    more = next(router.asking(asked(0.5, 0.4, 0.0), "text", TEAM)).calls[0].input
    again = next(router.asking(asked(0.5, 0.4), "text", TEAM)).calls[0].input
    assert again == fewer
    assert more.input["agents"][:2] == fewer.input["agents"] and len(more.input["agents"]) == 3
    assert replace(more, input={**more.input, "agents": fewer.input["agents"]}) == fewer
    assert not router.state()


def test_the_mixed_form_asks_only_where_it_is_in_doubt() -> None:
    def calls(*similarities: float, **options: Any) -> int:
        return len(ask(Mixed(gap=0.1, level=0.2, narrow=0.05), asked(*similarities, **options), GOOD)[1].calls)

    assert calls(0.9, 0.1) == 0  # one stands out
    assert calls(0.9, 0.85) == 1  # two are close
    assert calls(0.9, 0.85, most=1, oos=False) == 1
    assert calls(0.01, 0.0) == 0  # far from everything
    assert calls(0.17, 0.0) == 1  # hardly out of scope
    assert calls(0.23, 0.0) == 1  # hardly within
    assert calls(0.23, 0.0, oos=False) == 0


def test_the_share_of_decisions_that_a_model_was_asked_for() -> None:
    base = replace(decision("a"), policy="set:mixed")
    asked_for = replace(base, probability=None)
    in_vain = replace(base, reason=f"{NOT_USED} (BadReply); 1 of 1")
    others = [decision("a"), replace(base, policy="set:mixed/member", probability=None)]
    assert share_asked([base, base, asked_for, in_vain, *others]) == 0.5
    assert share_asked(others) == 0.0


@pytest.mark.parametrize("make", [lambda: Reasoned(shown=1), lambda: Mixed(narrow=-1.0), lambda: Reasoned(gap=-1.0)])
def test_numbers_that_cannot_be_meant(make: Callable[[], Reasoned]) -> None:
    with pytest.raises(BadNumber):
        make()
