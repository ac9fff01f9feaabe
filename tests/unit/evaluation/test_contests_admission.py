"""Who may take part in a contest."""

import pytest

from orchestra.core.errors import BadDefinition, OrchestraError, UnknownRouter
from orchestra.evaluation.contests.admission import admitted, named_among, told_of_one
from orchestra.routing.registry import NAME_TO_PLACE


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("trained", BadDefinition, r"--router auto"),
        ("two-step", BadDefinition, r"before it was trained"),
        ("set:reasoned", BadDefinition, r"asks a model"),
        ("set:mixed", BadDefinition, r"asks a model"),
        ("auto:set", UnknownRouter, r"auto, auto:3"),
        ("nobody", UnknownRouter, r"No router is named"),
    ],
)
def test_a_router_of_which_figures_would_say_nothing_is_refused(
    name: str, error: type[OrchestraError], said: str
) -> None:
    with pytest.raises(error, match=said):
        admitted(("auto", "linucb", name), ("auto", "auto:3"))


def test_all_others_of_the_registry_take_part() -> None:
    admitted([name for name in NAME_TO_PLACE if name not in ("trained", "two-step", "set:reasoned", "set:mixed")])
    admitted(("trained",), ("auto", "trained"))
    named_among(("b", "a"), ("a", "b"))
    with pytest.raises(UnknownRouter, match="knows a, b"):
        named_among(("a", "c"), ("a", "b"))


def test_a_router_that_needs_every_reward_is_not_replayed() -> None:
    assert [told_of_one(name) for name in ("auto", "linucb", "random", "trained")] == [True, True, True, False]
