"""What every learner keeps to that is told apart by its formula alone."""

import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion, NoProvider, OrchestraError
from orchestra.ports.router import Lesson, Router
from orchestra.routing.compositions.fallback import BestSingle
from orchestra.routing.learners.clusters import Clusters
from orchestra.routing.learners.ema import EMA
from orchestra.routing.learners.hybrid import HybridLinUCB
from orchestra.routing.learners.irt import IRT
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.neighbours import Neighbours
from orchestra.routing.learners.pheromone import Pheromone
from orchestra.routing.learners.pilots import Pilots
from orchestra.routing.learners.recruit import Recruit
from orchestra.routing.learners.regression import Logistic, Ridge
from orchestra.routing.learners.shared import two_stage
from orchestra.routing.learners.stepwise import Stepwise
from orchestra.routing.learners.thompson import BetaThompson, Thompson
from orchestra.routing.registry import NAME_TO_PLACE, router
from orchestra.routing.several.sets import Sets
from orchestra.routing.state.sums import add_plain
from orchestra.routing.terms import learns, terms_of
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import decision, question, seeded, taught


class Learner(Router, Protocol):
    def state(self) -> dict[str, Any]: ...


Make = Callable[..., Learner]
ALL: list[Make] = [Thompson, BetaThompson, EMA, Neighbours, Clusters, Ridge, Logistic]
KEEPERS: list[Make] = [*ALL, IRT, Stepwise, Pheromone, Sets, BestSingle, Pilots, Recruit, HybridLinUCB, two_stage]
BLIND: list[Make] = [BetaThompson, EMA]
SEEING = [make for make in ALL if make not in BLIND]
GREEDY = [make for make in ALL if make not in (Thompson, BetaThompson)]


def tight_neighbours() -> Learner:
    return Neighbours(k=2, cap=3, floor=0.1)


def tight_clusters() -> Learner:
    return Clusters(k=2, nearest=2, cap=4, cost_weight=0.3, prior_weight=0.0)


@pytest.mark.parametrize("make", [*ALL, tight_neighbours, tight_clusters, lambda: Logistic(cap=2), lambda: EMA(a=0.9)])
def test_it_keeps_the_laws(make: Callable[[], Learner]) -> None:
    router_laws(make)


@pytest.mark.parametrize("name", NAME_TO_PLACE)
def test_every_router_of_the_registry_keeps_the_laws(name: str) -> None:
    """And it learns from the reward of a choice if it says so, and only then."""
    router_laws(lambda: router(name))
    made = router(name)
    made.learn([Lesson(decision("a", (1.0, 0.5)), 1.0)])
    assert (made.pulls("a") == 1) is (learns(made) and terms_of(made).feedback == "bandit")


CONTEXTS = ((1.0, 1.0, 0.0, 0.0), (1.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 1.0))
ARMS = ("a0", "a1", "a2")


def played(router: Learner, *, steps: int = 300, fixed: int | None = None) -> float:
    """The mean chance of success: .9 for one arm a context, .2 for the others; ``fixed``: whatever the context."""
    rng, expected = random.Random(7), 0.0
    for step in range(steps):
        kind = rng.randrange(3)
        made = router.choose(question(*ARMS, x=CONTEXTS[kind]), f"k{step}", rng)
        chance = 0.9 if ARMS.index(made.chosen[0]) == (kind if fixed is None else fixed) else 0.2
        expected += chance
        router.learn([Lesson(made, float(rng.random() < chance))])
    return expected / steps


@pytest.mark.parametrize("make", SEEING)
def test_it_learns_which_option_is_best_for_which_task(make: Make) -> None:
    """Random has .43, the best single option .43 as well, an oracle .9."""
    assert played(make()) > 0.65


@pytest.mark.parametrize("make", ALL)
def test_it_learns_which_option_is_best(make: Make) -> None:
    assert played(make(), fixed=1) > 0.65


