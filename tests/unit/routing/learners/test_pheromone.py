"""The ant colony: the chances of a step and of a path, what a deposit does, what stays out of the serving path."""

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion, NoProvider, OrchestraError
from orchestra.ports.router import Lesson, Router
from orchestra.routing.learners.ema import EMA
from orchestra.routing.learners.intents import Exemplars, General
from orchestra.routing.learners.pheromone import Ant, Pheromone, Soil
from orchestra.routing.learners.simple import Random
from orchestra.routing.registry import router as router_named
from orchestra.routing.state.sums import add_plain
from tests.unit.routing.kit import question, seeded

MATHS, CODE = (1.0, 0.0), (0.0, 1.0)
TYPES = {"maths": [MATHS], "code": [CODE]}


class Given:
    """Weights that a test decides on: x itself."""

    types = ("maths", "code")

    def weights(self, asked: Decide | Decision, /) -> Sequence[float]:
        return asked.x


def asked(*options: str | Option, x: Sequence[float] = MATHS, previous: str = "") -> Decide:
    return replace(question(*options, x=x), previous=previous)


def made(question: Decide, chosen: str, key: str = "k", version: int = 1, router: Pheromone | None = None) -> Decision:
    decision = (router or Pheromone(intents=Given())).choose(question, key, seeded())
    return replace(decision, chosen=(chosen,), version=version)


def good(router: Pheromone, *chosen: str, x: Sequence[float] = MATHS, previous: str = "", reward: float = 1.0) -> None:
    """One lesson after another for a, b and c, which cost nothing."""
    for one in chosen:
        key = f"k{router.version}"
        decision = made(asked("a", "b", "c", x=x, previous=previous), one, key, router.version)
        router.learn([Lesson(decision, reward)])


def taus(router: Pheromone, previous: str = "") -> dict[str, tuple[float, ...]]:
    return {name: router.tau("answer", previous, name) for name in ("a", "b", "c")}


def test_it_is_known_by_name() -> None:
    assert isinstance(router_named("pheromone"), Pheromone)


def test_the_chances_of_a_step_are_the_closed_form() -> None:
    soil = Soil(rho=0.2, tau_0=0.5)
    router = Pheromone(intents=Given(), soil=soil, ant=Ant(alpha=1.5, beta=2.0), floor=0.1)
    good(router, "a", x=(0.75, 0.25))
    options = [Option("a", prior=0.4, in_flight=1, latency_s=1.0), Option("b", prior=0.8, latency_s=3.0)]
    made = router.choose(asked(*options, Option("out", filtered="no"), x=(0.5, 0.5)), "k", seeded())
    tau = [0.5 * (0.5 * 0.85 + 0.75 * 0.2) + 0.5 * (0.5 * 0.95 + 0.25 * 0.2), 0.5]
    eta = [0.6 * 0.5 + 0.2 * 0.5 + 0.2 * 1.0, 0.6 * 1.0 + 0.2 * 1.0 + 0.2 * 0.5]
    pull = [t**1.5 * e**2.0 for t, e in zip(tau, eta, strict=True)]
    want = [0.05 + 0.9 * one / sum(pull) for one in pull]
    assert [option.probability for option in made.options] == [*(pytest.approx(one, rel=1e-12) for one in want), None]
    assert made.probability in (made.options[0].probability, made.options[1].probability)


def layers(x: Sequence[float] = MATHS) -> list[Decide]:
    names = (("g1", "g2"), ("a1", "a2", "a3"), ("s1", "s2"))
    return [
        replace(asked(*(Option(n, prior=0.3 + 0.1 * i) for i, n in enumerate(row)), x=x), capability=f"layer{depth}")
        for depth, row in enumerate(names)
    ]


