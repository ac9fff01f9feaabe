"""Ability against difficulty: what is fitted, whom it chooses, and that options are configurations."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestra.core.decision import Decide, Option
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.ports.router import Lesson
from orchestra.routing.learners.irt import IRT
from orchestra.routing.learners.item_response import (
    Ability,
    ItemModel,
    ability,
    fitted,
    from_plain,
    least,
    observed,
)
from tests.unit.routing.kit import decision, question, seeded, taught

Floats = NDArray[np.float64]
# One hard item for every easy one: x = (1, hard).
MODEL = ItemModel(
    w_a=np.array([0.0, 0.0]),
    w_b=np.array([-2.0, 4.0]),
    abilities={"small@low": Ability(-1.0, 0.1), "small@high": Ability(0.5, 0.1), "large@low": Ability(3.0, 0.1)},
)
CONFIGURATIONS = (
    Option("small@low", cost_nano=1),
    Option("small@high", cost_nano=20),
    Option("large@low", cost_nano=100),
)


def ranks(values: Floats) -> Floats:
    return np.argsort(np.argsort(values)).astype(float)


def spearman(one: Floats, two: Floats) -> float:
    return float(np.corrcoef(ranks(one), ranks(two))[0, 1])


def made(seed: int, n: int = 600, k: int = 15, d: int = 10) -> tuple[Floats, ItemModel, Floats, Floats]:
    """Items, their true weights, true abilities, and outcomes drawn from them."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, d - 1)) / np.sqrt(d - 1)])
    model = ItemModel(w_a=0.5 * rng.normal(size=d), w_b=1.2 * rng.normal(size=d))
    theta = rng.normal(size=k)
    z = model.discrimination(x)[:, None] * (theta - model.difficulty(x)[:, None])
    return x, model, theta, (rng.random((n, k)) < 0.5 + 0.5 * np.tanh(z / 2)).astype(float)


@pytest.mark.parametrize("seed", range(3))
def test_abilities_and_difficulties_are_recovered(seed: int) -> None:
    x, true, theta, outcomes = made(seed)
    names = [f"m{i}" for i in range(len(theta))]
    model = fitted(observed(x, outcomes), names)
    found = np.array([model.abilities[name].theta for name in names])
    assert spearman(theta, found) >= 0.95
    assert spearman(true.difficulty(x), model.difficulty(x)) >= 0.9
    assert spearman(true.discrimination(x), model.discrimination(x)) >= 0.7
    assert (model.discrimination(x) > 0.0).all()
    assert float(np.corrcoef(theta, found)[0, 1]) > 0.95, "up to the scale, which is free"


def test_a_missing_outcome_says_nothing() -> None:
    x, _, theta, outcomes = made(5, n=300, k=6)
    names = [f"m{i}" for i in range(len(theta))]
    holes = outcomes.copy()
    holes[:200, 0] = np.nan
    seen = observed(x, holes)
    assert len(seen.outcome) == 300 * 6 - 200
    full, part = fitted(observed(x, outcomes), names), fitted(seen, names)
    assert part.abilities["m0"].error > 1.3 * full.abilities["m0"].error


def test_what_does_not_fit_is_refused() -> None:
    x, one = np.ones((2, 3)), np.ones((2, 1))
    with pytest.raises(BadDefinition):
        observed(x, np.ones((3, 1)))
    for bad_x, bad_outcomes in ((np.full((2, 3), np.inf), one), (x, one * 2), (x, -one)):
        with pytest.raises(BadNumber):
            observed(bad_x, bad_outcomes)


def test_a_minimum_is_found_where_a_plain_descent_would_crawl() -> None:
    def valley(at: Floats) -> tuple[float, Floats]:
        """Rosenbrock's."""
        x, y = at
        value = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        return float(value), np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    assert least(valley, np.array([-1.2, 1.0])) == pytest.approx([1.0, 1.0], abs=1e-4)


def test_one_ability_has_a_known_error() -> None:
    n = 400
    a, b = np.ones(n), np.zeros(n)
    outcomes = np.zeros(n)
    outcomes[: round(n * 0.73106)] = 1.0  # the logistic of 1
    found = ability(a, b, outcomes)
    assert found.theta == pytest.approx(1.0, abs=0.03)
    assert found.error == pytest.approx((1 + n * 0.1966) ** -0.5, rel=0.02)
    assert ability(a[:0], b[:0], outcomes[:0], Ability(2.0, 0.5)) == Ability(2.0, 0.5)
    assert ability(a, b, outcomes, Ability(-1.0, 0.01)).theta < -0.9, "what is known well is not unlearned at once"
    assert np.isfinite(ability(a * 30, b, np.ones(n)).theta)


