"""Laws of the ant colony: those of every router, and what holds of trails whoever saw which deposit when."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core.decision import Decision, Option
from orchestra.ports.router import Lesson
from orchestra.routing.learners.intents import Exemplars
from orchestra.routing.learners.pheromone import Evaporate, Pheromone, Soil
from orchestra.routing.state.sums import add_plain
from orchestra.testing.routers import router_laws

TYPES = {"maths": [(1.0, 0.0)], "code": [(0.0, 1.0)]}
NODES = ("a", "b", "c")
SOIL = Soil(tau_min=0.05, tau_0=0.3, tau_max=0.8)


def colony(evaporate: Evaporate = "rivals") -> Pheromone:
    return Pheromone(intents=Exemplars(TYPES, temperature=0.5), soil=SOIL, evaporate=evaporate)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("evaporate", ["rivals", "visited"])
def test_it_keeps_the_laws_of_routers(evaporate: Any, seed: int) -> None:
    router_laws(lambda: colony(evaporate), seed=seed)
    router_laws(lambda: Pheromone(evaporate=evaporate), seed=seed)


@st.composite
def lessons(draw: st.DrawFn) -> list[Lesson]:
    """Steps and paths, decided at any time."""
    found = []
    for n in range(draw(st.integers(1, 14))):
        chosen = draw(st.lists(st.sampled_from(NODES), min_size=1, max_size=3))
        options = tuple(
            Option(name, cost_nano=draw(st.integers(0, 9)), latency_s=draw(st.floats(0, 9))) for name in NODES
        )
        decision = Decision(
            key=f"k{n}",
            capability="x>y>z" if len(chosen) == 3 else "x",
            policy="pheromone",
            version=draw(st.integers(0, 5)),
            options=options,
            chosen=tuple(chosen),
            probability=0.5,
            x=(1.0, draw(st.floats(0, 1)), draw(st.floats(0, 1))),
            previous=draw(st.sampled_from(("", "a"))),
        )
        found.append(Lesson(decision, draw(st.sampled_from((0.0, 0.49, 0.5, 1.0)))))
    return found


def trails(router: Pheromone) -> list[tuple[float, ...]]:
    return [router.tau(c, p, n) for c in "xyz" for p in ("", *NODES) for n in NODES]


modes = st.sampled_from(["rivals", "visited"])


@settings(max_examples=40, deadline=None)
@given(lessons(), modes, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter_to_the_last_bit(told: list[Lesson], mode: Any, rng: Any) -> None:
    one, other = colony(mode), colony(mode)
    one.learn(told)
    for lesson in rng.sample(told, len(told)):
        other.learn([lesson])
    assert trails(one) == trails(other)


@settings(max_examples=40, deadline=None)
@given(lessons(), modes, st.data())
def test_processes_that_exchange_deltas_end_where_one_would(told: list[Lesson], mode: Any, data: st.DataObject) -> None:
    alone, pair = colony(mode), (colony(mode), colony(mode))
    alone.learn(told)
    store: dict[str, Any] = {}

    def saved(router: Pheromone) -> None:
        for option, delta in json.loads(json.dumps(router.delta())).items():
            store[option] = add_plain(store.get(option), delta)

    for lesson in told:
        learner = pair[data.draw(st.integers(0, 1))]
        learner.learn([lesson])
        if data.draw(st.booleans()):
            saved(learner)
    for router in pair:
        saved(router)
    for router in pair:
        router.load(store)
        assert trails(router) == trails(alone) and router.version == alone.version == sum(map(router.pulls, NODES))


@settings(max_examples=40, deadline=None)
@given(lessons(), modes)
def test_tau_keeps_its_bounds_and_what_is_taken_back_leaves_no_deposit(told: list[Lesson], mode: Any) -> None:
    router, without = colony(mode), colony(mode)
    router.learn(told)
    assert all(0.05 <= value <= 0.8 for tau in trails(router) for value in tau)
    router.learn([Lesson(one.decision, 0.0, one.reward) for one in told])
    without.learn([Lesson(one.decision, 0.0) for one in told])
    assert trails(router) == trails(without) == trails(colony(mode))
    edges = [edge for data in router.state().values() for edge in data["edges"]]
    assert all(edge["ids"] == [] for edge in edges)