def test_the_probability_of_a_path_is_the_product_of_its_steps_and_all_paths_sum_to_one() -> None:
    router = Pheromone(intents=Given(), floor=0.06)
    for n in range(6):
        path = router.walk(layers(), f"p{n}", seeded(n))
        router.learn([Lesson(path, 1.0)])
    found: dict[tuple[str, ...], Decision] = {}
    for n in range(400):
        path = router.walk(layers(), "p", random.Random(n))
        found[path.chosen] = path
    assert len(found) == 12 and sum(one.probability or 0.0 for one in found.values()) == pytest.approx(1.0)
    path = next(iter(found.values()))
    assert path.capability == "layer0>layer1>layer2" and len(path.options) == 7
    for option in path.options:
        through = sum(one.probability or 0.0 for names, one in found.items() if option.name in names)
        assert option.probability == pytest.approx(through)
    steps, previous = 1.0, ""
    for layer, name in zip(layers(), path.chosen, strict=True):
        step = router.choose(replace(layer, previous=previous), "k", seeded())
        steps *= next(o.probability or 0.0 for o in step.options if o.name == name)
        previous = name
    assert path.probability == pytest.approx(steps, rel=1e-12)


def test_paths_are_drawn_as_they_say() -> None:
    router = Pheromone()
    drawn = [router.walk(layers(), "p", random.Random(n)) for n in range(600)]
    for path in {path.chosen: path for path in drawn}.values():
        p = path.probability or 0.0
        off = abs(sum(one.chosen == path.chosen for one in drawn) - 600 * p)
        assert off <= 5 * math.sqrt(600 * p * (1 - p))


def test_without_alpha_trails_say_nothing_and_without_beta_ability() -> None:
    options = (Option("a", prior=0.2), Option("b", prior=0.9))
    blind, keen = Pheromone(intents=Given(), ant=Ant(alpha=0.0)), Pheromone(intents=Given(), ant=Ant(beta=0.0))
    before = blind.choose(asked(*options), "k", seeded()).options
    even = keen.choose(asked(*options), "k", seeded()).options
    assert even[0].probability == pytest.approx(0.5)
    for router in (blind, keen):
        good(router, *"aaaaaa")
    assert blind.choose(asked(*options), "k", seeded()).options == before
    assert (keen.choose(asked(*options), "k", seeded()).options[0].probability or 0.0) > 0.55


def test_a_thousand_routes_leave_the_trails_as_they_are() -> None:
    router = Pheromone(intents=Given())
    good(router, *"abca")
    trails, state = taus(router), json.dumps(router.state())
    router.delta()
    for n in range(1000):
        router.choose(asked("a", "b", "c", "new", previous="ab"[n % 2] * (n % 3)), f"k{n}", seeded(n))
    assert taus(router) == trails and json.dumps(router.state()) == state and router.delta() == {}


def test_a_bad_answer_leaves_tau_as_it_was() -> None:
    router = Pheromone(intents=Given())
    good(router, *"ab")
    before = taus(router)
    good(router, *"aaabbb", reward=0.49)
    assert taus(router) == before and router.pulls("a") == 4
    good(router, "a", reward=0.5)
    assert taus(router) != before


def test_a_good_answer_moves_the_edges_of_its_path_by_their_types_weights() -> None:
    router = Pheromone(intents=Given(), evaporate="visited", soil=Soil(rho=0.2, tau_0=0.5))
    good(router, *"bc")
    before = taus(router)
    good(router, "a", x=(0.75, 0.25))
    after = taus(router)
    assert after["b"] == before["b"] and after["c"] == before["c"]
    want = (0.5 * (1 - 0.2 * 0.75) + 0.75 * 0.2, 0.5 * (1 - 0.2 * 0.25) + 0.25 * 0.2)
    assert after["a"] == pytest.approx(want)
    assert taus(router, previous="a") == dict.fromkeys("abc", (0.5, 0.5))


@pytest.mark.parametrize("evaporate", ["rivals", "visited"])
def test_a_type_without_weight_gets_no_deposit(evaporate: Any) -> None:
    router = Pheromone(intents=Given(), evaporate=evaporate)
    good(router, *"aab", x=CODE)
    before = taus(router)
    good(router, *"abbb", x=MATHS)
    assert all(taus(router)[name][1] == before[name][1] for name in "abc")
    assert taus(router)["b"][0] != before["b"][0]


