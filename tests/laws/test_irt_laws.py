"""What holds for any outcomes: the router's laws, p rises with the ability, and the fit is a minimum."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core.decision import Decide, Option
from orchestra.ports.router import Router
from orchestra.routing.learners.calibrate import calibrate
from orchestra.routing.learners.irt import IRT
from orchestra.routing.learners.item_response import Ability, ItemModel, ability, fitted, information, observed
from orchestra.testing.routers import router_laws

seeds = st.integers(0, 10**6)


def tight() -> Router:
    return IRT(cap=2, w=0.5, floor=0.1)


def with_a_model() -> Router:
    known = {"option-0": Ability(1.0, 0.3), "option-1": Ability(-1.0, 0.3)}
    model = ItemModel(w_a=np.array([0.1, 0.5, -0.5]), w_b=np.array([0.2, 1.0, -1.0]), abilities=known)
    return IRT(model=model, form="linear", w=0.8)


@pytest.mark.parametrize("make", [IRT, tight, with_a_model])
@pytest.mark.parametrize("seed", range(2))
def test_it_keeps_the_laws(make: type[IRT], seed: int) -> None:
    router_laws(make, seed=seed)


@given(seed=seeds, n=st.integers(1, 30))
@settings(max_examples=40)
def test_an_ability_lies_between_what_all_failures_and_all_successes_say(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0.1, 3.0, n), rng.normal(0.0, 2.0, n)
    outcomes = rng.random(n)
    low, found, high = (ability(a, b, told) for told in (np.zeros(n), outcomes, np.ones(n)))
    assert low.theta <= found.theta <= high.theta
    assert 0.0 < found.error < 1.0
    better = ability(a, b, np.minimum(1.0, outcomes + 0.1))
    assert better.theta >= found.theta - 1e-9
    assert (information(a, b, found.theta) >= 0.0).all()


@given(seed=seeds)
@settings(max_examples=20)
def test_the_fit_is_a_minimum(seed: int) -> None:
    """No small step from it makes the loss smaller."""
    rng = np.random.default_rng(seed)
    x, outcomes = np.column_stack([np.ones(12), rng.normal(size=(12, 2))]), rng.integers(0, 2, (12, 4)).astype(float)
    outcomes[rng.random(outcomes.shape) < 0.2] = np.nan
    names = list("abcd")
    model = fitted(observed(x, outcomes), names)
    theta = np.array([model.abilities[name].theta for name in names])

    def loss(w_a: np.ndarray, w_b: np.ndarray, abilities: np.ndarray) -> float:
        made = ItemModel(w_a=w_a, w_b=w_b)
        z = made.discrimination(x)[:, None] * (abilities - made.difficulty(x)[:, None])
        cross = np.nansum(np.logaddexp(0.0, z) - outcomes * z)
        return float(cross + 0.5 * (w_a @ w_a + w_b @ w_b + abilities @ abilities))

    least = loss(model.w_a, model.w_b, theta)
    for _ in range(20):
        off = [1e-3 * rng.normal(size=size) for size in (3, 3, 4)]
        assert loss(model.w_a + off[0], model.w_b + off[1], theta + off[2]) >= least - 1e-7


@given(seed=seeds, w=st.floats(0.0, 1.0))
@settings(max_examples=40)
def test_what_is_chosen_is_not_dominated(seed: int, w: float) -> None:
    """No other option is abler and cheaper."""
    rng = np.random.default_rng(seed)
    options = tuple(Option(f"m{i}", cost_nano=int(rng.integers(0, 4)) * 1000) for i in range(5))
    known = {option.name: Ability(float(rng.integers(-2, 3)), 0.1) for option in options}
    router = IRT(model=ItemModel(w_a=np.zeros(1), w_b=np.zeros(1), abilities=known), w=w, floor=0.0)
    made = router.choose(Decide(capability="c", options=options, x=(1.0,)), "k", random.Random(seed))
    (mine,) = [option for option in made.options if option.name == made.chosen[0]]
    for other in options:
        abler = known[other.name].theta > known[mine.name].theta
        assert not (abler and other.cost_nano < mine.cost_nano)


@given(seed=seeds, share=st.floats(0.01, 1.0))
@settings(max_examples=20)
def test_a_test_ends_and_asks_nothing_twice(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(25), rng.normal(size=25)])
    test = calibrate(ItemModel(w_a=rng.normal(size=2), w_b=rng.normal(size=2)), x, share=share, error=0.35)
    asked: list[int] = []
    try:
        place = next(test)
        while True:
            asked.append(place)
            place = test.send(float(rng.random() < 0.5))
    except StopIteration as end:
        assert end.value.items == tuple(asked)
        assert end.value.ability.error <= 0.35 or len(asked) == int(np.ceil(share * 25))
    assert len(set(asked)) == len(asked)