@pytest.mark.parametrize("make", GREEDY)
def test_an_option_never_tried_has_its_prior_and_some_optimism(make: Make) -> None:
    router = make(floor=0.0)
    taught(router, *[("old", (1.0, 1.0), 0.7)] * 3)
    hopeful = router.choose(question("old", Option("new", prior=0.5), x=(1.0, 1.0)), "k", seeded())
    assert hopeful.chosen == ("new",) and hopeful.explored and "never tried" in hopeful.reason
    hopeless = router.choose(question("old", Option("new", prior=0.01), x=(1.0, 1.0)), "k", seeded())
    assert hopeless.chosen == ("old",) and not hopeless.explored


@pytest.mark.parametrize("make", [Thompson, BetaThompson])
def test_thompson_is_curious_about_what_was_never_tried(make: Make) -> None:
    router = make(floor=0.0)
    taught(router, *[("old", (1.0,), 0.6)] * 30)
    made = router.choose(question("old", Option("new", prior=0.5)), "k", seeded())
    assert 0.2 < (made.options[1].probability or 0.0) < 0.8


@pytest.mark.parametrize("make", ALL)
def test_the_floor_is_on_record_and_every_option_has_a_score(make: Make) -> None:
    router = make()
    taught(router, *[("good", (1.0, 1.0), 1.0), ("bad", (1.0, 1.0), 0.0)] * 40)
    made = router.choose(question("bad", "good", Option("out", filtered="hidden"), x=(1.0, 1.0)), "k", seeded(1))
    bad, good, out = made.options
    assert [bad.probability, good.probability] == pytest.approx([0.01, 0.99])
    assert made.chosen == ("good",) and made.probability == good.probability
    assert bad.score is not None and good.score is not None and good.score > bad.score
    assert out.score is None and out.probability is None
    chosen = [router.choose(question("bad", "good", x=(1.0, 1.0)), "k", seeded(n)).chosen[0] for n in range(400)]
    assert 0 < chosen.count("bad") < 14


@pytest.mark.parametrize("make", KEEPERS)
@pytest.mark.parametrize(
    ("reward", "before"), [(math.nan, None), (math.inf, None), (-0.1, None), (1.1, None), (0.5, math.nan), (0.5, 2.0)]
)
def test_one_bad_reward_and_none_is_learned(make: Make, reward: float, before: float | None) -> None:
    router = make()
    with pytest.raises(BadNumber):
        router.learn([Lesson(decision("a", (1.0, 2.0)), 0.5), Lesson(decision("b", (1.0, 2.0)), reward, before)])
    assert router.state() == {} and router.delta() == {} and router.version == 0
    router.choose(question("a", x=(1.0,) * 5), "k", seeded())


@pytest.mark.parametrize("make", KEEPERS)
def test_an_option_that_was_none_is_refused(make: Make) -> None:
    router = make()
    with pytest.raises(BadDefinition, match="'b' was chosen but is no option"):
        router.learn([Lesson(decision("a"), 0.5), Lesson(replace(decision("a"), chosen=("b",)), 1.0)])
    assert router.state() == {} and router.version == 0


@pytest.mark.parametrize("make", KEEPERS)
def test_nobody_to_choose_is_named(make: Make) -> None:
    for nobody in (question(), question(Option("a", filtered="hidden"), Option("b", filtered="hidden"))):
        with pytest.raises(NoProvider, match="answer"):
            make().choose(nobody, "k", seeded())


@pytest.mark.parametrize("make", SEEING)
def test_contexts_of_another_size_or_not_finite_are_refused_by_name(make: Make) -> None:
    router = make()
    taught(router, ("a", (1.0, 0.5), 1.0))
    before = json.dumps(router.state())
    with pytest.raises(BadDefinition, match="2 features and now meets 3"):
        router.choose(question("a", x=(1.0, 0.0, 0.0)), "k", seeded())
    with pytest.raises(BadDefinition, match="embedder"):
        taught(router, ("a", (1.0, 0.5), 1.0), ("a", (1.0,), 1.0))
    for bad in (math.nan, math.inf):
        with pytest.raises(BadNumber, match="finite"):
            router.choose(question("a", x=(1.0, bad)), "k", seeded())
        with pytest.raises(BadNumber, match="finite"):
            taught(router, ("a", (1.0, bad), 1.0))
    assert json.dumps(router.state()) == before