def test_rivals_evaporate_with_each_deposit_but_not_what_was_never_tried() -> None:
    router = Pheromone(soil=Soil(rho=0.2, tau_0=0.5))
    good(router, "a")
    good(router, "b", reward=0.0)
    good(router, "a")
    (a,), (b,), (c,) = taus(router).values()
    assert (a, b, c) == pytest.approx(((0.5 * 0.8 + 0.2) * 0.8 + 0.2, 0.5 * 0.8, 0.5))


def test_a_dearer_and_slower_path_leaves_less() -> None:
    router = Pheromone(soil=Soil(rho=0.2, tau_0=0.5), evaporate="visited")
    options = (Option("dear", cost_nano=10, latency_s=2.0), Option("cheap", cost_nano=5, latency_s=0.0))
    for name in ("dear", "cheap"):
        router.learn([Lesson(made(asked(*options), name, key=name, router=router), 1.0)])
    (dear,), (cheap,) = router.tau("answer", "", "dear"), router.tau("answer", "", "cheap")
    assert (dear, cheap) == pytest.approx((0.4 + 0.2 / (1.5 + 1 / 3), 0.4 + 0.2 / 1.25))


def test_a_path_deposits_on_every_edge_by_its_whole_cost() -> None:
    router = Pheromone(soil=Soil(rho=0.2, tau_0=0.5))
    first = replace(asked(Option("a", cost_nano=4), Option("b", cost_nano=2)), capability="one")
    second = replace(asked(Option("c", cost_nano=0)), capability="two")
    path = replace(router.walk([first, second], "k", seeded()), chosen=("a", "c"))
    router.learn([Lesson(path, 1.0)])
    assert router.tau("one", "", "a") == router.tau("two", "a", "c") == pytest.approx((0.4 + 0.2 / 1.25,))
    assert router.tau("two", "", "c") == router.tau("two", "b", "c") == router.tau("one", "", "b") == (0.5,)
    assert (router.pulls("a"), router.pulls("c"), router.pulls("b")) == (1, 1, 0)


@pytest.mark.parametrize(("evaporate", "updates"), [("rivals", 100_000), ("visited", 10_000)])
def test_tau_keeps_its_bounds_after_very_many_updates(evaporate: Any, updates: int) -> None:
    router = Pheromone(soil=Soil(rho=0.3, tau_min=0.05, tau_0=0.5, tau_max=0.9, memory=50), evaporate=evaporate)
    rng = seeded()
    base = made(asked("a", "b", "c"), "a", router=router)
    for n in range(0, updates, 2000):
        names = rng.choices("abc", (90, 9, 1), k=2000)
        lessons = [
            Lesson(replace(base, chosen=(name,), key=f"k{n + i}", version=n + i), float(rng.random() < 0.9))
            for i, name in enumerate(names)
        ]
        router.learn(lessons)
        values = [tau for (tau,) in taus(router).values()]
        assert all(math.isfinite(tau) and 0.05 <= tau <= 0.9 for tau in values)
    assert router.version == updates and taus(router)["a"][0] > 0.5
    assert len(json.dumps(router.state())) < 20_000


def chance(router: Pheromone, name: str) -> float:
    options = router.choose(asked("a", "b", "c"), "k", seeded()).options
    return next(option.probability or 0.0 for option in options if option.name == name)


def test_a_degraded_node_loses_half_its_share_within_sixty_updates() -> None:
    router, rng = Pheromone(intents=Given()), seeded(2)
    for n in range(80):
        decision = router.choose(asked("a", "b", "c"), f"k{n}", rng)
        router.learn([Lesson(decision, float(rng.random() < (0.95 if decision.chosen == ("a",) else 0.5)))])
    before = chance(router, "a")
    assert before > 0.5
    for n in range(60):
        decision = router.choose(asked("a", "b", "c"), f"d{n}", rng)
        router.learn([Lesson(decision, float(decision.chosen != ("a",)))])
    assert chance(router, "a") <= before / 2


NAMES = ("a", "b", "c", "d")


