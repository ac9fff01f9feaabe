"""An adaptive test finds a newcomer's ability with few items."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.routing.learners.calibrate import Calibrated, calibrate, lessons_of
from orchestra.routing.learners.irt import IRT
from orchestra.routing.learners.item_response import Ability, ItemModel, ability

Floats = NDArray[np.float64]


def pool(seed: int = 1, n: int = 800, d: int = 12) -> tuple[ItemModel, Floats]:
    """Items of unequal worth: difficulties with deviation 2, discriminations between about .2 and 2."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, d - 1)) / np.sqrt(d - 1)])
    w_b = np.r_[0.0, rng.normal(size=d - 1)]
    return ItemModel(w_a=np.r_[0.0, rng.normal(size=d - 1)], w_b=w_b * 2.0 / np.std(x @ w_b)), x


def driven(model: ItemModel, x: Floats, answer: Callable[[int], float], **how: Any) -> Calibrated:
    test = calibrate(model, x, **how)
    try:
        place = next(test)
        while True:
            place = test.send(answer(place))
    except StopIteration as end:
        result: Calibrated = end.value
        return result


def outcomes_of(theta: float, model: ItemModel, x: Floats, seed: int) -> Floats:
    z = model.discrimination(x) * (theta - model.difficulty(x))
    return (np.random.default_rng(seed).random(len(x)) < 0.5 + 0.5 * np.tanh(z / 2)).astype(float)


def test_it_needs_a_quarter_of_the_items_that_random_testing_needs() -> None:
    """Mean |error| below .2 over 30 newcomers; where all items tell alike much, it is 40 % of them."""
    model, x = pool()
    a, b = model.discrimination(x), model.difficulty(x)
    counts = (10, 15, 20, 80)
    adaptive, blind = np.zeros((30, len(counts))), np.zeros((30, len(counts)))
    for n in range(30):
        rng = np.random.default_rng(n)
        theta = rng.normal()
        told = outcomes_of(theta, model, x, n)
        found = driven(model, x, told.item, share=0.1, error=0.0)
        order = rng.permutation(len(x))
        for at, count in enumerate(counts):
            asked = list(found.items[:count])
            adaptive[n, at] = abs(ability(a[asked], b[asked], told[asked]).theta - theta)
            some = order[:count]
            blind[n, at] = abs(ability(a[some], b[some], told[some]).theta - theta)
    tested, random = adaptive.mean(axis=0), blind.mean(axis=0)
    assert tested[2] < 0.2 < random[3], "20 items chosen so tell what 80 chosen at random do not"
    assert random[2] > 1.5 * tested[2]


def test_it_stops_when_it_knows_enough_or_has_asked_its_share() -> None:
    model, x = pool()
    told = outcomes_of(0.5, model, x, 0)
    exact = driven(model, x, told.item, error=0.3)
    assert exact.ability.error <= 0.3 and len(exact.items) < 0.12 * len(x)
    capped = driven(model, x, told.item, error=0.0, share=0.01)
    assert len(capped.items) == 8 == len(set(capped.items)), "one hundredth of 800, none twice"
    assert capped.outcomes == tuple(told[list(capped.items)])
    sure = calibrate(model, x, prior=Ability(1.0, 0.1))
    with pytest.raises(StopIteration) as end:
        next(sure)
    assert end.value.value.items == ()


def test_the_next_item_is_the_one_that_tells_most() -> None:
    model = ItemModel(w_a=np.array([0.0, 1.0]), w_b=np.array([0.0, 0.0]))
    x = np.array([[1.0, -1.0], [1.0, 3.0], [1.0, 0.0]])
    assert next(calibrate(model, x)) == 1, "the same difficulty, the highest discrimination"


def test_as_lessons_another_process_knows_the_newcomer_too() -> None:
    model, x = pool(n=100)
    found = driven(model, x, outcomes_of(1.0, model, x, 3).item)
    one, two = IRT(model=model), IRT(model=model)
    one.learn(lessons_of(found, "new", x))
    two.load(json.loads(json.dumps(one.delta())))
    for router in (one, two):
        known = router.ability("new")
        assert known == pytest.approx(found.ability, abs=1e-5) and router.pulls("new") == len(found.items)


def test_bad_input_is_named() -> None:
    model, x = pool(n=20)
    for items in (x[:, :3], x[:0], x[0]):
        with pytest.raises(BadDefinition):
            next(calibrate(model, items))
    bad: list[dict[str, Any]] = [{"share": 0.0}, {"share": 1.5}, {"error": -1.0}, {"error": float("nan")}]
    for how in bad:
        with pytest.raises(BadNumber):
            next(calibrate(model, x, **how))
    test = calibrate(model, x)
    next(test)
    with pytest.raises(BadNumber, match="outcome"):
        test.send(2.0)
