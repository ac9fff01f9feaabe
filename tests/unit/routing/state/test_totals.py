"""Sums of named matrices: what a store has not yet, and what does not fit."""

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition
from orchestra.ports.router import Lesson
from orchestra.routing.learners.pilots import Pilots
from orchestra.routing.learners.recruit import Recruit
from orchestra.routing.state.counts import Counts, add
from orchestra.routing.state.sums import direction
from tests.unit.routing.kit import decision


@pytest.mark.parametrize("make", [Pilots, Recruit])
def test_loading_keeps_what_no_store_has_yet(make: type[Pilots] | type[Recruit]) -> None:
    router = make()
    router.learn([Lesson(decision("a", key="k1"), 1.0)])
    saved = router.delta()
    router.learn([Lesson(decision("a", key="k2"), 0.5), Lesson(decision("b", key="k3"), 0.25)])
    router.load(saved)
    assert (router.pulls("a"), router.pulls("b"), router.version) == (2, 1, 3)
    assert set(router.delta()) == {"a", "b"} and router.delta() == {}
    router.load({})
    assert (router.pulls("a"), router.version) == (0, 0)


@pytest.mark.parametrize("make", [Pilots, Recruit])
def test_a_repeated_value_leaves_no_trace(make: type[Pilots] | type[Recruit]) -> None:
    router = make()
    router.learn([Lesson(decision("a", (1.0, 0.5)), 0.3, before=0.3)])
    assert router.state() == router.delta() == {}


def test_states_of_different_routers_do_not_mix() -> None:
    one = Counts(d=2, pulls=1, name_to_matrix={"all": np.ones((1, 2))})
    both = add(one, one)
    assert both.pulls == 2 and both.name_to_matrix["all"].tolist() == [[2.0, 2.0]]
    assert one.name_to_matrix["all"].tolist() == [[1.0, 1.0]]
    with pytest.raises(BadDefinition, match="1 and 4 rows"):
        add(one, Counts(d=2, name_to_matrix={"all": np.ones((4, 2))}))
    with pytest.raises(BadDefinition, match="2 features and now meets 3"):
        add(one, Counts(d=3))


def test_a_direction_is_without_the_constant() -> None:
    given = np.array([9.0, 3.0, 4.0])
    assert direction(given).tolist() == pytest.approx([0.0, 0.6, 0.8]) and given[0] == 9.0
    assert direction(np.array([5.0, 0.0])).tolist() == [0.0, 0.0]
    assert direction(np.array([2.0])).tolist() == [1.0]