def test_a_model_is_plain_data() -> None:
    again = from_plain(json.loads(json.dumps(MODEL.to_plain())))
    assert again.to_plain() == MODEL.to_plain() and again.abilities == MODEL.abilities
    more = again.with_ability("new", Ability(1.0, 0.2))
    assert more.abilities["new"].theta == 1.0 and "new" not in again.abilities
    plain = MODEL.to_plain()
    with pytest.raises(JournalVersion):
        from_plain({**plain, "version": 9})
    bad: list[dict[str, Any]] = [{"w_a": [1.0]}, {"w_b": ["x", 1]}, {"w_b": [np.nan, 1.0]}, {"abilities": {"a": 1}}]
    for change in [*bad, {"abilities": {"a": [0.0, 0.0]}}]:
        with pytest.raises(BadNumber, match="damaged"):
            from_plain({**plain, **change})


def chosen(router: IRT, x: tuple[float, ...], options: tuple[Option, ...] = CONFIGURATIONS) -> str:
    asked = Decide(capability="answer", options=options, x=x)
    return router.choose(asked, "k", seeded()).chosen[0]


@pytest.mark.parametrize("form", ["chebyshev", "linear"])
def test_the_harder_the_task_the_abler_the_option(form: Any) -> None:
    router = IRT(model=MODEL, w=0.6, form=form, floor=0.0)
    picks = [chosen(router, (1.0, hard)) for hard in (-1.0, 0.5, 1.0)]
    assert picks[0] == "small@low" and picks[-1] == "large@low"
    assert chosen(IRT(model=MODEL, w=1.0, floor=0.0, form=form), (1.0, -1.0)) == "large@low"
    assert chosen(IRT(model=MODEL, w=0.0, floor=0.0, form=form), (1.0, 1.0)) == "small@low"


def test_chebyshev_reaches_a_point_that_no_linear_weight_does() -> None:
    """Of (p, c) = (.5, 0), (.65, .5), (.95, 1) the middle one lies below the line between the others."""
    points = ((0.5, 0.0), (0.65, 0.5), (0.95, 1.0))

    def reached(form: Any) -> set[int]:
        weights = np.linspace(0.01, 0.99, 99)
        return {int(np.argmax([IRT(w=float(w), form=form).score(*point) for point in points])) for w in weights}

    assert reached("linear") == {0, 2}
    assert reached("chebyshev") == {0, 1, 2}


def test_of_two_that_are_equal_in_the_worse_term_the_better_is_taken() -> None:
    router = IRT(w=0.5)
    assert router.score(0.5, 0.1) > router.score(0.5, 0.3)
    assert router.score(0.9, 1.0) > router.score(0.8, 1.0)


def test_a_new_effort_begins_where_its_model_stands() -> None:
    router = IRT(model=MODEL, w=1.0, floor=0.0)
    made = router.choose(question("small@medium", Option("other", prior=0.2), x=(1.0, 0.5)), "k", seeded())
    medium, other = (option.score or 0.0 for option in made.options)
    assert medium == pytest.approx((0.5 + 0.5 * np.tanh(-0.125)) - 1.0, abs=1e-5), "theta -.25 against b 0, a 1"
    assert other == pytest.approx(0.7 - 1.0, abs=1e-5), "nothing of it is known: its prior and some optimism"
    assert router.ability("small@medium") is None and router.ability("small@low") == Ability(-1.0, 0.1)


def test_with_a_model_the_weights_stay_and_abilities_move() -> None:
    router = IRT(model=MODEL.with_ability("new", Ability(0.0, 1.0)))
    lessons = [Lesson(decision("new", (1.0, 0.5), key=f"k{n}"), 1.0) for n in range(60)]
    router.learn(lessons)
    known = router.ability("new")
    assert known is not None and known.theta > 2.0 and known.error < 1.0
    assert router.ability("large@low") == Ability(3.0, 0.1)
    with pytest.raises(BadDefinition, match="2 features and now meets 3"):
        taught(router, ("new", (1.0, 0.0, 0.0), 1.0))
    other = IRT()
    taught(other, ("new", (1.0, 0.0, 0.0), 1.0))
    with pytest.raises(BadDefinition):
        router.load(other.state())
    assert router.ability("new") == known and router.pulls("new") == 60
    assert router.delta()
    router.load({})
    assert router.ability("new") == Ability(0.0, 1.0)


def test_it_learns_who_is_able_enough() -> None:
    """Easy tasks anybody does, hard ones the dear option alone."""
    router, rng = IRT(w=0.7, lam=0.3, floor=0.0), seeded(3)
    options = (Option("cheap", cost_nano=1), Option("dear", cost_nano=100))
    for n in range(160):
        hard, name = n % 2, ("cheap", "dear")[n // 2 % 2]
        chance = 0.97 if name == "dear" else (0.05 if hard else 0.95)
        made = decision(name, (1.0, float(hard)), f"k{n}", options)
        router.learn([Lesson(made, float(rng.random() < chance))])
    assert chosen(router, (1.0, 0.0), options) == "cheap"
    assert chosen(router, (1.0, 1.0), options) == "dear"


@pytest.mark.parametrize(
    "bad", [{"w": 1.5}, {"w": float("nan")}, {"lam": 0.0}, {"optimism": float("inf")}, {"form": "sum"}, {"cap": 0}]
)
def test_settings_are_checked(bad: dict[str, Any]) -> None:
    with pytest.raises(BadNumber):
        IRT(**bad)
