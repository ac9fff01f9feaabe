"""Two users and one question; a user's weight from what the user picked."""

import json
import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from orchestra import Orchestra, agent
from orchestra.core.catalog import Catalog
from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.task import Task
from orchestra.routing.compositions.canary import Canary
from orchestra.routing.compositions.composed import Chain, Composition, Sure
from orchestra.routing.compositions.fallback import BestSingle
from orchestra.routing.compositions.floored import Floored
from orchestra.routing.compositions.preferences import SIGNAL, Choice, Preferences, preference
from orchestra.routing.compositions.preferences import _least as least
from orchestra.routing.learners.neighbours import Neighbours
from orchestra.routing.registry import router
from orchestra.routing.spec import made_of, spec_of
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import question, seeded, taught

USERS = {"thrifty": 0.2, "exacting": 1.0}
OFFERED = (Option("small", cost_nano=100), Option("large", cost_nano=1000))


def routed(known: Composition, value: Any, *options: Option) -> Decision:
    assert known.asking is not None
    asking = known.asking(question(*(options or OFFERED)), value, Catalog())
    with pytest.raises(StopIteration) as stopped:  # at once: no call is made
        next(asking)
    asked: Decide = stopped.value.value[0]
    return known.choose(asked, "k", seeded())


def of(user: str, text: str = "Why?") -> dict[str, Any]:
    return {"text": text, "metadata": {"user": user}}


def wise(**more: Any) -> Preferences:
    """Large is worth .9 and small .6."""
    known = Preferences(Neighbours(prior_weight=0.0, floor=0.0), users=USERS, floor=0.0, **more)
    taught(known, ("small", (1.0,), 0.6), ("large", (1.0,), 0.9))
    return known


def test_it_keeps_the_laws() -> None:
    router_laws(Preferences)
    router_laws(lambda: Preferences("regression", p=0.9, floor=0.2))


def test_the_same_question_goes_to_different_options_for_different_users() -> None:
    known = wise()
    thrifty, exacting = (routed(known, of(user)) for user in USERS)
    assert thrifty.chosen == ("small",) and exacting.chosen == ("large",)
    assert [o.score for o in thrifty.options] == pytest.approx([0.2 * 0.6 - 0.8 * 0.1, 0.2 * 0.9 - 0.8])
    assert [o.score for o in exacting.options] == pytest.approx([0.6, 0.9])
    # Where effect and cost do not conflict, both are served alike.
    cheap = (OFFERED[0], OFFERED[1]._replace(cost_nano=50))
    assert {routed(known, of(user), *cheap).chosen for user in USERS} == {("large",)}


def test_a_user_nobody_knows_has_the_usual_weight() -> None:
    for value in (of("stranger"), "Why?", {"metadata": 3}, {"metadata": {"user": None}}, ["a"], Task(text="Why?")):
        assert routed(wise(), value).signals == ((SIGNAL, 0.5),)
    assert routed(wise(p=1.0), "Why?").chosen == ("large",)
    assert wise(p=0.0).choose(question(*OFFERED), "k", seeded()).chosen == ("small",)
    assert routed(wise(field="who"), {"metadata": {"who": "thrifty"}}).signals == ((SIGNAL, 0.2),)


def test_the_record_has_the_weight_and_not_the_user() -> None:
    made = routed(wise(), of("thrifty"))
    assert made.signals == ((SIGNAL, 0.2),) and made.policy == "preferences" and "thrifty" not in str(made)
    floored = Preferences(Neighbours(), users=USERS, floor=0.1)
    assert sorted(o.probability or 0.0 for o in routed(floored, of("thrifty")).options) == pytest.approx([0.05, 0.95])


def test_a_user_is_named_by_the_input_of_a_run() -> None:
    @agent(provides="answer", cost_usd=0.001)
    def small(text: str, metadata: Any = None) -> str:
        return "short"

    @agent(provides="answer", cost_usd=0.02)
    def large(text: str, metadata: Any = None) -> str:
        return "long"

    best = BestSingle(floor=0.0)
    taught(best, *[("small", (), 0.6), ("large", (), 0.9)] * 20)
    team = Orchestra(agents=[small, large], router=Preferences(best, users=USERS, floor=0.0))
    answers = {user: team.run_sync(of(user), to="answer") for user in USERS}
    assert {user: result.output for user, result in answers.items()} == {"thrifty": "short", "exacting": "long"}
    assert [result.decisions[0].signals[0][1] for result in answers.values()] == [0.2, 1.0]
    team.close()


def test_the_router_inside_learns_and_keeps_its_name() -> None:
    known = wise()
    assert known.learns and known.learners == ("neighbours",) and known.pulls("large") == 1
    assert {"query", "prior", "cost"} <= known.terms.uses


