"""Routers that learn nothing."""

import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import NoProvider
from orchestra.ports.router import Lesson, Router
from orchestra.routing.learners.simple import Cheapest, Fixed, Random
from tests.unit.routing.kit import decision, question, seeded

ASK = question(
    Option("gone", cost_nano=0, filtered="hidden"),
    Option("dear", cost_nano=30),
    Option("cheap", cost_nano=10),
    Option("as cheap", cost_nano=10),
)


def test_cheapest_takes_the_lowest_cost_and_the_first_of_equals() -> None:
    made = Cheapest().choose(ASK, "k", seeded())
    assert (made.chosen, made.probability, made.explored) == (("cheap",), 1.0, False)
    assert [option.probability for option in made.options] == [None, 0.0, 1.0, 0.0]


def test_fixed_takes_the_named_or_the_first_that_may_be_used() -> None:
    assert Fixed().choose(ASK, "k", seeded()).chosen == ("dear",)
    assert Fixed("as cheap").choose(ASK, "k", seeded()).chosen == ("as cheap",)
    elsewhere = Fixed("gone").choose(ASK, "k", seeded())
    assert elsewhere.chosen == ("dear",) and elsewhere.reason == "the first that may be used"


def test_random_gives_every_option_the_same_chance() -> None:
    made = [Random().choose(ASK, "k", seeded(seed)) for seed in range(200)]
    assert {each.chosen[0] for each in made} == {"dear", "cheap", "as cheap"}
    assert [each.probability for each in made] == pytest.approx([1 / 3] * 200)


@pytest.mark.parametrize("router", [Cheapest(), Fixed(), Random()], ids=lambda r: str(r.name))
def test_they_keep_no_state(router: Router) -> None:
    router.learn([Lesson(decision("a"), 1.0)])
    router.load({"a": {}})
    assert router.pulls("a") == 0 and router.delta() == {}
    with pytest.raises(NoProvider):
        router.choose(question(), "k", seeded())
