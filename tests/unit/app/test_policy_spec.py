"""A router as a file has it: what it was made with, and that what a team learned can be served."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestra.app.policies import exported
from orchestra.app.policy import write_policy
from orchestra.core.errors import BadDefinition
from orchestra.routing.compositions.canary import Canary, Shadow
from orchestra.routing.compositions.composed import Chain, Sure
from orchestra.routing.compositions.fallback import Fallback
from orchestra.routing.compositions.flags import Flags
from orchestra.routing.compositions.floored import Floored
from orchestra.routing.compositions.frozen import Frozen
from orchestra.routing.compositions.guarded import Guarded
from orchestra.routing.compositions.preferences import Preferences
from orchestra.routing.learners.ema import EMA
from orchestra.routing.learners.hybrid import HybridLinUCB
from orchestra.routing.learners.intents import Exemplars
from orchestra.routing.learners.irt import IRT
from orchestra.routing.learners.item_response import Ability, ItemModel
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.neighbours import Neighbours
from orchestra.routing.learners.pheromone import Ant, Pheromone, Soil
from orchestra.routing.learners.regression import Ridge
from orchestra.routing.learners.simple import Cheapest, Fixed
from orchestra.routing.learners.steps import FirstLarge, Linear, Threshold
from orchestra.routing.learners.stepwise import Stepwise
from orchestra.routing.learners.thompson import Thompson
from orchestra.routing.registry import NAME_TO_PLACE, resolved
from orchestra.routing.rules.rules import Rules
from orchestra.routing.several.sets import Sets
from orchestra.routing.spec import made_of, spec_of
from tests.unit.app.test_policy import team, used
from tests.unit.routing.kit import question, seeded, taught

MADE: dict[str, Callable[[], Any]] = {
    "parameters": lambda: Thompson("mine", sigma=0.5, floor=0.1),
    "tuple": lambda: EMA(a=0.5),
    "memory": lambda: Neighbours(k=3, cap=7),
    "fixed": lambda: Fixed("plain"),
    "chain": lambda: Chain(Sure(Ridge(lam=2.0), margin=0.2, far=0.1), "ema", "cheapest"),
    "by name": lambda: Fallback("thompson:beta", margin=0.1),
    "flags": lambda: Flags(Guarded(EMA("e"), margin=0.2), cost=0.4, latency=0.1),
    "floored": lambda: Floored("fixed:plain", floor=0.3),
    "frozen": lambda: Frozen(Ridge()),
    "shadow": lambda: Shadow("ema", "thompson"),
    "canary": lambda: Canary("ema", "thompson", shares=(0.1, 0.9), by="decision"),
    "drift": lambda: Canary("linucb", LinUCB("second", alpha=0.3, half_life=1000)),
    "set": lambda: Sets("mine", gap=0.2, sharpness=4.0),
    "ants": lambda: Pheromone(ant=Ant(alpha=2.0), soil=Soil(rho=0.5)),
    "steps": lambda: Stepwise(Linear((0.5,) * 6, drawn=True)),
    "baseline": lambda: Stepwise(FirstLarge(3), name="first"),
    "items": lambda: IRT(model=ItemModel(w_a=np.ones(2), w_b=np.ones(2), abilities={"plain": Ability(0.5, 0.2)})),
    **{f"the default {name}": resolved(place) for name, place in NAME_TO_PLACE.items()},
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_router_is_its_spec(make: Callable[[], Any]) -> None:
    made = make()
    spec = json.loads(json.dumps(spec_of(made)))
    again: Any = made_of(spec)
    assert (type(again), again.name) == (type(made), made.name)
    assert spec_of(again) == spec
    lessons = [("plain", (1.0, 0.5), 1.0), ("fancy", (1.0, -0.5), 0.3)] * 12
    for one in (made, again):
        taught(one, *lessons)
    asked = question("plain", "fancy", x=(1.0, 0.2))
    assert made.choose(asked, "run/k", seeded()) == again.choose(asked, "run/k", seeded())


@pytest.mark.parametrize("name", sorted(NAME_TO_PLACE.keys() - {"cheapest", "fixed", "random", "two-step", "trained"}))
def test_what_a_team_learned_can_be_served(name: str, tmp_path: Path) -> None:
    learner = team(router=name)
    if name.startswith(("set:reasoned", "set:mixed")):
        policy = exported(learner)  # they ask an agent that is not in this team
    else:
        used(learner, 6)
        policy = exported(learner)
        write_policy(policy, tmp_path / "p.json")
        served = team(router=f"policy:{tmp_path / 'p.json'}").route("task", to="answer")
        assert [option.tries for option in served.options] == [o.tries for o in learner.route("t", to="answer").options]
    assert policy.d in (0, 65)


def test_a_composition_of_one_that_keeps_other_features_can_be_served_too(tmp_path: Path) -> None:
    learner = team(router=Canary("linucb", HybridLinUCB("b")))
    used(learner, 6)
    write_policy(exported(learner), tmp_path / "p.json")
    assert team(router=f"policy:{tmp_path / 'p.json'}").route("task", to="answer").chosen


@pytest.mark.parametrize(
    ("policy", "looks"),
    [(Linear((0.5,) * 6), False), (Linear((0.5,) * 8), True), (Threshold("failed"), False), (Threshold(0), True)],
)
def test_a_policy_of_steps_declares_whether_it_looks_at_the_task(policy: Any, looks: bool) -> None:
    assert ("query" in Stepwise(policy).terms.uses) is looks


def test_what_was_frozen_with_knowledge_is_refused_and_without_it_is_served(tmp_path: Path) -> None:
    knows = EMA()
    taught(knows, ("plain", (1.0,), 1.0))
    for router in (Frozen(knows), Chain(Sure(Frozen(knows), rewards=3), "cheapest")):
        with pytest.raises(BadDefinition, match="Export 'ema' itself"):
            exported(team(router=router))
    for plain_one in (Frozen("ema"), Cheapest()):
        write_policy(exported(team(router=plain_one)), tmp_path / "p.json")
        assert team(router=f"policy:{tmp_path / 'p.json'}").route("task", to="answer").chosen


def test_rules_over_one_that_keeps_other_features_can_be_served(tmp_path: Path) -> None:
    learner = team(router=Rules(otherwise=HybridLinUCB("b")))
    used(learner, 6)
    write_policy(exported(learner), tmp_path / "p.json")
    assert team(router=f"policy:{tmp_path / 'p.json'}").route("task", to="answer").chosen


def test_names_that_mean_something_in_a_file_are_names_all_the_same() -> None:
    users = {"router": 0.3, "ann": 0.9}
    made = Preferences("linucb", users=users)
    users["bob"] = 0.1
    again: Any = made_of(json.loads(json.dumps(spec_of(made))))
    assert again.users == made.users == {"router": 0.3, "ann": 0.9}


class Unlisted(EMA):
    pass


def test_what_cannot_be_written_down_is_refused() -> None:
    with pytest.raises(BadDefinition, match="no name in the registry"):
        spec_of(Unlisted())
    with pytest.raises(BadDefinition, match=r"'pheromone' was given intents=.*which no file can hold"):
        spec_of(Pheromone(intents=Exemplars({"a": [(1.0,)], "b": [(0.0,)]})))


@pytest.mark.parametrize(
    "parameters", [{"nobody": 1}, [], {"policy": {"value": "linear", "parameters": 3}}, {"policy": {"value": "linear"}}]
)
def test_parameters_that_make_nothing_are_refused(parameters: Any) -> None:
    with pytest.raises(BadDefinition):
        made_of({"router": "stepwise", "parameters": parameters})
