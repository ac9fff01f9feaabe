"""A remote embedder in the plan that decides: what is asked for, what is kept, what becomes of failures."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from orchestra.core.call import Batch, ModelName
from orchestra.core.decision import Decide
from orchestra.core.errors import BadReply, ModelUnreachable
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.ports.embedder import Remote
from orchestra.ports.model import Reply
from orchestra.routing.decide import Decider, Deciding
from orchestra.routing.fetched import CHARACTERS_A_CALL, KEPT_TEXTS, READ_CHARACTERS, TEXTS_A_CALL, Fetched
from orchestra.routing.learners.linucb import LinUCB
from tests.unit.routing.kit import Sight, Wards, catalog, node

RED = node("red", description="Red things.", examples=("a rose",))
BLUE = node("blue", description="Blue things.")
BOTH = catalog(RED, BLUE)


def begun(decider: Decider, text: str = "a rose", sight: Sight | None = None) -> Deciding:
    view = sight or Sight(BOTH)
    return decider.decide(view.catalog.providers("answer"), capability="answer", value=text, view=view)


def said(*vectors: Sequence[float]) -> Done:
    return Done(output=Reply(text=json.dumps(vectors)))


def texts(batch: Batch) -> list[list[str]]:
    assert all(call.target == ModelName(name="lab:e") and call.timeout_s for call in batch.calls)
    return [[message.text for message in call.input.messages] for call in batch.calls]


def question(batch: Batch) -> Decide:
    (call,) = batch.calls
    assert isinstance(call.target, Decide)
    return call.target


def decider(d: int | None = 2, **more: Any) -> Decider:
    return Decider(LinUCB(), more.pop("health", Wards()), embedder=Remote(name="lab:e", d=d), **more)


def test_what_is_not_known_is_called_for_first() -> None:
    made = decider()
    plan = begun(made, "my rose")
    assert texts(next(plan)) == [["my rose"], ["red answer. Red things.", "a rose", "blue answer. Blue things."]]
    asked = question(plan.send((said((3, 4)), said((1, 0), (0.6, 0.8), (0, -2)))))
    assert asked.x == pytest.approx((1.0, 0.6, 0.8)) and asked.marks == "lab:e"
    assert [option.similarity for option in asked.options] == pytest.approx([1.0, 0.0])
    again = begun(made, "my rose")
    assert question(next(again)).x == asked.x, "nothing is asked for twice"
    assert texts(next(begun(made, "another"))) == [["another"]]
    more = catalog(RED, BLUE, node("green", description="Green things."))
    assert texts(next(begun(made, "my rose", Sight(more)))) == [["green answer. Green things."]]


def test_a_text_that_is_an_example_is_asked_for_once() -> None:
    assert texts(next(begun(decider()))) == [["a rose"], ["red answer. Red things.", "blue answer. Blue things."]]


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (failed(ModelUnreachable("gone"), origin="run/e"), "ModelUnreachable"),
        (said((1, 2, 3)), "OtherDimension"),
        (said((1, 2), (3, 4)), "OtherDimension"),
        (said((1, float("nan"))), "NotFinite"),
        (Done(output=Reply(text="[[1, 2]")), "BadReply"),
        (Done(output=Reply(text='[["x", 2]]')), "BadReply"),
        (Done(output="no reply"), "BadReply"),
    ],
)
def test_without_the_text_the_features_are_those_of_nothing(outcome: Outcome, kind: str) -> None:
    made = decider()
    plan = begun(made, "my rose")
    next(plan)
    batch = plan.send((outcome, said((1, 0), (0, 1), (0, 1))))
    asked = question(batch)
    assert asked.x == (1.0, 0.0, 0.0) and asked.marks == f"lab:e failed: {kind}"
    assert [option.similarity for option in asked.options] == [0.5, 0.5]
    records = [(filing.origin, filing.how, filing.to) for filing in batch.filings]
    assert records == ([("run/e", "tolerated", "features")] if isinstance(outcome, Failed) else [])
    assert texts(next(begun(made, "my rose"))) == [["my rose"]], "the next decision tries again"


def test_without_the_descriptions_there_are_no_similarities_and_the_marks_say_so() -> None:
    plan = begun(decider(), "my rose")
    next(plan)
    asked = question(plan.send((said((3, 4)), failed(ModelUnreachable("gone")))))
    assert asked.x[1:] == pytest.approx((0.6, 0.8)) and [option.similarity for option in asked.options] == [0.5, 0.5]
    assert asked.marks == "lab:e; descriptions failed: ModelUnreachable"


def test_the_dimension_is_that_of_the_first_answer_where_none_is_declared() -> None:
    made = decider(None)
    plan = begun(made, "my rose")
    next(plan)
    assert len(question(plan.send((said((3, 4, 0)), said((1, 0, 0), (0, 1, 0), (0, 1, 0))))).x) == 4
    lost = begun(made, "another")
    next(lost)
    assert question(lost.send((failed(ModelUnreachable("gone")),))).x == (1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("outcome", [failed(ModelUnreachable("gone")), Done(output=Reply(text="?"))])
def test_before_any_answer_nothing_stands_in_for_it(outcome: Outcome) -> None:
    plan = begun(decider(None), "my rose")
    next(plan)
    with pytest.raises(StopIteration) as stop:
        plan.send((outcome, outcome))
    result = stop.value.value
    assert isinstance(result, Failed) and not result.filed
    assert result.cause.is_a(ModelUnreachable if isinstance(outcome, Failed) else BadReply)


def test_one_that_is_down_is_not_asked() -> None:
    down = Wards(name_to_reason={"lab:e": "its breaker is open"})
    asked = question(next(begun(decider(health=down))))
    assert asked.x == (1.0, 0.0, 0.0) and asked.marks == "lab:e failed: BreakerOpen"
    assert texts(next(begun(decider(None, health=down)))), "as long as nobody knows its dimension it is asked"


def test_nobody_to_choose_among_costs_nothing() -> None:
    closed = Wards(name_to_reason=dict.fromkeys(("red", "blue"), "its breaker is open"))
    with pytest.raises(StopIteration):
        next(begun(decider(health=closed)))


def test_calls_and_the_cache_are_bounded() -> None:
    fetched = Fetched(Remote(name="lab:e", d=1))
    many = [f"text {n}" for n in range(KEPT_TEXTS + TEXTS_A_CALL + 1)]
    plan = fetched.asking("first", many)
    batch = next(plan)
    sizes = [len(group) for group in texts(batch)]
    assert sizes[0] == 1 and max(sizes) == TEXTS_A_CALL and sum(sizes) == len(many) + 1
    with pytest.raises(StopIteration):
        plan.send(tuple(said(*[(1,)] * size) for size in sizes))
    assert fetched.embed(many[0]) == [1.0], "what one decision needs is there for it"
    with pytest.raises(StopIteration):
        next(fetched.asking("first", []))
    assert len(fetched._text_to_vector) == KEPT_TEXTS
    long = ["x" * CHARACTERS_A_CALL + str(n) for n in range(30)]
    groups = texts(next(fetched.asking("first", long)))
    assert {len(text) for group in groups for text in group} == {READ_CHARACTERS}
    assert max(sum(map(len, group)) for group in groups) <= CHARACTERS_A_CALL
