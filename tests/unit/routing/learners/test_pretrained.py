"""The trained router: what it serves, what it leaves to priors, and state that cannot be used."""

import json
import math
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion, NoProvider
from orchestra.ports.router import Lesson
from orchestra.routing.learners.ema import EMA
from orchestra.routing.learners.pretrained import Pretrained, Served
from orchestra.routing.learners.trained import train
from orchestra.routing.registry import router
from orchestra.routing.state.packed import packed
from orchestra.routing.state.sums import SHARED, add_plain
from orchestra.routing.terms import terms_of
from orchestra.testing.routers import NAMES, router_laws
from tests.unit.routing.kit import decision, question, seeded, taught

State = dict[str, dict[str, Any]]
X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
X[:20, 0] = np.abs(X[:20, 0])
X /= np.linalg.norm(X, axis=1, keepdims=True)
LEFT = X[:, 0] > 0
SCORES = np.where(np.stack([LEFT, ~LEFT], axis=1), 0.9, 0.2)
COSTS = np.tile([3.0, 1.0], (60, 1))
TASKS = ["left" if one else "right" for one in LEFT]
A, B = (1.0, 1.0, 0.0, 0.0), (1.0, -1.0, 0.0, 0.0)


def served(
    *, priced: bool = False, bonus: tuple[float, float] = (0.0, 0.0), names: tuple[str, str] = ("a", "b")
) -> Served:
    values = np.hstack([SCORES, COSTS]) if priced else SCORES
    model = train(X, values.astype(np.float32), TASKS)
    return Served(model, names, (60, 60), bonus, (0.5, 0.5) if priced else (), {"version": 1})


def made(**options: Any) -> Pretrained:
    router = Pretrained(floor=0.0, **options)
    router.serve(served(priced=True))
    return router


def plain(router: Pretrained) -> State:
    state: State = json.loads(json.dumps(router.state(), allow_nan=False))
    return state


def trained_on_the_laws_options() -> Pretrained:
    rng = np.random.default_rng(1)
    router, x = Pretrained(), rng.random((20, 2)).astype(np.float32)
    router.serve(Served(train(x, rng.random((20, 2)).astype(np.float32)), NAMES[:2], (0, 0), (0.0, 0.01)))
    return router


def test_it_keeps_the_laws_untrained_and_trained() -> None:
    router_laws(Pretrained)

    class Loaded(Pretrained):
        def load(self, state: Mapping[str, Any], /) -> None:
            super().load(state or trained_on_the_laws_options().state())

    def loaded() -> Pretrained:
        router = Loaded()
        router.load({})
        return router

    router_laws(loaded)


def test_it_serves_the_models_values() -> None:
    one = made()
    assert one.choose(question("b", "a", x=A), "k", seeded()).chosen == ("a",)
    assert one.choose(question("b", "a", x=B), "k", seeded()).chosen == ("b",)
    values = served().model.values(np.array([A[1:]], dtype=np.float32))[0]
    found = one.choose(question("b", "a", x=A), "k", seeded())
    assert [o.score for o in found.options] == pytest.approx([values[1], values[0]], abs=1e-6)
    assert not found.explored and found.version == 60 and one.pulls("a") == 60 and one.pulls("z") == 0


def test_an_option_it_was_not_trained_on_has_its_prior() -> None:
    found = made().choose(question("a", Option("new", prior=0.97), x=A), "k", seeded())
    assert found.chosen == ("new",) and found.options[1].score == 0.97 and found.explored
    assert made().choose(question("a", Option("new", prior=0.3), x=A), "k", seeded()).chosen == ("a",)
    untrained = Pretrained().choose(question(Option("a", prior=0.1), Option("b", prior=0.6)), "k", seeded())
    assert [o.score for o in untrained.options] == [0.1, 0.6] and untrained.version == 0


def test_a_question_without_features_is_worth_the_overall_means() -> None:
    found = made().choose(question("a", "b", x=(1.0, 0.0, 0.0, 0.0)), "k", seeded())
    assert [o.score for o in found.options] == pytest.approx(SCORES.mean(axis=0), abs=1e-5)


def test_a_question_far_from_all_rows_is_worth_the_overall_means_but_for_a_price() -> None:
    far = (1.0, 0.0, 0.0, -5.0)
    found = made().choose(question("a", "b", x=far), "k", seeded())
    assert [o.score for o in found.options] == pytest.approx(SCORES.mean(axis=0), abs=1e-5)
    (values,), (is_far,) = served(priced=True).model.expected(np.array([far[1:]], dtype=np.float32))
    found = made(price=1e-9).choose(question("a", "b", x=far), "k", seeded())
    assert is_far and [o.score for o in found.options] == pytest.approx(values[:2], abs=1e-5)
    assert abs(values[0] - SCORES.mean(axis=0)[0]) > 0.01, "they differ"


def test_the_bonus_and_the_price_count() -> None:
    one = Pretrained(floor=0.0)
    one.serve(served(bonus=(0.0, 5.0)))
    assert one.choose(question("a", "b", x=A), "k", seeded()).chosen == ("b",)
    assert made(price=0.1).choose(question("a", "b", x=A), "k", seeded()).chosen == ("a",)
    dear = made(price=1.0).choose(question("a", "b", x=A), "k", seeded())
    assert dear.chosen == ("b",) and dear.options[0].score == pytest.approx(0.9 - 1.5, abs=0.1)


