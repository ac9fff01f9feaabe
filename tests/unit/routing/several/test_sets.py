"""Sets without a model: scores, the set, out of scope, the floor, and what calibration and learning do to them."""

import math
import random
from collections.abc import Callable

import pytest

from orchestra.core.decision import OOS, Decide, Option
from orchestra.core.errors import BadDefinition, BadNumber, NoProvider
from orchestra.ports.router import Lesson
from orchestra.routing.features import Features, priors
from orchestra.routing.several.reasoned import Mixed, Reasoned
from orchestra.routing.several.sets import Sets
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import catalog, decision, node, question, seeded, taught

NEVER = 0.999


class Drawing(random.Random):
    """A generator that draws one number for ever."""

    def __init__(self, value: float) -> None:
        super().__init__(0)
        self.value = value

    def random(self) -> float:
        return self.value


def asked(*similarities: float, most: int = 3, oos: bool = True, x: tuple[float, ...] = (1.0,)) -> Decide:
    """Options a, b, c, ... of these similarities."""
    options = [Option(chr(97 + i), similarity=value) for i, value in enumerate(similarities)]
    made = question(*options, *([Option(OOS)] if oos else []), x=x)
    return Decide(capability="*", options=made.options, x=made.x, marks="test", most=most)


def chosen(router: Sets, what: Decide, draw: float = NEVER) -> tuple[str, ...]:
    return router.choose(what, "k", Drawing(draw)).chosen


def tight() -> Sets:
    return Sets(cap=3, floor=0.3, sharpness=1.0, gap=0.5, prior_weight=0.2)


@pytest.mark.parametrize("make", [Sets, Reasoned, Mixed, tight])
def test_they_keep_the_laws_of_routers(make: Callable[[], Sets]) -> None:
    router_laws(make)


def test_the_set_is_what_is_close_to_the_best_best_first() -> None:
    router = Sets(gap=0.2)
    assert chosen(router, asked(0.5, 0.7, 0.1)) == ("b", "a")
    assert chosen(router, asked(0.45, 0.7, 0.1)) == ("b",)
    assert chosen(router, asked(0.5, 0.6, 0.55, 0.65)) == ("d", "b", "c")
    assert chosen(router, asked(0.5, 0.5, 0.5, most=2)) == ("a", "b")
    assert chosen(router, asked(0.5, 0.7, most=1)) == ("b",)


def test_out_of_scope_stands_alone_and_only_where_it_is_offered() -> None:
    router = Sets(level=0.3)
    assert chosen(router, asked(0.29, 0.29)) == (OOS,)
    assert chosen(router, asked(0.3, 0.1)) == ("a",)
    assert chosen(router, asked(0.29, 0.29, oos=False)) == ("a", "b")
    gone = asked(0.1)
    gone = Decide(capability="*", options=(gone.options[0], gone.options[1]._replace(filtered="no")), most=3)
    assert chosen(router, gone) == ("a",)


def test_where_nobody_but_out_of_scope_is_left_nobody_is() -> None:
    with pytest.raises(NoProvider):
        Sets().choose(question(Option("a", filtered="gone"), Option(OOS)), "k", seeded())


def test_the_floor_swaps_the_last_member_and_the_record_is_exact() -> None:
    router, what = Sets(floor=0.4, gap=0.2), asked(0.5, 0.6, 0.1, 0.1)
    found = {}
    for cell in range(4):
        made = router.choose(what, "k", Drawing(0.4 * (cell + 0.5) / 4))
        found[made.chosen] = made.probability
        assert made.explored and made.reason == "drawn by the probability floor"
    usual = router.choose(what, "k", Drawing(0.5))
    assert usual.chosen == ("b", "a") and usual.probability == pytest.approx(0.6 + 0.2) and not usual.explored
    assert found == {("b", "a"): pytest.approx(0.8), ("b", "c"): pytest.approx(0.1), ("b", "d"): pytest.approx(0.1)}
    chances = {option.name: option.probability for option in usual.options}
    assert chances == {"a": pytest.approx(0.8), "b": 1.0, "c": pytest.approx(0.1), "d": pytest.approx(0.1), OOS: 0.0}