@pytest.mark.parametrize("make", BLIND)
def test_what_looks_at_no_context_takes_any(make: Make) -> None:
    router = make()
    taught(router, ("a", (1.0, 0.5), 1.0), ("a", (), 1.0), ("a", (1.0, math.nan), 1.0))
    assert router.pulls("a") == 3


@pytest.mark.parametrize("make", ALL)
def test_no_context_is_a_constant(make: Make) -> None:
    router = make()
    taught(router, ("a", (), 1.0))
    assert router.choose(question("a", x=()), "k", seeded()).x == ()
    assert router.pulls("a") == 1


@pytest.mark.parametrize("make", KEEPERS)
def test_state_of_another_form_leaves_what_was_learned(make: Make) -> None:
    router = make()
    taught(router, ("a", (1.0, 0.5), 1.0))
    before, mine = json.dumps(router.state()), router.state()["a"]
    other: Learner = LinUCB() if "form" in mine else EMA()
    taught(other, ("a", (1.0, 0.5), 1.0))
    foreign: list[dict[str, Any]] = [{"a": {**mine, "version": 99}}, {"a": other.state()["a"]}, {"a": {}}]
    foreign.append({"a": {**mine, **dict.fromkeys(("rows", "gram", "matrices", "edges"), "%")}})
    for state in foreign:
        with pytest.raises((JournalVersion, BadNumber, BadDefinition)):
            router.load(state)
    for pair in ((mine, other.state()["a"]), (other.state()["a"], mine)):
        with pytest.raises(OrchestraError):
            add_plain(*pair)
    assert json.dumps(router.state()) == before


@pytest.mark.parametrize("make", KEEPERS)
def test_loading_keeps_what_no_store_has_yet(make: Make) -> None:
    router = make()
    router.learn([Lesson(decision("a", key="k1"), 1.0)])
    saved = router.delta()
    router.learn([Lesson(decision("a", key="k2"), 0.5), Lesson(decision("b", key="k3"), 0.25)])
    router.load(saved)
    assert (router.pulls("a"), router.pulls("b"), router.version) == (2, 1, 3)
    assert set(router.delta()) == {"a", "b"} and router.delta() == {}
    router.load({})
    assert (router.pulls("a"), router.version) == (0, 0)


@pytest.mark.parametrize("make", [EMA, Neighbours, Clusters, Logistic])
def test_a_repeated_value_leaves_no_trace(make: Make) -> None:
    router = make()
    router.learn([Lesson(decision("a", (1.0, 0.5)), 0.3, before=0.3)])
    assert router.state() == router.delta() == {}


@pytest.mark.parametrize("make", KEEPERS)
def test_a_correction_counts_though_it_reaches_the_store_first(make: Make) -> None:
    """One process heard the reward, another the correction; each tells the store when it can."""
    first, second, alone = make(), make(), make()
    made = decision("a", (1.0, 0.5))
    first.learn([Lesson(made, 0.9)])
    second.learn([Lesson(made, 0.2, before=0.9)])
    ask = question("a", x=(1.0, 0.5))
    assert second.choose(ask, "k", seeded()).options[0].score is not None and second.pulls("a") == 0
    state = add_plain(second.delta()["a"], first.delta()["a"])
    second.load({"a": json.loads(json.dumps(state))})
    alone.learn([Lesson(made, 0.2)])
    one, two = (router.choose(ask, "k", seeded()).options[0].score for router in (second, alone))
    assert one == pytest.approx(two) and second.pulls("a") == alone.pulls("a") == 1