@lru_cache
def world(seed: int) -> dict[tuple[int, str, int], float]:
    """The chance that a node does well: (layer, node, task type) -> quality."""
    rng = random.Random(seed)
    quality = {}
    for layer in range(2):
        for kind in range(2):
            best = rng.choice(NAMES)
            quality.update({(layer, n, kind): 0.95 if n == best else rng.choice((0.3, 0.5, 0.7)) for n in NAMES})
    return quality


def played(make: Callable[[], Router], *, steps: int = 500) -> float:
    """The mean chance of success of paths of two steps, on a mixed stream; half-way all qualities change."""
    total = 0.0
    for seed in range(3):
        router, rng = make(), random.Random(seed)
        for n in range(steps):
            quality = world(seed if n < steps // 2 else seed + 100)
            kind, previous, value, path = rng.randrange(2), "", 1.0, []
            for layer in range(2):
                options = tuple(
                    Option(f"{n}{layer}", prior=(world(seed)[layer, n, 0] + world(seed)[layer, n, 1]) / 2)
                    for n in NAMES
                )
                ask = Decide(capability=f"{layer}", options=options, x=(MATHS, CODE)[kind], previous=previous)
                path.append(router.choose(ask, f"{n}/{layer}", rng))
                previous = path[-1].chosen[0]
                value *= quality[layer, previous[0], kind]
            total += value
            reward = float(rng.random() < value)
            router.learn([Lesson(decision, reward) for decision in path])
    return total / steps / 3


def test_it_follows_a_change_and_specialists_beat_one_matrix() -> None:
    """Greedy by ability knows the mean qualities of the first half."""
    uniform = played(Random)
    greedy = played(lambda: Pheromone(ant=Ant(0.0, 60.0, 1.0, 0.0, 0.0), floor=0.0))
    shared = played(Pheromone)
    specialists = played(lambda: Pheromone(intents=Exemplars(TYPES)))
    assert specialists > greedy + 0.05 > uniform + 0.05
    assert specialists > shared + 0.03


def test_what_an_expert_says_of_abilities_counts_by_type() -> None:
    abilities = {"a": {"maths": 0.9, "code": 0.1}, "b": {"maths": 0.1, "code": 0.9}}
    router = Pheromone(intents=Given(), abilities=abilities)
    for x, best in ((MATHS, "a"), (CODE, "b")):
        options = router.choose(asked("a", "b", x=x), "k", seeded()).options
        assert max(options, key=lambda option: option.probability or 0.0).name == best


@pytest.mark.parametrize(
    "soil", [{"rho": 0.0}, {"rho": 1.0}, {"gate": 2.0}, {"memory": 0}, {"tau_min": 0.0}, {"tau_0": 2.0}]
)
def test_constants_out_of_range_are_named(soil: dict[str, Any]) -> None:
    with pytest.raises(BadNumber):
        Pheromone(soil=Soil(**soil))


def test_other_bad_input_is_named() -> None:
    for ant in (Ant(alpha=-1.0), Ant(beta=math.nan), Ant(ability=0.0, load=0.0, latency=0.0)):
        with pytest.raises(BadNumber):
            Pheromone(ant=ant)
    with pytest.raises(BadDefinition, match="rivals"):
        Pheromone(evaporate="all")  # type: ignore[arg-type]
    with pytest.raises(BadNumber):
        Pheromone(floor=1.5)
    with pytest.raises(BadDefinition, match="layer"):
        Pheromone().walk([], "k", seeded())
    with pytest.raises(NoProvider):
        Pheromone().walk([asked("a"), asked()], "k", seeded())
    with pytest.raises(BadDefinition, match="sum to 1"):
        Pheromone(intents=Given()).choose(asked("a", x=(0.5, 0.4)), "k", seeded())


def test_one_bad_lesson_and_none_is_learned() -> None:
    router = Pheromone(intents=Given())
    fine = Lesson(made(asked("a", "b"), "a"), 1.0)
    for bad in (
        Lesson(made(asked("a", "b"), "b"), math.nan),
        Lesson(made(asked("a", "b"), "b"), 0.5, 2.0),
        Lesson(replace(made(asked("a", "b"), "b"), chosen=("z",)), 1.0),
        Lesson(replace(made(asked("a", "b"), "b"), x=(0.1, 0.1)), 1.0),
    ):
        with pytest.raises((BadNumber, BadDefinition)):
            router.learn([fine, bad])
        assert router.state() == router.delta() == {} and router.version == 0


def test_state_of_another_form_or_other_types_is_refused_by_name() -> None:
    router = Pheromone(intents=Given())
    good(router, "a")
    before, mine = json.dumps(router.state()), router.state()["a"]
    other, plain = EMA(), Pheromone()
    other.learn([Lesson(made(asked("a"), "a"), 1.0)])
    good(plain, "a")
    damaged = {**mine, "edges": [{**mine["edges"][0], "amounts": [math.nan]}]}
    for state in ({**mine, "version": 9}, other.state()["a"], plain.state()["a"], {}, damaged, {**mine, "edges": [{}]}):
        with pytest.raises((JournalVersion, BadDefinition, BadNumber)):
            router.load({"a": state})
    for pair in ((mine, other.state()["a"]), (other.state()["a"], mine), (plain.state()["a"], mine)):
        with pytest.raises(OrchestraError):
            add_plain(*pair)
    assert json.dumps(router.state()) == before


def test_loading_keeps_what_no_store_has_yet() -> None:
    router = Pheromone(intents=Given())
    good(router, "a")
    saved = router.delta()
    good(router, "a", "b")
    router.load(json.loads(json.dumps(saved)))
    assert (router.pulls("a"), router.pulls("b"), router.version) == (2, 1, 3)
    assert set(router.delta()) == {"a", "b"} and router.delta() == {}


def test_a_correction_counts_though_it_reaches_the_store_first() -> None:
    first, second, alone = (Pheromone(intents=Given()) for _ in range(3))
    decision = made(asked("a", "b", "c"), "a")
    first.learn([Lesson(decision, 0.9)])
    second.learn([Lesson(decision, 0.2, before=0.9)])
    assert taus(second) == taus(Pheromone(intents=Given()))
    second.load({"a": json.loads(json.dumps(add_plain(second.delta()["a"], first.delta()["a"])))})
    alone.learn([Lesson(decision, 0.2)])
    assert taus(second) == taus(alone) and second.pulls("a") == alone.pulls("a") == 1
    assert second.state()["a"]["edges"][0]["ids"] == []


def test_types_are_told_by_their_examples() -> None:
    types = Exemplars(TYPES, temperature=0.1)
    assert types.types == ("maths", "code")
    near, far = types.weights(asked("a", x=(1.0, 0.9, 0.1)))
    assert near > 0.99 and near + far == pytest.approx(1.0)
    assert types.weights(asked("a", x=(0.3, 0.3))) == pytest.approx((0.5, 0.5))
    assert types.weights(asked("a", x=())) == types.weights(asked("a", x=(1.0, 0.0, 0.0))) == (0.5, 0.5)
    assert General().weights(asked("a")) == (1.0,)


class Letters:
    """Counts of a and b."""

    name, d = "letters", 2

    def embed(self, text: str, /) -> Sequence[float]:
        return [float(text.count(letter)) for letter in "ab"]


def test_examples_may_be_texts_and_what_does_not_fit_is_named() -> None:
    types = Exemplars({"one": ["aaa", "aab"], "two": ["bb"]}, Letters())
    assert types.weights(asked("x", x=(1.0, 1.0, 0.0)))[0] > 0.9
    with pytest.raises(BadDefinition, match="2 features, the question has 5"):
        types.weights(asked("x", x=(1.0,) * 5))
    empty: list[dict[str, Any]] = [{}, {"one": []}, {"one": ["text"]}, {"one": [(1.0,), (1.0, 2.0)]}]
    for wrong in [*empty, {"one": [(1.0,)], "two": [(1.0, 2.0)]}]:
        with pytest.raises(BadDefinition):
            Exemplars(wrong)
    with pytest.raises(BadNumber):
        Exemplars({"one": [(math.nan,)]})
    with pytest.raises(BadNumber):
        Exemplars(TYPES, temperature=0.0)