@pytest.mark.parametrize("p", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
def test_the_weight_of_a_user_is_found_from_what_was_picked(p: float) -> None:
    rng = random.Random(7)
    picks = []
    for _ in range(300):
        options = tuple((rng.random(), rng.random()) for _ in range(4))
        worth = [p * effect - (1 - p) * cost for effect, cost in options]
        picks.append(Choice(options, worth.index(max(worth))))
    assert preference(picks) == pytest.approx(p, abs=0.05)


def test_noisy_picks_find_it_too() -> None:
    rng = random.Random(9)
    picks = []
    for _ in range(1500):
        options = tuple((rng.random(), rng.random()) for _ in range(3))
        weights = [math.exp(6.0 * (0.7 * effect - 0.3 * cost)) for effect, cost in options]
        picks.append(Choice(options, rng.choices(range(3), weights)[0]))
    assert preference(picks) == pytest.approx(0.7, abs=0.05)


def test_it_is_the_least_of_the_objective() -> None:
    """No step from it and no place of a grid is better, also where a weight is at its bound."""
    bounds = 0
    for seed in range(12):
        rng = random.Random(seed)
        offers = [[(rng.random(), rng.random()) for _ in range(3)] for _ in range(rng.randrange(1, 40))]
        picks = [Choice(tuple(offered), rng.randrange(3)) for offered in offers]

        def objective(u: float, v: float, picks: list[Choice] = picks) -> float:
            lost = ((u - 1) ** 2 + (v - 1) ** 2) / 2
            for offered, picked in picks:
                worth = [u * effect - v * cost for effect, cost in offered]
                lost += math.log(sum(map(math.exp, worth))) - worth[picked]
            return lost

        u, v = least([np.array([(e - o[i][0], o[i][1] - c) for e, c in o]) for o, i in picks])
        bounds += 0.0 in (u, v)
        best = objective(u, v)
        near = [(max(0.0, u + a), max(0.0, v + b)) for a in (-1e-3, 0, 1e-3) for b in (-1e-3, 0, 1e-3)]
        grid = [(a / 4, b / 4) for a in range(20) for b in range(20)]
        assert all(objective(*place) >= best - 1e-12 for place in near + grid)
        assert preference(picks) == (u / (u + v) if u + v else 0.5)
    assert bounds >= 2


def test_picks_that_tell_nothing() -> None:
    assert preference([]) == 0.5
    assert preference([Choice(((0.3, 0.3),), 0)] * 5) == 0.5
    assert preference([Choice(((0.9, 1.0), (0.1, 0.0)), 0)] * 200) > 0.6
    # Always the worse and dearer: neither weight is above 0.
    assert preference([Choice(((1.0, 0.0), (0.0, 1.0)), 1)] * 300) == 0.5


def test_what_is_no_choice_is_refused() -> None:
    for picked in (2, -1, True):
        with pytest.raises(BadDefinition, match="picked"):
            preference([Choice(((0.5, 0.5), (0.1, 0.1)), picked)])
    for wrong in ((1.5, 0.5), (0.5, -0.1), (math.nan, 0.5)):
        with pytest.raises(BadNumber, match="outside"):
            preference([Choice((wrong,), 0)])


def test_bad_compositions_are_refused() -> None:
    for bad in ({"p": 1.5}, {"users": {"ann": -0.1}}, {"users": {"ann": math.nan}}, {"floor": 2.0}):
        with pytest.raises(BadNumber):
            Preferences(**bad)
    with pytest.raises(BadDefinition, match="no scores"):
        Preferences("cheapest")


@pytest.mark.parametrize("make", [lambda one: Floored(one, floor=0.0), lambda one: Chain(Sure(one, rewards=0), "ema")])
def test_inside_a_composition_users_are_heeded(make: Any) -> None:
    around = make(wise())
    assert {user: routed(around, of(user)).chosen for user in USERS} == {"thrifty": ("small",), "exacting": ("large",)}


def test_two_of_them_are_told_apart_by_their_names() -> None:
    other = Preferences("best", users={"thrifty": 0.9}, name="second")
    both = Canary(wise(), other, shares=(1.0,), rewards=1)
    made = routed(both, of("thrifty"))
    assert made.signals == ((SIGNAL, 0.2), ("preference of second", 0.9)) and "best under quality=0.9" not in str(both)
    assert "under cost=0.1 quality=0.9" in made.reason
    with pytest.raises(BadDefinition, match="two routers read different things under the name 'preference'"):
        Canary(Floored(wise()), Floored(Preferences("best"), name="other"))


def test_it_can_be_made_again_from_plain_data() -> None:
    assert router("preferences").name == "preferences"
    again: Any = made_of(json.loads(json.dumps(spec_of(Preferences("linucb", users=USERS, p=0.7)))))
    assert isinstance(again, Preferences) and (again.users, again.p, again.router.name) == (USERS, 0.7, "linucb")
    asked = replace(question(*OFFERED), signals=((SIGNAL, 0.2),))
    assert again.choose(asked, "k", seeded()).signals == ((SIGNAL, 0.2),)