def test_nobody_is_turned_away_at_random_but_out_of_scope_gives_way_to_trials() -> None:
    router, what = Sets(floor=0.5, level=0.9), asked(0.5, 0.6)
    usual = router.choose(what, "k", Drawing(NEVER))
    assert usual.chosen == (OOS,) and usual.probability == 0.5
    trial = router.choose(what, "k", Drawing(0.3))
    assert trial.chosen == ("b",) and trial.probability == 0.25 and trial.explored
    assert [option.probability for option in usual.options] == [0.25, 0.25, 0.5]
    drawn = {chosen(Sets(floor=1.0), asked(0.9, 0.9), (i + 0.5) / 10) for i in range(10)}
    assert all(OOS not in names for names in drawn)


def test_a_score_is_the_mean_of_similarity_and_rewards_near_by() -> None:
    router = Sets(sharpness=2.0, prior_weight=0.5)
    taught(router, ("a", (1.0, 0.0), 1.0))
    x = (0.6, 0.8)
    near = 0.6**2
    made = router.choose(asked(0.2, 0.2, x=x), "k", Drawing(NEVER))
    expected = (0.5 * 0.2 + near * 1.0) / (0.5 + near)
    assert [o.score for o in made.options] == [pytest.approx(expected), 0.2, None]
    assert made.chosen == ("a",)


def test_failures_near_by_take_an_option_out_and_rewards_bring_another_in() -> None:
    router, x = Sets(), (1.0, 0.0)
    for n in range(3):
        router.learn([Lesson(decision("a", x, key=f"a{n}"), 0.0), Lesson(decision("b", x, key=f"b{n}"), 1.0)])
    assert chosen(router, asked(0.5, 0.3, x=x)) == ("b",)
    assert chosen(router, asked(0.5, 0.3, x=(0.0, 1.0))) == ("a",)


def test_rewarded_refusals_make_tasks_like_them_out_of_scope() -> None:
    router, x = Sets(), (1.0, 0.0)
    assert chosen(router, asked(0.5, x=x)) == ("a",)
    router.learn([Lesson(decision(OOS, x), 1.0)])
    assert chosen(router, asked(0.5, x=x)) == (OOS,)
    assert chosen(router, asked(0.5, x=(0.0, 1.0))) == ("a",)


def test_each_member_of_a_set_learns_from_the_reward() -> None:
    router = Sets()
    made = router.choose(asked(0.5, 0.5, 0.1), "k", Drawing(NEVER))
    router.learn([Lesson(made, 1.0)])
    assert [router.pulls(name) for name in "abc"] == [1, 1, 0]


def test_a_newcomer_is_routable_by_its_description_with_no_parameter_changed() -> None:
    router = Sets()
    old = [node("parcels", description="Finds parcels and says when they arrive."), node("mail", description="Mail.")]
    new = node("visas", description="Applies for visas and passports for travellers.")
    before, state = router.thresholds, router.state()
    for nodes, expected in (((*old,), OOS), ((*old, new), "visas"), ((*old,), OOS)):
        team = catalog(*nodes)
        features = Features(team)
        seen = features.of("I need a visa and a passport")
        near = features.similarities(seen, [each.name for each in nodes])
        likely = priors([0] * len(nodes), [None] * len(nodes), near)
        given = [Option(each.name, prior=p, similarity=s) for each, p, s in zip(nodes, likely, near, strict=True)]
        what = Decide(capability="*", options=(*given, Option(OOS)), x=seen.x, most=3)
        assert chosen(router, what) == (expected,)
    assert router.thresholds == before and router.state() == state


def test_what_was_learned_is_exchanged_as_state() -> None:
    one, two, x = Sets(), Sets(), (1.0, 0.0)
    one.learn([Lesson(decision("b", x), 1.0)])
    two.load(one.state())
    assert chosen(two, asked(0.5, 0.3, x=x)) == chosen(one, asked(0.5, 0.3, x=x)) == ("b",)


@pytest.mark.parametrize(
    "options", [{"gap": -0.1}, {"gap": math.nan}, {"level": math.inf}, {"sharpness": 0.0}, {"prior_weight": 0.0}]
)
def test_numbers_that_cannot_be_meant(options: dict[str, float]) -> None:
    with pytest.raises(BadNumber):
        Sets(**options)  # type: ignore[arg-type]


def test_rewards_for_another_number_of_features_are_refused() -> None:
    router = Sets()
    router.learn([Lesson(decision("a", (1.0, 0.0)), 1.0)])
    with pytest.raises(BadDefinition):
        router.learn([Lesson(decision("a", (1.0, 0.0, 0.0)), 1.0)])
    with pytest.raises(BadDefinition):
        router.choose(asked(0.5, x=(1.0,)), "k", seeded())