def test_the_floor_is_kept() -> None:
    one = Pretrained(floor=0.1)
    one.serve(served())
    found = one.choose(question("a", "b", Option("out", filtered="hidden"), x=A), "k", seeded(1))
    assert [o.probability for o in found.options] == [pytest.approx(0.95), pytest.approx(0.05), None]


def test_its_terms() -> None:
    terms = terms_of(router("trained"))
    assert terms.feedback == "full" and terms.training and terms.uses == {"query", "prior"}
    one = made()
    before = plain(one)
    one.learn([Lesson(decision("a", A), 0.0)] * 5)
    assert plain(one) == before and one.delta() == {}


def test_state_comes_back_with_the_same_bits() -> None:
    one, two = made(price=0.2), Pretrained(floor=0.0, price=0.2)
    two.load(plain(one))
    for x in (A, B, (1.0, 0.3, -0.2, 0.1)):
        assert one.choose(question("a", "b", x=x), "k", seeded()) == two.choose(question("a", "b", x=x), "k", seeded())
    assert plain(two) == plain(one) and two.served is not None and two.served.features == {"version": 1}
    two.load({})
    assert two.served is None and two.version == 0 and two.state() == {}


def test_two_models_have_no_sum() -> None:
    state, ema = plain(made()), EMA()
    taught(ema, ("a", (1.0,), 1.0))
    assert add_plain(None, state["a"]) == add_plain(state["a"], state["a"]) == state["a"]
    for other in (state["b"], ema.state()["a"]):
        with pytest.raises(BadDefinition, match="cannot be added"):
            add_plain(state["a"], other)
        with pytest.raises(BadDefinition, match="cannot be added"):
            add_plain(other, state["a"])


def changed(entry: str, **changes: Any) -> Callable[[State], Any]:
    return lambda state: {**state, entry: {**state[entry], **changes}}


def without(entry: str, name: str = "") -> Callable[[State], Any]:
    def change(state: State) -> State:
        if name:
            state[entry].pop(name)
        else:
            state.pop(entry)
        return state

    return change


WRONG: dict[str, tuple[Callable[[State], Any], type[Exception]]] = {
    "another version": (changed("a", version=2), JournalVersion),
    "another form": (changed("a", form="counts"), JournalVersion),
    "sums": (lambda state: {"a": {"version": 1, "d": 2, "pulls": 0}}, JournalVersion),
    "no mapping": (lambda state: {**state, "a": 3}, BadNumber),
    "options alone": (without(SHARED), BadNumber),
    "no options": (lambda state: {SHARED: state[SHARED]}, BadNumber),
    "no rows": (without(SHARED, "rows"), BadNumber),
    "no weights": (without("b", "weights"), BadNumber),
    "costs of one alone": (without("b", "unit"), BadNumber),
    "other number of features": (changed(SHARED, d=9), BadNumber),
    "other number of rows": (changed(SHARED, n=59), BadNumber),
    "too many rows": (changed(SHARED, n=10**9), BadNumber),
    "other number of tasks": (changed(SHARED, tasks=3), BadNumber),
    "no base64": (changed("a", weights="%"), BadNumber),
    "no zlib": (changed("a", weights="AAAA"), BadNumber),
    "too much": (changed("a", overall=packed(np.zeros(10**5))), BadNumber),
    "cut short": (lambda state: changed("a", overall=state["a"]["overall"][:-4])(state), BadNumber),
    "NaN": (changed("a", overall=packed(np.full(2, math.nan))), BadNumber),
    "no text": (changed("a", overall=[1.0]), BadNumber),
    "sharpness": (changed(SHARED, sharpness=math.inf), BadNumber),
    "bonus": (changed("a", bonus="x"), BadNumber),
}


@pytest.mark.parametrize(("change", "error"), WRONG.values(), ids=WRONG)
def test_state_that_cannot_be_used_leaves_what_was_served(
    change: Callable[[State], Any], error: type[Exception]
) -> None:
    one = made()
    before, bad = plain(one), change(plain(one))
    with pytest.raises(error):
        one.load(bad)
    assert plain(one) == before


def test_what_cannot_be_asked_or_served() -> None:
    one = made()
    for x in ((1.0, 0.5), (), (1.0,)):
        with pytest.raises(BadDefinition, match="4 features and now meets"):
            one.choose(question("a", x=x), "k", seeded())
    with pytest.raises(BadNumber, match="finite"):
        one.choose(question("a", x=(1.0, math.nan, 0.0, 0.0)), "k", seeded())
    with pytest.raises(NoProvider):
        one.choose(question(Option("a", filtered="hidden"), x=A), "k", random.Random(0))
    with pytest.raises(BadDefinition, match="named '\\*'"):
        one.serve(served(names=("a", SHARED)))
    with pytest.raises(BadDefinition, match="knows no costs"):
        Pretrained(price=1.0).serve(served())
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(BadNumber, match="price"):
            Pretrained(price=bad)
